# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators that only reorder and reshape: Flatten, Reshape, Transpose, Squeeze, ...

Computed tensors keep their batch axis as axis 0; constants have none.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.data import Data, batch_error, batch_of, result, settled_on
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator, place
from exactlump.formats.onnx.rules import ANY, INTEGERS, Attribute, Port, Rule, flag, integer, integers
from exactlump.formats.onnx.tensors import MOST_AXES, Constant
from exactlump.network.kinds import Regrid, Reorder
from exactlump.network.sizes import Sizes, Unknown, plain, text
from exactlump.network.views import Shape, View

# The axes permuted (None: as they are) and the new shape, both without the batch axis; or both with all axes.
Plan = tuple[tuple[int, ...] | None, Shape]


def _reorder(plan: Callable[..., Plan], whole: Callable[..., Plan], *ports: Port, **attributes: Attribute) -> Rule:
    """Read an operator by its plan, on computed tensors and on constants; or by that of all axes (`whole`).

    Plans get the tensor, what the ports give, and the attributes.
    """

    def read(reader: Reader, op: Operator, source: Data | Constant, *given: Any, **stated: Any) -> None:
        if isinstance(source, Data) and source.open and plan is _identity and source.known:
            reader.emit(unchanged(source, op.target), replace(source, name=op.target))
            return
        if isinstance(source, Data) and source.open:
            _regrid(reader, op, source, lambda data: whole(data, *given, **stated))
            return
        try:
            axes, shape = plan(source, *given, **stated)
        except UnsupportedLayer:
            if not isinstance(source, Data):
                raise
            _regrid(reader, op, source, lambda data: whole(data, *given, **stated))
            return
        if len(shape) >= MOST_AXES:
            raise UnsupportedLayer(f"found {len(shape)} axes, expected fewer than {MOST_AXES}")
        if math.prod(shape) < 1:
            raise ShapeError(f"found shape {list(shape)}, expected at least one element")
        if isinstance(source, Data):
            channel = source.channel if plan is _identity else channel_after(source.view, axes, shape)
            reader.emit(Reorder(source.name, op.target, axes, shape, channel), result(op, source, shape, channel))
            return
        array = source.array if axes is None else source.array.transpose(axes)
        reader.fold(op.target, Constant(array.reshape(shape), source.kind))
        if op.input(0) in reader.steps:
            reader.steps[op.target] = reader.steps[op.input(0)]

    return Rule(read, [ANY, *ports], attributes)


def channel_after(view: View, axes: Sequence[int] | None, shape: Shape) -> int | None:
    """The axis of the new shape that has the channels of a reordered image, as long as every channel stays as it is."""
    if view.channel is None or view.positions == 1:
        return None
    order = tuple(axes) if axes is not None else tuple(range(len(view.shape)))
    if [axis for axis in order if axis != view.channel] != sorted(set(order) - {view.channel}):
        return None
    before = math.prod(view.shape[axis] for axis in order[: order.index(view.channel)])
    fitting = (j for j, n in enumerate(shape) if n == view.units and math.prod(shape[:j]) == before)
    return next(fitting, None)


def _rank(source: Data | Constant) -> int:
    return len(source.shape) + source.batched


def _flatten(source: Data | Constant, *, axis: int) -> Plan:
    axis = place(axis, _rank(source))
    if not source.batched:
        return None, (math.prod(source.shape[:axis]), math.prod(source.shape[axis:]))
    assert isinstance(source, Data)
    if (axis == 0 and source.batch != 1) or math.prod(source.shape[: max(axis - 1, 0)]) != 1:
        raise batch_error()
    return None, (math.prod(source.shape),)


def _flatten_whole(data: Data, *, axis: int) -> Plan:
    axis = place(axis, data.rank)
    return None, tuple(plain(Unknown.product(part)) for part in (data.sizes[:axis], data.sizes[axis:]))


