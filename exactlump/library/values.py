# SPDX-License-Identifier: Apache-2.0
"""This file is about the exact outputs of a network at arrays of inputs, one or many at a time."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump import formats
from exactlump.errors import ShapeError
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.rational import flat, vector
from exactlump.points.evaluation import Evaluator
from exactlump.points.limbs import numbers


def evaluate(model: Any, *inputs: Any) -> Any:
    """The exact outputs of a network (Definitions 2 and 3), fast: at many inputs, and for large networks.

    model   whatever `read` takes
    inputs  for each input of the network an array, a tensor or a list: of its shape, or flat; or many of them, along a
            first axis more, as many for each input.  Floats are the numbers that they are
    Returns an array of rationals of the output's shape, with the axis of the batch first if there was one; a tuple of
    them where the network has several outputs.
    Raises ShapeError for other shapes, WrongType and FormatError for what is no finite number, UnsupportedLayer for
    heads without rational values, NoExactValue where an activation has none.

    >>> network = Network.chain([[[1, 1], [1, -1]], [[1, 2]]])
    >>> evaluate(network, [0.5, 0.25]) == vector([1.25])
    array([ True])
    >>> evaluate(network, [[1, 0], [0, 1], [2, 2]]).shape
    (3, 1)
    """
    network = formats.read(model)
    if len(inputs) != len(network.inputs):
        raise ShapeError(f"inputs: found {len(inputs)}, expected {len(network.inputs)}")
    batches = [_batch(port, given) for port, given in zip(network.inputs, inputs, strict=True)]
    alone = all(batch is None for batch in batches)
    sizes = {batch for batch in batches if batch is not None}
    if len(sizes) > 1 or (sizes and None in batches):
        raise ShapeError(f"inputs: found batches of {sorted(sizes)}, expected as many inputs for each")
    exact = [vector(given) for given in inputs]
    outputs = list(_outputs(network, exact, 1 if alone else sizes.pop()))
    shapes = [network.shapes[name] for name in network.outputs]
    found = tuple(_array([rows[i] for rows in outputs], shape, alone) for i, shape in enumerate(shapes))
    return found[0] if len(found) == 1 else found


def _batch(port: Port, given: Any) -> int | None:
    """How many inputs there are along a first axis more; None where there is one input, without such an axis."""
    shape, elements = _shape(given), math.prod(port.shape)
    if shape in (port.shape, (elements,)) or (not shape and elements == 1):
        return None
    if shape[1:] in (port.shape, (elements,)):
        return shape[0]
    raise ShapeError(
        f"input {port.name!r}: found the shape {list(shape)}, expected {list(port.shape)}, or many of them"
    )


def _shape(given: Any) -> tuple[int, ...]:
    """The shape of an array, a tensor or a nested list, whose lists must be of one length."""
    if hasattr(given, "shape"):
        return tuple(map(int, given.shape))
    if not isinstance(given, list | tuple):
        return ()
    inner = {_shape(entry) for entry in given}
    if len(inner) > 1:
        raise ShapeError(f"input: found lists of the shapes {sorted(map(list, inner))} beside each other")
    return (len(given), *(inner.pop() if inner else ()))


def _outputs(network: Network, inputs: Sequence[Sequence[Any]], batch: int) -> Iterator[list[Sequence[Any]]]:
    """The outputs at each input of a batch, each flat."""
    evaluator = Evaluator(network)
    for i in range(batch):
        x = [value for part in inputs for value in part[i * (len(part) // batch) : (i + 1) * (len(part) // batch)]]
        values = evaluator.valuation(numbers(x))
        yield [values[name].rationals for name in network.outputs]


def _array(rows: Sequence[Sequence[Any]], shape: tuple[int, ...], alone: bool) -> NDArray[Any]:
    found = np.empty(len(rows) * math.prod(shape), object)
    found[:] = flat(list(rows))
    return found.reshape(shape if alone else (len(rows), *shape))
