# SPDX-License-Identifier: Apache-2.0
"""This file is about the shapes of what opaque operators make, as far as they follow from their inputs.

Only what is true of every valid node is said (onnx/docs/Operators.md).  A size that is not said is None; what becomes
of a tensor whose rank is not said either is left to what the file declares.
"""

from collections.abc import Mapping, Sequence

from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.partial_shapes import (
    Inputs,
    Partial,
    Rule,
    axis_of,
    broadcast,
    entry_of,
    first_of,
    fits,
    given_to,
    integers_of,
    is_all,
    places_of,
    sizes_of,
    vector_of,
)
from exactlump.formats.onnx.results_images import blocks, convolved, padded, pooled, pooled_whole, resized
from exactlump.network.sizes import Size, Sizes, Unknown, plain


def shapes_of(reader: Reader, op: Operator, found: Inputs) -> list[Partial | None]:
    """For each output its shape; None where not even its rank is said."""
    rule, none = _RULES.get(op.kind), [None] * len(op.outputs)
    known = [sizes_of(entry) for entry in found]
    if rule is None or (op.kind not in _WITHOUT_FIRST and (not known or known[0] is None)):
        return [*none]
    made = [shape if shape is None or fits(shape) else None for shape in rule(reader, op, found, known)]
    return [*made, *none][: len(op.outputs)]


# Like an input, or several


