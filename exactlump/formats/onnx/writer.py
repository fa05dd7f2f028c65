# SPDX-License-Identifier: Apache-2.0
"""This file is about the pieces of an ONNX file that is being written: nodes, names, constants of one float type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from exactlump.errors import CannotWrite
from exactlump.network.origin import Steps
from exactlump.network.program import Network
from exactlump.network.views import Batch, Shape, View
from exactlump.numbers import floats
from exactlump.numbers.rational import ZERO, Rational, Vector, fraction, text


@dataclass(slots=True)
class Writer:
    """The growing model: its nodes, and its constants as little-endian arrays of the float type, or of integers.

    implied  the tensors that a reader implies by itself, each with the one that it is made of
    opset    the version of the standard operators that the file is to have
    needed   the least one that has all nodes so far
    kinds    ONNX's element types of tensors, where they are not that of the file
    calls    the opaque operators that have been written
    given    the constants that these read, by the names that they had: the names now, bytes, tensors
    values_declared  what is declared of their outputs
    """

    network: Network
    dtype: str
    implied: Mapping[str, str]
    opset: int
    needed: int = 0
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    batches: dict[str, Batch] = field(default_factory=dict)
    integers: set[str] = field(default_factory=set)
    kinds: dict[str, int] = field(default_factory=dict)
    calls: set[bytes] = field(default_factory=set)
    given: dict[str, tuple[str, bytes, TensorProto]] = field(default_factory=dict)
    values_declared: list[ValueInfoProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.taken.update(self.network.views)
        self.batches.update((port.name, port.batch) for port in self.network.inputs)
        self.kinds.update((port.name, port.kind) for port in self.network.inputs)

    def source(self, tensor: str) -> str:
        """The tensor of the file that stands for a tensor of the network."""
        while tensor in self.implied:
            tensor = self.implied[tensor]
        return tensor

    def view(self, tensor: str) -> View:
        return self.network.views[tensor]

    def batched(self, tensor: str) -> bool:
        return self.batches[tensor] is not None

    def node(self, kind: str, inputs: list[str], target: str, *, opset: int = 0, **attributes: Any) -> None:
        """Add a node of an operator that needs that opset."""
        self.needed = max(self.needed, opset)
        self.nodes.append(helper.make_node(kind, inputs, [target], **attributes))

    def name(self, wish: str) -> str:
        """The wish, or something like it that nothing else is called."""
        while not wish or wish in self.taken:
            wish += "_"
        self.taken.add(wish)
        return wish

    def dequantised(self, wish: str, integers: NDArray[Any], stored: Steps, axis: int | None) -> str:
        """A constant of floats, as integers with one step, or with one for each index of an axis.

        Zero points are of the integers' type.
        """
        steps = stored.steps
        name, shape = self.name(wish), () if len(steps) == 1 else (len(steps),)
        scales = floats.array([scale for scale, _ in steps], self.dtype).reshape(shape)
        inputs = [self.constant(f"{name}_q", integers), self.constant(f"{name}_s", scales)]
        if stored.zeros or any(zero for _, zero in steps):
            zeros = np.array([zero for _, zero in steps], integers.dtype).reshape(shape)
            inputs.append(self.constant(f"{name}_z", zeros))
        attributes = {"axis": axis} if len(steps) > 1 else {}
        opset = 21 if integers.dtype.itemsize == 2 else 13 if attributes else 10
        self.node("DequantizeLinear", inputs, name, opset=opset, **attributes)
        return name

    def constant(self, wish: str, array: NDArray[Any]) -> str:
        name = self.name(wish)
        if self.dtype == "bfloat16" and array.dtype == np.float32:
            array = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
        self.constants[name] = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return name

    def values(self, wish: str, values: Vector, view: View) -> str:
        """A constant with one value a unit, or a scalar when all are equal."""
        if len(set(map(fraction, values))) == 1:
            return self.constant(wish, floats.array(values[:1], self.dtype).reshape(()))
        return self.constant(wish, floats.array(values, self.dtype).reshape(spread(view)))

    def flat(self, tensor: str) -> str:
        """The tensor as a vector a sample; itself when it is one."""
        source, shape = self.source(tensor), self.view(tensor).shape
        if len(shape) == 1 or self.view(tensor).open:
            return source
        flat = self.name(f"{source}_flat")
        self.reshape(source, flat, (self.view(tensor).elements,), self.batched(tensor))
        return flat

    def reshape(self, source: str, target: str, shape: Shape, batched: bool) -> None:
        if batched and len(shape) == 1:
            self.node("Flatten", [source], target, axis=1)
        else:
            sizes = np.array((0, *shape) if batched else shape, np.int64)
            self.node("Reshape", [source, self.constant(f"{target}_shape", sizes)], target)

    def sums(self, values: Vector) -> list[Vector]:
        """Vectors of floats whose exact sum is the vector; as few as possible, none for zeros."""
        found = []
        for unit, value in enumerate(values):
            parts: tuple[Rational, ...] | None = (value,) if value else ()
            if not floats.fits(value, self.dtype):
                parts = floats.pieces(value, self.dtype)
            if parts is None:
                raise CannotWrite(f"unit {unit}: {text(value)[:60]} is no finite sum of {self.dtype} numbers")
            found.append(parts)
        return [
            tuple(parts[i] if i < len(parts) else ZERO for parts in found)
            for i in range(max(map(len, found), default=0))
        ]

    def add(
        self,
        source: str,
        target: str,
        parts: list[Vector],
        wish: str = "",
        *,
        uniform: bool = True,
        view: View | None = None,
    ) -> None:
        """Add vectors of floats one after the other; `uniform`: as a scalar where all entries are equal.

        view: of the target, where it is no tensor of the network.
        """
        view = view or self.view(target)
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            end = target if last else self.name(f"{target}_sum")
            name = wish if wish and i == 0 else f"{target}_constant"
            if uniform:
                constant = self.values(name, part, view)
            else:
                constant = self.constant(name, floats.array(part, self.dtype).reshape(spread(view)))
            self.node("Add", [source, constant], end)
            source = end


def spread(view: View) -> Shape:
    """The shape of a constant with one value a unit, which broadcasting repeats at all positions."""
    if view.channel is None:
        return view.shape
    return tuple(n if axis == view.channel else 1 for axis, n in enumerate(view.shape))
