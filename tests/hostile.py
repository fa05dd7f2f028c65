# SPDX-License-Identifier: Apache-2.0
"""This file is about mutants of ONNX files: one small change to a model, which a checker must see if it says something.

Every change is drawn with a seed.  What ONNX's reference evaluator computes for both files says whether an accepted
pair computes the same function.
"""

import copy
import math

import numpy as np
from onnx import AttributeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from exactlump import check
from tests.checker_values import Empty, Values

WORDS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", "forward", "reverse", "none", "tanh", "Tanh", "Relu", "Sigmoid")
WORDS += ("nearest", "linear", "bilinear", "constant", "reflect", "edge", "mean", "sum", "ROUND", "FLOOR")
FAMILIES = (
    ("Relu", "LeakyRelu", "Abs", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Sin", "Cos", "Exp", "Elu", "Selu"),
    ("HardSigmoid", "HardSwish", "Mish", "Gelu", "Celu", "ThresholdedRelu", "Sign", "Floor", "Ceil", "Round", "Relu"),
    ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "PRelu"),
    ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"),
    ("ReduceSum", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceL1", "ReduceProd"),
    ("Softmax", "LogSoftmax", "Hardmax"),
    ("Tan", "Atan", "Sinh", "Neg", "Identity", "Log", "Sqrt"),
    ("MaxPool", "AveragePool", "LpPool"),
    ("GlobalMaxPool", "GlobalAveragePool"),
    ("MatMul", "Gemm"),
    ("Squeeze", "Unsqueeze", "Flatten", "Transpose", "Identity"),
)


def nodes_of(model):
    """All nodes: of the graph, of branches, of local functions."""
    found, left = [], [*model.graph.node, *(node for function in model.functions for node in function.node)]
    while left:
        node = left.pop(0)
        found.append(node)
        left += [inner for attribute in node.attribute for inner in attribute.g.node]
    return found


def tensors_of(model):
    """All constants, with a function that replaces each."""
    found = [*model.graph.initializer]
    for node in nodes_of(model):
        for attribute in node.attribute:
            found += [*attribute.g.initializer] + ([attribute.t] if attribute.type == AttributeProto.TENSOR else [])
    return found


class Mutator:
    """Changes of a model, each of a kind; None where the model has nothing of that kind."""

    def __init__(self, rng, without=()):
        self.rng = rng
        kinds = (name.removeprefix("to_") for name in dir(self) if name.startswith("to_"))
        self.kinds = [kind for kind in kinds if kind not in without]

    def __call__(self, model):
        """A mutant, and the kind of the change."""
        while True:
            made, kind = copy.deepcopy(model), self.rng.choice(self.kinds)
            getattr(self, f"to_{kind}")(made)
            if made != model:
                return made, kind

    def constant(self, model, kinds):
        found = [t for t in tensors_of(model) if numpy_helper.to_array(t).dtype.kind in kinds and math.prod(t.dims)]
        if not found:
            return None, np.zeros(0)
        tensor = self.rng.choice(found)
        return tensor, np.array(numpy_helper.to_array(tensor))

    def put(self, tensor, array):
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))

    def entry(self, array):
        return tuple(self.rng.randrange(n) for n in array.shape)

    def to_last_place(self, model):
        """The next float up or down."""
        tensor, array = self.constant(model, "f")
        if tensor is not None:
            at = self.entry(array)
            array[at] = np.nextafter(array[at], array.dtype.type(self.rng.choice((-np.inf, np.inf))))
            self.put(tensor, array)

    def to_number(self, model):
        """Another number: negated, doubled, zero, one more."""
        tensor, array = self.constant(model, "fiub")
        if tensor is not None:
            at, change = (
                self.entry(array),
                self.rng.choice((lambda y: -y, lambda y: 2 * y, lambda y: y + 1, lambda y: y - y)),
            )
            array[at] = not array[at] if array.dtype.kind == "b" else change(array[at])
            self.put(tensor, array)

    def to_exchanged(self, model):
        """Two numbers of one constant exchanged."""
        tensor, array = self.constant(model, "fiub")
        if tensor is not None:
            a, b = self.entry(array), self.entry(array)
            array[a], array[b] = array[b].copy(), array[a].copy()
            self.put(tensor, array)

    def to_shape(self, model):
        """A constant of another shape, with the same numbers."""
        tensor, array = self.constant(model, "fiub")
        if tensor is not None:
            shapes = [
                (1, *array.shape),
                (*array.shape, 1),
                (array.size,),
                (1, 1, *array.shape),
                array.shape[1:] or (1,),
            ]
            shapes = [shape for shape in (*shapes, array.shape[::-1], ()) if math.prod(shape) == array.size]
            self.put(tensor, array.reshape(self.rng.choice(shapes)) if self.rng.random() < 0.8 else array.T.copy())

    def to_type(self, model):
        """A constant of another element type."""
        tensor, array = self.constant(model, "fiub")
        if tensor is not None:
            self.put(tensor, array.astype(self.rng.choice(("f2", "f4", "f8", "i4", "i8", "u1", "?"))))

    def attribute(self, model, *kinds):
        found = [a for node in nodes_of(model) for a in node.attribute if a.type in kinds and not a.ref_attr_name]
        return self.rng.choice(found) if found else None

    def to_integer(self, model):
        """An attribute with another integer."""
        found = self.attribute(model, AttributeProto.INT, AttributeProto.INTS)
        if found is not None and found.type == AttributeProto.INT:
            found.i = self.rng.choice((found.i + 1, found.i - 1, 0, -1, 1, 2, -found.i))
        elif found is not None and found.ints:
            i = self.rng.randrange(len(found.ints))
            found.ints[i] = self.rng.choice((found.ints[i] + 1, found.ints[i] - 1, 0, 1, -found.ints[i]))

    def to_order(self, model):
        """The integers of an attribute in another order."""
        found = self.attribute(model, AttributeProto.INTS)
        if found is not None:
            ints = [*found.ints]
            self.rng.shuffle(ints)
            found.ints[:] = ints

    def to_float(self, model):
        """An attribute with the next float, or twice the number."""
        found = self.attribute(model, AttributeProto.FLOAT)
        if found is not None:
            near = float(np.nextafter(np.float32(found.f), np.float32(np.inf)))
            found.f = self.rng.choice((near, 2 * found.f, -found.f, 0.0))

    def to_word(self, model):
        """An attribute with another word."""
        found = self.attribute(model, AttributeProto.STRING, AttributeProto.STRINGS)
        if found is not None and found.type == AttributeProto.STRING:
            found.s = self.rng.choice(WORDS).encode()
        elif found is not None and found.strings:
            found.strings[self.rng.randrange(len(found.strings))] = self.rng.choice(WORDS).encode()

    def to_default(self, model):
        """An attribute left out."""
        found = [node for node in nodes_of(model) if node.attribute]
        if found:
            node = self.rng.choice(found)
            del node.attribute[self.rng.randrange(len(node.attribute))]

    def to_inputs(self, model):
        """Inputs exchanged, left out, or another tensor in the place of one."""
        node = self.rng.choice(nodes_of(model))
        if node.input:
            i, j = self.rng.randrange(len(node.input)), self.rng.randrange(len(node.input))
            names = [name for other in nodes_of(model) for name in (*other.input, *other.output)]
            a, b = self.rng.choice(
                ((node.input[j], node.input[i]), ("", node.input[j]), (self.rng.choice(names), node.input[j]))
            )
            node.input[i] = a
            if i != j:
                node.input[j] = b

    def to_outputs(self, model):
        """One more output without a name, or the outputs in other places."""
        node = self.rng.choice(nodes_of(model))
        names = self.rng.choice(([*node.output, ""], ["", *node.output], [*reversed(node.output)], [*node.output][:-1]))
        node.output[:] = names

    def to_operator(self, model):
        """A similar operator."""
        node = self.rng.choice(nodes_of(model))
        family = [family for family in FAMILIES if node.op_type in family]
        if family:
            node.op_type = self.rng.choice(self.rng.choice(family))

    def to_opset(self, model):
        """Another opset of the model, or of a function."""
        imports = [*model.opset_import, *(entry for function in model.functions for entry in function.opset_import)]
        entry = self.rng.choice(imports)
        entry.version = self.rng.choice((6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 20, 21)) if not entry.domain else 2

    def ports(self, model):
        return [*model.graph.input, *model.graph.output, *model.graph.value_info]

    def to_size(self, model):
        """Another size, or another symbol, of what is declared."""
        found = [p for p in self.ports(model) if p.type.tensor_type.shape.dim]
        if found:
            dim = self.rng.choice(self.rng.choice(found).type.tensor_type.shape.dim)
            word = self.rng.choice(("B", "T", "S", "N", "M", dim.dim_value + 1, 1, 2, 3, 4))
            dim.Clear()
            setattr(dim, "dim_param" if isinstance(word, str) else "dim_value", word)

    def to_symbol(self, model):
        """A symbol with another name everywhere."""
        dims = [dim for p in self.ports(model) for dim in p.type.tensor_type.shape.dim if dim.dim_param]
        if dims:
            old, new = self.rng.choice(dims).dim_param, self.rng.choice(("B", "T", "S", "Q", "?"))
            for dim in dims:
                dim.dim_param = new if dim.dim_param == old else old if dim.dim_param == new else dim.dim_param

    def to_axes(self, model):
        """The sizes of what is declared in another order, one more, one less, or none."""
        port = self.rng.choice(self.ports(model))
        dims = [copy.deepcopy(dim) for dim in port.type.tensor_type.shape.dim]
        one = helper.make_tensor_type_proto(1, [1]).tensor_type.shape.dim[0]
        self.rng.shuffle(dims)
        dims = self.rng.choice((dims, [one, *dims], dims[1:], [*dims, one]))
        port.type.tensor_type.ClearField("shape")
        if self.rng.random() < 0.9 or port in model.graph.input:
            port.type.tensor_type.shape.dim.extend(dims)
            port.type.tensor_type.shape.SetInParent()

    def to_names(self, model):
        """Outputs, or inputs, of the model in another order."""
        ports = self.rng.choice((model.graph.output, model.graph.input))
        found = [copy.deepcopy(port) for port in ports]
        self.rng.shuffle(found)
        del ports[:]
        ports.extend(found)

    def to_fewer(self, model):
        """A node whose output is its first input instead."""
        nodes = model.graph.node
        i = self.rng.randrange(len(nodes))
        if nodes[i].input and nodes[i].output and len(nodes) > 1:
            old, new = nodes[i].output[0], nodes[i].input[0]
            for node in nodes_of(model):
                node.input[:] = [new if name == old else name for name in node.input]
            if old not in [port.name for port in model.graph.output]:
                del nodes[i]


