# SPDX-License-Identifier: Apache-2.0
"""This file is about the shapes and element types of what opaque operators make, where the file does not declare them.

Only what follows from the operator's definition for every input is said; the rest is unknown.  Vectors of sizes, which
files make of shapes in order to reshape, are followed too.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from onnx import TensorProto

from exactlump.formats.onnx.graph import Data, Operator, Reader
from exactlump.formats.onnx.tensors import Constant
from exactlump.network.sizes import Size, Sizes

# The inputs of a node: a tensor, a constant, or nothing.
Inputs: TypeAlias = Sequence[Data | Constant | None]

_ELEMENTWISE = [
    "Abs",
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "BitwiseNot",
    "Ceil",
    "Celu",
    "Cos",
    "Cosh",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "IsInf",
    "IsNaN",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "Not",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
]
_LIKE_FIRST = {*_ELEMENTWISE} | {
    "Softmax",
    "LogSoftmax",
    "Hardmax",
    "LayerNormalization",
    "InstanceNormalization",
    "GroupNormalization",
    "BatchNormalization",
    "RMSNormalization",
    "LpNormalization",
    "LRN",
    "MeanVarianceNormalization",
    "CumSum",
    "Clip",
    "Cast",
    "Dropout",
    "QuantizeLinear",
    "DequantizeLinear",
    "Trilu",
    "Identity",
    "Quant",
    "BipolarQuant",
}
_TRUTHS = {"And", "Or", "Xor", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "IsNaN", "IsInf"}
_BROADCAST = {
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Max",
    "Min",
    "Sum",
    "Mean",
    "Mod",
    "PRelu",
    "And",
    "Or",
    "Xor",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "BitShift",
    "Where",
}
_REDUCTIONS = {
    f"Reduce{word}" for word in ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]
}


# Whose first output has another element type than the first input: which; 0: not told by the inputs.
_OTHER: Mapping[str, int] = {
    "NonMaxSuppression": int(TensorProto.INT64),
    "DynamicQuantizeLinear": int(TensorProto.UINT8),
    **dict.fromkeys(("MatMulInteger", "ConvInteger"), int(TensorProto.INT32)),
    **dict.fromkeys(
        [
            "BitCast",
            "BlackmanWindow",
            "CastLike",
            "ConcatFromSequence",
            "EyeLike",
            "HammingWindow",
            "HannWindow",
            "If",
            "ImageDecoder",
            "Loop",
            "MelWeightMatrix",
            "OneHot",
            "Optional",
            "OptionalGetElement",
            "OptionalHasElement",
            "QLinearConv",
            "QLinearMatMul",
            "RegexFullMatch",
            "Scan",
            "SequenceAt",
            "SequenceConstruct",
            "SequenceEmpty",
            "SequenceErase",
            "SequenceInsert",
            "SequenceLength",
            "SequenceMap",
            "SplitToSequence",
            "StringSplit",
            "TfIdfVectorizer",
        ],
        0,
    ),
}


def sizes_of(found: Data | Constant | None) -> Sizes | None:
    """The sizes of an input; None where they are unknown."""
    if isinstance(found, Constant):
        return found.shape
    return found.sizes if found is not None and found.known else None


def kind_of(op: Operator, found: Inputs) -> int:
    """The element type of the first output; 0: unknown."""
    if op.kind in _TRUTHS:
        return int(TensorProto.BOOL)
    if op.kind in ("Shape", "Size", "ArgMax", "ArgMin", "NonZero"):
        return int(TensorProto.INT64)
    if op.kind in _OTHER:
        return _OTHER[op.kind]
    if op.kind == "Cast":
        return int(op.attributes.get("to", 0)) if not isinstance(op.attributes.get("to", 0), bytes) else 0
    if op.kind == "QuantizeLinear":
        given = found[2] if len(found) > 2 else None
        return given.kind if given is not None else int(op.attributes.get("output_dtype", 0) or TensorProto.UINT8)
    if op.kind in ("MatMul", "Gemm", "Conv", "Add", "Sub", "Mul", "Div"):
        return next((entry.kind for entry in found if entry is not None and entry.kind), 0)
    place = 1 if op.kind in ("DequantizeLinear", "Where") else 0
    first = found[place] if len(found) > place else None
    return first.kind if first is not None else 0


def shape_of(reader: Reader, op: Operator, found: Inputs) -> Sizes | None:
    """The sizes of the first output; None where they do not follow."""
    known = [sizes_of(entry) for entry in found]
    first = known[0] if known else None
    if op.kind in _LIKE_FIRST:
        return first
    if op.kind in _BROADCAST:
        return _broadcast([sizes for entry, sizes in zip(found, known, strict=True) if entry is not None])
    if op.kind == "Shape":
        return (len(first),) if first is not None and not {"start", "end"} & op.attributes.keys() else None
    if op.kind == "MatMul":
        return _product(first, known[1])
    if first is None:
        return None
    if op.kind in ("LSTM", "GRU", "RNN"):
        return _recurrent(op, first, known)
    if op.kind == "Transpose":
        axes = op.attributes.get("perm", range(len(first))[::-1])
        return tuple(first[axis] for axis in axes) if sorted(axes) == list(range(len(first))) else None
    if op.kind == "Gather" and known[1] is not None:
        axis = _axis(op, "axis", 0, len(first))
        return None if axis is None else (*first[:axis], *known[1], *first[axis + 1 :])
    if op.kind in _REDUCTIONS or op.kind in ("ArgMax", "ArgMin"):
        return _reduced(op, first, found)
    if op.kind == "Concat":
        return _joined(op, known)
    return None


def _recurrent(op: Operator, first: Sizes, known: Sequence[Sizes | None]) -> Sizes | None:
    """Time, directions, batch and hidden units; the last by the weights of the states."""
    states = known[2] if len(known) > 2 else None
    if states is None or len(first) != 3 or len(states) != 3 or op.attributes.get("layout", 0):
        return None
    return (first[0], states[0], first[1], states[2])


def _axis(op: Operator, name: str, default: int, rank: int) -> int | None:
    axis = int(op.attributes.get(name, default))
    return axis % rank if -rank <= axis < rank else None


def _broadcast(found: Sequence[Sizes | None]) -> Sizes | None:
    total: Sizes = ()
    for sizes in found:
        if sizes is None:
            return None
        rank = max(len(total), len(sizes))
        pairs = zip(_filled(total, rank), _filled(sizes, rank), strict=True)
        sums = [_both(a, b) for a, b in pairs]
        if None in sums:
            return None
        total = tuple(size for size in sums if size is not None)
    return total


def _filled(sizes: Sizes, rank: int) -> Sizes:
    return (1,) * (rank - len(sizes)) + sizes


def _both(a: Size, b: Size) -> Size | None:
    return a if a == b or b == 1 else b if a == 1 else None


def _product(a: Sizes | None, b: Sizes | None) -> Sizes | None:
    if a is None or b is None or min(len(a), len(b)) < 2:
        return None
    lead = _broadcast([a[:-2], b[:-2]])
    return None if lead is None else (*lead, a[-2], b[-1])


def _reduced(op: Operator, first: Sizes, found: Inputs) -> Sizes | None:
    rank = len(first)
    if op.kind in ("ArgMax", "ArgMin"):
        listed: Sequence[int] | None = [op.attributes.get("axis", 0)]
    elif len(found) > 1:
        listed = found[1].array.reshape(-1).tolist() if isinstance(found[1], Constant) else None
    else:
        listed = op.attributes.get("axes", ())
    if listed is None or any(not -rank <= axis < rank for axis in listed):
        return None
    if not listed and op.attributes.get("noop_with_empty_axes", 0):
        return first
    gone = {axis % rank for axis in listed or range(rank)}
    if op.attributes.get("keepdims", 1):
        return tuple(1 if axis in gone else n for axis, n in enumerate(first))
    return tuple(n for axis, n in enumerate(first) if axis not in gone)


def _joined(op: Operator, known: Sequence[Sizes | None]) -> Sizes | None:
    first = known[0]
    if first is None or (axis := _axis(op, "axis", 1, len(first))) is None:
        return None
    total = 0
    for sizes in known:
        if sizes is None or len(sizes) != len(first) or not isinstance(n := sizes[axis], int):
            return None
        if (*sizes[:axis], *sizes[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]):
            return None
        total += n
    return (*first[:axis], total, *first[axis + 1 :])


# Vectors of sizes.


def is_number(reader: Reader, op: Operator) -> bool:
    """Read a part of a vector of sizes that has no unknown ones: whether it is such."""
    make = _VECTORS.get(op.kind)
    if make is None or reader.vectors.keys().isdisjoint(op.inputs) or op.kind not in _RANKS:
        return False
    found = make(reader, op)
    if found is None or not all(isinstance(n, int) for n in found):
        return False
    array = np.array(found, np.int64)
    indices = reader.lookup(op.input(1)) if op.kind == "Gather" else None
    if op.kind == "Squeeze" or (isinstance(indices, Constant) and not indices.array.ndim):
        if array.size != 1:
            return False
        array = array.reshape(())
    reader.fold(op.target, Constant(array, int(TensorProto.INT64)))
    return True


def follow(reader: Reader, op: Operator) -> None:
    """Note what is known of the values of a vector of sizes that a node has just defined."""
    make = _VECTORS.get(op.kind)
    if make is None or not op.outputs or not op.outputs[0]:
        return
    found = make(reader, op)
    if found is not None and not all(isinstance(n, int) for n in found):
        reader.vectors[op.target] = found


def _values(reader: Reader, name: str) -> Sizes | None:
    """The sizes in a vector, or in a number."""
    if name in reader.vectors:
        return reader.vectors[name]
    found = reader.lookup(name)
    integers = isinstance(found, Constant) and found.kind in (TensorProto.INT64, TensorProto.INT32)
    if not isinstance(found, Constant) or not integers or found.array.ndim > 1:
        return None
    return tuple(int(n) for n in found.array.reshape(-1).tolist())


def _of_shape(reader: Reader, op: Operator) -> Sizes | None:
    found = reader.lookup(op.input(0))
    sizes = sizes_of(found)
    if sizes is None or isinstance(found, Constant):
        return None
    return sizes[op.attributes.get("start", 0) : op.attributes.get("end", len(sizes))]


def _of_gather(reader: Reader, op: Operator) -> Sizes | None:
    known, indices = reader.vectors.get(op.input(0)), reader.lookup(op.input(1))
    if known is None or not isinstance(indices, Constant) or indices.array.ndim > 1:
        return None
    places = [int(i) for i in indices.array.reshape(-1).tolist()]
    return tuple(known[i] for i in places) if all(-len(known) <= i < len(known) for i in places) else None


def _of_slice(reader: Reader, op: Operator) -> Sizes | None:
    known = reader.vectors.get(op.input(0))
    if known is None or reader.opset < 10:
        return None
    fields = [_values(reader, name) if name else None for name in op.inputs[1:]]
    starts, ends, axes, steps = [*fields, *[None] * (4 - len(fields))][:4]
    if not starts or not ends or len(starts) != 1 or axes not in (None, (0,), (-1,)) or steps not in (None, (1,)):
        return None
    if not isinstance(starts[0], int) or not isinstance(ends[0], int):
        return None
    return known[starts[0] : ends[0]]


def _of_concat(reader: Reader, op: Operator) -> Sizes | None:
    found = [_values(reader, name) for name in op.inputs]
    return None if any(part is None for part in found) else tuple(n for part in found for n in part or ())


def _same(reader: Reader, op: Operator) -> Sizes | None:
    return reader.vectors.get(op.input(0))


# Those that take parts of vectors.
_RANKS = ("Gather", "Slice", "Squeeze")
_VECTORS: Mapping[str, Any] = {
    "Shape": _of_shape,
    "Gather": _of_gather,
    "Slice": _of_slice,
    "Concat": _of_concat,
    "Squeeze": _same,
    "Unsqueeze": _same,
    "Cast": _same,
    "Identity": _same,
    "Reshape": _same,
}
