"""CatBoost's own format: a length, a FlatBuffer of the model, and tables of categories after it.

The schema is that of ``catboost/libs/model/flatbuffers`` as of CatBoost 1.2.
"""

from __future__ import annotations

from array import array

from lockgate.scan.context import Context
from lockgate.scan.formats import catboostjson
from lockgate.scan.formats.flatbuffers import Buffer, Scalar, Table, Text, Vector
from lockgate.scan.record import BytesFollowError, DamagedError
from lockgate.scan.source import Source

MAGIC = b"CBM1"
_VERSION = "FlabuffersModel_v1"
_INT, _FLAG = Scalar(4), Scalar(1, 1)
_PLACE = (("Index", _INT), ("FlatIndex", _INT))
_NAMED = Table((*_PLACE, ("FeatureId", Text()), ("UsedInModel", _FLAG)))
_FLOAT = Table(
    (
        ("HasNans", _FLAG),
        *_PLACE,
        ("Borders", Vector(Scalar(4))),
        ("FeatureId", Text()),
        ("NanValueTreatment", Scalar(1, 2)),
    )
)
_EMBEDDING = Table((*_PLACE, ("FeatureId", Text()), ("Dimension", _INT), ("UsedInModel", _FLAG)))
_ONE_HOT = Table((("Index", _INT), ("Values", Vector(_INT)), ("StringValues", Vector(Text()))))
_COMBINATION = Table(
    (
        ("CatFeatures", Vector(_INT)),
        ("FloatSplits", Vector(Scalar(8))),
        ("OneHotSplits", Vector(Scalar(8))),
    )
)
_BASE = Table(
    (("FeatureCombination", _COMBINATION), ("CtrType", Scalar(1, 5)), ("TargetBorderClassifierIdx", _INT)),
    frozenset(["FeatureCombination"]),
)
_CTR = Table(
    (
        ("Base", _BASE),
        ("TargetBorderIdx", _INT),
        *((name, Scalar(4)) for name in ("PriorNum", "PriorDenom", "Shift", "Scale")),
    ),
    frozenset(["Base"]),
)
_CTR_FEATURE = Table((("Ctr", _CTR), ("CtrBorders", Vector(Scalar(4)))), frozenset(["Ctr"]))
_ESTIMATED = Table(
    (
        ("SourceFeatureIndex", _INT),
        ("CalcerId", Scalar(16)),
        ("LocalIndex", _INT),
        ("EstimatedBorders", Vector(Scalar(4))),
        ("SourceFeatureType", Scalar(1, 3)),
    )
)
_TREES = Table(
    (
        ("ApproxDimension", _INT),
        ("TreeSplits", Vector(_INT)),
        ("TreeSizes", Vector(_INT)),
        ("TreeStartOffsets", Vector(_INT)),
        ("CatFeatures", Vector(_NAMED)),
        ("FloatFeatures", Vector(_FLOAT)),
        ("OneHotFeatures", Vector(_ONE_HOT)),
        ("CtrFeatures", Vector(_CTR_FEATURE)),
        ("LeafValues", Vector(Scalar(8))),
        ("LeafWeights", Vector(Scalar(8))),
        ("NonSymmetricStepNodes", Vector(Scalar(4))),
        ("NonSymmetricNodeIdToLeafId", Vector(Scalar(4))),
        ("TextFeatures", Vector(_NAMED)),
        ("EstimatedFeatures", Vector(_ESTIMATED)),
        ("TreesScale", Scalar(8)),
        ("TreesBias", Scalar(8)),
        ("MultiBias", Vector(Scalar(8))),
        ("RepackedBins", Vector(Scalar(4))),
        ("EmbeddingFeatures", Vector(_EMBEDDING)),
    )
)
_PAIR = Table((("Key", Text()), ("Value", Text())), frozenset(["Key", "Value"]))
_CORE = Table(
    (
        ("FormatVersion", Text()),
        ("Trees", _TREES),
        ("InfoMap", Vector(_PAIR)),
        ("ModelPartIds", Vector(Text())),
    ),
    frozenset(["FormatVersion", "Trees"]),
)
_VALUES = Table(
    (
        ("ModelCtrBase", _BASE),
        ("IndexHashRaw", Vector(Scalar(1))),
        ("CTRBlob", Vector(Scalar(1))),
        ("CounterDenominator", _INT),
        ("TargetClassesCount", _INT),
    ),
    frozenset(["ModelCtrBase", "IndexHashRaw"]),
)
_CATEGORIES = "static_provider_v1"
_MOST_SPLITS = 16 << 20


