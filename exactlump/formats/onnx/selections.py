# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators that put tensors together and pick parts of them: Concat, Slice, Split, Gather.

Whole channels are picked as such; anything else, element by element.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.data import Data, batch_error
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator, place
from exactlump.formats.onnx.partial_shapes import is_all
from exactlump.formats.onnx.reorderings import unchanged
from exactlump.formats.onnx.rules import ANY, CONSTANT, EVERY, INTEGERS, Port, Rule, integer, integers
from exactlump.formats.onnx.tensors import Constant
from exactlump.network.kinds import Select
from exactlump.network.sizes import text
from exactlump.network.views import Shape

Indices: TypeAlias = NDArray[np.int64]


def _emit(reader: Reader, target: str, sources: Sequence[Data], picks: Indices, shape: Shape) -> None:
    """picks: pairs of source and unit; the sources have one channel axis, or none."""
    first = sources[0]
    pairs = tuple((int(i), int(u)) for i, u in picks.reshape(-1, 2))
    if not pairs:
        raise ShapeError(f"found shape {list(shape)}, expected at least one element")
    made = Data(target, shape, first.batch, first.kind, first.channel)
    names = tuple(source.name for source in sources)
    reader.emit(Select(names, target, pairs, shape, first.channel), made)


def _numbered(source: int, units: NDArray[np.generic]) -> Indices:
    """Pairs of a source and its units, along a new last axis."""
    return np.stack([np.full(units.shape, source), units], axis=-1).astype(np.int64)


def _axis(given: int | None, source: Data | Constant) -> int:
    """The attribute `axis`, counted without the batch axis."""
    rank = len(source.shape) + source.batched
    if given is None:
        raise FormatError("axis: found none")
    axis = place(given, rank)
    if axis == rank:
        raise ShapeError(f"axis: found {axis} for a tensor of rank {rank}")
    if axis < source.batched:
        raise batch_error()
    return axis - source.batched


# Concat


def _concat(reader: Reader, op: Operator, found: Sequence[Data | Constant], *, axis: int | None) -> None:
    if any(isinstance(entry, Data) and entry.open for entry in found):
        _concat_open(reader, op, [entry for entry in found if isinstance(entry, Data)], 1 if axis is None else axis)
        return
    axis = _axis(axis, found[0])
    constants = [entry for entry in found if isinstance(entry, Constant)]
    sources = [entry for entry in found if isinstance(entry, Data)]
    if constants and sources:
        raise UnsupportedLayer("found constants beside computed tensors")
    kinds = {(entry.kind, entry.shape[:axis], entry.shape[axis + 1 :]) for entry in found}
    if len({source.batch for source in sources}) > 1:
        raise UnsupportedLayer(f"found the batch axes {[str(source.batch) for source in sources]}, expected one")
    if len(kinds) > 1:
        raise ShapeError(f"found shapes {[list(entry.shape) for entry in found]} along axis {axis}")
    if constants:
        array = np.concatenate([constant.array for constant in constants], axis)
        reader.fold(op.target, Constant(array, constants[0].kind))
        return
    if {source.channel for source in sources} != {axis}:
        sources = [reader.elements(source) for source in sources]
    shape = list(sources[0].shape)
    shape[axis] = sum(source.shape[axis] for source in sources)
    if sources[0].channel is None:
        parts = [_numbered(i, np.arange(s.units).reshape(s.shape)) for i, s in enumerate(sources)]
    else:
        parts, axis = [_numbered(i, np.arange(s.units)) for i, s in enumerate(sources)], 0
    _emit(reader, op.target, sources, np.concatenate(parts, axis), tuple(shape))


def _concat_open(reader: Reader, op: Operator, found: Sequence[Data], axis: int) -> None:
    """Along the axis of units."""
    if len(found) < len(op.inputs) or not all(data.known for data in found):
        raise UnsupportedLayer("found constants, or unknown shapes, beside computed tensors")
    axis = place(axis, found[0].rank)
    if axis == 0 and any(data.whole for data in found):
        raise UnsupportedLayer("found tensors joined along the first axis, which has no units")
    sources = [reader.along(reader.settled(data), axis) for data in found]
    if len({(s.kind, s.open, s.batch, s.sizes[:axis], s.sizes[axis + 1 :]) for s in sources}) > 1:
        raise UnsupportedLayer(f"found shapes {[text(data.sizes) for data in found]} along axis {axis}")
    _gathered(reader, op.target, sources, [(i, u) for i, s in enumerate(sources) for u in range(s.units)])


def _gathered(reader: Reader, target: str, sources: Sequence[Data], picks: Sequence[tuple[int, int]]) -> None:
    """Units of tensors that have them along one axis."""
    first = sources[0]
    shape = list(first.shape)
    shape[0 if first.channel is None else first.channel] = len(picks)
    if not picks:
        raise ShapeError(f"found shape {shape}, expected at least one element")
    made = replace(first, name=target, shape=tuple(shape))
    names = tuple(source.name for source in sources)
    reader.emit(Select(names, target, tuple(picks), made.shape, made.channel, made.open), made)


