# SPDX-License-Identifier: Apache-2.0
"""This file is about what a reader of ONNX graphs knows: which tensors are constants, and the shapes of the others."""

import math
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.files import about
from exactlump.formats.onnx.data import Data, in_words, settled_on, spread
from exactlump.formats.onnx.tensors import FLOATS, Constant, constant, finite, type_name
from exactlump.network.activations import Activation
from exactlump.network.kinds import Dense, Node, Pick, Reorder
from exactlump.network.origin import Steps
from exactlump.network.sizes import Sizes, text
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, Rational, fraction, rational

# Elements of one tensor: far above any network, low enough that a small file cannot ask for all memory.
MOST_ELEMENTS = 1 << 24
# Elements of a tensor whose units are channels, of which each is one thing however many positions it has.
MOST_POSITIONS = 1 << 28


@dataclass(frozen=True, slots=True)
class Product:
    """A MatMul whose only reader is an Add: the two make one Dense."""

    source: str
    weight: Matrix
    name: str
    grid: bool = False


class Mark(NamedTuple):
    """How far a reader has come: counts of what it has, and what may be taken back."""

    counts: tuple[int, ...]
    products: dict[str, Product]
    implied: set[str]
    notes: Counter[str]
    unfolded: bool


@dataclass(slots=True)
class Reader:
    """The state of reading one graph.

    names     all names of the graph
    sole      for each name that is read exactly once, and by a node: that node
    products  the MatMuls that wait for their Add
    implied   the tensors that operators on images, and on elements, imply before them
    unread    second outputs of Dropout, which nothing may read
    steps     how quantised constants are stored, by the name of what a DequantizeLinear makes of them
    quantised what a QuantizeLinear makes: the tensor that it reads; that tensor by units, and their functions
    vectors   what is known of the values of INT64 tensors that are made of shapes: sizes, in order
    waiting   the nodes of the quantisers in `quantised`
    declared  the element types and shapes that the graph declares, by tensor
    others    the types that it declares which are no tensors, in their bytes
    outputs   the names of its outputs
    thresholds  what Greater compares: a tensor, and a number
    spelled   the tensors that spelled-out functions consist of
    stored    the names of the constants that the file holds
    given     tensors whose nodes are taken for unknown functions, whatever rules there are
    dust      those of their numbers that are smaller in size are read as 0; swept: how many, by name
    batchnorm the float type of rounded roots, or "exact"
    rounded   a bound of the relative error of each root that was rounded
    unfolded  whether a batch normalisation was read exactly
    """

    opset: int
    folder: Path
    initialisers: Mapping[str, TensorProto]
    sole: Mapping[str, NodeProto]
    names: Set[str]
    constants: dict[str, Constant] = field(default_factory=dict)
    data: dict[str, Data] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    implied: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    quantised: dict[str, tuple[Data, tuple[Data, tuple[Activation, ...]]]] = field(default_factory=dict)
    steps: dict[str, Steps] = field(default_factory=dict)
    vectors: dict[str, Sizes] = field(default_factory=dict)
    waiting: dict[str, NodeProto] = field(default_factory=dict)
    declared: dict[str, tuple[int, Sizes | None]] = field(default_factory=dict)
    others: dict[str, bytes] = field(default_factory=dict)
    outputs: Set[str] = field(default_factory=set)
    thresholds: dict[str, tuple[str, Rational]] = field(default_factory=dict)
    spelled: set[str] = field(default_factory=set)
    _makers: dict[str, int] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    stored: Set[str] = frozenset()
    given: Set[str] = frozenset()
    dust: Rational = ZERO
    swept: dict[str, int] = field(default_factory=dict)
    batchnorm: str = "float32"
    rounded: list[Rational] = field(default_factory=list)
    unfolded: bool = False

    def define(self, tensor: Data) -> None:
        if tensor.name in self.data or tensor.name in self.constants or tensor.name in self.initialisers:
            raise FormatError(f"tensor {tensor.name!r}: defined twice")
        most = MOST_ELEMENTS if tensor.channel is None else MOST_POSITIONS
        if not tensor.open and tensor.view.elements > most:
            raise UnsupportedLayer(f"found {tensor.view.elements} elements, expected at most {most}")
        self.data[tensor.name] = tensor

    def emit(self, node: Node, tensor: Data) -> None:
        """Add a node, and the tensor that it defines."""
        self.define(tensor)
        self._makers[tensor.name] = len(self.nodes)
        self.nodes.append(node)

    def maker(self, name: str) -> Node | None:
        """The node that defines a tensor; None for inputs, and products that wait."""
        place = self._makers.get(name, len(self.nodes))
        found = self.nodes[place] if place < len(self.nodes) else None
        return found if found is not None and found.target == name else None

    def fold(self, name: str, value: Constant) -> None:
        """Define a constant."""
        if name in self.data or name in self.constants or name in self.initialisers:
            raise FormatError(f"tensor {name!r}: defined twice")
        self.constants[name] = value

    def lookup(self, name: str) -> Data | Constant:
        """What a name stands for; FormatError when it stands for nothing yet."""
        if name in self.data:
            return self.data[name]
        if name not in self.constants:
            if name in self.unread:
                raise UnsupportedLayer(f"tensor {name!r}: the mask of Dropout is not supported")
            if name not in self.initialisers:
                raise FormatError(f"tensor {name!r}: read before any node defines it")
            with about(f"tensor {name!r}"):
                self.constants[name] = constant(self.initialisers[name], self.folder)
        return self.constants[name]

    def computed(self, name: str) -> Data:
        """The computed tensor of that name, which is not open; its elements are floats."""
        found = self.tensor(name)
        if found.open:
            raise UnsupportedLayer(f"tensor {name!r}: found {in_words(found)}, expected known sizes")
        return found

    def tensor(self, name: str) -> Data:
        """The computed tensor of that name; its elements are floats."""
        found = self.lookup(name)
        if not isinstance(found, Data):
            raise UnsupportedLayer(f"tensor {name!r}: found a constant, expected a computed tensor")
        if found.kind not in FLOATS:
            raise UnsupportedLayer(f"tensor {name!r}: found {type_name(found.kind)}, expected floats")
        return found

    def constant(self, name: str) -> Constant:
        found = self.lookup(name)
        if not isinstance(found, Constant):
            raise UnsupportedLayer(f"tensor {name!r}: found a computed tensor, expected a constant")
        with about(f"tensor {name!r}"):
            return finite(found)

    def weights(self, name: str, like: Data) -> Constant:
        """A constant of the element type of a computed tensor, as every operator here asks for."""
        found = self.constant(name)
        if found.kind != like.kind:
            raise FormatError(f"tensor {name!r}: found {type_name(found.kind)}, expected {type_name(like.kind)}")
        return found

    def factors(self, name: str, like: Data) -> Constant:
        """`weights` that enter as weights, factors or addends: without dust."""
        found = self.weights(name, like)
        if not self.dust or name not in self.stored or found.array.dtype.kind != "f":
            return found
        p, q = fraction(self.dust)
        most = 2 * p / q if self.dust < 1 else math.inf  # floats propose
        maybe = found.array[(found.array != 0) & (np.abs(found.array.astype(np.float64)) <= most)]
        gone = [value for value in set(maybe.tolist()) if abs(rational(float(value))) < self.dust]
        if not gone:
            return found
        dusty = np.isin(found.array, np.array(sorted(gone), found.array.dtype))
        self.swept[name] = int(dusty.sum())
        return replace(found, array=np.where(dusty, np.zeros((), found.array.dtype), found.array))

    def settled(self, data: Data) -> Data:
        """The tensor itself; if it is a MatMul that waits for a constant to add, there is none."""
        product = self.products.pop(data.name, None)
        if product is not None:
            bias, names = (ZERO,) * data.units, (data.name, product.name, "")
            self.nodes.append(Dense(product.source, data.name, product.weight, bias, names, product.grid))
        return data

    def elements(self, data: Data) -> Data:
        """The tensor with every element a unit: an implied one, made once, where it has a channel axis."""
        if data.whole:
            data = self.along(data, 1)
        if data.open:
            raise UnsupportedLayer(f"found {in_words(data)}, expected known sizes")
        return data if data.channel is None else self._implied(data, f"{data.name} as elements", None)

    def image(self, data: Data) -> Data:
        """The tensor with its first axis as channels: an implied one, made once, where it is not so already."""
        if data.open:
            return self.along(data, 1)
        if not data.batched or len(data.shape) < 2:
            raise UnsupportedLayer(f"found shape {list(data.shape)}, expected a batch axis, channels and a grid")
        if data.channel == 0:
            return data
        below = self.elements(data)
        return self._implied(below, f"{below.name} as image", 0)

    def along(self, data: Data, axis: int) -> Data:
        """The tensor with its units along one of all axes: an implied one, made once, where it is not so already."""
        if data.axis == axis:
            return data
        wish = "as image" if axis == 1 else f"as image of axis {axis}"
        if data.whole:
            return self._picked(data, axis, f"{data.name} {wish}")
        if data.rank < 2 or not 0 < axis < data.rank:
            raise UnsupportedLayer(f"found {in_words(data)}, expected units along axis {axis}")
        below = self.elements(data)
        return self._implied(below, f"{below.name} {wish}", axis - data.batched)

    def _picked(self, data: Data, axis: int, name: str) -> Data:
        if not data.known or not 0 <= axis < data.rank or not isinstance(data.shape[axis], int):
            raise UnsupportedLayer(f"found {in_words(data)}, expected units along axis {axis}")
        made = settled_on(name, data.sizes, axis, data.kind)
        if name not in self.implied:
            key = f"{text(data.sizes)} {axis}"
            self.emit(Pick(data.name, name, axis, made.shape, made.channel, made.open, made.batch, key), made)
            self.implied.add(name)
        return made

    def _implied(self, data: Data, name: str, channel: int | None) -> Data:
        made = replace(data, name=name, channel=channel)
        if name not in self.implied:
            self.emit(Reorder(data.name, name, None, data.shape, channel), made)
            self.implied.add(name)
        return made

    def spread(self, data: Data, array: NDArray[Any]) -> tuple[Data, NDArray[Any]]:
        """A constant for each unit of a tensor, broadcast; of its elements where it differs inside of a channel."""
        if data.open:
            return self._along_one(data, array)
        if data.channel is not None and array.ndim <= data.rank and array.size == data.units:
            axis = data.channel + data.batched - (data.rank - array.ndim)
            if 0 <= axis < array.ndim and array.shape[axis] == data.units:
                return data, array.reshape(-1)
        full = spread(array, data)
        if data.channel is None:
            return data, full.reshape(-1)
        images = np.moveaxis(full, data.channel, 0).reshape(data.units, -1)
        if (images == images[:, :1]).all():
            return data, images[:, 0]
        return self.elements(data), full.reshape(-1)

    def _along_one(self, data: Data, array: NDArray[Any]) -> tuple[Data, NDArray[Any]]:
        """A constant for each unit of an open tensor, which differs along the axis of units only."""
        longer = [data.rank - array.ndim + i for i, n in enumerate(array.shape) if n != 1]
        if not data.known or array.ndim > data.rank:
            raise UnsupportedLayer(f"found a constant of shape {list(array.shape)} for {in_words(data)}")
        fits = all(data.sizes[axis] == array.shape[axis - data.rank] for axis in longer)
        if fits and array.size and (data.whole or 0 not in longer) and (array == array.flat[0]).all():
            return data, np.repeat(array.reshape(-1)[:1], data.units)
        if len(longer) > 1:
            raise UnsupportedLayer(f"found a constant of shape {list(array.shape)} for {in_words(data)}")
        (axis,) = longer
        data = data if data.axis == axis or not data.whole else self.along(data, axis)
        if data.axis != axis or data.units != array.size:
            raise UnsupportedLayer(f"found a constant of shape {list(array.shape)} for {in_words(data)}")
        return data, array.reshape(-1)

    # Trying a rule, and forgetting what it did.

    def ranked(self, name: str) -> Data:
        """The computed tensor of that name, whose rank is known; its elements are floats."""
        found = self.tensor(name)
        if not found.known:
            raise UnsupportedLayer(f"tensor {name!r}: found an unknown shape")
        return found

    def mark(self) -> Mark:
        """Where the reader is."""
        counts = tuple(map(len, self._books()))
        return Mark(counts, dict(self.products), set(self.implied), Counter(self.notes), self.unfolded)

    def reset(self, mark: Mark) -> None:
        """Back to where the reader was."""
        for kept, count in zip(self._books(), mark.counts, strict=True):
            if isinstance(kept, list):
                del kept[count:]
            else:
                for name in list(kept)[count:]:
                    del kept[name]
        self.products, self.implied, self.notes, self.unfolded = mark.products, mark.implied, mark.notes, mark.unfolded

    def _books(self) -> tuple[Any, ...]:
        """What grows while reading."""
        return (self.nodes, self.data, self.constants, self.quantised, self.steps, self.rounded, self.swept)

    def fresh(self, wish: str) -> str:
        """A name for a tensor that has none in the file."""
        while wish in self.names:
            wish += "'"
        return wish