# --- What both compute --------------------------------------------------------------------------------


def shape_of(port, sizes):
    """The shape of an input, with a size for each symbol."""
    return [
        dim.dim_value if dim.HasField("dim_value") else sizes.setdefault(dim.dim_param or f"{port.name}{i}", 1)
        for i, dim in enumerate(port.type.tensor_type.shape.dim)
    ]


def inputs_of(model):
    constants = {tensor.name for tensor in model.graph.initializer}
    return [port for port in model.graph.input if port.name not in constants]


class Draw(dict):
    """Sizes of symbols, drawn when they are first asked for."""

    def __init__(self, rng):
        super().__init__()
        self.rng = rng

    def setdefault(self, key, _):
        if key not in self:
            self[key] = self.rng.choice((1, 2, 3))
        return self[key]


def drawn(port, shape, rng):
    """An input of small numbers and some larger ones."""
    kind = helper.tensor_dtype_to_np_dtype(port.type.tensor_type.elem_type)
    x = np.array([rng.choice((-4, -3, -2, -1, 0, 1, 2, 3, 5, 21)) for _ in range(math.prod(shape))])
    return (x.reshape(shape) / rng.choice((1, 1, 2))).astype(kind)


def feeds(one, other, rng, by_item):
    """Equal inputs for both: of one shape; by_item: of one item of the batch, repeated as often as each needs it."""
    ours, theirs = {}, {}
    sizes = Draw(rng)
    named = {port.name: port for port in inputs_of(other)}
    pairs = [(port, named.get(port.name)) for port in inputs_of(one)]
    if any(port is None for _, port in pairs):
        pairs = [*zip(inputs_of(one), inputs_of(other), strict=True)]
    for port, like in pairs:
        shape = shape_of(port, sizes)
        x = drawn(port, shape, rng)
        if by_item and len(shape) > 1:
            x = np.repeat(x[:1], shape[0], axis=0)
        ours[port.name] = x
        lengths = [dim.dim_value for dim in like.type.tensor_type.shape.dim]
        if not by_item:
            theirs[like.name] = x.reshape([n or m for n, m in zip(lengths, x.shape, strict=True)])
        else:
            item = x[:1].ravel() if len(shape) > 1 else x.ravel()
            batch = (lengths[0] or 2) if len(lengths) > 1 else 1
            theirs[like.name] = np.tile(item, batch).reshape([batch, *lengths[1:]] if len(lengths) > 1 else lengths)
    return ours, theirs


