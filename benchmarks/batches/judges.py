"""What judges a batch: `gate-retraining`, and what is usual today."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tables import LABEL, features

from lockgate.outcome import Verdict
from lockgate.stages.retrain.gate_retraining import gate_retraining


@dataclass(frozen=True)
class Answer:
    """What a judge says of a batch.

    Attributes:
        stopped: Whether nothing may be trained on it.
        quarantined: Whether it is accused.
        why: Rules of what closed the gate.
    """

    stopped: bool
    quarantined: bool
    why: tuple[str, ...] = ()


def by_lockgate(reference: pa.Table, batch: pa.Table) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("reference", "batch", "state", "trigger")]
        pq.write_table(reference, paths[0])
        pq.write_table(batch, paths[1])
        outcome = gate_retraining(*paths, label=LABEL, source="source")
    closed = {c.id for c in outcome.checks if c.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)}
    said = [f"{f.rule} {f.message[:150]}" for f in outcome.findings if f.check in closed]
    return Answer(
        not outcome.verdict.opens, str(outcome.decision) == "QUARANTINE", tuple(said or sorted(closed))
    )


def by_usual_means(reference: pa.Table, batch: pa.Table) -> Answer:
    """Stop a batch when cleanlab finds half as many issues again as in the reference, and 1 % more."""
    from cleanlab.filter import find_label_issues
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import cross_val_predict

    shares = []
    for table in (reference, batch):
        y = np.unique(table[LABEL].to_numpy(), return_inverse=True)[1]
        x = np.column_stack(
            [np.unique(np.array(table[n].to_pylist()), return_inverse=True)[1] for n in features(table)]
        )
        p = cross_val_predict(RandomForestClassifier(60, random_state=0), x, y, cv=3, method="predict_proba")
        shares.append(find_label_issues(y, p, n_jobs=1).mean())
    stopped = bool(shares[1] > 1.5 * shares[0] + 0.01)
    return Answer(stopped, stopped)


JUDGES = {"lockgate": by_lockgate, "cleanlab": by_usual_means}
