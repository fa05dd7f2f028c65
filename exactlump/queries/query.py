# SPDX-License-Identifier: Apache-2.0
"""This file is about queries: networks with named ports, and a formula over the elements of these.

The variables of a query are the elements of its ports, numbered in the order of declaration: networks one after the
other, of each its inputs, then its outputs, of each port the elements in row-major order.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from exactlump.errors import ShapeError
from exactlump.numbers.rational import Rational, Vector
from exactlump.queries.formula import AND, Formula, joined

REAL = "real"
FLOATS = ("float16", "bfloat16", "float32", "float64")
SMALL_FLOATS = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float4e2m1")
INTEGERS = tuple(f"{sign}int{size}" for sign in ("", "u") for size in (4, 8, 16, 32, 64))
NUMBERS = (REAL, *FLOATS, *SMALL_FLOATS, *INTEGERS)
NO_NUMBERS = ("bool", "string", "complex64", "complex128")

EQUAL, ISOMORPHIC = "equal-to", "isomorphic-to"


@dataclass(frozen=True, slots=True)
class Port:
    """A tensor at the edge of a network; a shape without axes is that of one number."""

    name: str
    element_type: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    def element(self, k: int) -> str:
        """The name of element k: `X[0,2]`, or `X` where there are no axes."""
        indices = []
        for size in reversed(self.shape):
            k, index = divmod(k, size)
            indices.append(str(index))
        return f"{self.name}[{','.join(reversed(indices))}]" if indices else self.name


@dataclass(frozen=True, slots=True)
class Network:
    """The interface of a network.

    relation  `equal-to` (the very same network), `isomorphic-to` (the same graph, other weights), or empty
    other     the name of the network that the relation is to
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    relation: str = ""
    other: str = ""


@dataclass(frozen=True)
class Query:
    """Is there an input for every network such that all assertions hold of these and of the networks' outputs?

    version  "1.0" or "2.0", that of the text; 1.0 has one network, called N, with ports X and Y
    """

    version: str
    networks: tuple[Network, ...]
    assertions: tuple[Formula, ...]

    @cached_property
    def ports(self) -> tuple[Port, ...]:
        """All ports in the order of declaration."""
        return tuple(port for network in self.networks for port in (*network.inputs, *network.outputs))

    @cached_property
    def formula(self) -> Formula:
        """The conjunction of the assertions."""
        return joined(AND, self.assertions)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first variable of each port, and behind the last one how many variables there are."""
        return tuple(accumulate((port.size for port in self.ports), initial=0))

    @property
    def variables(self) -> int:
        """How many variables there are."""
        return self.starts[-1]

    @cached_property
    def input_ranges(self) -> tuple[range, ...]:
        """The variables of each input port, in the order of declaration."""
        return self._ranges(inputs=True)

    @cached_property
    def output_ranges(self) -> tuple[range, ...]:
        """The variables of each output port, in the order of declaration."""
        return self._ranges(inputs=False)

    @cached_property
    def _are_inputs(self) -> tuple[bool, ...]:
        return tuple(known for network in self.networks for known in _kinds(network))

    @property
    def needed(self) -> tuple[str, ...]:
        """The names of the networks that a file must be given for: all that are not equal to another."""
        return tuple(network.name for network in self.networks if network.relation != EQUAL)

    def is_input(self, v: int) -> bool:
        """Whether a variable is an element of an input."""
        return self._are_inputs[self._port(v)]

    def place(self, v: int) -> tuple[Port, int]:
        """The port that a variable belongs to, and which of its elements it is."""
        port = self._port(v)
        return self.ports[port], v - self.starts[port]

    def element(self, v: int) -> str:
        """The name of a variable in the text of the query's version: `X[0,2]`, or `X_2`."""
        port, k = self.place(v)
        return f"{port.name}_{k}" if self.version == "1.0" else port.element(k)

    def values(self, tensors: Mapping[str, Sequence[Rational]]) -> Vector:
        """The values of all variables, given each port's elements in row-major order.

        Raises ShapeError for a port without values, for values without a port, and for another number of elements.
        """
        for name in tensors.keys() - {port.name for port in self.ports}:
            raise ShapeError(f"{name}: found values, expected none: the query declares no such input or output")
        for port in self.ports:
            found = len(tensors[port.name]) if port.name in tensors else 0
            if found != port.size:
                raise ShapeError(f"{port.name}: found {found} values, expected {port.size}")
        return tuple(value for port in self.ports for value in tensors[port.name])

    def holds(self, values: Sequence[Rational]) -> bool:
        """Whether the values of all variables satisfy every assertion, exactly.

        That the outputs are those of the networks is for the caller to see to.  Raises ShapeError for another number
        of values.
        """
        if len(values) != self.variables:
            raise ShapeError(f"values: found {len(values)}, expected {self.variables}")
        return all(assertion.holds(values) for assertion in self.assertions)

    def _port(self, v: int) -> int:
        if not 0 <= v < self.variables:
            raise ShapeError(f"variable: found {v}, expected 0 to {self.variables - 1}")
        return bisect.bisect_right(self.starts, v) - 1

    def _ranges(self, inputs: bool) -> tuple[range, ...]:
        ends = zip(self.starts, self.starts[1:], self._are_inputs, strict=False)
        return tuple(range(first, end) for first, end, known in ends if known == inputs)


def _kinds(network: Network) -> tuple[bool, ...]:
    """Of each port whether it is an input."""
    return (True,) * len(network.inputs) + (False,) * len(network.outputs)
