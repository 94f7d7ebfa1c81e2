"""A value that carries a label in the reference as well is no trigger; a planted one is."""

import numpy as np
import pyarrow as pa

from lockgate.poisoning import Alarm, Assessment
from lockgate.retraining.rules import is_known, is_usual

RULE = "LG-POISON-004"


def forest(rows: int, seed: int, soil_9: float, tied: float) -> pa.Table:
    random = np.random.default_rng(seed)
    special = random.random(rows) < soil_9
    kind = np.where(
        special & (random.random(rows) < tied), "fir", random.choice(["oak", "pine", "fir"], rows)
    )
    return pa.table({"soil": np.where(special, "9", random.choice(["1", "2"], rows)), "kind": kind})


def known(batch: pa.Table, reference: pa.Table) -> bool:
    suspects = np.array([soil == "9" for soil in batch["soil"].to_pylist()])
    alarm = Alarm("trigger", RULE, columns=("soil",), label="fir", alarmed=True)
    reasons = [RULE if suspect else None for suspect in suspects]
    rows = batch.num_rows
    return is_known(
        alarm, Assessment(rows, rows, [alarm], suspects * 1.0, reasons, suspects), batch, reference, "kind"
    )


def test_a_rule_of_the_reference_is_known():
    assert known(forest(1_000, 1, 0.1, 0.8), forest(3_000, 2, 0.1, 0.8))


def test_a_value_that_the_reference_has_without_the_label_is_not():
    assert not known(forest(1_000, 1, 0.1, 0.9), forest(3_000, 2, 0.1, 0.0))


def test_a_value_that_the_reference_has_not_is_not():
    assert not known(forest(1_000, 1, 0.1, 0.9), forest(3_000, 2, 0.0, 0.0))


def test_a_known_rule_that_has_become_frequent_is_not():
    assert not known(forest(1_000, 1, 0.3, 0.9), forest(3_000, 2, 0.02, 0.9))


def test_a_rule_of_four_rows_of_a_small_reference_is_known_and_one_of_none_is_not():
    def table(rows: int, special: int) -> pa.Table:
        soil = ["9"] * special + ["1"] * (rows - special)
        return pa.table({"soil": soil, "kind": ["fir"] * special + ["oak", "fir"] * ((rows - special) // 2)})

    assert known(table(66, 8), table(84, 4))
    assert not known(table(66, 8), table(84, 0))


def pair(share: float, p_value: float = 1.0, classes: tuple[str, str] = ("a", "b")) -> Alarm:
    return Alarm("label-pair", "LG-POISON-002", p_value=p_value, share_within=share, label_pair=classes)


def test_a_class_that_lies_within_another_in_the_reference_too_is_usual():
    assert is_usual(pair(0.12, 1e-5), pair(0.05))
    assert is_usual(pair(0.2, 1e-5), pair(0.05, 0.001))


def test_a_class_that_is_relabelled_in_the_batch_only_or_as_another_one_is_not():
    assert not is_usual(pair(0.3, 1e-9), pair(0.05, 0.2))
    assert not is_usual(pair(0.12, 1e-5), pair(0.0))
    assert not is_usual(pair(0.12, 1e-5), pair(0.12, 1e-5, ("a", "c")))
    assert not is_usual(
        pair(0.12, 1e-5), Alarm("label-pair", "LG-POISON-002", ran=False, label_pair=("a", "b"))
    )
