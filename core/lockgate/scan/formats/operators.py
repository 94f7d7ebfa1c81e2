"""TensorFlow's operators: which only compute, and which reach files, other machines or Python."""

from __future__ import annotations

import re

# Operators that call Python, touch files or the network, or load code, by TensorFlow's registry.
REACHES_OUT = re.compile(
    r"(Eager)?PyFunc(Stateless)?|ReadFile|WriteFile|MatchingFiles|PrintV2|Print|.*Dataset.*|.*RecordReader.*"
    r"|WholeFileReader.*|TextLineReader.*|FixedLengthRecordReader.*|ReaderRead.*|.*Rpc.*|.*Summary.*"
    r"|InitializeTableFromTextFile.*|GenerateVocabRemapping|LoadAndRemapMatrix|.*Session.*"
    r"|RemoteCall|.*Dump.*|DebugIdentity.*|Debug.*|.*Custom.*|XlaLaunch.*|.*TPU.*|.*Socket.*|.*Bigtable.*|Abort"
    r"|Save|SaveSlices|Restore|RestoreSlice|ImmutableConst|.*TRT.*|TRTEngineOp|.*Worker.*|.*Collective.*"
    r"|_(Send|Recv|HostSend|HostRecv)|.*File.*"
)
# Every SavedModel saves and restores its own variables with these.
OWN_FILES = frozenset(["SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename", "ShardedFilespec"])
COMPUTES = frozenset(
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
        *("_Retval", "AdjustContrastv2", "AdjustHue", "AdjustSaturation", "AnonymousHashTable"),
        *("AnonymousMutableHashTable", "DisableCopyOnRead", "HSVToRGB", "ImageProjectiveTransformV2"),
        *("ImageProjectiveTransformV3", "LookupTableExport", "LookupTableExportV2", "LookupTableRemoveV2"),
        *("RGBToHSV", "ResourceApplyAdagradV2", "ResourceApplyKerasMomentum", "ResourceApplyMomentum"),
        *("ResourceApplyRMSProp", "RngReadAndSkip", "StatelessRandomGetAlg", "StatelessRandomGetKeyCounter"),
        *("StatelessRandomGetKeyCounterAlg", "StatelessRandomNormal", "StatelessRandomUniformFullInt"),
        *("StatelessRandomUniformFullIntV2", "StatelessRandomUniformInt", "StatelessRandomUniformIntV2"),
        *("StatelessTruncatedNormalV2", "TensorScatterMax", "TensorScatterMin", "TensorScatterSub"),
    ]
)