def computed(evaluator, feed, by_item):
    """The outputs by name: flat; by_item: of the first item."""
    names = evaluator.output_names
    found = [np.asarray(y).astype(np.float64) for y in evaluator.run(None, feed)]
    batches = {x.shape[0] for x in feed.values() if x.ndim > 1}
    if by_item and len(batches) == 1:
        found = [y.ravel()[: y.size // batches.copy().pop()] for y in found]
    return dict(zip(names, map(np.ravel, found), strict=True))


def runs(model):
    """Whether ONNX's reference evaluator computes a model in its opset: it takes old softmaxes for new ones."""
    old = any(entry.version < 13 for entry in model.opset_import if not entry.domain)
    return not old or not any("Softmax" in node.op_type or node.op_type == "Hardmax" for node in nodes_of(model))


def gap_of(a, b):
    """The largest of |a - b| / (1 + |a|); where both are no number, nothing."""
    if a.shape != b.shape:
        return math.inf
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    gaps = np.where(same, 0, np.abs(a - b) / (1 + np.abs(a)))
    return float(np.nan_to_num(gaps, nan=math.inf).max(initial=0))


def difference(one, other, rng, by_item, tries=6):
    """How far two models are apart at some inputs; None: the reference evaluator runs one of them nowhere."""
    worst = None
    for _ in range(tries if runs(one) and runs(other) else 0):
        try:
            pair = feeds(one, other, rng, by_item)
            evaluators = [ReferenceEvaluator(model) for model in (one, other)]
            ours, theirs = (computed(e, feed, by_item) for e, feed in zip(evaluators, pair, strict=True))
        except Exception:  # noqa: BLE001 - mutants break it in every way
            continue
        if ours.keys() != theirs.keys():
            theirs = dict(zip(ours, theirs.values(), strict=True))
        worst = max([worst or 0.0, *(gap_of(a, theirs[name]) for name, a in ours.items())])
    return worst


def read_apart(model, rng, path, tries=3):
    """Whether what the checker reads in a file computes, in the same shapes, what the reference evaluator does."""
    path.write_bytes(model.SerializeToString())
    try:
        network = check.read_network(str(path), "as stored", check.MAX_UNPACKED)
    except check.Stop as stop:
        return stop.verdict
    if network.given:
        return "opaque"
    answer = "not run"
    for _ in range(tries if runs(model) else 0):
        sizes = Draw(rng)
        try:
            feed = {port.name: drawn(port, shape_of(port, sizes), rng) for port in inputs_of(model)}
            wanted = ReferenceEvaluator(model).run(network.outputs, feed)
        except Exception:  # noqa: BLE001 - mutants break it in every way
            continue
        try:
            values = Values(network, feed)
        except Empty:
            continue
        pairs = [*zip(wanted, network.outputs, strict=True)]
        if not all(np.isfinite(y).all() for y, _ in pairs):  # a logarithm of what float32 takes for 0
            continue
        if max(gap_of(np.asarray(y, np.float64), values.output(name)) for y, name in pairs) > 2e-4:
            return "different"
        answer = "equal"
    return answer
