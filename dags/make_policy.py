"""Write and sign the policy of the example workflow: who may do what, and what a release asks for.

    python dags/make_policy.py FOLDER

FOLDER holds the public keys of `supplier` and `pipeline`, and the key pair of `security`, as
`make_batches.py` makes them. It then holds `lockgate.yaml` and its approval by `security`, the one key
that a release gate must be told of (LOCKGATE_POLICY_KEY).
"""

from __future__ import annotations

import argparse
import datetime as dt
import textwrap
from pathlib import Path

from lockgate.attest import keys
from lockgate.policy import signing

POLICY = """\
version: 1
name: employment
revision: 1
expires: {expires}

identities:
  supplier:               # the census office that delivers the batches
    keys:
      - public: |
{supplier}
  pipeline:               # the account that the workflow runs under
    keys:
      - public: |
{pipeline}
  security:               # who signs this policy, and may excuse a finding for a time
    keys:
      - public: |
{security}

roles:
  data-supplier: [supplier]
  validator: [pipeline]
  trainer: [pipeline]
  approver: [security]
  ledger: [supplier, pipeline]

release:
  production:
    provenance: trained   # says which data the model was trained on
    require:
      - {{id: supplied, stage: sign-artifact, about: training-data, roles: [data-supplier]}}
      - {{id: validated, stage: validate-data, about: training-data, roles: [validator], max_age: 30d}}
      - {{id: trained, stage: record-provenance, roles: [trainer]}}
      - {{id: harmless, stage: scan-model, roles: [validator], max_age: 7d}}
      - {{id: robust, stage: test-robustness, roles: [validator], max_age: 7d}}
    separate:
      - [supplied, trained]   # whoever trains may not vouch for where the data come from
    waivers: {{roles: [approver], longest: 30d}}

ledger:
  origin: example.org/employment
  roles: [ledger]
"""


def make_policy(folder: Path) -> Path:
    """Write `lockgate.yaml` with the keys of a folder, have `security` sign it, and return its path."""
    path, now = folder / "lockgate.yaml", dt.datetime.now(dt.timezone.utc)
    pems = {
        owner: textwrap.indent((folder / f"{owner}.pub.pem").read_text().strip(), " " * 10)
        for owner in ("supplier", "pipeline", "security")
    }
    expires = (now + dt.timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path.write_text(POLICY.format(expires=expires, **pems))
    _, approval = signing.approve(path, keys.load_signer(str(folder / "security.key.pem")), now=now)
    Path(signing.attestation_of(path)).write_bytes(approval)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    print(make_policy(parser.parse_args().folder))
