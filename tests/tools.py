# SPDX-License-Identifier: Apache-2.0
"""This file is about what tests share: ONNX models in a few words, networks in floats, and the real test networks."""

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from exactlump import read
from exactlump.errors import ExactlumpError, UnsupportedLayer
from exactlump.lumping.maximum import Lumping
from exactlump.network.kinds import Activate, Dense, Head, Reorder, Scale, Shift
from exactlump.network.layers import anchors
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, fraction, rational
from exactlump.reduction.quotient import first_member, quotient

KINDS = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
}
NEWEST = onnx.defs.onnx_opset_version()

# The optional folder of real test networks, and those of its networks that are dense.
DATA = Path(__file__).parents[2] / "shared" / "data"
_DENSE = (
    "acasxu/nnet/*",
    "acasxu/onnx/*",
    "coav/*",
    "lumpable/**/*",
    "mnist_fc/*",
    "other_activations/[!c]*",
    "other_activations/cartpole*",
    "pairs/**/*",
    "relusplit/[am]*",
    "wide_range/*",
)
_SUFFIXES = (".onnx", ".onnx.gz", ".nnet")


def real_networks(*patterns):
    """Paths of real networks as pytest parameters, one that is skipped where the folder is absent."""
    found = sorted(p for pattern in patterns or _DENSE for p in DATA.glob(pattern) if p.name.endswith(_SUFFIXES))
    if not found:
        reason = f"no real networks in {DATA}"
        return [pytest.param(None, id="none", marks=[pytest.mark.real, pytest.mark.skip(reason=reason)])]
    return [pytest.param(path, id=str(path.relative_to(DATA)), marks=_marks(path)) for path in found]


def raw_only(path):
    """Whether a .nnet file lists the means and ranges of more inputs than it has: it is read without them only."""
    if path.suffix != ".nnet":
        return False
    rows = [row for row in path.read_text().split("\n") if not row.startswith("//")]
    return rows[3].count(",") > int(rows[0].split(",")[1])


def _marks(path):
    """The network with 67 million weights is slow; no other is."""
    return [pytest.mark.real, pytest.mark.slow] if "M=64" in path.name else [pytest.mark.real]


# ONNX models


def node(kind, inputs, output, **attributes):
    """A node; names separated by blanks."""
    return helper.make_node(kind, inputs.split(), output.split(), **attributes)


def port(name, shape, dtype="float32"):
    """A declared input or output; sizes are numbers or texts, `shape=None` leaves the shape out."""
    return helper.make_tensor_value_info(name, KINDS.get(dtype, dtype), shape)


