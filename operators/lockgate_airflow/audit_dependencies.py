"""Hold what a project depends on against known flaws, licences and names that imitate others.

The Airflow operator of `lockgate audit-dependencies`, written by `make faces` from
`lockgate.stages.harden.audit_dependencies`.
"""

from __future__ import annotations

from typing import Any, Literal

from lockgate_airflow.base import StageOperator


class AuditDependenciesOperator(StageOperator):
    """Hold what a project depends on against known flaws, licences and names that imitate others.

    Nothing is asked of a network, installed or resolved: advisories are a snapshot that is given,
    and its age is part of the verdict. Without one, or with one that is too old, too small or
    partly unreadable, the answer is INCONCLUSIVE.

    Every argument of the stage may be a template or the output of another task.

    Args:
        requirements: A requirements file, `uv.lock`, `pylock.toml`, or a folder: one of these with
            what it includes, or what is installed (the `site-packages` of an environment).
        advisories: A snapshot of advisories in the OSV format: the `all.zip` that osv.dev exports
            for PyPI, a JSON or JSON-lines file, or a folder of JSON files.
        environment: Audit what is installed for this interpreter, in place of `requirements`.
        fail_on: The lightest rating that fails; lighter flaws are a WARN. By CVSS v3 base score or
            the database's own word; a flaw that nobody rated counts as HIGH.
        max_database_age: Most days since the newest change in the database.
        min_advisories: Fewest advisories about packages of PyPI that a whole database has.
        require_pins: Whether a package without one version fails.
        require_hashes: Whether a package without digests fails.
        allowed_indexes: Addresses of package indexes that are agreed on; by default PyPI's.
        allow_licences: SPDX ids of licences that are allowed; others fail.
        deny_licences: SPDX ids of licences that are refused; they outweigh those that are allowed.
        meant_names: Packages that are meant although they look like well-known ones.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.harden.audit_dependencies:audit_dependencies"

    def __init__(
        self,
        *,
        requirements: str | None = None,
        advisories: str | None = None,
        environment: bool | str = False,
        fail_on: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] = "MEDIUM",
        max_database_age: int | str = 14,
        min_advisories: int | str = 1000,
        require_pins: bool | str = True,
        require_hashes: bool | str = False,
        allowed_indexes: list[str] | str | None = None,
        allow_licences: list[str] | str | None = None,
        deny_licences: list[str] | str | None = None,
        meant_names: list[str] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "requirements": requirements,
                "advisories": advisories,
                "environment": environment,
                "fail_on": fail_on,
                "max_database_age": max_database_age,
                "min_advisories": min_advisories,
                "require_pins": require_pins,
                "require_hashes": require_hashes,
                "allowed_indexes": allowed_indexes,
                "allow_licences": allow_licences,
                "deny_licences": deny_licences,
                "meant_names": meant_names,
            },
            **kwargs,
        )