def _reshape(source: Data | Constant, given: Shape | None, *, shape: Shape | None, allowzero: bool) -> Plan:
    """Since opset 5 the target is an input; 0 copies a size, unless `allowzero` (opset 14) says otherwise."""
    target = given if given is not None else shape or ()
    if allowzero and 0 in target:
        raise ShapeError(f"found target {list(target)}, expected at least one element")
    if isinstance(source, Data) and target and isinstance(target[0], Unknown) and target[0] == source.sizes[0]:
        target = (0, *target[1:])
    if not all(isinstance(n, int) for n in target):
        raise UnsupportedLayer(f"found the target {list(target)}, expected numbers")
    if not source.batched:
        return None, _target(target, source.shape)
    if not target:
        raise batch_error()
    assert isinstance(source, Data)
    head, rest = target[0], target[1:]
    if head in (0, source.batch):
        return None, _target(rest, source.shape)
    explicit = head == -1 or (head > 0 and isinstance(source.batch, str))
    if not explicit or min(rest, default=1) < 0 or math.prod(_copied(rest, source.shape)) != source.view.elements:
        raise batch_error()
    return None, _copied(rest, source.shape)


def _reshape_whole(data: Data, given: Shape | None, *, shape: Shape | None, allowzero: bool) -> Plan:
    return None, _open_target(given if given is not None else shape or (), data.sizes, zeros=allowzero)


def _sizes(reader: Reader, name: str, _: object) -> Sizes:
    """The target of a Reshape: numbers, or sizes that shapes have been asked for."""
    known = reader.vectors.get(name)
    return reader.constant(name).integers() if known is None else known


def _copied(target: Shape, shape: Shape) -> Shape:
    if any(n == 0 and axis >= len(shape) for axis, n in enumerate(target)):
        raise ShapeError(f"found target {list(target)} for shape {list(shape)}")
    return tuple(n or shape[axis] for axis, n in enumerate(target))


