"""TensorFlow SavedModels and graphs (saved_model.proto, graph.proto): which operators they run.

A graph is a program for TensorFlow's runtime. Most operators only compute; some read and write files,
open connections or call Python. What is not on the list of those that compute is unsafe.
"""

from __future__ import annotations

import re

from lockgate.scan.context import Context
from lockgate.scan.formats.protobuf import LEN, Message
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

# Operators that call Python, touch files or the network, or load code, by TensorFlow's registry.
_REACHES_OUT = re.compile(
    r"(Eager)?PyFunc(Stateless)?|ReadFile|WriteFile|MatchingFiles|PrintV2|Print|.*Dataset.*|.*RecordReader.*"
    r"|WholeFileReader.*|TextLineReader.*|FixedLengthRecordReader.*|ReaderRead.*|.*Rpc.*|.*Summary.*"
    r"|LookupTableExport.*|InitializeTableFromTextFile.*|GenerateVocabRemapping|LoadAndRemapMatrix|.*Session.*"
    r"|RemoteCall|.*Dump.*|DebugIdentity.*|Debug.*|.*Custom.*|XlaLaunch.*|.*TPU.*|.*Socket.*|.*Bigtable.*|Abort"
    r"|Save|SaveSlices|Restore|RestoreSlice|ImmutableConst|.*TRT.*|TRTEngineOp|.*Worker.*|.*Collective.*"
    r"|_(Send|Recv|HostSend|HostRecv)|.*File.*"
)
# Every SavedModel saves and restores its own variables with these.
_OWN_FILES = frozenset(["SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename", "ShardedFilespec"])
_COMPUTES = frozenset(
    [
        *("Abs", "Acos", "Acosh", "Add", "AddN", "AddV2", "All", "Any", "ApproximateEqual", "ArgMax"),
        *("ArgMin", "AsString", "Asin", "Asinh", "Assert", "Assign", "AssignAdd", "AssignAddVariableOp"),
        *("AssignSub", "AssignSubVariableOp", "AssignVariableOp", "Atan", "Atan2", "Atanh", "AvgPool"),
        *("AvgPool3D", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "BatchToSpaceND", "BiasAdd"),
        *("BiasAddGrad", "Bincount", "Bitcast", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BroadcastArgs"),
        *("BroadcastTo", "Bucketize", "Case", "Cast", "Ceil", "CheckNumerics", "Cholesky", "ClipByValue"),
        *("CombinedNonMaxSuppression", "Complex", "ComplexAbs", "Concat", "ConcatOffset", "ConcatV2"),
        *("Conj", "Const", "Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput", "Conv3D", "Cos"),
        *("Cosh", "CropAndResize", "Cross", "CudnnRNN", "CudnnRNNV3", "Cumprod", "Cumsum"),
        *("CumulativeLogsumexp", "DecodeBase64", "DecodeBmp", "DecodeGif", "DecodeImage", "DecodeJpeg"),
        *("DecodePng", "DecodeRaw", "DeepCopy", "DenseBincount", "DepthToSpace", "DepthwiseConv2dNative"),
        *("Dequantize", "DestroyResourceOp", "Diag", "DiagPart", "Digamma", "Div", "DivNoNan"),
        *("DynamicPartition", "DynamicStitch", "Einsum", "Elu", "EluGrad", "Empty", "EmptyTensorList"),
        *("EncodeBase64", "EncodeJpeg", "EncodePng", "EnsureShape", "Enter", "Equal", "Erf", "Erfc"),
        *("Erfinv", "EuclideanNorm", "Exit", "Exp", "ExpandDims", "Expm1", "FFT", "FFT2D"),
        *("FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel"),
        *("Fill", "Floor", "FloorDiv", "FloorMod", "For", "FusedBatchNorm", "FusedBatchNormGradV3"),
        *("FusedBatchNormV2", "FusedBatchNormV3", "Gather", "GatherNd", "GatherV2", "Greater"),
        *("GreaterEqual", "HashTable", "HashTableV2", "Identity", "IdentityN", "IFFT", "If", "Igamma"),
        *("Imag", "InTopK", "InTopKV2", "InitializeTable", "InitializeTableV2", "InvertPermutation"),
        *("IRFFT", "IsFinite", "IsInf", "IsNan", "IsVariableInitialized", "L2Loss", "LRN", "LeakyRelu"),
        *("LeakyReluGrad", "LeftShift", "Less", "LessEqual", "Lgamma", "LinSpace", "Log", "Log1p"),
        *("LogSoftmax", "LogicalAnd", "LogicalNot", "LogicalOr", "LookupTableFind", "LookupTableFindV2"),
        *("LookupTableImport", "LookupTableImportV2", "LookupTableInsertV2", "LookupTableSizeV2"),
        *("LookupTableSize", "LoopCond", "LowerBound", "MatMul", "MatrixBandPart", "MatrixDeterminant"),
        *("MatrixDiag", "MatrixDiagPart", "MatrixDiagPartV3", "MatrixDiagV3", "MatrixInverse"),
        *("MatrixSetDiagV3", "MatrixSolve", "Max", "MaxPool", "MaxPool3D", "MaxPoolV2", "Maximum"),
        *("Mean", "Merge", "Min", "Minimum", "MirrorPad", "Mod", "Mul", "MulNoNan", "Multinomial"),
        *("MutableHashTableV2", "MutableHashTable", "Neg", "NextIteration", "NoOp", "NonMaxSuppression"),
        *("NonMaxSuppressionV2", "NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5"),
        *("NonMaxSuppressionWithOverlaps", "NotEqual", "OneHot", "OnesLike", "Pack", "Pad", "PadV2"),
        *("ParallelConcat", "ParallelDynamicStitch", "ParseExample", "ParseExampleV2"),
        *("ParseSingleExample", "PartitionedCall", "Placeholder", "PlaceholderWithDefault", "Pow"),
        *("PreventGradient", "Prod", "Qr", "QuantizeV2", "QuantizedConv2D", "QuantizedMatMul"),
        *("QuantizeAndDequantizeV2", "QuantizeAndDequantizeV3", "QuantizeAndDequantizeV4", "RFFT"),
        *("RaggedBincount", "RaggedGather", "RaggedRange", "RaggedTensorFromVariant"),
        *("RaggedTensorToSparse", "RaggedTensorToTensor", "RaggedTensorToVariant", "RandomShuffle"),
        *("RandomStandardNormal", "RandomUniform", "RandomUniformInt", "Range", "Rank", "ReadVariableOp"),
        *("Real", "RealDiv", "Reciprocal", "RegexFullMatch", "RegexReplace", "Relu", "Relu6"),
        *("Relu6Grad", "ReluGrad", "Reshape", "ResizeArea", "ResizeBicubic", "ResizeBilinear"),
        *("ResizeNearestNeighbor", "ResourceApplyAdaMax", "ResourceApplyAdam"),
        *("ResourceApplyGradientDescent", "ResourceGather", "ResourceGatherNd", "ResourceScatterAdd"),
        *("ResourceScatterNdUpdate", "ResourceScatterUpdate", "Reverse", "ReverseSequence", "ReverseV2"),
        *("RightShift", "Rint", "Roll", "Round", "Rsqrt", "RsqrtGrad", "ScatterNd", "SegmentMax"),
        *("SegmentMean", "SegmentMin", "SegmentProd", "SegmentSum", "Select", "SelectV2"),
        *("SelfAdjointEigV2", "Selu", "Shape", "ShapeN", "Sigmoid", "SigmoidGrad", "Sign", "Sin", "Sinh"),
        *("Size", "Slice", "Snapshot", "Softmax", "SoftmaxCrossEntropyWithLogits", "Softplus"),
        *("SoftplusGrad", "Softsign", "SpaceToBatchND", "SpaceToDepth", "SparseConcat", "SparseCross"),
        *("SparseCrossHashed", "SparseDenseCwiseMul", "SparseFillEmptyRows", "SparseReorder"),
        *("SparseReshape", "SparseSegmentMean", "SparseSegmentSqrtN", "SparseSegmentSum", "SparseSlice"),
        *("SparseSoftmax", "SparseSoftmaxCrossEntropyWithLogits", "SparseSplit"),
        *("SparseTensorDenseMatMul", "SparseToDense", "Split", "SplitV", "Sqrt", "SqrtGrad", "Square"),
        *("SquaredDifference", "Squeeze", "StatefulPartitionedCall", "StatelessIf"),
        *("StatelessMultinomial", "StatelessRandomNormalV2", "StatelessRandomUniformV2"),
        *("StatelessRandomUniform", "StatelessTruncatedNormal", "StatelessWhile", "StaticRegexFullMatch"),
        *("StaticRegexReplace", "StopGradient", "StridedSlice", "StridedSliceGrad", "StringFormat"),
        *("StringJoin", "StringLength", "StringLower", "StringNGrams", "StringSplit", "StringSplitV2"),
        *("StringStrip", "StringToHashBucket", "StringToHashBucketFast", "StringToHashBucketStrong"),
        *("StringToNumber", "StringUpper", "Sub", "Substr", "Sum", "Svd", "Switch", "Tan", "Tanh"),
        *("TanhGrad", "TensorArrayCloseV3", "TensorArrayConcatV3", "TensorArrayGatherV3"),
        *("TensorArrayReadV3", "TensorArrayScatterV3", "TensorArraySizeV3", "TensorArrayV3"),
        *("TensorArrayWriteV3", "TensorListConcatV2", "TensorListElementShape", "TensorListFromTensor"),
        *("TensorListGather", "TensorListGetItem", "TensorListLength", "TensorListPopBack"),
        *("TensorListPushBack", "TensorListReserve", "TensorListResize", "TensorListSetItem"),
        *("TensorListSplit", "TensorListStack", "TensorScatterAdd", "TensorScatterUpdate"),
        *("TensorStridedSliceUpdate", "Tile", "TopK", "TopKV2", "Transpose", "TruncateDiv"),
        *("TruncatedNormal", "UnicodeDecodeWithOffsets", "UnicodeDecode", "UnicodeEncode"),
        *("UnicodeTranscode", "Unique", "UniqueV2", "UniqueWithCounts", "UniqueWithCountsV2", "Unpack"),
        *("UnravelIndex", "UnsortedSegmentMax", "UnsortedSegmentMin", "UnsortedSegmentProd"),
        *("UnsortedSegmentSum", "UpperBound", "VarHandleOp", "VarIsInitializedOp", "Variable"),
        *("VariableShape", "VariableV2", "Where", "While", "Xdivy", "Xlogy", "ZerosLike", "Zeta", "_Arg"),
        *("_Retval"),
    ]
)


def looks_like_saved_model(source: Source) -> bool:
    """Whether a file is a message of a schema version and meta graphs (with an info and a graph)."""
    if source.read(0, 2) != b"\x08\x01":  # saved_model_schema_version, which has always been 1
        return False
    try:
        return all((f.number, f.wire) in ((1, 0), (2, LEN)) for f in Message(source).fields())
    except DamagedError:
        return False


def looks_like_graph(source: Source) -> bool:
    """Whether a file is a graph alone: nodes (a name and an operator), versions, a library."""
    if source.read(0, 1) != b"\x0a":
        return False
    nodes = 0
    try:
        graph = Message(source)
        for field in graph.fields():
            if (field.number, field.wire) not in ((1, LEN), (2, LEN), (3, 0), (4, LEN)):
                return False
            if field.number == 1:
                node = {part.number for part in graph.message(field).fields()}
                if not {1, 2} <= node or not node <= {1, 2, 3, 4, 5, 6, 7}:
                    return False
                nodes += 1
    except DamagedError:
        return False
    return nodes > 0


def scan(source: Source, context: Context) -> None:
    """Judge a SavedModel."""
    context.record.met("TensorFlow SavedModel")
    model = Message(source)
    graphs = 0
    for field in model.fields():
        if field.number == 2:  # noqa: PLR2004 - meta_graphs
            graphs += 1
            meta = model.message(field)
            for part in meta.fields():
                if part.number == 2:  # noqa: PLR2004 - graph_def
                    _graph(meta.message(part), context)
    if not graphs:
        raise DamagedError("holds no graph", source.size)


def scan_graph(source: Source, context: Context) -> None:
    """Judge a graph alone."""
    context.record.met("TensorFlow graph")
    _graph(Message(source), context)


def _graph(graph: Message, context: Context) -> None:
    for field in graph.fields():
        if field.number == 1:
            _node(graph.message(field), context)
        elif field.number == 2:  # noqa: PLR2004 - library
            library = graph.message(field)
            for function in library.fields():
                if function.number == 1:
                    body = library.message(function)
                    for part in body.fields():
                        if part.number == 3:  # noqa: PLR2004 - node_def
                            _node(body.message(part), context)


def _node(node: Message, context: Context) -> None:
    for field in node.fields():
        if field.number != 2:  # noqa: PLR2004 - op
            continue
        operator = node.text(field)
        if operator in _COMPUTES or operator in _OWN_FILES:
            continue
        if _REACHES_OUT.fullmatch(operator):
            message = f"Runs the operator {operator}, which reaches files, other machines or Python."
            context.hit("LG-SCAN-040", "CRITICAL", message, offset=field.start, name=operator)
        elif not operator.startswith("__inference_"):
            message = f"Runs the operator {operator}, which is not on the list of those that only compute."
            context.hit("LG-SCAN-040", "HIGH", message, offset=field.start, name=operator)
