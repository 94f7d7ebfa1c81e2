"""A signed file by which a copy of a model is known: made-up rows and what the model answers.

The rows are made up. Of many, those are kept on which copies that were taught by the model agree with it and
independent models do not (Lukas, Zhang and Kerschbaum 2021, arXiv:1912.00888): they lie near its decision
boundary, and what a model says there it says by its own peculiar training. One half of the rows is chosen
with models of one half of the data, and models of the other half, which had no part in that, answer them; and
the other way round. Their answers are kept: they say how often an independent model agrees by chance.

The file is a DSSE envelope around an in-toto statement whose subject is the model.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import EnvelopeError, InputError
from lockgate.extraction.choice import choose, most_copied
from lockgate.extraction.queries import between, made_up
from lockgate.extraction.references import Answers, pd_concat
from lockgate.model import Predictor
from lockgate.privacy.shadows import answers_of

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

TYPE = "lockgate:model-fingerprint/v2"
ALPHA = 0.001  # p value at or below which a model is called a copy, unless asked otherwise
NOTICED = 10 * ALPHA  # at or below which it is worth a look
_CANDIDATES = 40  # for each row that is kept
_FEWEST = 20  # rows, and agreements of independent models below which nothing is calibrated
_FEWEST_REFERENCES = 4
_HALVES = 2


@dataclass(frozen=True)
class Fingerprint:
    """Made-up rows, and how models answer them.

    Attributes:
        rows: A DataFrame.
        labels: The label that the model gives each.
        agreements: By group, for each independent model the number of rows on which it gives the same label.
        asked: How many rows each of them was asked: those that it had no part in choosing.
    """

    rows: Any
    labels: list[Any]
    agreements: dict[str, list[int]]
    asked: int


def make(
    predictor: Predictor,
    pool: Any,
    others: dict[str, tuple[list[Answers], list[Answers]]],
    copies: list[Answers],
    size: int,
    *,
    seed: int,
) -> Fingerprint:
    """Return the fingerprint of a model.

    Args:
        predictor: The model.
        pool: Rows of its kind.
        others: Independent models by group: those of one half of the data and those of the other.
        copies: Models that were taught by the model's answers.
        size: How many rows to keep, an even number.
        seed: Of the made-up rows.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 3])
    drawn = size * _CANDIDATES // 2
    candidates = pd_concat(between(pool, drawn, rng), made_up(pool, drawn, rng))
    candidates = candidates[~_in(candidates, pool)].reset_index(drop=True)
    own = answers_of(predictor, candidates, predictor.classes).argmax(axis=1)
    copied = np.mean([copy(candidates) == own for copy in copies], axis=0) if copies else np.ones(len(own))
    picked = []
    for side in (0, 1):  # each half is chosen from rows of its own
        at = np.arange(side, len(own), 2)
        at = at[most_copied(copied[at], size // 2)]
        asked = candidates.iloc[at]
        models = [model for sides in others.values() for model in sides[side]]
        picked.append(at[choose(np.array([model(asked) == own[at] for model in models]), size // 2)])
    agreements = {
        name: [
            int((model(candidates.iloc[at]) == own[at]).sum())
            for at, models in zip(picked, sides[::-1], strict=True)
            for model in models
        ]
        for name, sides in others.items()
    }
    every = np.concatenate(picked)
    rows = candidates.iloc[every].reset_index(drop=True)
    return Fingerprint(rows, [predictor.classes[at] for at in own[every]], agreements, size // 2)


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
            "asked": found.asked,
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
    asked = int(data["asked"])
    _require(_FEWEST <= 2 * asked <= 2 * len(labels))
    for group in agreements.values():
        _require(len(group) >= _FEWEST_REFERENCES and all(0 <= n <= asked for n in group))
    rows = pd.DataFrame(data["rows"], columns=names)
    for name, kind in zip(names, kinds, strict=True):
        if kind.startswith(("int", "float", "uint", "bool")):
            rows[name] = rows[name].astype(kind)
    return Fingerprint(rows, labels, agreements, asked)


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

    The agreements of the independent models, as log odds, are taken as draws from normal distributions, one
    for each group, with one spread, at least that of counting so few rows; the models of the original's own
    rows have a spread of their own. So one more draw, the model in question, follows Student's t (a
    prediction interval). The models of one half share their rows, so the mean of a group is no surer than
    that of two draws; the degrees of freedom are those of one group, since all groups saw the same data. The
    largest p value of all groups counts: a model is a copy if no kind of independent model explains it.
    """
    agreements = found.agreements
    spreads = {name: _spread(group, found.asked) for name, group in agreements.items()}
    shared = [spread for name, spread in spreads.items() if name != "own"]
    pooled = math.fsum(shared) / max(len(shared), 1)
    odds = _odds(agreed, len(found.labels))
    return max(
        _chance(group, found.asked, odds, spreads[name] if name == "own" else pooled)
        for name, group in agreements.items()
    )


def _spread(group: list[int], size: int) -> float:
    known, count = [_odds(n, size) for n in group], len(group)
    mean = math.fsum(known) / count
    share = (sum(group) + 0.5) / (count * size + 1)
    least = 1 / max(size * share * (1 - share), 1.0)
    return max(math.fsum((x - mean) ** 2 for x in known) / (count - 1), least)


def _chance(group: list[int], size: int, odds: float, variance: float) -> float:
    from scipy.stats import t

    mean = math.fsum(_odds(n, size) for n in group) / len(group)
    return float(t.sf((odds - mean) / math.sqrt(variance * (1 + 1 / _HALVES)), len(group) - 1))


def _odds(hits: int, size: int) -> float:
    return math.log((hits + 0.5) / (size - hits + 0.5))


def _written(label: Any) -> str:
    """Return a label as text; 1, 1.0 and True of different formats are the same label."""
    if isinstance(label, (bool, int, float)) and float(label).is_integer():
        return str(int(label))
    return str(label)
