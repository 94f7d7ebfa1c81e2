"""Write a step's result once more, as SARIF for code hosts and as JUnit XML for build servers.

Written by hand, because it is no stage: it reads what a stage's step has said, and judges nothing.
"""

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def export_result(
    result: dsl.Input[dsl.Artifact],
    sarif: dsl.Output[dsl.Artifact],
    junit: dsl.Output[dsl.Artifact],
) -> None:
    """Write a result as SARIF 2.1.0 and as JUnit XML.

    Args:
        result: The `result_json` of a step, for example `checked.outputs["result_json"]`.
        sarif: The SARIF log.
        junit: The JUnit file.
    """
    from lockgate_kfp._base import export

    export(result=result, sarif=sarif, junit=junit)
