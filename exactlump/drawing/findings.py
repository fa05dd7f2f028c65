# SPDX-License-Identifier: Apache-2.0
"""This file is about inputs at which two networks differ: as images where they are images, else element by element.

Beside an input may stand the one that it was looked for around, with the difference of both.
"""

from collections.abc import Sequence
from itertools import product

from exactlump.drawing.bars import draw_outputs, draw_vector
from exactlump.drawing.images import Grid, draw_difference, draw_image, image_of
from exactlump.drawing.numerals import Number
from exactlump.drawing.svg import Picture, stacked
from exactlump.numbers.rational import rational

MOST_CHANNELS = 4
MOST_OUTPUTS = 64
# The fewest rows and columns that are taken for an image where nobody says what the axes are.
_LEAST = 4


def grids(values: Sequence[Number], shape: Sequence[int], axes: Sequence[str] = ()) -> list[Grid]:
    """The channels of an input as grids of numbers, row by row; [] for what is no image.

    shape, axes  of the input: an image has the axis "channel" among three; or nothing is known of its axes, there are
                 three or more, and the last two are not short

    >>> grids(range(4), (1, 2, 2), ("channel", "row", "column"))
    [[[0, 1], [2, 3]]]
    >>> grids(range(4), (4,)), len(grids(range(48), (3, 4, 4))), grids(range(48), (4, 4, 3))
    ([], 3, [])
    """
    if "channel" in axes and len(shape) == 3:
        return _by_channel(values, shape, axes.index("channel"))
    if len(shape) < 3 or min(shape[-2:]) < _LEAST:
        return []
    height, width = shape[-2:]
    size = height * width
    return [image_of(values[i : i + size], height, width) for i in range(0, len(values), size)]


def _by_channel(values: Sequence[Number], shape: Sequence[int], channel: int) -> list[Grid]:
    steps = [shape[1] * shape[2], shape[2], 1]
    row, column = (axis for axis in range(3) if axis != channel)
    found: list[Grid] = []
    for c in range(shape[channel]):
        grid: list[list[Number]] = [[] for _ in range(shape[row])]
        for i, j in product(range(shape[row]), range(shape[column])):
            grid[i].append(values[c * steps[channel] + i * steps[row] + j * steps[column]])
        found.append(grid)
    return found


def draw_input(
    values: Sequence[Number],
    names: Sequence[str],
    shape: Sequence[int] = (),
    axes: Sequence[str] = (),
    around: Sequence[Number] | None = None,
) -> list[Picture]:
    """The pictures of an input: one for each channel of an image, else one of its elements.

    names   of the elements; shape, axes: as `grids` has them
    around  another input of the same shape: shown first, and then the difference of both

    >>> draw_input([1, 2], ["x[0]", "x[1]"])
    [Picture(448 x 82: The input)]
    """
    channels = grids(values, shape, axes)
    if not channels:
        shown = [draw_vector(values, names, title="The input")]
        if around is not None:
            gaps = [rational(x) - rational(y) for x, y in zip(values, around, strict=True)]
            shown.append(draw_vector(gaps, names, title="The input minus the one that it is around"))
        return shown
    others = grids(around, shape, axes) if around is not None else []
    words = [f", channel {c}" if len(channels) > 1 else "" for c in range(len(channels))]
    if others:
        pairs = zip(others[:MOST_CHANNELS], channels, words, strict=False)
        named = ("what it is around", "the input")
        return [draw_difference(a, b, names=named, title=f"The input and its difference{c}") for a, b, c in pairs]
    several = zip(channels[:MOST_CHANNELS], words, strict=False)
    return [draw_image(grid, title=f"The input{c}") for grid, c in several]


def draw_finding(
    values: Sequence[Number],
    names: Sequence[str],
    outputs: tuple[Sequence[Number], Sequence[Number]],
    shape: Sequence[int] = (),
    axes: Sequence[str] = (),
) -> Picture:
    """An input at which two networks differ, and the outputs of both there."""
    a, b = outputs
    last = draw_outputs(a[:MOST_OUTPUTS], b[:MOST_OUTPUTS], of=("a", "b"))
    return stacked([*draw_input(values, names, shape, axes), last], title="An input at which two networks differ")