def tensor(name, values, dtype="float32", raw=False):
    """A constant with values of a float type, or of the array's own type when it holds no floats."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        if dtype == "bfloat16":
            bits = (array.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
            return helper.make_tensor(name, KINDS[dtype], array.shape, bits.tobytes(), raw=True)
        array = array.astype(dtype)
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor(name, kind, array.shape, array.tobytes() if raw else array.ravel(), raw=raw)


def model(nodes, inputs, outputs, constants=(), *, dtype="float32", opset=13, ir_version=8):
    """A model.  `inputs`, `outputs` are {name: shape} or lists of ports; `constants` {name: values} or tensors."""
    ports = [
        [port(name, shape, dtype) for name, shape in side.items()] if isinstance(side, dict) else side
        for side in (inputs, outputs)
    ]
    if isinstance(constants, dict):
        constants = [tensor(name, values, dtype) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "graph", *ports, initializer=list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def dense_model(*layers, relu="Relu", gemm=True, batch=1, dtype="float32", opset=13):
    """A model x -> layer -> relu -> layer ... -> y; a layer is (rows of weights, biases)."""
    nodes, constants, name = [], [], "x"
    for i, (weight, bias) in enumerate(layers, 1):
        weight = np.asarray(weight, float)
        last = i == len(layers)
        end = "y" if last else f"h{i}"
        constants += [
            tensor(f"W{i}", weight if gemm else weight.T, dtype),
            tensor(f"b{i}", np.asarray(bias, float), dtype),
        ]
        if gemm:
            nodes.append(node("Gemm", f"{name} W{i} b{i}", end, transB=1))
        else:
            nodes += [node("MatMul", f"{name} W{i}", f"p{i}"), node("Add", f"p{i} b{i}", end)]
        if not last:
            nodes.append(node(relu, end, f"r{i}"))
            name = f"r{i}"
    sizes = np.asarray(layers[0][0]).shape[1], len(layers[-1][1])
    return model(nodes, {"x": [batch, sizes[0]]}, {"y": [batch, sizes[1]]}, constants, dtype=dtype, opset=opset)


def save(path, content):
    """Write a model or bytes; returns the path."""
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def session(path):
    """An onnxruntime session on one thread, without optimisations that could reorder sums."""
    import gzip

    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    data = path.read_bytes()
    source = gzip.decompress(data) if path.name.endswith(".gz") else str(path)
    return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(path, *inputs):
    """The outputs in onnxruntime, flat, of one sample: flat inputs, given the model's shapes with a batch of one."""
    found = session(path)
    feed = {}
    for declared, x in zip(found.get_inputs(), inputs, strict=True):
        batch = [size if isinstance(size, int) else 1 for size in declared.shape]
        feed[declared.name] = np.asarray(x).reshape(batch)
    return [np.asarray(y, np.float64).ravel() for y in found.run(None, feed)]


# Networks in floats

_FUNCTIONS = {
    "sigmoid": lambda y: 1 / (1 + math.exp(-y)) if y > -700 else 0.0,
    "tanh": math.tanh,
    "softplus": lambda y: math.log1p(math.exp(-abs(y))) + max(y, 0.0),
    "softsign": lambda y: y / (1 + abs(y)),
    "erf": math.erf,
    "sin": math.sin,
    "cos": math.cos,
    "exp": math.exp,
}


def number(value):
    """The float64 nearest to a rational."""
    p, q = fraction(value)
    return p / q


def numbers(values):
    return np.array([number(value) for value in values], np.float64)


def weights(matrix):
    """A matrix in float64."""
    if matrix.floats is not None:
        return matrix.floats.astype(np.float64)
    dense = np.zeros(matrix.shape)
    for v in range(matrix.shape[0]):
        for u, w in matrix.row(v).items():
            dense[v, u] = number(w)
    return dense


def approximate(network, *inputs):
    """All tensors of a network in float64, flat, transcendental functions and heads included."""
    values = {port.name: np.asarray(x, np.float64).ravel() for port, x in zip(network.inputs, inputs, strict=True)}
    for n in network.nodes:
        x = values[n.source]
        if isinstance(n, Dense):
            values[n.target] = weights(n.weight) @ x + numbers(n.bias)
        elif isinstance(n, Scale):
            values[n.target] = numbers(n.factor) * x
        elif isinstance(n, Shift):
            values[n.target] = numbers(n.constant) + x
        elif isinstance(n, Reorder):
            values[n.target] = x[list(n.order(network.shapes[n.source]))]
        elif isinstance(n, Activate):
            values[n.target] = np.array([_function(f, y) for f, y in zip(n.functions, x, strict=True)])
        else:
            values[n.target] = _head(n, x)
    return values


def _function(function, y):
    if function.slope is None:
        return _FUNCTIONS[function.name](y)
    return y if y >= 0 else number(function.slope) * y


def _head(n, x):
    assert isinstance(n, Head)
    log = x - x.max() - math.log(np.exp(x - x.max()).sum())
    return log if n.kind == "log_softmax" else np.exp(log)