def scan(source: Source, context: Context) -> None:
    """Judge a model: numbers, which must be where the schema says and belong together."""
    context.record.met("CatBoost")
    size = int.from_bytes(source.exactly(4, 4), "little")
    core = Buffer(source.part(8, size))
    core.check(_CORE)
    if ("FormatVersion", _VERSION) not in core.texts:
        raise DamagedError("is of a version that is not read here", 8)
    _info(core)
    _trees(core)
    at = 8 + size
    for name in (text for field, text in core.texts if field == "ModelPartIds"):
        if name != _CATEGORIES:
            raise DamagedError(f"has the part {name[:40]}, which is not read here", at)
        count = int.from_bytes(source.exactly(at, 4), "little")
        at += 4
        for _ in range(count):
            length = int.from_bytes(source.exactly(at, 4), "little")
            Buffer(source.part(at + 4, length)).check(_VALUES)
            at += 4 + length
    if at != source.size:
        raise BytesFollowError("bytes follow its model that are no part of it", at)


def _info(core: Buffer) -> None:
    keys = [text for field, text in core.texts if field == "Key"]
    if sorted(set(keys)) != sorted(keys):
        raise DamagedError("has a key twice", 8)
    for key, value in zip(keys, (text for field, text in core.texts if field == "Value"), strict=True):
        catboostjson.info(key, value)


def _trees(core: Buffer) -> None:
    """Hold the trees' sizes against their splits and leaves."""
    splits, sizes, starts = (_whole(core, name) for name in ("TreeSplits", "TreeSizes", "TreeStartOffsets"))
    at = 0
    for size, start in zip(sizes, starts, strict=False):
        if start != at or size < 0:
            raise DamagedError("has trees that do not follow each other", 8)
        at += size
    if at != len(splits) or len(sizes) != len(starts):
        raise DamagedError("has another number of splits than its trees", 8)
    dimension = int.from_bytes(core.scalars.get("ApproxDimension", b"\1\0\0\0"), "little", signed=True)
    leaves = core.vectors.get("LeafValues", (0, 0))[1]
    if dimension < 1 or leaves % dimension:
        raise DamagedError("has leaves of another dimension than it says", 8)
    nodes = core.vectors.get("NonSymmetricStepNodes", (0, 0))[1]
    if nodes != core.vectors.get("NonSymmetricNodeIdToLeafId", (0, 0))[1] or nodes not in (0, at):
        raise DamagedError("has another number of nodes than its trees", 8)
    if not nodes and (max(sizes, default=0) > 16 or leaves != dimension * sum(1 << size for size in sizes)):  # noqa: PLR2004
        raise DamagedError("has another number of leaves than its trees", 8)
    if core.vectors.get("RepackedBins", (0, at))[1] not in (0, at):
        raise DamagedError("has another number of bins than splits", 8)
    weights, values = core.vectors.get("LeafWeights", (0, 0))[1], leaves // dimension
    if weights not in (0, values):
        raise DamagedError("has another number of weights than leaves", 8)
    _steps(core, sizes, nodes, leaves, dimension)
    conditions = sum(core.counts[name] for name in ("Borders", "Values", "CtrBorders", "EstimatedBorders"))
    if min(splits, default=0) < 0 or max(splits, default=-1) >= conditions:
        raise DamagedError("has a split by a feature that is not there", 8)


def _steps(core: Buffer, sizes: array[int], nodes: int, leaves: int, dimension: int) -> None:
    """Hold that trees that are not symmetric lead from their root to every node, and to leaves."""
    if not nodes:
        return
    steps, ends = core.vectors["NonSymmetricStepNodes"], core.vectors["NonSymmetricNodeIdToLeafId"]
    pairs = array("H", core.source.exactly(steps[0], 4 * nodes))
    at = 0
    for size in sizes:
        here = pairs[2 * at : 2 * (at + size)]
        children = sorted(place // 2 + step for place, step in enumerate(here) if step)
        if children != list(range(1, size)):
            raise DamagedError("has nodes that make no tree", 8 + steps[0] + 4 * at)
        at += size
    for node, leaf in enumerate(array("I", core.source.exactly(ends[0], 4 * nodes))):
        # A node of which one side or both end there has a leaf of its own, named by its first value.
        ends_there = not (pairs[2 * node] and pairs[2 * node + 1])
        if ends_there and (leaf >= leaves or leaf % dimension):
            raise DamagedError("has a leaf that is not there", 8 + ends[0] + 4 * node)


def _whole(core: Buffer, name: str) -> array[int]:
    at, count = core.vectors.get(name, (0, 0))
    if count > _MOST_SPLITS:
        raise DamagedError("has more splits than are read here", 8)
    return array("i", core.source.exactly(at, 4 * count))
