"""Batches that the gate cannot look at never pass, and a world that rose for everybody accuses nobody."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError
from lockgate.outcome import Decision, Verdict
from lockgate.stages.retrain.gate_retraining import gate_retraining


def goods(seed: int, rows: int, *, dearer: float = 1.0, flips: float = 0.0) -> pa.Table:
    """Goods that sell by price, size and age in three classes; prices may rise, labels may be turned."""
    random = np.random.default_rng([seed, 8])
    size, age = random.normal(0, 1, rows), random.normal(0, 1, rows)
    price = 100 + 12 * size + 8 * random.normal(0, 1, rows)
    y = np.digitize(price / 12 - 100 / 12 + size + 0.3 * age, [-1, 1])
    turned = random.permutation(rows)[: round(flips * rows)]
    y[turned] = (y[turned] + 1) % 3
    source = [f"s{i}" for i in random.integers(0, 6, rows)]
    columns = {"price": price * dearer, "size": size, "age": age, "y": y, "source": source}
    return pa.table(columns)


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gate")
    pq.write_table(goods(0, 900), folder / "reference")

    def decided(table):
        pq.write_table(table, folder / "batch")
        paths = (folder / name for name in ("reference", "batch", "state", "trigger"))
        return gate_retraining(*paths, label="y", source="source")

    return decided


def put(table: pa.Table, name: str, values) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


ODD = {
    "one class": (lambda t: t.filter(pc.equal(t["y"], 1)), "one and the same label"),
    "one row": (lambda t: t.slice(0, 1), "fewer than"),
    "a class that the reference does not have": (
        lambda t: put(t, "y", [9 if i < 40 else y for i, y in enumerate(t["y"].to_pylist())]),
        "",
    ),
    "no class that the reference has": (lambda t: put(t, "y", [8 + i % 2 for i in range(len(t))]), ""),
    "a source without a value": (lambda t: put(t, "source", [None] * len(t)), "has no value at all"),
}


@pytest.mark.parametrize("what", ODD)
def test_what_could_not_be_looked_at_closes_the_gate_and_accuses_nobody(gate, what):
    change, said = ODD[what]
    outcome = gate(change(goods(1, 400)))
    assert outcome.decision is Decision.KEEP
    assert not outcome.verdict.opens
    if said:
        assert outcome.verdict is Verdict.INCONCLUSIVE
        assert any(said in c.reason for c in outcome.checks if c.verdict is Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.slice(0, 0), "no rows"),
        (lambda t: put(t, "y", pa.nulls(len(t), pa.int64())), "no value at all"),
        (lambda t: t.drop_columns(["y"]), "label names 'y'"),
        (lambda t: t.drop_columns(["source"]), "source names 'source'"),
    ],
)
def test_a_batch_without_rows_labels_or_sources_is_one_sentence(gate, change, said):
    with pytest.raises(InputError, match=said):
        gate(change(goods(1, 400)))


def test_prices_that_rose_for_everybody_train_again_and_accuse_nobody(gate):
    outcome = gate(goods(1, 600, dearer=1.08))
    assert (outcome.verdict, outcome.decision) == (Verdict.PASS, Decision.RETRAIN)


def test_labels_turned_behind_prices_that_rose_are_quarantined(gate):
    outcome = gate(goods(1, 600, dearer=1.08, flips=0.15))
    assert outcome.decision is Decision.QUARANTINE