def _whole(reader: Reader, target: str, source: Data) -> None:
    """All of a tensor."""
    reader.emit(unchanged(reader.settled(source), target), replace(source, name=target))


def _picked_open(reader: Reader, target: str, source: Data, axis: int, indices: Sequence[int]) -> None:
    """Some indices of one axis, which is that of the units: not the first one, which has none."""
    if list(indices) == list(range(len(indices))) and source.sizes[axis] == len(indices) and axis:
        _whole(reader, target, source)
        return
    if axis == 0:
        raise UnsupportedLayer(f"found parts of axis 0 of {text(source.sizes)}, which has no units")
    source = reader.along(reader.settled(source), axis)
    _gathered(reader, target, [source], [(0, u) for u in indices])


# Parts along axes


def _picked(reader: Reader, target: str, name: str, kept: Sequence[Sequence[int]]) -> None:
    """The part of a tensor that has the listed indices of each axis (the batch axis aside)."""
    source = reader.lookup(name)
    if isinstance(source, Constant):
        reader.fold(target, Constant(source.array[np.ix_(*kept)], source.kind))
        return
    shape = tuple(map(len, kept))
    touched = {axis for axis, indices in enumerate(kept) if list(indices) != list(range(source.shape[axis]))}
    if touched - {source.channel}:
        source = reader.elements(source)
    if source.channel is not None:
        _emit(reader, target, [source], _numbered(0, np.array(kept[source.channel], np.int64)), shape)
        return
    elements = np.arange(source.units).reshape(source.shape)
    _emit(reader, target, [source], _numbered(0, elements[np.ix_(*kept)]), shape)


def _slice(
    reader: Reader,
    op: Operator,
    source: Data | Constant,
    *given: tuple[int, ...] | None,
    **before: tuple[int, ...] | None,
) -> None:
    """Attributes before opset 10, inputs since, which may be int32 too."""
    if isinstance(source, Data) and not source.known:
        raise UnsupportedLayer("found a tensor of unknown shape")
    rank = len(source.shape) + source.batched
    starts, ends, axes, steps = given
    if reader.opset < 10:
        starts, ends, axes = before["starts"], before["ends"], before["axes"]
    if len({reader.constant(name).kind for name in op.inputs[1:] if name}) > 1:
        raise FormatError("found indices of two types, expected one")
    if starts is None or ends is None:
        raise FormatError("found no starts or ends")
    axes, steps = axes or tuple(range(len(starts))), steps or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise FormatError(f"found starts {list(starts)}, ends {list(ends)}, axes {list(axes)}, steps {list(steps)}")
    if isinstance(source, Data) and source.open:
        _slice_open(reader, op, source, list(zip(starts, ends, axes, steps, strict=True)))
        return
    kept = [range(n) for n in source.shape]
    if len({axis % rank for axis in axes}) < len(axes):
        raise FormatError(f"axes: found {list(axes)}, expected each once")
    for start, end, listed, step in zip(starts, ends, axes, steps, strict=True):
        if is_all(start, end, step) and -rank <= listed < rank:
            continue
        axis = _place(listed, rank, source.batched)
        kept[axis] = range(source.shape[axis])[slice(start, _end(end, step, source.shape[axis]), step)]
    if not all(kept):
        raise ShapeError("found an empty slice, expected at least one element")
    _picked(reader, op.target, op.input(0), kept)


def _slice_open(reader: Reader, op: Operator, source: Data, parts: Sequence[tuple[int, int, int, int]]) -> None:
    """Along one axis, of known size, others as they are."""
    if any(not -source.rank <= axis < source.rank for _, _, axis, _ in parts):
        raise ShapeError(f"axes: found {[axis for _, _, axis, _ in parts]} for a tensor of rank {source.rank}")
    kept = dict[int, range]()
    for start, end, listed, step in parts:
        axis = listed % source.rank
        if is_all(start, end, step):
            continue
        if not isinstance(size := source.sizes[axis], int) or (axis == 0 and source.rank > 1):
            raise UnsupportedLayer(f"found a slice along axis {axis} of {text(source.sizes)}")
        part = range(size)[slice(start, _end(end, step, size), step)]
        if part != range(size):
            kept[axis] = part
    if len(kept) > 1:
        raise UnsupportedLayer(f"found {len(kept)} axes to slice, expected one")
    if not kept:
        _whole(reader, op.target, source)
    for axis, part in kept.items():
        _picked_open(reader, op.target, source, axis, part)


