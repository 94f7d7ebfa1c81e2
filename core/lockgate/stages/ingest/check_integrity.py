"""Stage `check-integrity`: look for what nobody declared and nobody wants in a table.

| rule             | what was found                                                        |
|------------------|-----------------------------------------------------------------------|
| LG-INTEGRITY-001 | a column with one value only, or none                                 |
| LG-INTEGRITY-002 | a column with too many missing values                                 |
| LG-INTEGRITY-003 | missing values that are written in several ways                       |
| LG-INTEGRITY-004 | a few numbers among texts, or a few texts among numbers               |
| LG-INTEGRITY-005 | values without a letter or a digit                                    |
| LG-INTEGRITY-006 | one value in several spellings                                        |
| LG-INTEGRITY-007 | texts far longer or shorter than nearly all others                    |
| LG-INTEGRITY-008 | too many exact copies of rows                                         |
| LG-INTEGRITY-009 | too many rows with equal features and different labels                |
| LG-INTEGRITY-010 | a class that is much rarer than the commonest                         |
| LG-INTEGRITY-011 | a feature that foretells the label alone                              |
| LG-INTEGRITY-012 | two features that say nearly the same                                 |
| LG-INTEGRITY-013 | a key that foretells the label                                        |
| LG-INTEGRITY-014 | too many rows far outside the rest                                    |

The checks are those of deepchecks' data_integrity suite. They count every row; quantiles, pairs of columns
and odd combinations of values come from a sample of 20,000 rows, and say so. How each is measured stands in
the modules of `lockgate.table.checks`.

What is found is a WARN, which opens a gate: it was never agreed that a table has none of it. `enforce` names
the checks that are to close it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from lockgate.outcome import Outcome
from lockgate.stage import DatasetIn, Seed, Share, Threshold, stage

if TYPE_CHECKING:
    from lockgate.table.checks.integrity import Ground

IntegrityCheck = Literal[
    "single-value",
    "percent-of-nulls",
    "mixed-nulls",
    "mixed-types",
    "special-characters",
    "string-mismatch",
    "string-length",
    "duplicates",
    "conflicting-labels",
    "class-imbalance",
    "feature-label-correlation",
    "feature-feature-correlation",
    "identifier-label-correlation",
    "outliers",
]


@stage("check-integrity", threats=["data-poisoning"])
def check_integrity(
    data: DatasetIn,
    *,
    label: str | None = None,
    primary_key: list[str] | None = None,
    ignore: list[str] | None = None,
    checks: list[IntegrityCheck] | None = None,
    enforce: Threshold[list[IntegrityCheck]] | None = None,
    max_null_share: Threshold[Share] = 0.5,
    max_special_share: Threshold[Share] = 0.001,
    max_duplicate_share: Threshold[Share] = 0.05,
    max_conflicting_label_share: Threshold[Share] = 0.05,
    min_class_ratio: Threshold[Share] = 0.02,
    max_feature_label_score: Threshold[Share] = 0.95,
    max_feature_correlation: Threshold[Share] = 0.99,
    max_key_label_score: Threshold[Share] = 0.2,
    max_outlier_share: Threshold[Share] = 0.01,
    seed: Seed = 0,
) -> Outcome:
    """Look for gaps in disguise, odd texts, copies, leaks and outliers in a table without a schema.

    Args:
        data: The table to check: Parquet, CSV, Arrow or JSON lines, a file or a folder of parts.
        label: The column that models learn. Without it, the checks about labels do not apply.
        primary_key: Columns that together name a row: no features, and copies are compared without them.
        ignore: Other columns that are no features, such as the source or a time stamp.
        checks: The checks to run, by name; by default all that apply. One that is named and does not apply
            is INCONCLUSIVE.
        enforce: The checks that FAIL instead of WARN.
        max_null_share: Largest share of rows without a value in a column.
        max_special_share: Largest share of a column's texts without a letter or a digit.
        max_duplicate_share: Largest share of rows that are exact copies.
        max_conflicting_label_share: Largest share of rows that equal another row in every feature and have
            another label.
        min_class_ratio: Fewest rows of the rarest class, as a multiple of those of the commonest.
        max_feature_label_score: Largest lambda (0 to 1) with which one feature alone may foretell the label.
        max_feature_correlation: Strongest that two features may go together, 0 to 1.
        max_key_label_score: Largest lambda with which a key may foretell the label.
        max_outlier_share: Largest share of rows far outside the rest.
        seed: Seed of the sample from which quantiles and pairs of columns are taken.

    Raises:
        InputError: The table cannot be read or has no rows, a named column is absent, or the label has no
            value or one class.
    """
    from lockgate.progress import working
    from lockgate.table import conform
    from lockgate.table.checks import integrity, signal, text_values
    from lockgate.table.checks.sample import draw
    from lockgate.table.profile import profile
    from lockgate.table.read import connect
    from lockgate.table.typed import open_table

    key, ignored = primary_key or [], ignore or []
    outcome = Outcome()
    with connect() as connection:
        table = open_table(connection, data)
        conform.require_columns(table, None, label=label, key=key, ignore=ignored)
        conform.require_values(table, {}, None, label)
        with working("counting columns"):
            columns = profile(table)
            texts = {n: text_values.look(table, n) for n, kind in table.kinds.items() if kind == "string"}
            sample = draw(table, list(table.storage), seed=seed)
        ground = integrity.Ground(table, columns, sample, label, key, ignored, texts)
        limits = {
            "percent-of-nulls": max_null_share,
            "mixed-nulls": 1,
            "special-characters": max_special_share,
            "duplicates": max_duplicate_share,
            "conflicting-labels": max_conflicting_label_share,
            "class-imbalance": min_class_ratio,
            "feature-label-correlation": max_feature_label_score,
            "feature-feature-correlation": max_feature_correlation,
            "identifier-label-correlation": max_key_label_score,
            "outliers": max_outlier_share,
        }
        signal.run(outcome, integrity.FAMILIES, ground, limits, chosen=checks or [], enforce=enforce or [])
        outcome.metrics |= {
            "rows": table.rows,
            "columns": len(columns),
            "sampled_rows": len(sample.rows),
            "missing_values": sum(c.rows - c.present for c in columns.values()),
        }
        outcome.facts |= {
            "Rows": f"{table.rows:,}, every one counted",
            "Columns": f"{len(columns):,}",
            "Sample": "the whole table"
            if sample.whole
            else f"{len(sample.rows):,} rows, for quantiles and pairs",
        }
        if not_applicable := outcome.metrics["not_applicable"]:
            outcome.facts["Not applicable"] = ", ".join(not_applicable)
        outcome.tables["Columns"] = _described(outcome, ground)
    return outcome


def _described(outcome: Outcome, ground: Ground) -> list[Mapping[str, Any]]:
    """List the columns, those with most findings first, in plain words."""
    from lockgate.table.checks import shape

    found: dict[str, list[str]] = {}
    for finding in outcome.findings:
        if finding.location.column:
            found.setdefault(finding.location.column, []).append(finding.check.replace("-", " "))
    drawn = shape.shapes(ground.table, ground.columns)
    rows: list[Mapping[str, Any]] = []
    for name in sorted(ground.columns, key=lambda n: (-len(found.get(n, [])), list(ground.columns).index(n))):
        column, text = ground.columns[name], ground.texts.get(name)
        row: dict[str, Any] = {
            "column": name,
            "found": ", ".join(dict.fromkeys(found.get(name, []))) or "nothing",
            "type": column.kind,
            "missing_share": round(1 - column.completeness, 4),
            "different texts": text.distinct if text else "",
        }
        if name in drawn:
            row["distribution"] = {"all rows": shape.outline(drawn[name])}
        rows.append(row)
    return rows
