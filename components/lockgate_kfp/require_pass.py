"""Close the gate: fail the step, and with it what comes after, unless every verdict opens.

Written by hand, because it is the one component that fails on a verdict. KFP drops the artifacts
of a failed step; the stages before it have kept theirs.
"""

from typing import List, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component(gate=True)
def require_pass(
    verdicts: Optional[List[str]] = None,
    attestation: Optional[dsl.Input[dsl.Artifact]] = None,
    key: Optional[dsl.Input[dsl.Artifact]] = None,
    allow: Optional[List[str]] = None,
) -> str:
    """Require that verdicts, or a signed attestation, open the gate.

    Args:
        verdicts: Verdicts of earlier steps, for example `[checked.outputs["verdict"]]`.
        attestation: An attestation of an earlier step; its verdict counts, and its signature is
            verified with `key`.
        key: The public key (PEM) that signed the attestation.
        allow: Verdicts that open the gate; by default PASS, WARN and WAIVED.

    Returns:
        The verdict of all.
    """
    from lockgate_kfp._base import close_unless_passed

    return close_unless_passed(verdicts=verdicts, attestation=attestation, key=key, allow=allow)
