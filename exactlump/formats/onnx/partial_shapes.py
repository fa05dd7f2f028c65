# SPDX-License-Identifier: Apache-2.0
"""This file is about shapes of which not every size is said, and about what rules for them read off a node."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from exactlump.formats.onnx.data import Data
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.tensors import MOST_AXES, Constant
from exactlump.network.sizes import Size, Sizes

# An end of a slice that is beyond every size.
BEYOND = (1 << 63) - 1
# The inputs of a node: a tensor, a constant, or nothing.
Inputs: TypeAlias = Sequence[Data | Constant | None]
# A shape some of whose sizes are not said.
Partial: TypeAlias = tuple[Size | None, ...]
# What a rule knows: the reader, the node, its inputs, and their sizes.
Rule: TypeAlias = Callable[[Reader, Operator, Inputs, Sequence[Sizes | None]], Sequence[Partial | None]]


def sizes_of(found: Data | Constant | None) -> Sizes | None:
    """The sizes of an input; None where they are unknown."""
    if isinstance(found, Constant):
        return found.shape
    return found.sizes if found is not None and found.known else None


def fits(shape: Partial) -> bool:
    return all(not isinstance(n, int) or n > 0 for n in shape)


def first_of(known: Sequence[Sizes | None]) -> Sizes:
    assert known[0] is not None
    return known[0]


def entry_of(known: Sequence[Sizes | None], index: int) -> Sizes | None:
    return known[index] if index < len(known) else None


def integers_of(found: Inputs, index: int) -> tuple[int, ...] | None:
    """The numbers of a constant vector, or a constant number; None: there is no such constant."""
    entry = found[index] if index < len(found) else None
    if not isinstance(entry, Constant) or entry.array.ndim > 1 or entry.array.dtype.kind != "i":
        return None
    return tuple(int(n) for n in entry.array.reshape(-1).tolist())


def given_to(op: Operator, found: Inputs, index: int, name: str) -> tuple[int, ...] | None:
    """Numbers that are an attribute in older opsets, an input in newer ones; () where there are neither."""
    if index < len(found) and found[index] is not None:
        return integers_of(found, index)
    return tuple(int(n) for n in op.attributes.get(name, ()))


def vector_of(reader: Reader, op: Operator, found: Inputs, index: int) -> Partial | None:
    """A shape that an input names, as far as its numbers are known."""
    known = reader.vectors.get(op.input(index))
    numbers = known if known is not None else integers_of(found, index)
    if numbers is not None:
        return numbers
    sizes = sizes_of(found[index]) if index < len(found) else None
    if sizes is None or len(sizes) != 1 or not isinstance(sizes[0], int) or sizes[0] > MOST_AXES:
        return None
    return (None,) * sizes[0]


def places_of(axes: Sequence[int], rank: int) -> list[int] | None:
    """The axes counted from the first one; None where one is no axis, or comes twice."""
    if any(not -rank <= axis < rank for axis in axes):
        return None
    found = [axis % rank for axis in axes]
    return found if len(set(found)) == len(found) else None


def axis_of(op: Operator, default: int, rank: int) -> int | None:
    axis = int(op.attributes.get("axis", default))
    return axis % rank if -rank <= axis < rank else None


def broadcast(found: Sequence[Sizes | Partial | None]) -> Partial | None:
    """The shape that broadcasting makes of several."""
    shapes = [sizes for sizes in found if sizes is not None]
    if len(shapes) < len(found) or not shapes:
        return None
    rank = max(map(len, shapes))
    made: list[Size | None] = []
    for axis in range(-rank, 0):
        sizes = {sizes[axis] for sizes in shapes if len(sizes) >= -axis} - {1}
        numbers = [n for n in sizes if isinstance(n, int)]
        if len(numbers) > 1:
            return None
        lone = next(iter(sizes)) if len(sizes) == 1 else None
        made.append(numbers[0] if numbers else lone if sizes else 1)
    return tuple(made)


def is_all(start: int, end: int, step: int) -> bool:
    """Whether a slice takes everything, whatever the size is."""
    return (start, end, step) == (0, BEYOND, 1)