def _target(target: Shape, shape: Shape) -> Shape:
    """The shape that a target with zeros and at most one -1 means for a tensor of that shape; ShapeError."""
    target, units = _copied(target, shape), math.prod(shape)
    if -1 in target:
        known = -math.prod(target)
        if target.count(-1) != 1 or known < 1 or units % known:
            raise ShapeError(f"found target {list(target)} for shape {list(shape)}")
        target = tuple(units // known if n == -1 else n for n in target)
    if min(target, default=1) < 0 or math.prod(target) != units:
        raise ShapeError(f"found target {list(target)} for shape {list(shape)}")
    return target


def _permutation(perm: Shape | None, rank: int) -> tuple[int, ...]:
    axes = tuple(range(rank)[::-1]) if perm is None else perm
    if sorted(axes) != list(range(rank)):
        raise ShapeError(f"found perm {list(axes)} for a tensor of rank {rank}")
    return axes


def _transpose(source: Data | Constant, *, perm: Shape | None) -> Plan:
    axes = _permutation(perm, _rank(source))
    if source.batched:
        if axes[0] != 0:
            raise batch_error()
        axes = tuple(axis - 1 for axis in axes[1:])
    return axes, tuple(source.shape[axis] for axis in axes)


def _transpose_whole(data: Data, *, perm: Shape | None) -> Plan:
    axes = _permutation(perm, data.rank)
    return axes, tuple(data.sizes[axis] for axis in axes)


def _axes(listed: Shape, rank: int) -> list[int]:
    """The axes of Squeeze and Unsqueeze, in order."""
    if not listed:
        raise UnsupportedLayer("axes: found an empty list, which some runtimes read as none")
    if any(not -rank <= axis < rank for axis in listed):
        raise ShapeError(f"axes: found {list(listed)} for a tensor of rank {rank}")
    found = sorted(axis % rank for axis in listed)
    if len(set(found)) != len(found):
        raise FormatError(f"axes: found {list(listed)}, expected each once")
    return found


def _squeeze(source: Data | Constant, given: Shape | None, *, axes: Shape | None) -> Plan:
    """Axes are an attribute before opset 13, an input since; None when left out."""
    listed, batched = axes if given is None else given, int(source.batched)
    gone = None if listed is None else _axes(listed, _rank(source))
    if gone is None:
        if isinstance(source, Data) and (source.batch == 1 or isinstance(source.batch, str)):
            raise batch_error()
        gone = [axis + batched for axis, n in enumerate(source.shape) if n == 1]
    if batched and 0 in gone:
        raise batch_error()
    if any(source.shape[axis - batched] != 1 for axis in gone):
        raise ShapeError(f"axes: found {gone} for shape {list(source.shape)}, expected axes of size 1")
    return None, tuple(n for axis, n in enumerate(source.shape) if axis + batched not in gone)


def _squeeze_whole(data: Data, given: Shape | None, *, axes: Shape | None) -> Plan:
    listed = axes if given is None else given
    if listed is None:
        raise UnsupportedLayer("found no axes, expected the list of them")
    gone = _axes(listed, data.rank)
    if any(data.sizes[axis] != 1 for axis in gone):
        raise UnsupportedLayer(f"axes: found {gone} for shape {text(data.sizes)}, expected axes of size 1")
    return None, tuple(n for axis, n in enumerate(data.sizes) if axis not in gone)


def _unsqueeze(source: Data | Constant, given: Shape | None, *, axes: Shape | None) -> Plan:
    listed = _new(given, axes)
    rank = _rank(source) + len(listed)
    new = _axes(listed, rank)
    if source.batched and 0 in new:
        raise batch_error()
    sizes = iter((0,) * source.batched + source.shape)
    full = [1 if axis in new else next(sizes) for axis in range(rank)]
    return None, tuple(full[source.batched :])


def _unsqueeze_whole(data: Data, given: Shape | None, *, axes: Shape | None) -> Plan:
    listed = _new(given, axes)
    new, rest = _axes(listed, data.rank + len(listed)), iter(data.sizes)
    return None, tuple(1 if axis in new else next(rest) for axis in range(data.rank + len(listed)))


def _new(given: Shape | None, axes: Shape | None) -> Shape:
    listed = axes if given is None else given
    if listed is None:
        raise FormatError("axes: found none")
    return listed


def _identity(source: Data | Constant) -> Plan:
    return None, source.shape


# Where units stay as they are, and sizes may be unknown.


def unchanged(data: Data, target: str, cast: int = 0) -> Reorder:
    """The node that makes a tensor of another name; `cast`: and of another element type, which is no float before."""
    if data.open:
        return Regrid(data.name, target, None, data.shape, data.channel, cast, open=True)
    return Reorder(data.name, target, None, data.shape, data.channel, cast)


def _regrid(reader: Reader, op: Operator, data: Data, plan: Callable[[Data], Plan]) -> None:
    """A reordering that leaves all units as they are; UnsupportedLayer for others."""
    data = reader.settled(data)
    if not data.known:
        raise UnsupportedLayer("found a tensor of unknown shape")
    axes, sizes = plan(data)
    if len(sizes) >= MOST_AXES:
        raise UnsupportedLayer(f"found {len(sizes)} axes, expected fewer than {MOST_AXES}")
    order = tuple(range(data.rank)) if axes is None else axes
    if _is_lone(data, order, sizes):
        _lone(reader, op, data, order, sizes)
        return
    permuted, along = tuple(data.sizes[i] for i in order), _axis_of_units(data)
    place = None if along is None else order.index(along)
    axis = None
    if place is not None:
        before = Unknown.product(permuted[:place])
        fitting = (j for j, n in enumerate(sizes) if n == data.units and Unknown.product(sizes[:j]) == before)
        if (axis := next(fitting, None)) is None:
            raise UnsupportedLayer(f"found {text(permuted)} reshaped to {text(sizes)}, which takes units apart")
    moved = [i for i in order if i != along and data.sizes[i] != 1]
    key = "" if moved == sorted(moved) else f"{text(data.sizes)} {along} {list(order)}"
    made = settled_on(op.target, sizes, axis, data.kind)
    if axis is None and set(sizes[1:]) <= {1}:  # one number an item
        made = Data(op.target, sizes[1:], batch_of(sizes[0]) if sizes else None, data.kind)
    if not made.open and made.view.positions == 1:  # every unit is an element
        made = replace(made, channel=None)
    node = Regrid(data.name, op.target, axes, made.shape, made.channel, 0, made.open, made.batch, key)
    reader.emit(node, made)


def _axis_of_units(data: Data) -> int | None:
    """The one of all axes that has the units; None: there is one unit.  UnsupportedLayer where there are several."""
    if data.whole or data.channel is not None:
        return data.axis
    if data.units == 1:
        return None
    longer = [axis for axis, n in enumerate(data.shape, start=int(data.batched)) if n != 1]
    if len(longer) != 1:
        raise UnsupportedLayer(
            f"found the shape {text(data.sizes)}, whose elements are units, and the batch axis moves"
        )
    return longer[0]


def _is_lone(data: Data, order: Sequence[int], sizes: Sizes) -> bool:
    """Whether a batch axis of size 1 moves: another axis of size 1 takes its place, or none does and elements stay."""
    if data.batch != 1 or data.open or not all(isinstance(n, int) for n in sizes):
        return False
    moved = [axis for axis in order if data.sizes[axis] != 1]
    return (len(sizes) > 1 and sizes[0] == 1) or moved == sorted(moved)


def _lone(reader: Reader, op: Operator, data: Data, order: Sequence[int], sizes: Sizes) -> None:
    """A reordering of what has a batch axis of size 1, which moves."""
    inner = tuple(axis - 1 for axis in order if axis)
    if len(sizes) > 1 and sizes[0] == 1:
        channel = channel_after(data.view, inner, sizes[1:])
        made = Data(op.target, sizes[1:], 1, data.kind, channel)
        moves = None if inner == tuple(sorted(inner)) else inner
        reader.emit(Reorder(data.name, op.target, moves, made.shape, channel), made)
        return
    channel = channel_after(data.view, inner, sizes)
    data = reader.elements(data) if channel is None else data
    made = Data(op.target, sizes, None, data.kind, channel)
    reader.emit(Regrid(data.name, op.target, None, sizes, channel, 0, open=False, batch=None), made)


def _open_target(target: Sequence[Any], sizes: Sizes, *, zeros: bool) -> Sizes:
    """The sizes that a target means, of which one may be -1."""
    if zeros and 0 in target:
        raise ShapeError(f"found target {list(target)}, expected at least one element")
    if any(n == 0 and axis >= len(sizes) for axis, n in enumerate(target)):
        raise ShapeError(f"found target {list(target)} for shape {text(sizes)}")
    found = [sizes[axis] if n == 0 else n for axis, n in enumerate(target)]
    total = Unknown.product(sizes)
    if found.count(-1) == 1:
        rest = total.over(Unknown.product(n for n in found if n != -1))
        if rest is None:
            raise UnsupportedLayer(f"found target {list(target)} for shape {text(sizes)}")
        found[found.index(-1)] = rest
    if any(isinstance(n, int) and n < 1 for n in found) or Unknown.product(found) != total:
        raise UnsupportedLayer(f"found target {list(target)} for shape {text(sizes)}")
    return tuple(found)


_AXES, _TARGET = INTEGERS.or_none(since=13), Port(_sizes).or_none(since=5)
_BEFORE_13 = integers().within(until=13)

REORDERINGS: Mapping[str, Rule] = {
    "Flatten": _reorder(_flatten, _flatten_whole, axis=integer(1)),
    "Reshape": _reorder(
        _reshape,
        _reshape_whole,
        _TARGET,
        shape=integers().within(until=5),
        allowzero=flag(False).within(since=14),
    ),
    "Transpose": _reorder(_transpose, _transpose_whole, perm=integers()),
    "Squeeze": _reorder(_squeeze, _squeeze_whole, _AXES, axes=_BEFORE_13),
    "Unsqueeze": _reorder(_unsqueeze, _unsqueeze_whole, _AXES, axes=_BEFORE_13),
    "Identity": _reorder(_identity, lambda data: (None, data.sizes)),
}
