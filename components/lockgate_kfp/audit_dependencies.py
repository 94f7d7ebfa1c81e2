"""Hold what a project depends on against known flaws, licences and names that imitate others.

The KFP component of `lockgate audit-dependencies`, written by `make faces` from
`lockgate.stages.harden.audit_dependencies`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def audit_dependencies(
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    requirements: Optional[dsl.Input[dsl.Artifact]] = None,
    advisories: Optional[dsl.Input[dsl.Artifact]] = None,
    environment: bool = False,
    fail_on: str = "MEDIUM",
    max_database_age: int = 14,
    min_advisories: int = 1000,
    require_pins: bool = True,
    require_hashes: bool = False,
    allowed_indexes: Optional[List[str]] = None,
    allow_licences: Optional[List[str]] = None,
    deny_licences: Optional[List[str]] = None,
    meant_names: Optional[List[str]] = None,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Hold what a project depends on against known flaws, licences and names that imitate others.

    Nothing is asked of a network, installed or resolved: advisories are a snapshot that is given,
    and its age is part of the verdict. Without one, or with one that is too old, too small or
    partly unreadable, the answer is INCONCLUSIVE.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
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
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.harden.audit_dependencies:audit_dependencies",
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
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
