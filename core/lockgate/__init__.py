"""Lockgate: security gates for machine-learning pipelines.

A stage looks at one dataset or model and says PASS, WARN, FAIL or INCONCLUSIVE:

    from lockgate.run import run

    result = run("validate-data", {"data": "batch.parquet", "schema": "schema.yaml"}, out="out")
    assert result.opens, result.why

To write a stage of your own, start at `lockgate.stage`.
"""

__version__ = "0.1.0"
