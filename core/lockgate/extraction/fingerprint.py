"""A signed file by which a copy of a model is known: made-up rows and what the model answers.

The rows are made up. Of many, those are kept on which copies that were taught by the model agree with it and
independent models do not (Lukas, Zhang and Kerschbaum 2021, arXiv:1912.00888): they lie near its decision
boundary, and what a model says there it says by its own peculiar training. The answers of independent models
that had no part in the choice are kept beside them: they say how often such a model agrees by chance.

The file is a DSSE envelope around an in-toto statement whose subject is the model.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import EnvelopeError, InputError
from lockgate.extraction.queries import between, made_up
from lockgate.extraction.references import Answers, pd_concat
from lockgate.model import Predictor
from lockgate.privacy.shadows import answers_of

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

TYPE = "lockgate:model-fingerprint/v1"
_CANDIDATES = 40  # for each row that is kept
_FEWEST = 20  # rows, and agreements of independent models below which nothing is calibrated
_FEWEST_REFERENCES = 4


@dataclass(frozen=True)
class Fingerprint:
    """Made-up rows, and how models answer them.

    Attributes:
        rows: A DataFrame.
        labels: The label that the model gives each.
        agreements: By group, for each independent model the number of rows on which it gives the same label.
    """

    rows: Any
    labels: list[Any]
    agreements: dict[str, list[int]]


def make(
    predictor: Predictor,
    pool: Any,
    others: dict[str, list[Answers]],
    copies: list[Answers],
    size: int,
    *,
    seed: int,
) -> Fingerprint:
    """Return the fingerprint of a model.

    Args:
        predictor: The model.
        pool: Rows of its kind.
        others: Independent models by group; those of even number choose the rows.
        copies: Models that were taught by the model's answers.
        size: How many rows to keep.
        seed: Of the made-up rows.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 3])
    half = size * _CANDIDATES // 2
    candidates = pd_concat(between(pool, half, rng), made_up(pool, half, rng))
    candidates = candidates[~_in(candidates, pool)].reset_index(drop=True)
    own = answers_of(predictor, candidates, predictor.classes).argmax(axis=1)

    def share(models: list[Answers]) -> Any:
        agreed = sum((model(candidates) == own).astype(float) for model in models)
        return agreed / max(len(models), 1)

    choosing = [model for group in others.values() for model in group[::2]]
    telling = share(copies) * (1 - share(choosing))
    picked = np.sort((-telling).argsort(kind="stable")[:size])  # among equals, the order of the draw
    rows = candidates.iloc[picked].reset_index(drop=True)
    agreements = {
        name: [int((model(rows) == own[picked]).sum()) for model in group[1::2]]
        for name, group in others.items()
    }
    return Fingerprint(rows, [predictor.classes[at] for at in own[picked]], agreements)


def _in(rows: Any, known: Any) -> Any:
    """Return which rows are among known ones; bool array."""
    import numpy as np
    import pandas as pd

    hashes = [pd.util.hash_pandas_object(part.astype(str), index=False).to_numpy() for part in (rows, known)]
    return np.isin(*hashes)


