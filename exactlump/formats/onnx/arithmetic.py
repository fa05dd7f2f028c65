# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators: what each one means as nodes of the exact network, for every opset.

The table at the end is the one of docs/formats.md.  Meanings are those of the ONNX operator changelog
(onnx/docs/Changelog.md); what changed between opsets is said where it matters.  Schemas (names and types of attributes,
numbers of inputs) have been checked before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import add, mul, sub
from typing import Any, NamedTuple

from onnx import AttributeProto, TensorProto

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.constants import CONSTANTS, cast, fold, quotient, truncated
from exactlump.formats.onnx.data import Data, batch_error, result, same
from exactlump.formats.onnx.functions import FUNCTIONS
from exactlump.formats.onnx.graph import Product, Reader
from exactlump.formats.onnx.images import IMAGES
from exactlump.formats.onnx.normalisation import NORMALISATIONS
from exactlump.formats.onnx.operators import Operator, place
from exactlump.formats.onnx.quantisers import CUSTOM, QUANTISERS
from exactlump.formats.onnx.reductions import REDUCTIONS
from exactlump.formats.onnx.regridded import REGRIDDED
from exactlump.formats.onnx.reorderings import REORDERINGS, unchanged
from exactlump.formats.onnx.rules import (
    ANY,
    BROADCAST,
    CONSTANT,
    EVERY,
    FACTORS,
    NAME,
    TENSOR,
    Rule,
    flag,
    number,
    unread,
)
from exactlump.formats.onnx.selections import SELECTIONS
from exactlump.formats.onnx.spelled import product
from exactlump.formats.onnx.tensors import CASTABLE, FLOATS, Constant, type_name
from exactlump.network.kinds import Add, Dense, Scale, Shift
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector

# Dense layers


def _matmul(reader: Reader, op: Operator, one: Data | Constant, other: Data | Constant) -> None:
    """A constant matrix on the right of x, or on its left when x has no batch axis."""
    left = isinstance(one, Constant)
    data = reader.tensor(op.input(1 if left else 0))
    name = op.input(0 if left else 1)
    array = reader.factors(name, data).array
    if left and (data.batched or (data.open and data.rank != 1)):
        raise batch_error()
    if array.ndim != 2 or (left and len(data.shape) != 1):
        raise UnsupportedLayer(f"found shapes {list(data.shape)} and {list(array.shape)}, expected vector and matrix")
    data = _vectors(reader, data)
    weight = Constant(array if left else array.T, data.kind).matrix()
    rows = _fitting(weight, data)
    made, grid = _dense_result(op, data, rows)
    follower = reader.sole.get(op.target)
    if follower is not None and follower.op_type == "Add":
        reader.define(made)
        reader.products[op.target] = Product(data.name, weight, name, grid)
    else:
        reader.emit(Dense(data.name, op.target, weight, (ZERO,) * rows, (op.target, name, ""), grid), made)


def _vectors(reader: Reader, data: Data) -> Data:
    """The tensor with its units along its last axis."""
    if not data.known:
        raise UnsupportedLayer("found a tensor of unknown shape")
    if not data.open and len(data.shape) == 1:
        return data
    if not data.open and not data.batched and len(data.shape) == 2 and data.channel is None and data.shape[0] == 1:
        return replace(data, shape=data.shape[1:], batch=1)
    return reader.along(data, data.rank - 1)


def _dense_result(op: Operator, data: Data, rows: int) -> tuple[Data, bool]:
    """What a dense layer along the last axis makes, and whether that is one of several."""
    if not data.open and data.channel is None:
        return result(op, data, (rows,)), False
    return replace(data, name=op.target, shape=(*data.shape[:-1], rows)), True


def _fitting(weight: Matrix, data: Data) -> int:
    """The rows of a matrix that fits the tensor; ShapeError."""
    if weight.shape[1] != data.units:
        raise ShapeError(f"found a matrix of {weight.shape[1]} columns for {data.units} units")
    if weight.shape[0] < 1:
        raise ShapeError("found a matrix without rows, expected at least one unit")
    return weight.shape[0]


