"""Stage `audit-dependencies`: hold packages against advisories, licences, and names that imitate others.

| rule       | what was found                                                          |
|------------|-------------------------------------------------------------------------|
| LG-DEP-001 | a version with a known flaw                                             |
| LG-DEP-002 | a package that is reported as malicious                                 |
| LG-DEP-010 | a package that is not pinned to one version                             |
| LG-DEP-011 | packages without digests (WARN, or FAIL by `require_hashes`)            |
| LG-DEP-012 | a file that need not name what its packages depend on (WARN)            |
| LG-DEP-020 | a URL or repository whose content may change                            |
| LG-DEP-021 | a URL or repository that is fixed, but that no advisory knows (WARN)    |
| LG-DEP-022 | a local path, editable or not (WARN)                                    |
| LG-DEP-023 | a second index, which can answer for every name (dependency confusion)  |
| LG-DEP-024 | an index that is not agreed on (WARN)                                   |
| LG-DEP-025 | a host whose certificate is not checked                                 |
| LG-DEP-026 | an address without encryption                                           |
| LG-DEP-027 | an address with credentials in it                                       |
| LG-DEP-030 | a licence that the policy refuses                                       |
| LG-DEP-031 | a licence that is not known for sure (WARN)                             |
| LG-DEP-040 | a name that looks like a well-known one                                 |

What is read is described in `lockgate.dependencies`, why it is so in core/doc/adr/0015.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from annotated_types import Ge

from lockgate.errors import InputError
from lockgate.outcome import Outcome
from lockgate.stage import FileIn, Threshold, stage

_INDEXES = ["https://pypi.org/simple"]


@stage("audit-dependencies", threats=["supply-chain"])
def audit_dependencies(
    requirements: FileIn | None = None,
    advisories: FileIn | None = None,
    *,
    environment: bool = False,
    fail_on: Threshold[Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]] = "MEDIUM",
    max_database_age: Threshold[Annotated[int, Ge(0)]] = 14,
    min_advisories: Threshold[Annotated[int, Ge(1)]] = 1_000,
    require_pins: Threshold[bool] = True,
    require_hashes: Threshold[bool] = False,
    allowed_indexes: Threshold[list[str]] | None = None,
    allow_licences: Threshold[list[str]] | None = None,
    deny_licences: Threshold[list[str]] | None = None,
    meant_names: Threshold[list[str]] | None = None,
) -> Outcome:
    """Hold what a project depends on against known flaws, licences and names that imitate others.

    Nothing is asked of a network, installed or resolved: advisories are a snapshot that is given,
    and its age is part of the verdict. Without one, or with one that is too old, too small or
    partly unreadable, the answer is INCONCLUSIVE.

    Args:
        requirements: A requirements file, `uv.lock`, `pylock.toml`, or a folder: one of these with
            what it includes, or what is installed (the `site-packages` of an environment).
        advisories: A snapshot of advisories in the OSV format: the `all.zip` that osv.dev exports for
            PyPI, a JSON or JSON-lines file, or a folder of JSON files.
        environment: Audit what is installed for this interpreter, in place of `requirements`.
        fail_on: The lightest rating that fails; lighter flaws are a WARN. By CVSS v3 base score or the
            database's own word; a flaw that nobody rated counts as HIGH.
        max_database_age: Most days since the newest change in the database.
        min_advisories: Fewest advisories about packages of PyPI that a whole database has.
        require_pins: Whether a package without one version fails.
        require_hashes: Whether a package without digests fails.
        allowed_indexes: Addresses of package indexes that are agreed on; by default PyPI's.
        allow_licences: SPDX ids of licences that are allowed; others fail.
        deny_licences: SPDX ids of licences that are refused; they outweigh those that are allowed.
        meant_names: Packages that are meant although they look like well-known ones.

    Raises:
        InputError: There is nothing to audit or two things, a file cannot be read, or a list of
            licences holds what is no SPDX id.
    """
    from lockgate import dependencies

    dependencies.require()
    from lockgate.dependencies import environment as installed
    from lockgate.dependencies import judge, osv

    if (requirements is not None) == environment:
        raise InputError(
            "audit-dependencies audits one thing; give requirements (a file or folder), or set environment"
        )
    inventory = dependencies.read(requirements) if requirements is not None else installed.here()
    database = osv.load(advisories, inventory.names) if advisories is not None else None
    outcome = Outcome()
    audit = judge.Audit(outcome, inventory)
    judge.judge_reading(audit)
    now = dt.datetime.now(dt.timezone.utc)
    judge.judge_database(audit, database, max_age=max_database_age, min_advisories=min_advisories, now=now)
    judge.judge_advisories(audit, database, fail_on)
    judge.judge_pins(audit, require_pins=require_pins, require_hashes=require_hashes)
    judge.judge_sources(audit, allowed_indexes or _INDEXES)
    judge.judge_licences(audit, allow_licences, deny_licences)
    judge.judge_names(audit, meant_names or [])
    outcome.metrics = {
        "packages": len(inventory.packages),
        "own_packages": inventory.own,
        "packages_with_flaws": sum(bool(flaws) for flaws in audit.flaws.values()),
        "flaws": sum(map(len, audit.flaws.values())),
        "advisories": database.records if database else 0,
        "advisories_withdrawn": database.withdrawn if database else 0,
        "advisories_unreadable": database.unreadable if database else 0,
    }
    dated = f"{database.dated:%Y-%m-%d}" if database and database.dated else "none"
    outcome.facts = {
        "Audited": f"{inventory.kind}, {len(inventory.packages)} packages",
        "Advisories": f"{database.records:,}, newest of {dated}" if database else "none given",
    }
    outcome.tables = {"Packages": judge.table(audit)}
    return outcome
