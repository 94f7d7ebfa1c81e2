"""``lockgate.yaml``: the thresholds that a team has agreed on, and what it asks for before a release.

    version: 1
    name: employment
    revision: 3                     # grows with each change
    expires: 2027-03-31T00:00:00Z
    stages:
      detect-poisoning: {alpha: 0.001}
    identities:
      ana:
        keys:
          - public: |
              -----BEGIN PUBLIC KEY-----
              ...
            valid_until: 2027-01-01T00:00:00Z
    roles: {validator: [ana]}
    release:
      production:
        require:
          - {stage: test-robustness, roles: [validator], max_age: 7d}

A policy of `version` and `stages` alone sets thresholds; all else is for the release gate. `form` has
every key and what it is for, `load` reads and checks, `signing` opens a policy only when the right
people signed it, `trust` says whose signature counts, `waivers` which finding is excused, `memory`
what a gate has seen before. Why it is so: ``core/doc/adr/0008-policy.md``.
"""

from lockgate.policy.contents import Policy
from lockgate.policy.form import VERSION
from lockgate.policy.load import load, parse
from lockgate.policy.schema import schema
from lockgate.policy.thresholds import StagePolicy

__all__ = ["VERSION", "Policy", "StagePolicy", "load", "parse", "schema"]