def seal(found: Fingerprint, model_digest: dict[str, str], signer: Signer) -> bytes:
    """Return the signed file.

    Args:
        found: The fingerprint.
        model_digest: The digest of the model file.
        signer: The owner's key.
    """
    from securesystemslib.dsse import Envelope

    from lockgate.attest import envelope
    from lockgate.attest.statement import STATEMENT_TYPE

    columns = [{"name": str(name), "type": str(found.rows[name].dtype)} for name in found.rows.columns]
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "model", "digest": model_digest}],
        "predicateType": TYPE,
        "predicate": {
            "columns": columns,
            "rows": json.loads(found.rows.to_json(orient="values", double_precision=15)),
            "labels": found.labels,
            "agreements": found.agreements,
        },
    }
    payload = json.dumps(statement, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    sealed = Envelope(payload, envelope.PAYLOAD_TYPE, {})
    sealed.sign(signer)
    return json.dumps(sealed.to_dict(), separators=(",", ":")).encode() + b"\n"


def open_fingerprint(path: Path, key: SSlibKey) -> tuple[Fingerprint, dict[str, str]]:
    """Return a fingerprint that a key signed, and the digest of the model that it is of.

    Raises:
        SignatureError: It was signed with another key, or altered.
        EnvelopeError: It is no fingerprint.
    """
    from lockgate.attest import envelope
    from lockgate.attest.statement import STATEMENT_TYPE
    from lockgate.documents import load_json, read_bytes

    payload, _ = envelope.open_payload(read_bytes(path, envelope.MAX_BYTES, EnvelopeError), [key])
    try:
        data = load_json(payload, max_bytes=envelope.MAX_BYTES, name=f"fingerprint {path}").data
    except InputError as error:
        raise EnvelopeError(str(error)) from None
    try:
        _require(data["_type"] == STATEMENT_TYPE and data["predicateType"] == TYPE)
        return _read(data["predicate"]), {str(k): str(v) for k, v in data["subject"][0]["digest"].items()}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise EnvelopeError(
            f"{path} is signed, and no fingerprint of a model; give what test-extraction --fingerprint wrote"
        ) from None


def _read(data: dict[str, Any]) -> Fingerprint:
    import pandas as pd

    names, kinds = [c["name"] for c in data["columns"]], [c["type"] for c in data["columns"]]
    labels, groups = list(data["labels"]), data["agreements"]
    agreements = {str(name): [int(n) for n in group] for name, group in groups.items()}
    _require(len(data["rows"]) == len(labels) >= _FEWEST)
    _require(bool(agreements))
    for group in agreements.values():
        _require(len(group) >= _FEWEST_REFERENCES and all(0 <= n <= len(labels) for n in group))
    rows = pd.DataFrame(data["rows"], columns=names)
    for name, kind in zip(names, kinds, strict=True):
        if kind.startswith(("int", "float", "uint", "bool")):
            rows[name] = rows[name].astype(kind)
    return Fingerprint(rows, labels, agreements)


def _require(held: bool) -> None:
    if not held:
        raise ValueError


def agreement(predictor: Predictor, found: Fingerprint) -> int:
    """Return on how many rows a model gives the labels of a fingerprint; labels are compared as text.

    Raises:
        InputError: The model cannot read the rows.
    """
    said = predictor.predict(found.rows).tolist()
    return sum(_written(a) == _written(b) for a, b in zip(said, found.labels, strict=True))


def chance(found: Fingerprint, agreed: int) -> float:
    """Return how likely an independent model agrees at least so often: a p value.

    The agreements of the independent models, as log odds, are taken as draws from a normal distribution of
    unknown mean and spread; so one more draw, the model in question, follows Student's t (a prediction
    interval). The spread is at least that of counting so few rows. Of the groups the largest p value counts:
    a model is a copy if no kind of independent model explains it.
    """
    size = len(found.labels)
    return max(_chance(group, agreed, size) for group in found.agreements.values())


def _chance(group: list[int], agreed: int, size: int) -> float:
    from scipy.stats import t

    known, count = [_odds(n, size) for n in group], len(group)
    mean = math.fsum(known) / count
    share = (sum(group) + 0.5) / (count * size + 1)
    least = 1 / max(size * share * (1 - share), 1.0)
    variance = max(math.fsum((x - mean) ** 2 for x in known) / (count - 1), least)
    standing = (_odds(agreed, size) - mean) / math.sqrt(variance * (1 + 1 / count))
    return float(t.sf(standing, count - 1))


def _odds(hits: int, size: int) -> float:
    return math.log((hits + 0.5) / (size - hits + 0.5))


def _written(label: Any) -> str:
    """Return a label as text; 1, 1.0 and True of different formats are the same label."""
    if isinstance(label, (bool, int, float)) and float(label).is_integer():
        return str(int(label))
    return str(label)