def _gemm(
    reader: Reader,
    op: Operator,
    data: Data,
    given: Constant,
    addend: str | None,
    *,
    alpha: Rational,
    beta: Rational,
    broadcast: bool,
    **turned: bool,
) -> None:
    """alpha * x * W + beta * C; alpha and beta are multiplied in, exactly."""
    array = given.array
    if turned["transA"] or not data.known:
        raise UnsupportedLayer("expected a matrix, not transposed")
    if data.rank != 2:
        raise ShapeError(f"found shape {list(data.sizes)}, expected a matrix")
    data = _vectors(reader, data)
    if array.ndim != 2:
        raise ShapeError(f"found shapes {list(data.shape)} and {list(array.shape)}, expected vector and matrix")
    weight = Constant(array if turned["transB"] else array.T, data.kind).matrix()
    rows = _fitting(weight, data)
    if alpha != 1:
        reader.notes["Gemm with alpha read as one matrix"] += 1
        weight = Matrix.from_rows([{u: alpha * w for u, w in weight.row(v).items()} for v in range(rows)], data.units)
    made, grid = _dense_result(op, data, rows)
    bias: Vector = (ZERO,) * rows
    if addend is not None:
        same_units, values = _operand(reader, op, addend, made, Spread(broadcast))
        if same_units is not made:
            raise UnsupportedLayer("found a bias that differs from row to row")
        bias = tuple(beta * b for b in values)
    reader.emit(Dense(data.name, op.target, weight, bias, ("", op.input(1), op.input(2)), grid), made)


# Element by element with a constant


class Spread(NamedTuple):
    """How constants were broadcast before opset 7: only second ones, if it says so, from an axis on."""

    broadcast: bool = False
    axis: int | None = None


def _operand(reader: Reader, op: Operator, name: str, data: Data, before: Spread) -> tuple[Data, Vector]:
    """The constant operand of an operation with `data`, one value a unit of the tensor that is then meant."""
    array = (reader.weights if op.kind == "Div" else reader.factors)(name, data).array
    if reader.opset < 7:
        if data.open:
            raise UnsupportedLayer("found unknown sizes before opset 7")
        if not (before.broadcast and name != op.input(0)):
            if array.ndim != data.rank or array.shape[data.batched :] != data.shape:
                raise ShapeError(f"found a constant of shape {list(array.shape)} that is not broadcast")
        elif before.axis is not None:
            behind = data.rank - place(before.axis, data.rank) - array.ndim
            array = array.reshape(array.shape + (1,) * max(behind, 0))
    if array.size == 1 and (not data.known or array.ndim <= data.rank):
        return data, Constant(array, data.kind).vector() * data.units
    data, each = reader.spread(data, array)
    return data, Constant(each, data.kind).vector()


def _arithmetic(
    fallback: Callable[[Any, Any], Any], read: Callable[[Reader, Operator, Data, str, bool, Spread], None], *signs: int
) -> Rule:
    """An operation of two tensors, one of them a constant; of two constants `fallback`; of two others a signed sum."""

    def operator(reader: Reader, op: Operator, *found: Data | Constant, broadcast: bool, axis: int | None) -> None:
        constants = [entry for entry in found if isinstance(entry, Constant)]
        if len(constants) == 2:
            integers = fallback is quotient and not any(one.kind in FLOATS for one in constants)
            function = truncated if integers else fallback
            fold(reader, op, function, constants, floats=function is quotient)
        elif constants:
            first = isinstance(found[1], Constant)
            data = reader.ranked(op.input(int(not first)))
            read(reader, op, data, op.input(int(first)), first, Spread(broadcast, axis))
        elif op.kind == "Mul" and product(reader, op):
            pass
        elif signs:
            _sum(reader, op, signs)
        else:
            raise UnsupportedLayer("found no constant, expected one")

    return Rule(operator, [ANY, ANY], BROADCAST)


