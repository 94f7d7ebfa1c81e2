"""Packages with a known flaw beside packages without, by a database that is real but small."""

from __future__ import annotations

import datetime as dt
import json
import re
import zipfile
from pathlib import Path

import pytest

from lockgate.errors import InputError
from lockgate.run import run

DIGEST = "0123456789abcdef" * 4
NOW = dt.datetime.now(dt.timezone.utc)


def advisory(
    name: str, package: str, first: str, fixed: str, vector: str, *aliases: str, days: int = 1
) -> dict:
    """An advisory as osv.dev exports it; ids, packages and versions are those of the real ones."""
    return {
        "id": name,
        "modified": f"{NOW - dt.timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}",
        "schema_version": "1.6.0",
        "aliases": list(aliases),
        "summary": f"A flaw of {package}",
        "severity": [{"type": "CVSS_V3", "score": vector}] if vector else [],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": first}, {"fixed": fixed}]}],
            }
        ],
    }


REAL = [
    advisory("PYSEC-2023-74", "requests", "2.3.0", "2.31.0", "", "CVE-2023-32681", "GHSA-j8r2-6x86-q33q"),
    advisory(
        "GHSA-j8r2-6x86-q33q",
        "requests",
        "2.3.0",
        "2.31.0",
        "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N",
        "CVE-2023-32681",
    ),
    advisory(
        "GHSA-8q59-q68h-6hv4",
        "PyYAML",
        "0",
        "5.4",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVE-2020-14343",
    ),
    advisory("GHSA-light", "idna", "0", "3.7", "CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:N/I:N/A:L"),
    advisory("MAL-2022-1", "colourama", "0", "999", ""),
]


@pytest.fixture
def database(tmp_path) -> Path:
    return export(tmp_path / "all.zip", REAL)


