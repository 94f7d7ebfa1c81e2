"""Run the example pipeline on this machine with kfp.local, one process a step.

    python pipelines/run_local.py BATCHES clean --schema dags/data/employment.schema.yaml --out OUT

BATCHES is a folder that `dags/make_batches.py` wrote. Every step's artifacts go below OUT/steps,
the published model into OUT/published, what gate-retraining remembers into OUT/retraining-state.json.
Key, policy, evidence and ledger are those of LOCKGATE_* where they are set, else those in BATCHES. The
model is promoted at MLFLOW_TRACKING_URI; without it, at an MLflow server that keeps its files in OUT/mlflow
and runs as long as this does. Exits 0 when every step ran and every gate on the way was open, else 1.
"""

import argparse
import contextlib
import os
import signal
import sys
import warnings
from pathlib import Path


def run_local(batches: Path, batch: str, schema: Path, out: Path) -> bool:
    """Run the pipeline on one batch and return whether it ran to its end.

    Args:
        batches: Folder with the reference, the batches, their signatures and the keys.
        batch: Name of the batch: `clean` or `poisoned`.
        schema: The data schema.
        out: Folder for artifacts and the published model.
    """
    from kfp import local
    from secure_retraining import secure_retraining

    from lockgate.settings import Settings

    sys.path.insert(0, str(Path(__file__).parents[1] / "dags"))
    from make_batches import settings
    from mlflow_server import MlflowServer

    around = settings(batches, "pipeline")
    os.environ.update(Settings.from_environment().or_else(around).into(os.environ))
    # This interpreter has what the image has; kfp only sees that the image is not called "python".
    warnings.filterwarnings("ignore", message="You may be attemping", category=RuntimeWarning)
    local.init(
        runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(out / "steps"), raise_on_error=True
    )
    with contextlib.ExitStack() as running:
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            server = running.enter_context(MlflowServer(out / "mlflow"))
            server.wait()
            os.environ.update(server.environment())
        try:
            secure_retraining(
                batch=str(batches / f"{batch}.parquet"),
                signature=str(batches / f"{batch}.signature" / "attestation.json"),
                reference=str(batches / "reference.parquet"),
                schema=str(schema),
                supplier_key=str(batches / "supplier.pub.pem"),
                pipeline_key=str(batches / "pipeline.pub.pem"),
                published=str(out / "published"),
                state=str(out / "retraining-state.json"),
                code_revision=os.environ.get("LOCKGATE_CODE_REVISION", ""),
            )
        except RuntimeError as error:  # what kfp.local raises when a step fails
            print(f"stopped: {error}", file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("batches", type=Path)
    parser.add_argument("batch", choices=("clean", "poisoned"))
    parser.add_argument("--schema", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped
    done = run_local(given.batches.absolute(), given.batch, given.schema.absolute(), given.out.absolute())
    sys.exit(0 if done else 1)