def _sum(reader: Reader, op: Operator, signs: Sequence[int]) -> None:
    """Computed tensors of one shape, with signs; all their elements where they have different channel axes."""
    found = [reader.settled(reader.tensor(name)) for name in op.inputs]
    first = found[0]
    if any(data.open for data in found) or any(data.sizes != first.sizes for data in found):
        _sum_in_one_view(reader, op, found, signs)
        return
    if any((data.shape, data.batch, data.kind) != (first.shape, first.batch, first.kind) for data in found):
        raise UnsupportedLayer(f"found shapes {[list(data.shape) for data in found]}, expected equal tensors")
    if len({data.channel for data in found}) > 1:
        found = [reader.elements(data) for data in found]
    names = tuple(data.name for data in found)
    reader.emit(Add(names, op.target, tuple(signs)), same(op, found[0]))


def _sum_in_one_view(reader: Reader, op: Operator, found: Sequence[Data], signs: Sequence[int]) -> None:
    """Computed tensors of equal sizes, of which some are open, in the view that one of them has."""
    if not all(data.known and (data.sizes, data.kind) == (found[0].sizes, found[0].kind) for data in found):
        raise UnsupportedLayer(f"found shapes {[str(list(data.sizes)) for data in found]}, expected equal tensors")
    axes = {data.axis for data in found if not data.whole}
    if len(axes) > 1 or (axes == {None}):
        found = [reader.elements(data) for data in found]
    elif axes:
        (axis,) = axes
        assert axis is not None
        found = [reader.along(data, axis) for data in found]
    names = tuple(data.name for data in found)
    reader.emit(Add(names, op.target, tuple(signs)), same(op, found[0]))


def _sum_of_many(reader: Reader, op: Operator, found: Sequence[Data | Constant]) -> None:
    """Sum, of any number of computed tensors or of one and a constant."""
    computed = [isinstance(entry, Data) for entry in found]
    if sorted(computed) == [False, True]:
        data = reader.ranked(op.input(computed.index(True)))
        _shift(reader, op, data, op.input(computed.index(False)), True, Spread())
    elif all(computed):
        _sum(reader, op, (1,) * len(computed))
    else:
        raise UnsupportedLayer("found constants among several tensors")


def _shift(reader: Reader, op: Operator, data: Data, name: str, _: bool, before: Spread) -> None:
    if data.name in reader.products and _differs(reader, name, data):
        data = reader.settled(data)
    product = reader.products.pop(data.name, None)
    data, values = _operand(reader, op, name, data, before)
    if product is None:
        reader.emit(Shift(data.name, op.target, values), same(op, data))
        return
    reader.notes["MatMul+Add read as Dense"] += 1
    names = (data.name, product.name, name)
    reader.emit(Dense(product.source, op.target, product.weight, values, names, product.grid), same(op, data))


def _differs(reader: Reader, name: str, data: Data) -> bool:
    """Whether a constant is not the same at all positions of a grid."""
    shape = reader.constant(name).shape
    return data.channel is not None and any(n != 1 for n in shape[:-1])


def _difference(reader: Reader, op: Operator, data: Data, name: str, first: bool, before: Spread) -> None:
    """x - c, or c - x as -x + c."""
    if not first:
        negated = replace(data, name=reader.fresh(f"{op.target} negated"))
        reader.emit(Scale(data.name, negated.name, (-ONE,) * data.units), negated)
        data = negated
    data, values = _operand(reader, op, name, data, before)
    constant = tuple(-v for v in values) if first else values
    reader.emit(Shift(data.name, op.target, constant), same(op, data))


def _scale(reader: Reader, op: Operator, data: Data, name: str, _: bool, before: Spread) -> None:
    data, values = _operand(reader, op, name, data, before)
    reader.emit(Scale(data.name, op.target, values), same(op, data))


def _ratio(reader: Reader, op: Operator, data: Data, name: str, first: bool, before: Spread) -> None:
    """x / c, the factors 1/c being rationals."""
    if not first:
        raise UnsupportedLayer("division by a computed tensor is not supported")
    data, values = _operand(reader, op, name, data, before)
    if not all(values):
        raise FormatError(f"tensor {name!r}: found a division by zero")
    reader.notes["Div by a constant read as an exact factor"] += 1
    reader.emit(Scale(data.name, op.target, tuple(ONE / v for v in values)), same(op, data))