def export(path: Path, records: list[dict]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in records:
            archive.writestr(f"{each['id']}.json", json.dumps(each))
    return path


def audit(tmp_path: Path, text: str | Path, advisories: Path | None = None, **parameters):
    path = text if isinstance(text, Path) else tmp_path / "requirements.txt"
    if isinstance(text, str):
        path.write_text(text)
    given = {"requirements": path, "min_advisories": len(REAL), **parameters}
    if advisories is not None:
        given["advisories"] = advisories
    return run("audit-dependencies", given, out=tmp_path / "out")


def locked(*pins: str) -> str:
    return "".join(f"{pin} --hash=sha256:{DIGEST}\n" for pin in pins)


def rules(result) -> set[str]:
    return {f["rule"] for f in result.document["findings"]}


def checks(result) -> dict[str, str]:
    return {c["id"]: c["verdict"] for c in result.document["checks"]}


def test_a_version_with_a_flaw_fails_and_the_fixed_one_passes(tmp_path, database):
    bad = audit(tmp_path, locked("requests==2.30.0", "pyyaml==6.0.2"), database)
    assert bad.verdict == "FAIL"
    (found,) = bad.document["findings"]
    assert found["rule"] == "LG-DEP-001"
    assert "CVE-2023-32681" in found["message"]
    assert "2.31.0" in found["fix"]
    assert checks(bad)["advisories:requests==2.30.0:CVE-2023-32681"] == "FAIL"
    assert bad.document["metrics"]["flaws"] == 1  # two advisories, one flaw
    good = audit(tmp_path, locked("requests==2.31.0", "pyyaml==6.0.2"), database)
    assert good.verdict == "PASS"
    assert good.document["findings"] == []


def test_the_rating_that_fails_is_the_policys(tmp_path, database):
    light = locked("idna==3.6")
    assert audit(tmp_path, light, database).verdict == "WARN"
    assert audit(tmp_path, light, database, fail_on="LOW").verdict == "FAIL"
    assert audit(tmp_path, locked("requests==2.30.0"), database, fail_on="HIGH").verdict == "WARN"
    assert audit(tmp_path, locked("pyyaml==5.3"), database, fail_on="CRITICAL").verdict == "FAIL"


def test_a_malicious_package_fails_whatever_the_policy_says(tmp_path, database):
    result = audit(
        tmp_path, locked("colourama==0.1.6"), database, fail_on="CRITICAL", meant_names=["colourama"]
    )
    assert result.verdict == "FAIL"
    assert rules(result) == {"LG-DEP-002"}


def test_without_a_database_nothing_is_passed(tmp_path):
    result = audit(tmp_path, locked("requests==2.31.0"))
    assert result.verdict == "INCONCLUSIVE"
    assert checks(result)["database"] == "INCONCLUSIVE"


def test_a_database_that_is_old_small_from_the_future_or_partly_unreadable_decides_nothing(
    tmp_path, database
):
    text = locked("requests==2.31.0")
    old = export(tmp_path / "old.zip", [{**r, "modified": "2024-01-01T00:00:00Z"} for r in REAL])
    stale = audit(tmp_path, text, old)
    assert stale.verdict == "INCONCLUSIVE"
    assert re.fullmatch(
        r"the newest change in the database is of 2024-01-01, \d+ days ago; at most 14 are agreed on",
        stale.why,
    )
    assert audit(tmp_path, text, old, max_database_age=10_000).verdict == "PASS"
    assert audit(tmp_path, text, database, min_advisories=len(REAL) + 1).verdict == "INCONCLUSIVE"
    future = export(tmp_path / "future.zip", [{**r, "modified": "2999-01-01T00:00:00Z"} for r in REAL])
    assert checks(audit(tmp_path, text, future))["database-age"] == "INCONCLUSIVE"
    cut = tmp_path / "cut.zip"
    cut.write_bytes(database.read_bytes()[:-30])
    with pytest.raises(InputError, match="a zip without its end"):
        audit(tmp_path, text, cut)
    torn = export(tmp_path / "torn.zip", [*REAL, {"id": "A", "modified": "never"}])
    assert checks(audit(tmp_path, text, torn))["database-unreadable"] == "INCONCLUSIVE"


def test_a_package_without_a_version_is_undecided_only_if_an_advisory_is_about_it(tmp_path, database):
    result = audit(tmp_path, "requests\nattrs\n", database, require_pins=False)
    assert checks(result)["advisories:requests"] == "INCONCLUSIVE"
    assert "advisories:attrs" not in checks(result)
    assert audit(tmp_path, "attrs\n", database, require_pins=False).verdict == "WARN"
    assert audit(tmp_path, "attrs\n", database).verdict == "FAIL"


def test_a_version_that_cannot_be_compared_is_undecided(tmp_path, database):
    result = audit(tmp_path, locked("pyyaml===banana"), database)
    assert result.verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("text", "rule", "verdict"),
    [
        ("attrs==25.1.0\n", "LG-DEP-011", "WARN"),
        (f"--extra-index-url https://own.example/simple\n{locked('attrs==25.1.0')}", "LG-DEP-023", "WARN"),
        ("--extra-index-url https://own.example/simple\nattrs==25.1.0\n", "LG-DEP-023", "FAIL"),
        (f"--index-url https://own.example/simple\n{locked('attrs==25.1.0')}", "LG-DEP-024", "WARN"),
        (f"--trusted-host own.example\n{locked('attrs==25.1.0')}", "LG-DEP-025", "FAIL"),
        (f"--index-url http://pypi.org/simple\n{locked('attrs==25.1.0')}", "LG-DEP-026", "FAIL"),
        (
            f"--index-url https://me:pa55word@own.example/simple\n{locked('attrs==25.1.0')}",
            "LG-DEP-027",
            "FAIL",
        ),
        (f"a-b @ https://own.example/a_b-1.0-py3-none-any.whl#sha256={DIGEST}\n", "LG-DEP-021", "WARN"),
        ("a-b @ https://own.example/a_b-1.0-py3-none-any.whl\n", "LG-DEP-020", "FAIL"),
        ("reqeusts==1.0\n", "LG-DEP-040", "FAIL"),
    ],
)
def test_where_packages_come_from_weighs(tmp_path, database, text, rule, verdict):
    result = audit(tmp_path, text, database)
    assert rule in rules(result)
    assert result.verdict == verdict
    assert "pa55word" not in "".join(p.read_text() for p in result.out.iterdir())
    clean = audit(tmp_path, f"--index-url https://pypi.org/simple/\n{locked('attrs==25.1.0')}", database)
    assert clean.verdict == "PASS"