def _end(end: int, step: int, size: int) -> int | None:
    """Where a slice ends in Python's words: going down, what lies before the first index has no number there."""
    return None if step < 0 and end < -size else end


def _place(axis: int, rank: int, batched: bool) -> int:
    if not -rank <= axis < rank:
        raise ShapeError(f"axes: found {axis} for a tensor of rank {rank}")
    axis %= rank
    if axis < batched:
        raise batch_error()
    return axis - batched


def _indices(reader: Reader, name: str, _: object) -> tuple[int, ...]:
    found = reader.constant(name)
    if found.kind == TensorProto.INT32 and found.array.ndim == 1:
        return tuple(found.array.tolist())
    return found.integers()


def _split(
    reader: Reader,
    op: Operator,
    source: Data | Constant,
    sizes: tuple[int, ...] | None,
    *,
    axis: int,
    split: tuple[int, ...] | None,
    num_outputs: int | None,
) -> None:
    """Sizes are an attribute from opset 2 on, an input since 13; without them parts are equal, the last the least."""
    is_open = isinstance(source, Data) and source.open
    if isinstance(source, Data) and not source.known:
        raise UnsupportedLayer("found a tensor of unknown shape")
    axis = place(axis, source.rank) if isinstance(source, Data) and source.open else _axis(axis, source)
    size, count = source.shape[axis], len(op.outputs)
    if not isinstance(size, int):
        raise UnsupportedLayer(f"found a split of {size}, which is unknown")
    parts = sizes if sizes is not None else split
    if parts is None:
        each = -(-size // count)
        parts = (each,) * (count - 1) + (size - each * (count - 1),)
        if reader.opset < 18 and size % count:
            raise ShapeError(f"found {size} units for {count} equal parts")
    if num_outputs not in (None, count) or len(parts) != count:
        raise FormatError(f"found {count} outputs for parts {list(parts)}")
    if sum(parts) != size or min(parts) < 1:
        raise ShapeError(f"found parts {list(parts)} of {size}, expected at least one unit in each")
    start = 0
    for target, part in zip(op.outputs, parts, strict=True):
        if isinstance(source, Data) and is_open:
            if target:
                _picked_open(reader, target, source, axis, range(start, start + part))
            start += part
            continue
        kept = [range(n) for n in source.shape]
        kept[axis] = range(start, start + part)
        start += part
        if target:
            _picked(reader, target, op.input(0), kept)


def _gather(reader: Reader, op: Operator, source: Data | Constant, constant: Constant, *, axis: int) -> None:
    """Indices are a constant of any rank; whole channels are picked by a vector."""
    if constant.array.dtype.kind != "i":
        raise FormatError("indices: expected integers")
    if isinstance(source, Data) and source.open:
        axis = place(axis, source.rank)
        if not source.known or not isinstance(source.shape[axis], int) or constant.array.ndim != 1:
            raise UnsupportedLayer("found indices of an axis of unknown size, or no vector of indices")
        size = source.shape[axis]
        if ((constant.array < -size) | (constant.array >= size)).any():
            raise ShapeError(f"indices: found one outside of {size}")
        _picked_open(reader, op.target, source, axis, (constant.array % size).tolist())
        return
    axis = _axis(axis, source)
    size = source.shape[axis]
    if ((constant.array < -size) | (constant.array >= size)).any():
        raise ShapeError(f"indices: found one outside of {size}")
    indices = constant.array % size
    if isinstance(source, Constant):
        taken = np.empty((*source.shape[:axis], *indices.shape, *source.shape[axis + 1 :]), source.array.dtype)
        taken[...] = np.take(source.array, indices, axis)  # which of one element is no array
        reader.fold(op.target, Constant(taken, source.kind))
        return
    if indices.ndim == 1:
        kept: list[Sequence[int]] = [range(n) for n in source.shape]
        kept[axis] = indices.tolist()
        _picked(reader, op.target, op.input(0), kept)
        return
    source = reader.elements(source)
    taken = np.take(np.arange(source.units).reshape(source.shape), indices, axis)
    _emit(reader, op.target, [source], _numbered(0, taken), tuple(int(n) for n in taken.shape))


_INDICES = Port(_indices).or_none(since=10)
_SLICED = {name: integers().within(until=10) for name in ("starts", "ends", "axes")}

SELECTIONS: Mapping[str, Rule] = {
    "Concat": Rule(_concat, [EVERY], {"axis": integer(1).then(4, None)}),
    "Slice": Rule(_slice, [ANY, _INDICES, _INDICES, _INDICES, _INDICES], _SLICED),
    "Split": Rule(
        _split,
        [ANY, INTEGERS.or_none()],  # in opset 1, and since 13
        {"axis": integer(0), "split": integers().within(until=13), "num_outputs": integer().within(since=18)},
    ),
    "Gather": Rule(_gather, [ANY, CONSTANT], {"axis": integer(0)}),
}