def _negation(reader: Reader, op: Operator, found: Data | Constant) -> None:
    if isinstance(found, Constant):
        fold(reader, op, lambda x: -x, (found,), floats=False)
        return
    data = reader.ranked(op.input(0))
    reader.emit(Scale(data.name, op.target, (-ONE,) * data.units), same(op, data))


# Operators that change nothing over the reals


def _dropout(
    reader: Reader,
    op: Operator,
    data: Data,
    _: str | None,
    training_mode: Constant | None,
    *,
    is_test: bool,
    **rest: Any,
) -> None:
    """The identity when not training: before opset 7 if `is_test`, since opset 12 unless `training_mode`."""
    if reader.opset < 7 and not is_test:
        raise UnsupportedLayer("found is_test = 0: training is not supported")
    if training_mode is not None and training_mode.array.any():
        raise UnsupportedLayer("found training_mode: training is not supported")
    reader.unread.update(name for name in op.outputs[1:] if name)
    reader.notes["Dropout read as the identity"] += 1
    reader.emit(unchanged(data, op.target), same(op, data))


def _cast(reader: Reader, op: Operator, source: Data | Constant, **given: Any) -> None:
    """Of computed tensors, between floats only, the identity; of constants, exact or refused."""
    stated = given["to"]
    if isinstance(stated, bytes):  # before opset 6
        stated = dict(TensorProto.DataType.items()).get(stated.decode("ascii", "replace"), 0)
    to = int(stated or 0)
    if isinstance(source, Constant):
        reader.fold(op.target, cast(source, to))
        return
    if to not in FLOATS:
        raise UnsupportedLayer(f"found a cast to {type_name(to)}, expected a float type")
    if source.kind not in CASTABLE or op.input(0) in reader.quantised:
        raise UnsupportedLayer(f"found {type_name(source.kind)} that is computed, expected numbers")
    if not source.known:
        raise UnsupportedLayer("found a tensor of unknown shape")
    source = reader.settled(source)
    reader.notes[f"Cast {type_name(source.kind)} to {type_name(to)} read as the identity: the reals have one type"] += 1
    made = replace(source, name=op.target, kind=to)
    reader.emit(unchanged(source, op.target, 0 if source.kind in FLOATS else to), made)


OPERATORS: Mapping[str, Rule] = {
    **REORDERINGS,
    **CONSTANTS,
    **FUNCTIONS,
    **IMAGES,
    **SELECTIONS,
    **NORMALISATIONS,
    **QUANTISERS,
    **REGRIDDED,
    **REDUCTIONS,
    "MatMul": Rule(_matmul, [ANY, ANY]),
    "Gemm": Rule(
        _gemm,
        [TENSOR, FACTORS, NAME.or_none()],
        {
            "alpha": number(1.0),
            "beta": number(1.0),
            "transA": flag(False),
            "transB": flag(False),
            "broadcast": BROADCAST["broadcast"],
        },
    ),
    "Add": _arithmetic(add, _shift, 1, 1),
    "Sub": _arithmetic(sub, _difference, 1, -1),
    "Mul": _arithmetic(mul, _scale),
    "Div": _arithmetic(quotient, _ratio),
    "Sum": Rule(_sum_of_many, [EVERY]),
    "Neg": Rule(_negation, [ANY]),
    "Dropout": Rule(
        _dropout,
        [TENSOR, NAME.or_none(since=12), CONSTANT.or_none(since=12)],
        {
            "is_test": flag(False).within(until=7),
            "ratio": unread(AttributeProto.FLOAT).within(until=12),
            "seed": unread(AttributeProto.INT).within(since=12),
        },
    ),
    "Cast": Rule(
        _cast,
        [ANY],
        {
            "to": unread(0),
            "saturate": unread(AttributeProto.INT).within(since=19),
            "round_mode": unread(AttributeProto.STRING).within(since=24),
        },
    ),
}
# CUSTOM has the operators of other domains than ONNX's own, by domain and name.
__all__ = ["CUSTOM", "OPERATORS"]