def test_a_name_that_is_meant_is_left_alone(tmp_path, database):
    assert audit(tmp_path, locked("reqeusts==1.0"), database, meant_names=["Reqeusts"]).verdict == "PASS"


def test_without_digests_a_policy_may_fail(tmp_path, database):
    assert audit(tmp_path, "attrs==25.1.0\n", database, require_hashes=True).verdict == "FAIL"


def test_licences_of_what_is_installed_are_held_against_the_policy(tmp_path, database):
    pytest.importorskip("license_expression")
    site = tmp_path / "site"
    for name, licence in (("free", "MIT"), ("viral", "AGPL-3.0-only"), ("vague", "see LICENSE")):
        (site / f"{name}-1.0.dist-info").mkdir(parents=True)
        said = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
        (site / f"{name}-1.0.dist-info" / "METADATA").write_text(said)
    result = audit(tmp_path, site, database, deny_licences=["AGPL-3.0-only"])
    assert result.verdict == "FAIL"
    assert {f["rule"]: f["message"].split("==")[0] for f in result.document["findings"]} == {
        "LG-DEP-030": "viral",
        "LG-DEP-031": "vague",
    }
    assert audit(tmp_path, site, database).verdict == "PASS"  # nothing is agreed on, so nothing is refused


def test_a_lock_that_knows_no_licence_cannot_pass_a_policy_of_licences(tmp_path, database):
    pytest.importorskip("license_expression")
    result = audit(tmp_path, locked("attrs==25.1.0"), database, allow_licences=["MIT"])
    assert checks(result)["licences"] == "INCONCLUSIVE"
    with pytest.raises(InputError, match="no SPDX licence id"):
        audit(tmp_path, locked("attrs==25.1.0"), database, allow_licences=["free"])


def test_a_line_that_cannot_be_read_leaves_the_file_undecided(tmp_path, database):
    result = audit(tmp_path, locked("attrs==25.1.0") + "what is this\n", database)
    assert result.verdict == "INCONCLUSIVE"
    assert checks(result)["read:line 2"] == "INCONCLUSIVE"


def test_this_interpreter_is_audited_on_demand(tmp_path, database):
    given = {"environment": True, "advisories": database, "min_advisories": 1}
    result = run("audit-dependencies", given, out=tmp_path / "out")
    assert result.document["metrics"]["packages"] > 20
    assert checks(result)["pins"] == "PASS"


@pytest.mark.parametrize("given", [{}, {"environment": True, "requirements": "r.txt"}])
def test_nothing_or_two_things_to_audit_is_wrong_usage(tmp_path, given):
    (tmp_path / "r.txt").write_text("attrs==1\n")
    given = {k: (tmp_path / v if isinstance(v, str) else v) for k, v in given.items()}
    with pytest.raises(InputError, match="audits one thing"):
        run("audit-dependencies", given, out=tmp_path / "out")


def test_the_table_shows_the_worst_first(tmp_path, database):
    page = audit(tmp_path, locked("attrs==25.1.0", "idna==3.6", "pyyaml==5.3"), database).out / "report.html"
    text = page.read_text()
    table = text[text.index("fixed in") :]
    assert table.index("pyyaml") < table.index("idna") < table.index("attrs")


def test_a_finding_says_which_line_of_the_file_it_is_about(tmp_path, database):
    text = "# why\nattrs==25.1.0\nrequests==2.30.0\n--trusted-host a.example\n"
    found = {f["rule"]: f["location"] for f in audit(tmp_path, text, database).document["findings"]}
    assert found["LG-DEP-001"]["line"] == 3
    assert found["LG-DEP-025"]["line"] == 4
    assert found["LG-DEP-011"]["line"] is None
