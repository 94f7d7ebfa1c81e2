"""Make the batches of the example workflow from two years of US census records.

    python dags/make_batches.py FOLDER

FOLDER then holds the reference year (2015), the new batch (2016) and a poisoned copy of the new
batch, each with a column `source` (the office that delivered the row) and with a signature of its
supplier. In the poisoned copy one office has turned most of its labels around; everything else is
left as it was, the supplier's signature included: a signature says who delivered a batch, not that
the batch is honest.

Beside them are three key pairs (supplier, pipeline, and security, who signs the policy), the policy
`lockgate.yaml`, and what the pipeline knows when the batch arrives: an evidence store and a ledger
with the supplier's signatures and the validation of the reference year.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from make_policy import make_policy

from lockgate.attest import keys
from lockgate.run import run
from lockgate.settings import Settings

DATA = Path(__file__).parent / "data"
SCHEMA = DATA / "employment.schema.yaml"
LABEL = "employed"
OFFICES = 8
POISONED_OFFICE = "office-3"
POISONED_SHARE = 0.6


def make_batches(folder: Path, seed: int = 0) -> None:
    """Write reference, clean batch, poisoned batch, keys and signatures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    clean = with_source(pq.read_table(DATA / "2016.parquet"))
    pq.write_table(with_source(pq.read_table(DATA / "2015.parquet")), folder / "reference.parquet")
    pq.write_table(clean, folder / "clean.parquet")
    pq.write_table(poisoned(clean, seed), folder / "poisoned.parquet")
    for owner in ("supplier", "pipeline", "security"):
        if not (folder / f"{owner}.key.pem").exists():
            keys.generate(owner, folder, passphrase=None)
    make_policy(folder)
    for batch in ("reference", "clean", "poisoned"):
        run(
            "sign-artifact",
            {"artifact": folder / f"{batch}.parquet"},
            out=folder / f"{batch}.signature",
            settings=settings(folder, "supplier"),
        )
    run(
        "validate-data",
        {"data": folder / "reference.parquet", "schema": SCHEMA},
        out=folder / "reference.validation",
        settings=settings(folder, "pipeline"),
    )


def settings(folder: Path, owner: str) -> Settings:
    """Return the settings of the supplier or the pipeline, with evidence and ledger in the same folder."""
    return Settings(
        key=str(folder / f"{owner}.key.pem"),
        policy=str(folder / "lockgate.yaml"),
        policy_key=f"{folder / 'security.pub.pem'}#employment",  # this key, for the policy of this name
        evidence=str(folder / "evidence"),
        ledger=str(folder / "ledger.sqlite"),
        trust_state=str(folder / "trust-state.json"),
    )


def with_source(table: pa.Table) -> pa.Table:
    """Return the table with a column `source`: one of eight offices, fixed for every row."""
    years, ids = table["year"].to_pylist(), table["id"].to_pylist()
    offices = [f"office-{_office(year, row)}" for year, row in zip(years, ids, strict=True)]
    return table.append_column("source", pa.array(offices))


def poisoned(table: pa.Table, seed: int = 0) -> pa.Table:
    """Return the table with most labels of one office turned around."""
    chosen = np.random.default_rng(seed).random(table.num_rows) < POISONED_SHARE
    chosen &= np.array(table["source"].to_pylist()) == POISONED_OFFICE
    labels = table[LABEL].to_numpy()
    flipped = pa.array(np.where(chosen, 1 - labels, labels), type=table.schema.field(LABEL).type)
    return table.set_column(table.column_names.index(LABEL), LABEL, flipped)


def _office(year: int, row: int) -> int:
    return hashlib.sha256(f"{year}:{row}".encode()).digest()[0] % OFFICES + 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where to write")
    make_batches(parser.parse_args().folder)