def _like(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    return [first_of(known)]


def _quantised(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    return [first_of(known), (), ()]


def _encoded(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    """OneHotEncoder: one more axis, of as many as there are categories."""
    names = ("cats_strings", "cats_int64s")
    count = next((len(op.attributes[name]) for name in names if op.attributes.get(name)), None)
    return [(*first_of(known), count)]


def _spread(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    return [broadcast([sizes for entry, sizes in zip(found, known, strict=True) if entry is not None])]


def _joined(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    shapes = [sizes for sizes in known if sizes is not None]
    first = first_of(known)
    axis = axis_of(op, 1, len(first))
    if len(shapes) < len(known) or axis is None or any(len(sizes) != len(first) for sizes in shapes):
        return [None]
    made: list[Size | None] = []
    for i, sizes in enumerate(zip(*shapes, strict=True)):
        numbers = [n for n in sizes if isinstance(n, int)]
        if i == axis:
            made.append(sum(numbers) if len(numbers) == len(sizes) else None)
        elif len(set(numbers)) > 1:
            return [None]
        else:
            made.append(numbers[0] if numbers else sizes[0])
    return [tuple(made)]


# Products


def _product(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    a, b = first_of(known), entry_of(known, 1)
    if b is None or min(len(a), len(b)) < 2:
        return [None]
    lead = broadcast([a[:-2], b[:-2]]) if len(a) + len(b) > 4 else ()
    return [None if lead is None else (*lead, a[-2], b[-1])]


def _gemm(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    a, b = first_of(known), entry_of(known, 1)
    if b is None or len(a) != 2 or len(b) != 2:
        return [None]
    return [(a[1 if op.attributes.get("transA", 0) else 0], b[0 if op.attributes.get("transB", 0) else 1])]


# Reorderings, and parts


def _transposed(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first = first_of(known)
    axes = op.attributes.get("perm", range(len(first))[::-1])
    return [tuple(first[axis] for axis in axes) if sorted(axes) == list(range(len(first))) else None]


def _reshaped(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first = known[0] if known else None
    target = vector_of(reader, op, found, 1) if len(op.inputs) > 1 else tuple(op.attributes.get("shape", ()))
    if target is None or op.attributes.get("allowzero", 0):
        return [None]
    if first is None:
        return [tuple(None if isinstance(n, int) and n < 1 else n for n in target)]
    if any(n == 0 and axis >= len(first) for axis, n in enumerate(target)) or target.count(-1) > 1:
        return [None]
    made = [first[axis] if n == 0 else n for axis, n in enumerate(target)]
    if -1 in made:
        others = [n for n in made if n is not None and n != -1]
        whole = len(others) == len(made) - 1
        rest = Unknown.product(first).over(Unknown.product(others)) if whole and fits(tuple(others)) else None
        made[made.index(-1)] = rest
    return [tuple(made)]


def _flattened(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, axis = first_of(known), int(op.attributes.get("axis", 1))
    if not -len(first) <= axis <= len(first):
        return [None]
    axis += len(first) * (axis < 0)
    return [(plain(Unknown.product(first[:axis])), plain(Unknown.product(first[axis:])))]


def _squeezed(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, axes = first_of(known), given_to(op, found, 1, "axes")
    gone = places_of(axes, len(first)) if axes else None
    return [None if gone is None else tuple(n for axis, n in enumerate(first) if axis not in gone)]


def _unsqueezed(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, axes = first_of(known), given_to(op, found, 1, "axes")
    rank = len(first) + len(axes or ())
    new, rest = places_of(axes, rank) if axes else None, iter(first)
    return [None if new is None else tuple(1 if axis in new else next(rest) for axis in range(rank))]


def _gathered(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, indices = first_of(known), entry_of(known, 1)
    axis = axis_of(op, 0, len(first)) if first else None
    return [None if axis is None or indices is None else (*first[:axis], *indices, *first[axis + 1 :])]


def _sliced(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first = first_of(known)
    starts, ends = given_to(op, found, 1, "starts"), given_to(op, found, 2, "ends")
    axes, steps = given_to(op, found, 3, "axes"), given_to(op, found, 4, "steps")
    if starts is None or ends is None or axes is None or steps is None or not starts:
        return [(None,) * len(first)]
    places = places_of(axes or range(len(starts)), len(first))
    steps = steps or (1,) * len(starts)
    if places is None or not len(starts) == len(ends) == len(places) == len(steps) or 0 in steps:
        return [None]
    made: list[Size | None] = [*first]
    for start, end, axis, step in zip(starts, ends, places, steps, strict=True):
        size = first[axis]
        if isinstance(size, int):
            made[axis] = len(range(size)[start : None if step < 0 and end < -size else end : step])
        elif not is_all(start, end, step):
            made[axis] = None
    return [tuple(made)]


def _split(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, count = first_of(known), len(op.outputs)
    axis = axis_of(op, 0, len(first)) if first else None
    if axis is None:
        return [None]
    parts: Sequence[Size | None] | None = given_to(op, found, 1, "split")
    if not parts:
        size = first[axis]
        whole = parts is not None and isinstance(size, int) and size % count == 0
        parts = [size // count if whole and isinstance(size, int) else None] * count
    return [(*first[:axis], part, *first[axis + 1 :]) for part in parts] if len(parts) == count else [None]


def _top(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first = first_of(known)
    axis = axis_of(op, -1, len(first)) if first else None
    given = integers_of(found, 1) if len(found) > 1 else (op.attributes.get("k"),)
    if axis is None:
        return [None]
    part = given[0] if given is not None and len(given) == 1 else None
    return [(*first[:axis], part, *first[axis + 1 :])] * 2


def _reduced(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, rank = first_of(known), len(first_of(known))
    one = op.kind in ("ArgMax", "ArgMin")
    axes = (op.attributes.get("axis", 0),) if one else given_to(op, found, 1, "axes")
    if axes is None:
        return [(None,) * rank if op.attributes.get("keepdims", 1) else None]
    if any(not -rank <= axis < rank for axis in axes):
        return [None]
    if not axes and op.attributes.get("noop_with_empty_axes", 0):
        return [first]
    gone = {axis % rank for axis in axes or range(rank)}
    if op.attributes.get("keepdims", 1):
        return [tuple(1 if axis in gone else n for axis, n in enumerate(first))]
    return [tuple(n for axis, n in enumerate(first) if axis not in gone)]


# Recurrence


def _recurrent(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    """All steps, and the last one (of LSTM: and its cell)."""
    first, weight = first_of(known), entry_of(known, 2)
    if weight is None or len(weight) != 3 or len(first) != 3 or op.attributes.get("layout", 0):
        return [None]
    last = (weight[0], first[1], weight[2])
    return [(first[0], *last), last, last]


# Shapes that an input names


def _constant(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    return [vector_of(reader, op, found, 0)]


def _expanded(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    target, first = vector_of(reader, op, found, 1), first_of(known)
    if target is None:
        return [None]
    if None in target:
        return [(None,) * max(len(target), len(first))]
    return [broadcast([first, target])]


def _tiled(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, times = first_of(known), integers_of(found, 1)
    if times is None or len(times) != len(first) or min(times, default=1) < 1:
        return [(None,) * len(first)]
    return [tuple(plain(Unknown.product(pair)) for pair in zip(first, times, strict=True))]


def _of_shape(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    return [(len(first_of(known)),) if not {"start", "end"} & op.attributes.keys() else None]


def _nonzero(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    return [(len(first_of(known)), None) if first_of(known) else None]


def _range(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    return [(None,)]


ELEMENTWISE = [
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
_LIKE = [
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
    "ReverseSequence",
    "ScatterND",
    "ScatterElements",
    "Scatter",
]
_SPREAD = [
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
]
_REDUCTIONS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]
_RULES: Mapping[str, Rule] = {
    **dict.fromkeys((*ELEMENTWISE, *_LIKE), _like),
    **dict.fromkeys(_SPREAD, _spread),
    **dict.fromkeys((*(f"Reduce{word}" for word in _REDUCTIONS), "ArgMax", "ArgMin"), _reduced),
    **dict.fromkeys(("Conv", "ConvTranspose", "ConvInteger", "QLinearConv"), convolved),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), pooled),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), pooled_whole),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent),
    **dict.fromkeys(("MatMul", "MatMulInteger"), _product),
    **dict.fromkeys(("Resize", "Upsample"), resized),
    "Concat": _joined,
    "ConstantOfShape": _constant,
    "DepthToSpace": blocks,
    "DynamicQuantizeLinear": _quantised,
    "Expand": _expanded,
    **dict.fromkeys(("Scaler", "Normalizer"), _like),
    "OneHotEncoder": _encoded,
    "Flatten": _flattened,
    "Gather": _gathered,
    "Gemm": _gemm,
    "NonZero": _nonzero,
    "Pad": padded,
    "Range": _range,
    "Reshape": _reshaped,
    "Shape": _of_shape,
    "Slice": _sliced,
    "Split": _split,
    "Squeeze": _squeezed,
    "Tile": _tiled,
    "TopK": _top,
    "Transpose": _transposed,
    "Unsqueeze": _unsqueezed,
}
# Operators whose shapes do not ask for that of the first input.
_WITHOUT_FIRST = {*_SPREAD, "ConstantOfShape", "Range", "Reshape"}
