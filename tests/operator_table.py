# SPDX-License-Identifier: Apache-2.0
"""This file is about the table of operators in docs/formats.md: each row comes from a small file.

`python -m tests.operator_table` writes the table anew.
"""

import re
import tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from exactlump import formats
from exactlump.certificates.certificate import loads
from exactlump.errors import UnsupportedLayer
from exactlump.formats.onnx.arithmetic import CUSTOM, OPERATORS
from exactlump.network.kinds import Activate, Head, MaxPool
from exactlump.reduction.loop import reduce
from exactlump.smt.obligations import Obligations
from exactlump.verbs.reducing import reduce_file
from tests.tools import model, node, save, tensor

DOCUMENT = Path(__file__).parents[1] / "docs" / "formats.md"
_BEGIN, _END = "<!-- operators: begin -->\n", "<!-- operators: end -->\n"
_IMAGE, _VECTOR = (2, 4, 4), (4,)
_INTEGERS = {
    "Reshape": [0, 16, 2],
    "Squeeze": [3],
    "Unsqueeze": [1],
    "Pad": [0, 0, 1, 1, 0, 0, 1, 1],
    "ReduceMean": [2, 3],
    "ReduceSum": [2, 3],
    "Split": [1, 1],
    "Gather": [1, 0],
}
_ATTRIBUTES = {
    "AveragePool": {"kernel_shape": [2, 2]},
    "MaxPool": {"kernel_shape": [2, 2]},
    "DepthToSpace": {"blocksize": 2},
    "SpaceToDepth": {"blocksize": 2},
    "Resize": {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    "Transpose": {"perm": [0, 2, 3, 1]},
    "Concat": {"axis": 1},
    "Split": {"axis": 1},
    "Gather": {"axis": 1},
    "Softmax": {"axis": 1},
    "LogSoftmax": {"axis": 1},
    "ArgMax": {"axis": 1},
    "Gemm": {"transB": 1},
    "Cast": {"to": TensorProto.DOUBLE},
}
# Operators of constants: what they make is added to x.
_PAIRS = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Mod")
_CONSTANT = ("Constant", "ConstantOfShape", "Shape", "Pow", "Sqrt", "Reciprocal", *_PAIRS)
_SCALINGS = {"any sign": "any ratio", "positive": "ratios > 0", "plus or minus one": "1 and -1", "one": "equal ones"}


def sample(domain, kind):
    """A small model with the operator, from x to y."""
    quantised = kind in ("QuantizeLinear", "DequantizeLinear")
    if domain or quantised:
        return _quantiser(domain, kind)
    if kind in _CONSTANT:
        return _of_constants(kind)
    if kind == "Log":
        return _model([node("Sigmoid", "x", "s"), node("Log", "s", "y")], _VECTOR, {})
    if kind == "Where":
        spelled = [node("Softplus", "x", "s"), node("Greater", "x t", "g"), node("Where", "g x s", "y")]
        return _model(spelled, _VECTOR, {"t": np.float32(20)})
    shape = (2, 4, 1) if kind == "Squeeze" else _IMAGE
    if kind in ("MatMul", "Gemm", "Softmax", "LogSoftmax", "ArgMax"):
        shape = _VECTOR
    inputs, constants = ["x"], {}
    weights = {
        "Conv": (3, 2, 2, 2),
        "ConvTranspose": (2, 3, 2, 2),
        "MatMul": (4, 4),
        "Gemm": (4, 4),
        "BatchNormalization": (2,),
        **dict.fromkeys(("Mul", "Div", "Max", "Min"), ()),
    }
    if kind in weights:
        constants["W"] = np.arange(1, 1 + np.prod(weights[kind], dtype=int), dtype=np.float32).reshape(weights[kind])
    if kind in _INTEGERS:
        constants["W"] = np.array(_INTEGERS[kind])
    if kind == "DepthToSpace":
        shape = (8, 2, 2)
    if kind in ("Resize", "Upsample"):
        constants = {"W": np.array([1, 1, 2, 2], np.float32)}
    if kind == "Slice":
        constants = {"W": np.array([0]), "e": np.array([1]), "a": np.array([1])}
    if kind == "PRelu":
        constants["W"] = np.float32(0.25)
    if kind == "Clip":
        constants = {"W": np.float32(0), "e": np.float32(6)}
    inputs += ["", "W"] if kind == "Resize" else list(constants) + (["W"] * 3 if kind == "BatchNormalization" else [])
    if kind in ("Add", "Sub", "Sum", "Concat"):
        inputs.append("x")
    output = "y z" if kind == "Split" else "y"
    made = helper.make_node(kind, inputs, output.split(), **_ATTRIBUTES.get(kind, {}))
    kinds = {"ArgMax": TensorProto.INT64, "Cast": TensorProto.DOUBLE}
    return _model([made], shape, constants, kinds.get(kind, TensorProto.FLOAT), _opset(kind))


def _opset(kind):
    return {"HardSwish": 14, "Mish": 18, "Gelu": 20, "Swish": 24, "ReduceMean": 18, "Upsample": 9}.get(kind, 13)


def _of_constants(kind):
    made = {
        "Constant": helper.make_node("Constant", [], ["c"], value=tensor("v", np.float32(2))),
        "ConstantOfShape": node("ConstantOfShape", "s", "c", value=tensor("v", np.array([2], np.float32))),
        "Pow": node("Pow", "q h", "c"),
        "Shape": node("Shape", "x", "s"),
    }.get(kind, node(kind, "q", "c"))
    constants = {"q": np.float32(4), "h": np.float32(0.5)}
    if kind == "Shape":
        return _model([made, node("Reshape", "x s", "y")], _VECTOR, {})
    if kind in _PAIRS:
        one = np.int64 if kind in ("Mod", "Equal") else np.float32
        pair = {"p": one(7), "q": one(4)}
        steps = [node(kind, "p q", "t"), node("Cast", "t", "c", to=TensorProto.FLOAT), node("Add", "x c", "y")]
        return _model(steps, _VECTOR, pair)
    if kind == "ConstantOfShape":
        constants = {"s": np.array([4])}
    return _model([made, node("Add", "x c", "y")], _VECTOR, {} if kind == "Constant" else constants)


def _quantiser(domain, kind):
    constants = {"s": np.float32(0.5), "z": np.int8(0)}
    if not domain:
        pair = [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "y")]
        return _model(pair, _VECTOR, constants)
    inputs = ["x", "s"]
    if kind == "BipolarQuant":
        constants["s"] = np.float32(1)
    if kind != "BipolarQuant":
        inputs += ["f", "b"]
        constants = {**constants, "f": np.float32(0), "b": np.float32(4)}
    constants.pop("z")
    made = helper.make_node(kind, inputs, ["y"], domain=domain, **({"signed": 1, "narrow": 0} if inputs[2:] else {}))
    return _model([made], _VECTOR, constants)