def error_bound(network, x, unit=2.0**-24):
    """The exact outputs at an exact input, and how far floats of that unit roundoff can be off (docs/trust.md)."""
    exact = network.valuation(*x)
    errors = {port.name: np.zeros(network.units(port.name)) for port in network.inputs}
    for n in network.nodes:
        h, e = np.abs(numbers(exact[n.source])), errors[n.source]
        if isinstance(n, Dense):
            absolute = np.abs(weights(n.weight))
            g = (n.weight.shape[1] + 1) * unit / (1 - (n.weight.shape[1] + 1) * unit)
            e = (1 + g) * (absolute @ e) + g * (absolute @ h + np.abs(numbers(n.bias)))
        elif isinstance(n, Scale):
            e = np.abs(numbers(n.factor)) * ((1 + unit) * e + unit * h)
        elif isinstance(n, Shift):
            e = (1 + unit) * e + unit * np.abs(numbers(exact[n.target]))
        elif isinstance(n, Reorder):
            e = e[list(n.order(network.shapes[n.source]))]
        else:
            slope = np.array([max(1.0, abs(number(f.slope))) for f in n.functions])
            e = slope * ((1 + unit) * e + unit * h)
        errors[n.target] = e * (1 + 2.0**-40) + 2.0**-126
    return [(numbers(exact[name]), errors[name]) for name in network.outputs]


def same(a, b):
    """Whether two networks have the same tensors, nodes and numbers; names inside Dense and notes aside."""
    return (
        [(p.name, p.shape) for p in a.inputs] == [(p.name, p.shape) for p in b.inputs]
        and a.outputs == b.outputs
        and len(a.nodes) == len(b.nodes)
        and all(map(_same_node, a.nodes, b.nodes))
    )


def _same_node(a, b):
    if isinstance(a, Dense) and isinstance(b, Dense):
        return (a.source, a.target, a.bias) == (b.source, b.target, b.bias) and a.weight == b.weight
    return a == b


def point(network, seed=0, grid=16):
    """A random exact input of a network, with small dyadic coordinates."""
    random = np.random.default_rng(seed)
    sizes = [network.units(port.name) for port in network.inputs]
    return [tuple(rational(int(i), grid) for i in random.integers(-grid, grid + 1, n)) for n in sizes]


def fails(error, code, call, *words):
    """Whether the call raises that error, on one line that has all the words."""
    with pytest.raises(ExactlumpError) as found:
        call()
    message = str(found.value)
    assert type(found.value) is error, message
    assert found.value.exit_code == code
    assert message
    assert message.isprintable()
    for word in words:
        assert word in message
    return message


def no_rule(path, why, **options):
    """No rule reads a file as a whole, for that reason: it is refused, or its operators are opaque."""
    try:
        reasons = [node.call.why for node in read(path, **options).opaque]
    except UnsupportedLayer as error:
        reasons = [str(error)]
    assert any(why in reason for reason in reasons), reasons


def tiny(dtype="exact"):
    """x -> 2 ReLUs -> y, for tests of writing."""
    from exactlump.network.activations import RELU
    from exactlump.network.views import Port
    from exactlump.numbers.matrix import Matrix

    nodes = (
        Dense(
            "x",
            "h",
            Matrix.from_rows([{0: rational(1)}, {0: rational(-2), 1: rational(1, 2)}], 2),
            (rational(0), rational(1)),
        ),
        Activate("h", "r", (RELU, RELU)),
        Dense("r", "y", Matrix.from_rows([{0: rational(1), 1: rational(3)}], 2), (rational(-1),)),
    )
    return Network((Port("x", (2,), None if dtype == "exact" else 1),), nodes, ("y",), dtype)


def drop_unobservable(network):
    """The network without its unobservable units, and the simulation to it (T4)."""
    units = {tensor: range(network.units(tensor)) for tensor in anchors(network)}
    classes = {tensor: tuple((v,) for v in every) for tensor, every in units.items()}
    rho = {tensor: (ONE,) * len(every) for tensor, every in units.items()}
    return quotient(network, Lumping(classes, rho, {tensor: {} for tensor in units}), first_member, trim=True)
