# SPDX-License-Identifier: Apache-2.0
"""This file is about writing ONNX files: an exact network as operators of one float type, without any rounding."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from exactlump import floats
from exactlump.activation import ABS, OPAQUE_NAMES, RELU
from exactlump.errors import CannotWrite
from exactlump.formats.files import Content, about, pack
from exactlump.network import Activate, Dense, Head, Network, Node, Port, Reorder, Scale, Shape, Shift
from exactlump.rational import ONE, ZERO, Rational, Vector, fraction, text

_KINDS = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
}
# bfloat16 came to every operator used here with opset 22 (ONNX 1.17); the others are older than opset 13.
_VERSIONS = {"bfloat16": (22, 10)}
_OPERATORS = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}
_ALIGNMENT = 64


def render(
    network: Network, path: str | os.PathLike[str], dtype: str | None, *, packed: bool, max_inline: int
) -> Iterator[tuple[str, Content]]:
    """The files to write, weights before the model that names them; CannotWrite where a number does not fit."""
    dtype = dtype or network.dtype
    if dtype not in _KINDS:
        raise CannotWrite(f"float type: found {dtype}, expected one of {', '.join(_KINDS)}")
    writer = _Writer(network, dtype)
    for node in network.nodes:
        with about(f"tensor {node.target!r}"):
            writer.write(node)
    external = sum(array.nbytes for array in writer.constants.values()) > max_inline
    data = f"{os.fspath(path)}.data"
    try:
        model = writer.model(os.path.basename(data) if external else "")
        content = model.SerializeToString(deterministic=True)
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        raise CannotWrite(f"protobuf: {error}") from error
    if external:
        yield data, writer.blocks()
    yield os.fspath(path), pack(content) if packed else content


@dataclass(slots=True)
class _Writer:
    """The growing model: its nodes, and its constants as little-endian arrays of the float type (or int64)."""

    network: Network
    dtype: str
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    batches: dict[str, int | str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.taken.update(self.network.shapes)
        self.batches.update((port.name, port.batch) for port in self.network.inputs)

    def write(self, node: Node) -> None:
        self.batches[node.target] = self.batches[node.source]
        if isinstance(node, Dense):
            self._dense(node)
        elif isinstance(node, Shift):
            self._sum(node.source, node.target, self._shift(node.constant) or [ZERO])
        elif isinstance(node, Scale):
            self._scale(node)
        elif isinstance(node, Reorder):
            self._reorder(node)
        elif isinstance(node, Activate):
            self._activate(node)
        else:
            self._head(node)

    # Pieces of the model

    def _node(self, kind: str, inputs: list[str], target: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [target], **attributes))

    def _name(self, wish: str) -> str:
        """The wish, or something like it that nothing else is called."""
        while not wish or wish in self.taken:
            wish += "_"
        self.taken.add(wish)
        return wish

    def _constant(self, wish: str, array: NDArray[Any]) -> str:
        name = self._name(wish)
        if self.dtype == "bfloat16" and array.dtype == np.float32:
            array = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
        self.constants[name] = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
        return name

    def _values(self, wish: str, values: Vector, shape: Shape) -> str:
        """A constant with one value a unit, or a scalar when all are equal."""
        if len(set(map(fraction, values))) == 1:
            return self._constant(wish, floats.array(values[:1], self.dtype).reshape(()))
        return self._constant(wish, floats.array(values, self.dtype).reshape(shape))

    def _batched(self, tensor: str) -> bool:
        return self.batches[tensor] is not None

    def _flat(self, tensor: str) -> str:
        """The tensor as a vector a sample; itself when it is one."""
        if len(self.network.shapes[tensor]) == 1:
            return tensor
        flat = self._name(f"{tensor}_flat")
        self._reshape(tensor, flat, (self.network.units(tensor),), self._batched(tensor))
        return flat

    def _reshape(self, source: str, target: str, shape: Shape, batched: bool) -> None:
        if batched and len(shape) == 1:
            self._node("Flatten", [source], target, axis=1)
        else:
            sizes = np.array((0, *shape) if batched else shape, np.int64)
            self._node("Reshape", [source, self._constant(f"{target}_shape", sizes)], target)

    # Nodes

    def _dense(self, node: Dense) -> None:
        """Gemm where the file had one and the bias is one float a unit; else MatMul and as many Adds as it takes."""
        product, weight, bias = node.names
        array = floats.matrix(node.weight, self.dtype)
        source, batched = self._flat(node.source), self._batched(node.source)
        parts = self._shift(node.bias)
        if batched and not product and len(parts) <= 1:
            inputs = [source, self._constant(weight or f"{node.target}_weight", array)]
            if parts or bias:
                values = floats.array(node.bias, self.dtype)
                inputs.append(self._constant(bias or f"{node.target}_bias", values))
            self._node("Gemm", inputs, node.target, transB=1)
            return
        if not parts and (bias or self._read_by_shift(node.target)):
            parts = [node.bias]
        name = self._constant(weight or f"{node.target}_weight", array.T if batched else array)
        end = self._name(product or f"{node.target}_product") if parts else node.target
        self._node("MatMul", [source, name] if batched else [name, source], end)
        if parts:
            self._sum(end, node.target, parts, bias or f"{node.target}_bias", uniform=False)

    def _read_by_shift(self, tensor: str) -> bool:
        """Whether an Add follows that a reader would take for the bias of this layer."""
        readers = self.network.consumers[tensor]
        return len(readers) == 1 and isinstance(readers[0], Shift) and tensor not in self.network.outputs

    def _shift(self, values: Vector) -> list[Vector]:
        """Vectors of floats whose exact sum is the vector; as few as possible, none for zeros."""
        sums = []
        for unit, value in enumerate(values):
            parts: tuple[Rational, ...] | None = (value,) if value else ()
            if not floats.fits(value, self.dtype):
                parts = floats.pieces(value, self.dtype)
            if parts is None:
                raise CannotWrite(f"unit {unit}: {text(value)[:60]} is no finite sum of {self.dtype} numbers")
            sums.append(parts)
        return [
            tuple(parts[i] if i < len(parts) else ZERO for parts in sums) for i in range(max(map(len, sums), default=0))
        ]

    def _sum(self, source: str, target: str, parts: list[Any], wish: str = "", *, uniform: bool = True) -> None:
        """Add vectors of floats one after the other."""
        shape = self.network.shapes[target]
        for i, part in enumerate(parts):
            values = (ZERO,) * math.prod(shape) if part == ZERO else part
            last = i == len(parts) - 1
            end = target if last else self._name(f"{target}_sum")
            name = wish if wish and i == 0 else f"{target}_constant"
            if uniform:
                constant = self._values(name, values, shape)
            else:
                constant = self._constant(name, floats.array(values, self.dtype).reshape(shape))
            self._node("Add", [source, constant], end)
            source = end

    def _scale(self, node: Scale) -> None:
        """Mul by the factors that are floats, Div by the reciprocals of the others."""
        fit = [floats.fits(factor, self.dtype) for factor in node.factor]
        divisors = tuple(ONE if ok else ONE / factor for factor, ok in zip(node.factor, fit, strict=True))
        factors = tuple(factor if ok else ONE for factor, ok in zip(node.factor, fit, strict=True))
        shape, source = self.network.shapes[node.target], node.source
        if any(fit):
            end = node.target if all(fit) else self._name(f"{node.target}_scaled")
            self._node("Mul", [source, self._values(f"{node.target}_factor", factors, shape)], end)
            source = end
        if not all(fit):
            self._node("Div", [source, self._values(f"{node.target}_divisor", divisors, shape)], node.target)

    def _reorder(self, node: Reorder) -> None:
        source, batched = node.source, self._batched(node.source)
        shape = self.network.shapes[source]
        if node.axes is not None:
            shape = tuple(shape[axis] for axis in node.axes)
            axes = [0, *(axis + 1 for axis in node.axes)] if batched else list(node.axes)
            end = node.target if shape == node.shape else self._name(f"{node.target}_transposed")
            self._node("Transpose", [source], end, perm=axes)
            source = end
        elif shape == node.shape:
            self._node("Identity", [source], node.target)
        if shape != node.shape:
            self._reshape(source, node.target, node.shape, batched)

    def _activate(self, node: Activate) -> None:
        """One operator for one function; PRelu for leaky ReLUs of several slopes, or of one that is no float32."""
        slopes = [function.slope for function in node.functions]
        if len(set(node.functions)) == 1:
            function = node.functions[0]
            if function in (RELU, ABS) or function.slope is None:
                if function.slope is None and function.name not in OPAQUE_NAMES:
                    raise CannotWrite(f"found the function {function}, which is not written as ONNX")
                kind = {RELU: "Relu", ABS: "Abs"}.get(function) or function.name.capitalize()
                self._node(kind, [node.source], node.target)
                return
            if floats.fits(function.slope, "float32"):
                p, q = fraction(function.slope)
                self._node("LeakyRelu", [node.source], node.target, alpha=p / q)
                return
        if None in slopes:
            raise CannotWrite("found several functions in one layer, which no operator of ONNX computes")
        name = self._values(f"{node.target}_slope", tuple(slopes), self.network.shapes[node.target])
        self._node("PRelu", [node.source, name], node.target)

    def _head(self, node: Head) -> None:
        if len(self.network.shapes[node.source]) != 1:
            raise CannotWrite(f"{node.kind}: found several axes, expected one besides the batch axis")
        self._node(_OPERATORS[node.kind], [node.source], node.target, axis=-1)

    # The whole

    def model(self, location: str) -> ModelProto:
        """The model; its float constants are in the file of that name beside it, if a name is given."""
        opset, ir_version = _VERSIONS.get(self.dtype, (13, 8))
        outputs = [Port(name, self.network.shapes[name], self.batches[name]) for name in self.network.outputs]
        graph = helper.make_graph(
            self.nodes, "network", list(map(self._value, self.network.inputs)), list(map(self._value, outputs))
        )
        offset = 0
        for name, array in self.constants.items():
            kind = TensorProto.INT64 if array.dtype.kind == "i" else _KINDS[self.dtype]
            tensor = graph.initializer.add(name=name, data_type=kind, dims=array.shape)
            if location and array.dtype.kind != "i":
                tensor.data_location = TensorProto.EXTERNAL
                for key, value in (("location", location), ("offset", offset), ("length", array.nbytes)):
                    tensor.external_data.add(key=key, value=str(value))
                offset += array.nbytes + -array.nbytes % _ALIGNMENT
            else:
                tensor.raw_data = array.tobytes()
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(graph, producer_name="exactlump", ir_version=ir_version, opset_imports=opsets)

    def blocks(self) -> Iterator[bytes]:
        """The content of the file of external data: the float constants, each padded to whole blocks."""
        for array in self.constants.values():
            if array.dtype.kind != "i":
                yield array.tobytes()
                yield bytes(-array.nbytes % _ALIGNMENT)

    def _value(self, port: Port) -> ValueInfoProto:
        dims = port.shape if port.batch is None else (port.batch, *port.shape)
        named = [None if size == "" else size for size in dims]
        return helper.make_tensor_value_info(port.name, _KINDS[self.dtype], named)