def _model(nodes, shape, constants, kind=TensorProto.FLOAT, opset=13):
    outputs = [helper.make_tensor_value_info("y", kind, None)]
    tensors = [tensor(name, array) for name, array in constants.items()]
    version = {20: 9, 24: 11}.get(opset, 8)
    return model(nodes, {"x": [1, *shape]}, outputs, tensors, opset=opset, ir_version=version)


def row(domain, kind, folder):
    """What is made of the operator's file: read, lump, check, prove."""
    source, target = save(folder / "a.onnx", sample(domain, kind)), folder / "b.onnx"
    network = formats.read(source)
    kinds = dict.fromkeys(type(n).__name__ for n in network.nodes if not _implied(n))
    name = f"{kind} ({domain})" if domain else kind
    read = "a constant" if kind in _CONSTANT else ", ".join(kinds)
    try:
        lumped = _lumps(reduce(network, network.dtype).original)
        done = reduce_file(source, target, overwrite=True)
    except UnsupportedLayer as error:
        checker = "checker" in str(error)
        return name, read, lumped if checker else "not yet", "not yet", "not yet"
    try:
        claimed = loads(done.certificate.read_text())
        plan = Obligations(network, formats.read(target), claimed)
        provable = plan.count == sum(len(script.obligations) for script in plan.scripts())
    except UnsupportedLayer:
        provable = False
    return name, read, lumped, "yes", "yes" if provable else "not yet"


def _implied(n):
    return n.target.endswith((" as image", " as elements"))


def _lumps(network):
    """What may merge below the operator."""
    found = {_SCALINGS[f.scalings] for n in network.nodes if isinstance(n, Activate) for f in n.functions}
    if any(isinstance(n, MaxPool) for n in network.nodes):
        found.add("ratios > 0")
    if any(isinstance(n, Head) for n in network.nodes):
        return "nothing below it"
    return ", ".join(sorted(found)) or "any ratio"


def table():
    """The rows as Markdown."""
    lines = ["| operator | read as | neurons that may merge below it | check | prove |", "|---|---|---|---|---|"]
    standard = [("", kind) for kind in sorted(OPERATORS, key=str.lower)]
    with tempfile.TemporaryDirectory() as folder:
        for domain, kind in [*standard, *sorted(CUSTOM)]:
            lines.append(f"| {' | '.join(row(domain, kind, Path(folder)))} |")
    return "\n".join(lines) + "\n"


def parts(document):
    """The document before, in and after its table."""
    return re.fullmatch(f"(.*{re.escape(_BEGIN)})(.*)({re.escape(_END)}.*)", document, re.DOTALL).groups()


if __name__ == "__main__":
    before, _, after = parts(DOCUMENT.read_text(encoding="utf-8"))
    DOCUMENT.write_text(before + table() + after, encoding="utf-8")
