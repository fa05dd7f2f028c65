# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker: that it reads every format right, accepts what is true, and refuses the rest.

Networks and certificates are made by hand (tests/regenerate.py) or with onnx.helper, never with the project's
own writers; hashes are computed here.
"""

import copy
import gzip
import hashlib
import itertools
import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from exactlump import check
from exactlump.network.windows import Window
from tests import regenerate
from tests.regenerate import dense, identity, net, over, relu, row, same, scale, shift
from tests.tools import model, node, port, raw_only, real_networks, save, tensor

FILES = ("original.json", "reduced.json", "certificate.json")


# --- The corpus ------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", sorted(regenerate.CORPUS.glob("*/*")), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_corpus(folder):
    code, rule, line = regenerate.answer(folder)
    assert (folder / "expected.txt").read_text() == f"{code} {rule}".rstrip() + f"\n{line}"
    assert line.count("\n") == 1
    assert (code == 0) == (folder.parent.name == "valid")
    assert folder.parent.name != "invalid" or (code == 1 and rule)
    assert folder.parent.name != "malformed" or code in (2, 4)


def test_corpus_is_what_the_definitions_say():
    folders = {f"{folder.parent.name}/{folder.name}": folder for folder in regenerate.CORPUS.glob("*/*")}
    cases = regenerate.define()
    assert set(folders) == set(cases)
    for name, (files, code, rule) in cases.items():
        assert {file: (folders[name] / file).read_bytes() for file in files} == files
        assert (folders[name] / "expected.txt").read_text().splitlines()[0] == f"{code} {rule}".rstrip()


@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_both_versions_say_the_same(kind, tmp_path):
    """What version 1 says, version 2 says too, with the matching that the names say, where that is by position."""
    compared = 0
    for name, (files, code, rule) in regenerate.define().items():
        if not name.startswith(f"{kind}/") or rule in ("match", "hash", "claim"):
            continue
        words = json.loads(files["certificate.json"])
        if words["version"] == 2:
            continue
        words["version"], words["claim"]["match"] = 2, {}
        for file in FILES[:2]:
            (tmp_path / file).write_bytes(files[file])
        one, other = (json.loads(files[file]) for file in FILES[:2])
        for what in ("inputs", "outputs"):
            ours, theirs = (
                [port["name"] if what == "inputs" else port for port in side[what]] for side in (one, other)
            )
            how = "one" if len(ours) == len(theirs) == 1 else "name" if ours == theirs else "position"
            words["claim"]["match"][what] = how
        (tmp_path / FILES[2]).write_text(json.dumps(words))
        found = check.check(*(str(tmp_path / file) for file in FILES))
        assert (found.code, found.rule) == (code, rule), name
        compared += 1
    assert compared > 30


def test_every_rule_has_an_invalid_case():
    rules = {rule for _, code, rule in regenerate.define().values() if code == 1}
    assert rules == {
        "activation",
        "affine",
        "claim",
        "class-exists",
        "constant",
        "free",
        "hash",
        "head",
        "input",
        "match",
        "of",
        "output",
        "over",
        "ratio",
        "relation",
        "row-count",
        "same",
    }


# --- A tiny evaluator over what the checker has read -------------------------------------------------

SMOOTH = {
    "sigmoid": lambda y: 1 / (1 + math.exp(-y)),
    "tanh": math.tanh,
    "softplus": lambda y: math.log1p(math.exp(y)),
    "log_sigmoid": lambda y: -math.log1p(math.exp(-y)),
    "softsign": lambda y: y / (1 + abs(y)),
    "erf": math.erf,
    "sin": math.sin,
    "cos": math.cos,
    "exp": math.exp,
    "elu": lambda y, alpha: y if y >= 0 else alpha * math.expm1(y),
    "celu": lambda y, alpha: y if y >= 0 else alpha * math.expm1(y / alpha),
    "selu": lambda y, alpha, gamma: gamma * (y if y >= 0 else alpha * math.expm1(y)),
    "gelu": lambda y: y * (1 + math.erf(y / math.sqrt(2))) / 2,
    "gelu_tanh": lambda y: y * (1 + math.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3))) / 2,
    "silu": lambda y: y / (1 + math.exp(-y)),
    "mish": lambda y: y * math.tanh(math.log1p(math.exp(y))),
    "hard_swish": lambda y: y * min(max(y / 6 + 0.5, 0), 1),
    "leaky_relu": lambda y, slope: max(y, 0) + slope * min(y, 0),
    "clip": lambda y, low, high: min(max(y, low), high),
    "at_least": max,
    "at_most": min,
    "surd": lambda y, d: y * math.sqrt(d),
}


def apply(function, y):
    """The value of a function: exact where it can be."""
    exact = check.value_at(function, y) if isinstance(y, Fraction) else None
    return SMOOTH[function[0]](float(y), *map(float, function[1])) if exact is None else exact


def images(window):
    """The package's own window, which this file trusts."""
    return Window(*window[:7], transposed=window.transposed)


def lifted(lift, image):
    """A linear operator on an image, by its definition."""
    if lift is None:
        return image
    if lift.name == "at":
        return [image[lift.number]]
    if lift.name == "put":
        return [image[0] if p == lift.number else Fraction(0) for p in range(lift.over)]
    window = images(lift.over)
    taps = [window.places(t) for t in (range(window.taps) if lift.name == "average" else [lift.number])]
    total = [sum((image[p] for tap in taps if (p := tap[q]) is not None), Fraction(0)) for q in range(len(taps[0]))]
    if lift.name == "tap":
        return total
    return [y / n for y, n in zip(total, window.cells(padding=bool(lift.number)), strict=True)]


def largest(window, image):
    """A max-pool."""
    taps = [window.places(t) for t in range(window.taps)]
    return [max(image[p] for tap in taps if (p := tap[q]) is not None) for q in range(len(taps[0]))]


def made_of(node, v, below):
    """The image of a unit, from the images of all units of the sources."""
    if node.row is None:
        u, c, b = node.step(v)
        return [c * y + b for y in below[0][u]]
    columns, integers, d, bias = node.row(v)
    total = None
    for column, n in zip(columns, integers, strict=True):
        i, u, lift = (0, column, None) if node.place is None else node.place(column)
        image = [Fraction(n, d) * y for y in lifted(lift, below[i][u])]
        total = image if total is None else [y + z for y, z in zip(total, image, strict=True)]
    return None if total is None else [y + bias for y in total]


def headed(kind, below):
    """What a head makes of all units."""
    x = [y for image in below for y in image]
    if kind == "argmax":
        return [[Fraction(x.index(max(x)))]]
    total = sum(math.exp(y) for y in x)
    return [[math.exp(y) / total if kind == "softmax" else y - math.log(total)] for y in x]


def evaluate(network, *inputs):
    """The outputs of a network as the checker has read it, in row-major order: exact where nothing smooth is before."""
    values = {name: [[y] for y in x] for name, x in zip(network.inputs, inputs, strict=True)}
    for name, made in network.nodes.items():
        below, view = [values[source] for source in made.sources], network.views[name]
        if made.kind == "head":
            values[name] = headed(made.function(0)[0], below[0])
            continue
        values[name] = []
        for v in range(network.units[name]):
            image, function = made_of(made, v, below), made.function(v)
            if image is None:  # a row without weights
                image = [made.row(v)[3]] * view.positions
            if function[0] == "max_pool":
                values[name].append(largest(images(function[1][0]), image))
            else:
                values[name].append([apply(function, y) for y in image])
    return [flat(network.views[name], values[name]) for name in network.outputs]


def flat(view, units):
    """The elements of a tensor, row-major."""
    return [units[u][p] for u, p in map(view.unit, range(math.prod(view.dims)))]


def points(network, seed=0, count=4):
    """Exact inputs, small enough that no function overflows."""
    rng = random.Random(seed)
    for _ in range(count):
        yield [[Fraction(rng.randint(-40, 40), 16) for _ in range(n)] for n in network.sizes("inputs")]


def close(y, z):
    """Equal where both are exact, and otherwise nearly so."""
    return y == z if isinstance(y + z, Fraction) else math.isclose(y, z, abs_tol=1e-9)


def agree(one, other, seed=0, match=None):
    """Whether two networks have the same values at some points; match: that of a certificate."""
    for x in points(one, seed):
        y = evaluate(other, *paired(other.inputs, one.inputs, x, match and match["inputs"]))
        for ys, zs in zip(
            evaluate(one, *x), paired(one.outputs, other.outputs, y, match and match["outputs"]), strict=True
        ):
            if not all(map(close, ys, zs)):
                return False
    return True


def paired(wanted, names, values, how):
    """The values of these names in the order that is wanted, if they are matched by name."""
    return [dict(zip(names, values, strict=True))[name] for name in wanted] if how == "name" else values


def read(path, raw=False, specification="as stored"):
    return check.read_network(str(path), "raw nnet" if raw else specification, check.MAX_UNPACKED)


@pytest.mark.parametrize("name", sorted(p.name for p in (regenerate.CORPUS / "valid").iterdir()))
def test_valid_cases_are_true(name):
    folder = regenerate.CORPUS / "valid" / name
    original, reduced = (read(folder / file) for file in FILES[:2])
    match = json.loads((folder / FILES[2]).read_text())["claim"].get("match")
    if name != "long_rationals":
        assert agree(original, reduced, match=match)
    assert original.inputs


# --- Certificates for ONNX and .nnet files -----------------------------------------------------------


def constants(proto):
    """All constants of a model by name, independently of the checker."""
    found = {t.name: t for t in proto.graph.initializer}
    for n in proto.graph.node:
        if n.op_type == "Constant" and n.attribute[0].name == "value":
            found[n.output[0]] = n.attribute[0].t
    return found


def described(path):
    """What a certificate says about a file, with hashes computed here."""
    data = path.read_bytes()
    words = {
        "external": {},
        "format": path.name.split(".", 1)[1],
        "sha256": hashlib.sha256(data).hexdigest(),
        "tensors": {},
    }
    if words["format"].startswith("onnx"):
        proto = onnx.load_from_string(gzip.decompress(data) if path.suffix == ".gz" else data)
        for name, t in constants(proto).items():
            if t.external_data:
                places = {e.key: e.value for e in t.external_data}
                content = (path.parent / places["location"]).read_bytes()
                words["external"][places["location"]] = hashlib.sha256(content).hexdigest()
                start = int(places.get("offset", 0))
                raw = content[start : start + int(places["length"])] if "length" in places else content[start:]
            else:
                raw = t.raw_data if t.HasField("raw_data") else numpy_helper.to_array(t).tobytes()
            first = f"{t.data_type} {','.join(map(str, t.dims))}\n".encode()
            words["tensors"][name] = hashlib.sha256(first + raw).hexdigest()
    return words


def certify(original, reduced, relations, back=None, raw=False, specification="as stored", match=None):
    """Write a certificate beside the original; returns its path."""
    words = regenerate.certificate(b"", b"", relations, back, match and match.values())
    words |= {"original": described(original), "reduced": described(reduced)}
    words["claim"]["specification"] = "raw nnet" if raw else specification
    path = original.parent / "certificate.json"
    path.write_text(json.dumps(words))
    return path


def verdict(original, reduced, relations, back=None, raw=False, specification="as stored", match=None):
    witness = certify(original, reduced, relations, back, raw, specification, match)
    return check.check(str(original), str(reduced), str(witness))


def reading_error(path, kind, *parts):
    """The file is refused with this kind of error, whose message has all these parts."""
    with pytest.raises(check.Stop) as caught:
        read(path)
    assert caught.value.verdict == kind
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in check.one_line(message)
    assert [part for part in parts if part not in message] == [], message


UNSUPPORTED, MALFORMED = "unsupported", "malformed"


# --- Reading ONNX: every operator against onnx.reference ---------------------------------------------

W23 = np.array([[1.5, 0, -2], [0.25, 4, 1]], np.float32)
V = np.array([0.5, -2, 3], np.float32)
BATCH = ["n", 3]


def one(kind, extra="", opset=13, x=BATCH, constants=None, **attributes):
    """A model of one node."""
    return model(
        [node(kind, f"x {extra}".strip(), "y", **attributes)], {"x": x}, {"y": None}, constants or {}, opset=opset
    )


def after(kind, *nodes, x=BATCH, constants=None, opset=13):
    return model(list(nodes), {"x": x}, {"y": None}, constants or {}, opset=opset)


def shape(*sizes):
    return numpy_helper.from_array(np.array(sizes, np.int64), "s")


READABLE = {
    "MatMul": one("MatMul", "w", constants={"w": W23.T}),
    "MatMul in opset 7": one("MatMul", "w", opset=7, constants={"w": W23.T}),
    "MatMul in the newest opset": one("MatMul", "w", opset=check.OPSETS[-1], constants={"w": W23.T}),
    "MatMul on the left": model([node("MatMul", "w x", "y")], {"x": [3]}, {"y": None}, {"w": W23}),
    "MatMul of a vector": one("MatMul", "w", x=[3], constants={"w": W23.T}),
    "MatMul with an axis of size 1": one("MatMul", "w", x=["n", 1, 3], constants={"w": W23.T}),
    "MatMul on the left with more axes": model([node("MatMul", "w x", "y")], {"x": [1, 3, 1]}, {"y": None}, {"w": W23}),
    "Gemm": one("Gemm", "w b", constants={"w": W23.T, "b": V[:2]}),
    "Gemm, transB": one("Gemm", "w b", constants={"w": W23, "b": V[:2]}, transB=1),
    "Gemm, alpha and beta": one("Gemm", "w b", constants={"w": W23, "b": V[:2]}, transB=1, alpha=0.75, beta=-3.0),
    "Gemm, alpha 0": one("Gemm", "w b", constants={"w": W23, "b": V[:2]}, transB=1, alpha=0.0),
    "Gemm, bias (1, 2)": one("Gemm", "w b", constants={"w": W23, "b": V[None, :2]}, transB=1),
    "Gemm, bias scalar": one("Gemm", "w b", constants={"w": W23, "b": np.float32(2)}, transB=1),
    "Gemm, bias (1)": one("Gemm", "w b", constants={"w": W23, "b": V[:1]}, transB=1, opset=7),
    "Gemm without a bias": one("Gemm", "w", constants={"w": W23}, transB=1),
    "Gemm in opset 6": one("Gemm", "w b", opset=6, constants={"w": W23.T, "b": V[:2]}, broadcast=1),
    "Gemm in opset 7": one("Gemm", "w b", opset=7, constants={"w": W23.T, "b": V[:2]}),
    "Add": one("Add", "c", constants={"c": V}),
    "Add in opset 7": one("Add", "c", opset=7, constants={"c": V}),
    "Add a scalar": one("Add", "c", constants={"c": np.float32(2)}),
    "Add with a batch axis of 1": one("Add", "c", constants={"c": V[None]}),
    "Add, broadcast within": one("Add", "c", x=["n", 3, 2], constants={"c": V[:, None]}),
    "Add a suffix": one("Add", "c", x=["n", 2, 3], constants={"c": V}),
    "Add on the left": model([node("Add", "c x", "y")], {"x": BATCH}, {"y": None}, {"c": V}),
    "Sub": one("Sub", "c", constants={"c": V}),
    "Sub from a constant": model([node("Sub", "c x", "y")], {"x": BATCH}, {"y": None}, {"c": V}),
    "Mul": one("Mul", "c", constants={"c": V}),
    "Mul on the left": model([node("Mul", "c x", "y")], {"x": BATCH}, {"y": None}, {"c": V}),
    "Mul by zero": one("Mul", "c", constants={"c": np.zeros(3, np.float32)}),
    "Div": one("Div", "c", constants={"c": V}),
    "Flatten": one("Flatten", x=["n", 2, 3]),
    "Flatten, axis -2": one("Flatten", x=["n", 2, 3], axis=-2),
    "Flatten a fixed batch": one("Flatten", x=[4, 2, 3]),
    "Flatten the last of ones": one("Flatten", x=["n", 1, 3], axis=2),
    "Flatten a vector": after(
        "", node("Flatten", "x", "t", axis=0), node("Gemm", "t w", "y", transB=1), x=[3], constants={"w": W23}
    ),
    "Reshape": one("Reshape", "s", x=["n", 2, 3], constants=[shape(-1, 6)]),
    "Reshape, 0 and -1": one("Reshape", "s", x=["n", 2, 3], constants=[shape(0, -1)]),
    "Reshape, 0 inside": one("Reshape", "s", x=["n", 2, 3], constants=[shape(0, 0, -1, 1)]),
    "Reshape, -1 and 0 inside": one("Reshape", "s", x=["n", 2, 3], constants=[shape(-1, 0, 3)]),
    "Reshape, 1 for a symbol": one("Reshape", "s", x=["n", 2, 3], constants=[shape(1, 6)]),
    "Reshape, 1 and -1": one("Reshape", "s", x=["n", 2, 3], constants=[shape(1, -1)]),
    "Reshape a fixed batch": one("Reshape", "s", x=[4, 2, 3], constants=[shape(4, -1)]),
    "Reshape a vector": one("Reshape", "s", x=[6], constants=[shape(2, -1)]),
    "Reshape in opset 7": one("Reshape", "s", x=["n", 2, 3], constants=[shape(-1, 6)], opset=7),
    "Reshape with allowzero": one("Reshape", "s", x=["n", 2, 3], constants=[shape(-1, 6)], opset=14, allowzero=1),
    "Transpose": one("Transpose", x=["n", 2, 3], perm=[0, 2, 1]),
    "Transpose, three axes": one("Transpose", x=["n", 2, 3, 4], perm=[0, 3, 1, 2]),
    "Transpose without a batch axis": after(
        "", node("Reshape", "x s", "t"), node("Transpose", "t", "y"), x=[6], constants=[shape(2, 3)]
    ),
    "Squeeze by an attribute": one("Squeeze", x=["n", 1, 3, 1], opset=11, axes=[1, -1]),
    "Squeeze by an input": one("Squeeze", "s", x=["n", 1, 3, 1], constants=[shape(1, 3)]),
    "Squeeze everything": one("Squeeze", x=[4, 1, 3, 1]),
    "Unsqueeze by an attribute": one("Unsqueeze", opset=11, axes=[1, -1]),
    "Unsqueeze by an input": one("Unsqueeze", "s", constants=[shape(3, 1)]),
    "Identity": one("Identity"),
    "Dropout in opset 7": one("Dropout", opset=7, ratio=0.3),
    "Dropout in opset 12": one("Dropout", opset=12, seed=3),
    "Dropout not training": one("Dropout", "r t", constants=[tensor("r", 0.5), tensor("t", np.array(False))]),
    "Dropout with a mask": model([node("Dropout", "x", "y m")], {"x": BATCH}, {"y": None}),
    "Cast": one("Cast", to=TensorProto.DOUBLE),
    "Cast in the newest opset": one("Cast", to=TensorProto.FLOAT16, opset=19, saturate=1),
    "Relu": one("Relu"),
    "LeakyRelu": one("LeakyRelu"),
    "LeakyRelu, alpha": one("LeakyRelu", alpha=-0.5),
    "PRelu": one("PRelu", "c", constants={"c": V}),
    "PRelu a channel": one("PRelu", "c", x=["n", 3, 2], constants={"c": V[:, None]}),
    "PRelu in opset 7": one("PRelu", "c", opset=7, constants={"c": V[:1]}),
    "Abs": one("Abs"),
    **{kind: one(kind) for kind in ("Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Sin", "Cos", "Exp")},
    **{kind: one(kind) for kind in ("Softmax", "LogSoftmax")},
    "Softmax in opset 11": one("Softmax", opset=11),
    "Softmax in opset 11, the last axis of ones": one("Softmax", x=["n", 1, 3], opset=11, axis=2),
    "Softmax in opset 13, axis 1": one("Softmax", axis=1),
    "Softmax of a vector": one("Softmax", x=[3]),
    "LogSoftmax in opset 11": one("LogSoftmax", opset=11, axis=-1),
    "float64": model([node("Gemm", "x w", "y", transB=1)], {"x": BATCH}, {"y": None}, {"w": W23 / 3}, dtype="float64"),
    "float16": model([node("Gemm", "x w", "y", transB=1)], {"x": BATCH}, {"y": None}, {"w": W23}, dtype="float16"),
    "raw data": model([node("Gemm", "x w", "y", transB=1)], {"x": BATCH}, {"y": None}, [tensor("w", W23, raw=True)]),
    "Constant": after("", helper.make_node("Constant", [], ["c"], value=tensor("", V)), node("Add", "x c", "y")),
    "Constant of a float": after("", node("Constant", "", "c", value_float=0.5), node("Mul", "x c", "y")),
    "Constant of floats": after("", node("Constant", "", "c", value_floats=[0.5, 1.0, 2.0]), node("Mul", "x c", "y")),
    "Constant of integers": after("", node("Constant", "", "s", value_ints=[-1, 3, 1]), node("Reshape", "x s", "y")),
    "transposed weights": after("", node("Transpose", "w", "v"), node("MatMul", "x v", "y"), constants={"w": W23}),
    "reshaped weights": after(
        "", node("Reshape", "w s", "v"), node("MatMul", "x v", "y"), constants=[tensor("w", W23), shape(3, 2)]
    ),
    "weights transposed and reshaped": after(
        "",
        node("Transpose", "w", "t"),
        node("Flatten", "t", "u", axis=0),
        node("Reshape", "u s", "v"),
        node("Gemm", "x v", "y", transB=1),
        constants=[tensor("w", W23), shape(2, 3)],
    ),
    "weights in every detour": after(
        "",
        node("Unsqueeze", "w", "a", axes=[0]),
        node("Squeeze", "a", "b"),
        node("Identity", "b", "c"),
        node("Dropout", "c", "d"),
        node("Cast", "d", "e", to=TensorProto.FLOAT),
        node("MatMul", "x e", "y"),
        constants={"w": W23.T},
        opset=11,
    ),
    "weights cast from integers": after(
        "",
        node("Cast", "w", "v", to=TensorProto.FLOAT),
        node("Mul", "x v", "y"),
        constants=[tensor("w", np.array([1, -2, 3]))],
    ),
    "an initialiser that is an input": model(
        [node("Add", "x c", "y")], {"x": BATCH, "c": [3]}, {"y": None}, {"c": V}, ir_version=3, opset=8
    ),
    "an operator of the domain ai.onnx": after("", node("Relu", "x", "y", domain="ai.onnx")),
    "two outputs": model(
        [node("Relu", "x", "y"), node("Add", "y c", "z")], {"x": BATCH}, {"z": None, "y": None}, {"c": V}
    ),
    "two inputs": model(
        [node("Relu", "x", "y"), node("Abs", "u", "z")], {"x": BATCH, "u": ["n", 2]}, {"z": None, "y": None}
    ),
    "output is the input": model([node("Relu", "x", "y")], {"x": BATCH}, {"x": None}),
}


# What ONNX can compute and the table of docs/certificate-format.md does not have.
OUTSIDE = {
    name: READABLE.pop(name)
    for name in (
        "MatMul with an axis of size 1",
        "MatMul on the left with more axes",
        "Flatten a vector",
        "Reshape, 1 and -1",
    )
}


def concrete(proto, batch):
    """Inputs for the reference: small numbers, the batch axis of that size where it is a symbol."""
    rng = np.random.default_rng(5)
    for value in proto.graph.input:
        if value.name not in {t.name for t in proto.graph.initializer}:
            kind = value.type.tensor_type
            dims = [d.dim_value or batch for d in kind.shape.dim]
            yield value.name, (rng.integers(-12, 12, dims) / 4).astype(helper.tensor_dtype_to_np_dtype(kind.elem_type))


def evaluator(proto):
    """onnx.reference, but for a domain that it does not know."""
    if proto.graph.node[0].domain == "ai.onnx":
        proto = patched(proto, lambda p: p.graph.node[0].ClearField("domain"))
    return ReferenceEvaluator(proto)


@pytest.mark.parametrize("name", READABLE)
def test_reading_agrees_with_the_reference(name, tmp_path):
    """Each member of a batch is what the checker says, for a batch of 1 and, where the model allows it, of 2."""
    proto = READABLE[name]
    network = read(save(tmp_path / "m.onnx", proto))
    for batch in (1,) if name.startswith("Reshape, 1") else (1, 2):
        feed = dict(concrete(proto, batch))
        results = evaluator(proto).run(None, feed)
        members = next(iter(feed.values())).shape[0] if all(x.ndim > 1 for x in feed.values()) else 1
        for member in range(members):
            mine = [x[member] if x.ndim > 1 else x for x in (feed[name] for name in network.inputs)]
            exact = evaluate(network, *[[Fraction(float(y)) for y in x.ravel()] for x in mine])
            for ys, result in zip(exact, results, strict=True):
                theirs = result[member] if members > 1 or all(x.ndim > 1 for x in feed.values()) else result
                assert np.allclose(
                    [float(y) for y in ys], np.ravel(theirs), rtol=2e-3 if "16" in name else 1e-5, atol=1e-6
                )


@pytest.mark.parametrize("name", READABLE)
def test_a_model_is_equivalent_to_itself(name, tmp_path):
    path = save(tmp_path / "m.onnx", READABLE[name])
    network = read(path)
    named = {name for name, n in network.nodes.items() if n.kind != "affine"}
    found = verdict(path, path, {t: identity(t, network.units[t]) for t in named})
    assert (found.verdict, found.code) == ("equivalent", 0), found.reason


def test_bfloat16_weights_are_exact(tmp_path):
    proto = model(
        [node("Mul", "x c", "y")], {"x": BATCH}, {"y": None}, {"c": np.array([1.5, -3e30, 2**-130])}, dtype="bfloat16"
    )
    what = read(save(tmp_path / "m.onnx", proto)).nodes["y"]
    expected = [
        Fraction(3, 2),
        Fraction(float(numpy_helper.to_array(proto.graph.initializer[0])[1])),
        Fraction(1, 2**130),
    ]
    assert [what.step(v)[1] for v in range(3)] == expected


def test_weights_are_exact_to_the_last_bit(tmp_path):
    values = np.array([5e-324, 1.7e308, -1 / 3], np.float64)
    proto = model([node("MatMul", "x c", "y")], {"x": BATCH}, {"y": None}, {"c": values[:, None]}, dtype="float64")
    columns, tops, bottom, _ = read(save(tmp_path / "m.onnx", proto)).nodes["y"].row(0)
    assert columns == [0, 1, 2]
    assert [Fraction(n, bottom) for n in tops] == [Fraction(float(w)) for w in values]


# --- Reading ONNX: what is refused -------------------------------------------------------------------


def patched(proto, change):
    proto = copy.deepcopy(proto)
    change(proto)
    return proto


def with_constant(name, values, kind="Add", dtype="float32"):
    return model([node(kind, "x c", "y")], {"x": BATCH}, {"y": None}, [tensor(name, values, dtype)])


def graph(proto, **fields):
    """A model whose graph is changed by a function on each field."""
    return patched(proto, lambda p: [change(getattr(p.graph, name)) for name, change in fields.items()])


def two(a, b, **kw):
    return model([a, b], {"x": BATCH}, {"y": None}, kw.pop("constants", {}), **kw)


RELU = one("Relu")
REFUSED = {
    "unknown operator": (one("Hardmax"), UNSUPPORTED, "node 0 'Hardmax'"),
    "If": (
        model([node("If", "x", "y", then_branch=RELU.graph, else_branch=RELU.graph)], {"x": BATCH}, {"y": None}),
        UNSUPPORTED,
        "'If'",
    ),
    "custom domain": (after("", node("Relu", "x", "y", domain="com.example")), UNSUPPORTED, "'Relu'", "com.example"),
    "overload": (patched(RELU, lambda p: setattr(p.graph.node[0], "overload", "f")), UNSUPPORTED, "'Relu'"),
    "named node": (
        after("", helper.make_node("Hardmax", ["x"], ["y"], name="the_node")),
        UNSUPPORTED,
        "'the_node'",
    ),
    "opset 5": (one("Relu", opset=5), UNSUPPORTED, "opset"),
    "Add in opset 6": (one("Add", "c", opset=6, constants={"c": V}), UNSUPPORTED, "opset"),
    "Add in opset 6, an attribute without a name": (
        patched(one("Add", "c", opset=6, constants={"c": V}), lambda p: p.graph.node[0].attribute.add(type=2, i=1)),
        UNSUPPORTED,
        "attribute",
    ),
    "Gemm in opset 6, not broadcast": (
        one("Gemm", "w b", opset=6, constants={"w": W23.T, "b": V[:2]}),
        UNSUPPORTED,
        "broadcast",
    ),
    "Dropout in opset 6, training": (one("Dropout", opset=6), UNSUPPORTED, "is_test"),
    "opset of tomorrow": (one("Relu", opset=check.OPSETS[-1] + 1), UNSUPPORTED, "opset"),
    "no opset": (patched(RELU, lambda p: p.ClearField("opset_import")), MALFORMED, "0 versions"),
    "two opsets": (
        patched(RELU, lambda p: p.opset_import.append(helper.make_opsetid("ai.onnx", 9))),
        MALFORMED,
        "2 versions",
    ),
    "no graph": (patched(RELU, lambda p: p.ClearField("graph")), MALFORMED, "graph"),
    "functions": (patched(RELU, lambda p: p.functions.add()), UNSUPPORTED, "functions"),
    "training": (patched(RELU, lambda p: p.training_info.add()), UNSUPPORTED, "training_info"),
    "sparse initialiser": (graph(RELU, sparse_initializer=lambda f: f.add()), UNSUPPORTED, "indices"),
    "two computed inputs": (one("Mul", "x"), UNSUPPORTED, "2 computed inputs"),
    "no computed input": (
        two(node("Relu", "c", "t"), node("Add", "x t", "y"), constants={"c": V}),
        UNSUPPORTED,
        "0 computed",
    ),
    "computed matrix": (
        model([node("MatMul", "x z", "y")], {"x": BATCH, "z": [3, 2]}, {"y": None}),
        UNSUPPORTED,
        "2 computed",
    ),
    "division by a tensor": (
        model([node("Div", "c x", "y")], {"x": BATCH}, {"y": None}, {"c": V}),
        UNSUPPORTED,
        "division",
    ),
    "division by zero": (with_constant("c", V * 0, "Div"), MALFORMED, "division by zero"),
    "MatMul on the batch axis": (
        model([node("MatMul", "w x", "y")], {"x": [3, 2]}, {"y": None}, {"w": W23}),
        UNSUPPORTED,
        "vector",
    ),
    "MatMul on a matrix": (one("MatMul", "w", x=["n", 2, 3], constants={"w": W23.T}), UNSUPPORTED, "[2, 3]"),
    "MatMul by a vector": (one("MatMul", "w", constants={"w": V}), UNSUPPORTED, "matrix"),
    "MatMul that does not fit": (one("MatMul", "w", constants={"w": W23}), MALFORMED, "found 3 elements", "2"),
    "Gemm, transA": (one("Gemm", "w", constants={"w": W23}, transA=1, transB=1), UNSUPPORTED, "vector"),
    "Gemm that does not fit": (one("Gemm", "w", constants={"w": W23}), MALFORMED, "elements"),
    "Gemm, bias on the batch": (
        one("Gemm", "w b", x=[2, 3], constants={"w": W23, "b": W23[:, :2]}, transB=1),
        UNSUPPORTED,
        "[2, 2]",
    ),
    "Gemm, bias that does not fit": (one("Gemm", "w b", constants={"w": W23, "b": V}, transB=1), UNSUPPORTED, "[3]"),
    "Gemm of three axes": (one("Gemm", "w", x=["n", 1, 3], constants={"w": W23}, transB=1), UNSUPPORTED, "[1, 3]"),
    "Gemm, broadcast": (
        one("Gemm", "w b", opset=7, constants={"w": W23.T, "b": V[:2]}, broadcast=1),
        UNSUPPORTED,
        "broadcast",
    ),
    "Gemm, alpha not finite": (
        one("Gemm", "w", constants={"w": W23}, transB=1, alpha=math.inf),
        MALFORMED,
        "'alpha'",
        "inf",
    ),
    "Gemm, integer alpha": (one("Gemm", "w", constants={"w": W23}, transB=1, alpha=2), MALFORMED, "'alpha'"),
    "Add, broadcast": (one("Add", "c", opset=7, constants={"c": V}, broadcast=1), UNSUPPORTED, "broadcast"),
    "Add on the batch axis": (one("Add", "c", x=[2, 3], constants={"c": W23}), UNSUPPORTED, "[2, 3]"),
    "Add that makes units": (one("Add", "c", x=["n", 1], constants={"c": V}), UNSUPPORTED, "[3]"),
    "Add that does not fit": (one("Add", "c", x=["n", 2], constants={"c": V}), UNSUPPORTED, "[3]"),
    "Add of integers": (with_constant("c", np.arange(3)), MALFORMED, "element type 7"),
    "Add of one input": (one("Add"), MALFORMED, "found 1 inputs"),
    "Add of three inputs": (one("Add", "c c", constants={"c": V}), MALFORMED, "found 3 inputs"),
    "Relu of nothing": (model([helper.make_node("Relu", [""], ["y"])], {"x": BATCH}, {"y": None}), MALFORMED, "inputs"),
    "Flatten the batch axis": (one("Flatten", axis=0), UNSUPPORTED, "batch axis"),
    "Flatten into the batch axis": (one("Flatten", x=["n", 2, 3], axis=2), UNSUPPORTED, "batch axis"),
    "Flatten an axis outside": (one("Flatten", axis=3), MALFORMED, "axis"),
    "Reshape the batch away": (one("Reshape", "s", constants=[shape(-1)]), UNSUPPORTED, "batch axis"),
    "Reshape into the batch": (one("Reshape", "s", x=["n", 2, 3], constants=[shape(-1, 3)]), UNSUPPORTED, "batch axis"),
    "Reshape a fixed batch": (one("Reshape", "s", x=[2, 6], constants=[shape(1, 12)]), UNSUPPORTED, "batch axis"),
    "Reshape that does not fit": (one("Reshape", "s", constants=[shape(0, 4)]), UNSUPPORTED, "[0, 4]"),
    "Reshape with two -1": (one("Reshape", "s", constants=[shape(-1, -1)]), MALFORMED, "-1"),
    "Reshape with allowzero and 0": (
        one("Reshape", "s", constants=[shape(0, 3)], opset=14, allowzero=1),
        UNSUPPORTED,
        "allowzero",
    ),
    "Reshape by floats": (one("Reshape", "s", constants={"s": V}), MALFORMED, "element type 1"),
    "Reshape by a tensor": (
        model([node("Reshape", "c x", "y")], {"x": BATCH}, {"y": None}, {"c": V}),
        UNSUPPORTED,
        "no constant",
    ),
    "Reshape, 0 beyond": (one("Reshape", "s", constants=[shape(0, 3, 0)]), UNSUPPORTED, "shape"),
    "Transpose the batch axis": (one("Transpose"), UNSUPPORTED, "batch axis"),
    "Transpose twice an axis": (one("Transpose", perm=[0, 0]), MALFORMED, "permutation"),
    "Squeeze the batch axis": (one("Squeeze", "s", x=[1, 3], constants=[shape(0)]), UNSUPPORTED, "batch axis"),
    "Squeeze without axes": (one("Squeeze", x=[1, 1, 3]), UNSUPPORTED, "batch axis"),
    "Squeeze a longer axis": (one("Squeeze", "s", constants=[shape(1)]), MALFORMED, "size 1"),
    "Squeeze twice": (one("Squeeze", "s", x=["n", 1, 3], constants=[shape(1, -2)]), MALFORMED, "once"),
    "Squeeze by an attribute in 13": (one("Squeeze", x=[2, 1, 3], axes=[1]), UNSUPPORTED, "axes"),
    "Squeeze by an input in 11": (
        one("Squeeze", "s", x=["n", 1, 3], constants=[shape(1)], opset=11),
        MALFORMED,
        "inputs",
    ),
    "Unsqueeze the batch axis": (one("Unsqueeze", "s", constants=[shape(0)]), UNSUPPORTED, "batch axis"),
    "Unsqueeze twice": (one("Unsqueeze", "s", constants=[shape(1, 1)]), MALFORMED, "once"),
    "Unsqueeze without axes": (one("Unsqueeze", opset=11), UNSUPPORTED, "axes"),
    "Dropout in training": (
        one("Dropout", "r t", constants=[tensor("r", 0.5), tensor("t", np.array(True))]),
        UNSUPPORTED,
        "training",
    ),
    "Dropout, computed training": (
        model(
            [node("Dropout", "x r t", "y")],
            [port("x", BATCH), port("t", [], TensorProto.BOOL)],
            {"y": None},
            {"r": 0.5},
        ),
        UNSUPPORTED,
        "'t'",
    ),
    "Dropout, is_test": (one("Dropout", opset=7, is_test=0), UNSUPPORTED, "is_test"),
    "a mask that is read": (two(node("Dropout", "x", "d m"), node("Relu", "m", "y")), UNSUPPORTED, "mask"),
    "a mask that is an output": (model([node("Dropout", "x", "y m")], {"x": BATCH}, {"m": None}), UNSUPPORTED, "mask"),
    "Cast to integers": (one("Cast", to=TensorProto.INT64), UNSUPPORTED, "type 7"),
    "Cast to nothing": (one("Cast"), UNSUPPORTED, "type 0"),
    "Cast a constant that changes": (
        two(
            node("Cast", "c", "d", to=TensorProto.FLOAT),
            node("Add", "x d", "y"),
            constants=[tensor("c", np.array([0.1]), "float64")],
        ),
        UNSUPPORTED,
        "changes",
    ),
    "Cast a constant to integers that changes": (
        two(node("Cast", "c", "d", to=TensorProto.INT64), node("Reshape", "x d", "y"), constants={"c": V}),
        UNSUPPORTED,
        "changes",
    ),
    "PRelu by a tensor": (
        model([node("PRelu", "c x", "y")], {"x": BATCH}, {"y": None}, {"c": V}),
        UNSUPPORTED,
        "slope",
    ),
    "Softmax over the batch": (one("Softmax", axis=0), UNSUPPORTED, "batch axis"),
    "Softmax over one of two axes": (one("Softmax", x=["n", 2, 3]), UNSUPPORTED, "axis -1 of [0, 2, 3]"),
    "Softmax in opset 11 over the last of two": (
        one("Softmax", x=["n", 2, 3], opset=11, axis=2),
        UNSUPPORTED,
        "axis 2 of [0, 2, 3]",
    ),
    "Relu with an attribute": (one("Relu", alpha=1.0), UNSUPPORTED, "alpha"),
    "an attribute of strings": (one("Relu", names=["a"]), UNSUPPORTED, "strings"),
    "an attribute twice": (
        patched(
            one("LeakyRelu", alpha=1.0), lambda p: p.graph.node[0].attribute.append(helper.make_attribute("alpha", 2.0))
        ),
        MALFORMED,
        "twice",
    ),
    "an attribute by reference": (
        patched(one("LeakyRelu", alpha=1.0), lambda p: setattr(p.graph.node[0].attribute[0], "ref_attr_name", "a")),
        UNSUPPORTED,
        "ref_attr_name",
    ),
    "Constant of nothing": (two(node("Constant", "", "c"), node("Add", "x c", "y")), MALFORMED, "attributes"),
    "Constant of a text": (
        two(node("Constant", "", "c", value_string="1"), node("Add", "x c", "y")),
        UNSUPPORTED,
        "value_string",
    ),
    "Constant not finite": (
        two(node("Constant", "", "c", value_float=math.nan), node("Add", "x c", "y")),
        MALFORMED,
        "nan",
    ),
    "a cycle": (two(node("Relu", "t", "y"), node("Relu", "y", "t")), MALFORMED, "'t'", "before"),
    "a dangling input": (after("", node("Relu", "z", "y")), MALFORMED, "'z'"),
    "a tensor twice": (two(node("Relu", "x", "y"), node("Abs", "x", "y")), MALFORMED, "'y'"),
    "an input defined": (after("", node("Relu", "x", "x")), MALFORMED, "'x'"),
    "an initialiser defined": (model([node("Relu", "x", "c")], {"x": BATCH}, {"c": None}, {"c": V}), MALFORMED, "'c'"),
    "an initialiser twice": (graph(with_constant("c", V), initializer=lambda f: f.append(f[0])), MALFORMED, "'c'"),
    "an initialiser without a name": (with_constant("", V), MALFORMED, "name"),
    "an input twice": (graph(RELU, input=lambda f: f.append(f[0])), MALFORMED, "'x'"),
    "an output that is not there": (model([node("Relu", "x", "y")], {"x": BATCH}, {"z": None}), MALFORMED, "'z'"),
    "an output that is a constant": (
        model([node("Relu", "x", "y")], {"x": BATCH}, {"c": None}, {"c": V}),
        UNSUPPORTED,
        "constant",
    ),
    "no outputs": (model([node("Relu", "x", "y")], {"x": BATCH}, {}), MALFORMED, "outputs"),
    "a node without outputs": (patched(RELU, lambda p: p.graph.node[0].ClearField("output")), MALFORMED, "outputs"),
    "a node with two outputs": (model([node("Relu", "x", "y z")], {"x": BATCH}, {"y": None}), MALFORMED, "outputs"),
    "an input of integers": (
        model([node("Relu", "x", "y")], [port("x", BATCH, TensorProto.INT64)], {"y": None}),
        UNSUPPORTED,
        "type 7",
    ),
    "an input without a shape": (model([node("Relu", "x", "y")], {"x": None}, {"y": None}), MALFORMED, "shape"),
    "an input with a symbol": (one("Relu", x=["n", "m"]), UNSUPPORTED, "dimension"),
    "an input vector with a symbol": (one("Relu", x=["n"]), UNSUPPORTED, "dimension"),
    "an input without elements": (one("Relu", x=["n", 0]), MALFORMED, "dimensions"),
    "an input of negative size": (one("Relu", x=["n", -1]), MALFORMED, "dimensions"),
    "an input too large": (one("Relu", x=["n", 2**62, 4]), MALFORMED, "16777216"),
    "an input that is a sequence": (
        graph(RELU, input=lambda f: f[0].CopyFrom(helper.make_tensor_sequence_value_info("x", 1, None))),
        UNSUPPORTED,
        "sequence",
    ),
    "NaN": (with_constant("c", [1, math.nan, 2]), MALFORMED, "tensor 'c'", "[1]", "nan"),
    "infinity": (with_constant("c", [[1, 2, 3], [4, 5, -math.inf]]), MALFORMED, "tensor 'c'", "[1, 2]", "-inf"),
    "half infinity": (with_constant("c", [1, 2, math.inf], dtype="float16"), MALFORMED, "[2]"),
    "bfloat16 NaN": (with_constant("c", np.float32([1, 2, math.nan]), dtype="bfloat16"), MALFORMED, "[2]"),
    "an initialiser of texts": (
        graph(RELU, initializer=lambda f: f.append(helper.make_tensor("c", TensorProto.STRING, [1], [b"a"]))),
        UNSUPPORTED,
        "string_data",
    ),
    "an initialiser of long integers": (
        graph(RELU, initializer=lambda f: f.append(helper.make_tensor("c", TensorProto.UINT64, [1], [1]))),
        UNSUPPORTED,
        "uint64_data",
    ),
}


REFUSED |= {name: (proto, UNSUPPORTED, "expected") for name, proto in OUTSIDE.items()}


# What no rule covers is opaque
OPAQUE = {
    *("unknown operator", "If", "named node", "Add in opset 6", "Add in opset 6, an attribute without a name"),
    *("Gemm in opset 6, not broadcast", "two computed inputs", "no computed input", "computed matrix"),
    *("division by a tensor", "MatMul on the batch axis", "MatMul by a vector", "Gemm, transA", "Gemm of three axes"),
    *("Gemm, bias on the batch", "Gemm, bias that does not fit", "Gemm, broadcast", "Add, broadcast"),
    *("Add on the batch axis", "Add that makes units", "Add that does not fit", "Flatten the batch axis"),
    *("Flatten into the batch axis", "Reshape the batch away", "Reshape into the batch", "Reshape a fixed batch"),
    *("Reshape that does not fit", "Reshape with allowzero and 0", "Reshape by a tensor", "Reshape, 0 beyond"),
    *("Squeeze by an attribute in 13", "Unsqueeze without axes", "Cast to integers", "Cast to nothing"),
    *("Cast a constant that changes", "Cast a constant to integers that changes", "PRelu by a tensor"),
    *("Softmax over the batch", "Softmax over one of two axes", "Softmax in opset 11 over the last of two"),
    *("Relu with an attribute", "an attribute of strings", "Constant of a text", "an input of integers"),
    *("MatMul on the left with more axes", "Reshape, 1 and -1"),
    *("NaN", "infinity", "half infinity", "bfloat16 NaN"),
}
# Any axis may be a position, of any size
READ_BY_POSITION = {
    *("MatMul on a matrix", "Transpose the batch axis", "Squeeze the batch axis", "Squeeze without axes"),
    *("Unsqueeze the batch axis", "an input with a symbol", "an input vector with a symbol"),
    *("an input of negative size", "MatMul with an axis of size 1", "Flatten a vector", "Div of integers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_models(name, tmp_path):
    proto, kind, *parts = REFUSED[name]
    path = save(tmp_path / "m.onnx", proto)
    if name in OPAQUE | READ_BY_POSITION:
        assert bool(read(path).given) == (name in OPAQUE)
    else:
        reading_error(path, kind, *parts)


def tampered(change):
    """A model whose initialiser `c` is changed."""
    return patched(with_constant("c", V), lambda p: change(p.graph.initializer[0]))


def set_fields(**fields):
    def change(t):
        for name, value in fields.items():
            t.ClearField(name)
            getattr(t, name).extend(value) if isinstance(value, list) else setattr(t, name, value)

    return change


BAD_TENSORS = {
    "more dims than data": (set_fields(dims=[1 << 28]), "found 12 bytes"),
    "dims that overflow": (set_fields(dims=[1 << 40, 1 << 40]), "found 12 bytes"),
    "negative dims": (set_fields(dims=[-3]), "found 12 bytes"),
    "two negative dims": (set_fields(dims=[-3, -1]), "found 12 bytes"),
    "raw data too": (set_fields(raw_data=b"\0" * 12), "float_data and raw_data"),
    "another field": (set_fields(float_data=[], int64_data=[1, 2, 3]), "int64_data"),
    "no data": (set_fields(float_data=[]), "found 0 bytes"),
    "short raw data": (set_fields(float_data=[], raw_data=b"\0" * 11), "found 11 bytes"),
    "half of what is claimed": (set_fields(float_data=[], raw_data=b"\0" * 6), "found 6 bytes"),
    "external without entries": (set_fields(float_data=[], data_location=1), "raw_data"),
    "a half too large": (set_fields(data_type=10, float_data=[], int32_data=[1, 2, 70000]), "int32_data"),
    "a long integer": (set_fields(data_type=6, float_data=[], raw_data=b"\0" * 8), "found 8 bytes"),
}


@pytest.mark.parametrize("name", BAD_TENSORS)
def test_refused_tensors(name, tmp_path):
    change, part = BAD_TENSORS[name]
    reading_error(save(tmp_path / "m.onnx", tampered(change)), MALFORMED, "tensor 'c'", part)


def varint(n):
    return bytes([n & 127 | 128]) + varint(n >> 7) if n > 127 else bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


RAW = {
    "empty": b"",
    "a claim of 1 GB": b"\x3a" + varint(1 << 30) + b"abc",
    "a claim of 2^63 bytes": b"\x3a" + varint(1 << 63),
    "a number without an end": b"\x3a" + b"\xff" * 20,
    "a number over 64 bits": b"\x08" + b"\xff" * 9 + b"\x7f",
    "a group": b"\x0b\x0c",
    "wire type 7": b"\x0f",
    "field 0": b"\x02\x00",
    "an unknown field": RELU.SerializeToString() + b"\xfa\x7f\x00",
    "the graph twice": RELU.SerializeToString() + field(7, b""),
    "a graph that is a number": b"\x38\x01",
    "a name that is not UTF-8": field(7, field(1, field(1, b"\xff"))),
    "floats of a wrong length": field(7, field(5, field(4, b"\0" * 5))),
    "data at another location": field(7, field(5, tensor("c", V).SerializeToString() + b"\x70\x02")),
    "a fixed field that is short": b"\x3d\0",
    "text": b"not a model at all, only text",
}


@pytest.mark.parametrize("name", RAW)
def test_broken_protobuf(name, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(RAW[name])
    reading_error(path, MALFORMED)


def outcome(path):
    """The hash of the file if it can be read, or the name of what is wrong."""
    try:
        return read(path).sha256
    except check.Stop as error:
        return error.verdict


def test_every_truncation_is_refused_or_another_network(tmp_path):
    data = READABLE["Gemm"].SerializeToString()
    outcomes = [outcome(save(tmp_path / "m.onnx", data[:end])) for end in range(len(data))]
    assert hashlib.sha256(data).hexdigest() not in outcomes
    assert outcomes.count("malformed") > len(data) / 2


def test_a_claim_allocates_nothing(tmp_path):
    claims = [RAW["a claim of 1 GB"], tampered(BAD_TENSORS["more dims than data"][0]).SerializeToString()]
    claims.append(one("Relu", x=["n", 10**12]).SerializeToString())
    tracemalloc.start()
    for claim in claims:
        path = save(tmp_path / "m.onnx", claim)
        reading_error(path, MALFORMED)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_work_on_a_claimed_size_is_bounded(tmp_path):
    path = save(tmp_path / "m.onnx", one("Identity", x=["n", check.MAX_UNITS]))
    found = verdict(path, path, {})
    assert (found.verdict, found.rule, found.code) == ("unknown", "budget", 3)


# --- Files ---------------------------------------------------------------------------------------------


def test_packed_models(tmp_path):
    data = READABLE["Gemm"].SerializeToString()
    path = save(tmp_path / "m.onnx.gz", gzip.compress(data))
    assert verdict(path, path, {}).verdict == "equivalent"
    save(path, gzip.compress(data)[:-9])
    reading_error(path, MALFORMED, "gzip")
    save(path, gzip.compress(data) + b"more")
    reading_error(path, MALFORMED, "gzip")
    save(path, data)
    reading_error(path, MALFORMED, "gzip")
    save(path, b"")
    reading_error(path, MALFORMED)


def test_unpacking_is_bounded(tmp_path, capsys):
    path = save(tmp_path / "bomb.onnx.gz", gzip.compress(b"\0" * (64 << 20)))
    tracemalloc.start()
    code = check.main(
        [str(path), str(path), str(regenerate.CORPUS / "valid/identity/certificate.json"), "--max-unpacked", "1000000"]
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code == 2
    assert "--max-unpacked" in capsys.readouterr().err
    assert peak < 10_000_000


def test_large_files_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "m.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    reading_error(path, MALFORMED, "--max-unpacked")


def test_other_than_regular_files(tmp_path):
    for suffix in (".onnx", ".onnx.gz", ".nnet", ".json"):
        reading_error(tmp_path / f"missing{suffix}", MALFORMED, "No such file")
        folder = tmp_path / f"folder{suffix}"
        folder.mkdir()
        reading_error(folder, MALFORMED)
    os.mkfifo(tmp_path / "pipe.onnx")
    reading_error(tmp_path / "pipe.onnx", MALFORMED, "device")
    reading_error(tmp_path / "a\0b.onnx", MALFORMED)
    reading_error(tmp_path / "model.pt", MALFORMED, "onnx, onnx.gz, nnet, json")
    reading_error(tmp_path / "onnx", MALFORMED, "onnx, onnx.gz, nnet, json")


def external(location, **entries):
    """A model whose initialiser lies outside."""
    proto = with_constant("c", V)
    t = proto.graph.initializer[0]
    t.ClearField("float_data")
    t.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        t.external_data.add(key=key, value=value)
    return proto


def test_external_data(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/w:0.bin").write_bytes(b"head" + V.tobytes() + b"tail")
    path = save(tmp_path / "m.onnx", external("sub/w:0.bin", offset="4", length="12"))
    inside = save(tmp_path / "n.onnx", with_constant("c", V))
    assert read(path).external == {"sub/w:0.bin": hashlib.sha256(b"head" + V.tobytes() + b"tail").hexdigest()}
    assert verdict(path, inside, {}).verdict == "equivalent"
    witness = certify(path, inside, {})
    (tmp_path / "sub/w:0.bin").write_bytes(b"head" + (2 * V).tobytes() + b"tail")
    found = check.check(str(path), str(inside), str(witness))
    assert (found.verdict, found.rule) == ("rejected", "hash")
    assert "'sub/w:0.bin'" in found.reason
    (tmp_path / "all.bin").write_bytes(V.tobytes())
    save(path, external("all.bin"))
    assert verdict(path, inside, {}).verdict == "equivalent"
    os.symlink("all.bin", tmp_path / "link.bin")
    save(path, external("link.bin"))
    assert verdict(path, inside, {}).verdict == "equivalent"


def test_external_data_stays_in_the_folder(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    secret = tmp_path / "secret.bin"
    secret.write_bytes(V.tobytes())
    os.symlink(secret, folder / "link.bin")
    os.symlink(tmp_path, folder / "up")
    os.mkfifo(folder / "pipe.bin")
    places = [
        str(secret),
        "../secret.bin",
        "a/../../secret.bin",
        "link.bin",
        "up/secret.bin",
        "..\\secret.bin",
        "",
        "pipe.bin",
        ".",
        "none.bin",
        "a\0b",
    ]
    for location in places:
        reading_error(save(folder / "m.onnx", external(location)), MALFORMED, "external data")
    monkeypatch.chdir(folder)
    save(Path("m.onnx"), external("link.bin"))
    reading_error(Path("m.onnx"), MALFORMED, "leaves the folder")


def test_external_sizes_are_checked(tmp_path):
    (tmp_path / "w.bin").write_bytes(V.tobytes())
    for entries in (
        {"length": str(1 << 30)},
        {"offset": "13"},
        {"offset": "4", "length": "12"},
        {"offset": "-1"},
        {"length": "1e3"},
        {"length": "9" * 5000},
        {"offset": "4"},
        {"other": "1"},
        {"length": "8"},
    ):
        reading_error(save(tmp_path / "m.onnx", external("w.bin", **entries)), MALFORMED)
    twice = external("w.bin")
    twice.graph.initializer[0].external_data.add(key="location", value="w.bin")
    reading_error(save(tmp_path / "m.onnx", twice), MALFORMED, "once")
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate(1 << 40)
    reading_error(save(tmp_path / "m.onnx", external("w.bin")), MALFORMED, "--max-unpacked")


# --- .nnet ---------------------------------------------------------------------------------------------

NNET = """// a comment
2,2,1,2,
2,2,1,
0,
-1.0,-1.0,
1.0,1.0,
0.5,-1e0,2.5,
2.0,0.1,4,
1.5,-2.0,
0.25,3,
0.5,
-.5e-1,
1.0,-1.0,
7.
"""


def test_nnet(tmp_path):
    path = tmp_path / "m.nnet"
    path.write_text(NNET)
    x = [Fraction(1, 3), Fraction(2)]
    a, b = (x[0] - Fraction(1, 2)) / 2, (x[1] + 1) * 10
    hidden = [max(Fraction(3, 2) * a - 2 * b + Fraction(1, 2), 0), max(a / 4 + 3 * b - Fraction(1, 20), 0)]
    last = hidden[0] - hidden[1] + 7
    assert evaluate(read(path), x) == [[last * 4 + Fraction(5, 2)]]
    assert list(read(path).nodes) == ["normalised", "layer1", "relu1", "layer2", "output"]
    raw = read(path, raw=True)
    assert evaluate(raw, [a, b]) == [[last]]
    assert list(raw.nodes) == ["layer1", "relu1", "layer2"]
    assert verdict(path, path, {"relu1": identity("relu1", 2)}).verdict == "equivalent"
    found = verdict(path, path, {"relu1": identity("relu1", 2)}, raw=True)
    assert found.verdict == "equivalent"
    assert "raw nnet" in found.reason
    more = NNET.replace("0,\n1.0,1.0,", "0,9,\n1.0,1.0,9,").replace("1e0,2.5", "1e0,99,2.5").replace("0.1,4", "0.1,0,4")
    path.write_text(more)
    reading_error(path, MALFORMED, "minima", "raw nnet")
    assert evaluate(read(path, raw=True), [a, b]) == [[last]]


BAD_NNET = {
    "empty": ("", "header"),
    "truncated": (NNET[:-4], "bias"),
    "more lines": (NNET + "1,\n", "line 15", "end"),
    "binary": (NNET.encode() + b"\xff", "utf-8"),
    "range zero": (NNET.replace("2.0,0.1,4", "2.0,0.0,4"), "ranges"),
    "nan": (NNET.replace("0.25", "nan"), "weights", "nan"),
    "infinity": (NNET.replace("0.25", "inf"), "weights", "inf"),
    "too few weights": (NNET.replace("0.25,3", "0.25"), "weights"),
    "too many weights": (NNET.replace("0.25,3", "0.25,3,4"), "weights"),
    "a blank weight": (NNET.replace("0.25,3", "0.25,,"), "weights"),
    "hexadecimal": (NNET.replace("0.25", "0x1"), "weights"),
    "underscore": (NNET.replace("0.25", "1_0"), "weights"),
    "huge exponent": (NNET.replace("0.25", "1e99999"), "weights"),
    "other sizes": (NNET.replace("2,2,1,\n", "2,3,1,\n"), "weights"),
    "other inputs": (NNET.replace("2,2,1,2", "2,1,1,2"), "inputs"),
    "no layers": (NNET.replace("2,2,1,2", "0,2,1,2"), "header"),
    "many layers": (NNET.replace("2,2,1,2", "99999999,2,1,2"), "sizes"),
    "a fraction of a layer": (NNET.replace("2,2,1,2", "1.5,2,1,2"), "header"),
    "too few means": (NNET.replace("0.5,-1e0,2.5", "0.5,2.5"), "means"),
}


@pytest.mark.parametrize("name", BAD_NNET)
def test_bad_nnet(name, tmp_path):
    text, *parts = BAD_NNET[name]
    path = tmp_path / "m.nnet"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    reading_error(path, MALFORMED, *parts)


# --- Command line ----------------------------------------------------------------------------------------


def run_alone(folder, *arguments):
    """`python3 -I` on a copy of the checker that lies alone in a folder."""
    folder.mkdir()
    shutil.copy(check.__file__, folder / "check.py")
    return subprocess.run([sys.executable, "-I", "check.py", *arguments], cwd=folder, capture_output=True, text=True)


def paths(name):
    return [str(regenerate.CORPUS / name / file) for file in FILES]


def test_it_runs_alone(tmp_path):
    done = run_alone(tmp_path / "a", *paths("valid/scaled_twins"))
    assert (done.returncode, done.stderr) == (0, "")
    reason = "over the reals, for each item of the batch, element types aside, for the networks as stored"
    assert done.stdout == f"equivalent: {reason}\n"
    done = run_alone(tmp_path / "b", *paths("invalid/wrong_ratio"), "--json")
    assert (done.returncode, done.stderr, json.loads(done.stdout)["rule"]) == (1, "", "affine")
    done = run_alone(tmp_path / "c", *paths("malformed/float"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("check: ")
    assert done.stderr.count("\n") == 1
    done = run_alone(tmp_path / "d")
    assert (done.returncode, done.stdout) == (2, "")


def test_json_answer(capsys):
    assert check.main([*paths("valid/dead_unit"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    reason = "over the reals, for each item of the batch, element types aside, for the networks as stored"
    assert answer == {"verdict": "equivalent", "reason": reason, "rule": ""}


def test_an_internal_error_is_no_verdict(capsys, monkeypatch):
    monkeypatch.setattr(check.Checker, "run", lambda self: 1 / 0)
    assert check.main(paths("valid/identity")) == 5
    found = capsys.readouterr()
    assert (found.out, found.err) == ("", "check: internal error: ZeroDivisionError: division by zero\n")
    monkeypatch.setenv("EXACTLUMP_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        check.main(paths("valid/identity"))


def test_out_of_memory_is_unknown(monkeypatch):
    def run(self):
        raise MemoryError

    monkeypatch.setattr(check.Checker, "run", run)
    assert check.check(*paths("valid/identity")).verdict == "unknown"


@pytest.mark.parametrize("limit", ["MAX_STORED", "MAX_BITS"])
def test_work_beyond_the_budget_is_unknown(limit, monkeypatch):
    monkeypatch.setattr(check, limit, 1)
    found = check.check(*paths("valid/derived_in_the_original"))
    assert (found.verdict, found.rule, found.code) == ("unknown", "budget", 3)


def test_numbers_that_grow_are_stopped(tmp_path):
    """A chain of scalings by long integers would take hours."""
    nodes = [scale(f"t{i}", f"t{i + 1}", "7" * 9999) for i in range(200)]
    path = tmp_path / "m.json"
    path.write_text(json.dumps(net(*nodes, inputs={"t0": 1}, outputs=["t200"])))
    start = time.process_time()
    assert verdict(path, path, {}).verdict == "unknown"
    assert time.process_time() - start < 20


def test_denominators_that_grow_are_stopped(tmp_path):
    weights = [f"1/1{'0' * 9000}{2 * i + 1:03}" for i in range(60)]
    path = tmp_path / "m.json"
    path.write_text(json.dumps(net(dense("x", "y", [weights]), x=60)))
    assert verdict(path, path, {}).verdict == "unknown"


def test_long_chains_of_nodes_do_not_recurse(tmp_path):
    nodes = [shift(f"t{i}", f"t{i + 1}", 1) for i in range(5000)]
    path = tmp_path / "m.json"
    path.write_text(json.dumps(net(*nodes, inputs={"t0": 1}, outputs=["t5000"])))
    assert verdict(path, path, {}).verdict == "equivalent"


def test_the_same_names_in_both_networks_are_not_confused(tmp_path):
    """An unknown of N and one of N' are two unknowns, even when tensor and unit have the same names."""
    case = net(
        dense("x", "p", [[1]]), relu("p", "h", 1), dense("h", "q", [[1]]), relu("q", "g", 1), dense("g", "y", [[1]])
    )
    (tmp_path / "m.json").write_text(json.dumps(case))
    path = tmp_path / "m.json"
    for original, reduced in (
        (over(None, "free"), None),
        (over("h", row(0)), {"h": {"rows": ["free"]}}),
        (over(None, "free"), {"h": {"rows": ["free"]}}),
    ):
        found = verdict(path, path, {"h": original, "g": identity("g", 1)}, reduced)
        assert found.verdict == "rejected"


# --- Tampering and fuzzing -------------------------------------------------------------------------------


def leaves(value, path=()):
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def altered(value):
    """Other values in the place of a leaf."""
    if isinstance(value, str):
        return [value + "1", "2" if value != "2" else "3", "-1", "", 0, None]
    return [7, "1", "free"] if value is None else [value + 1, str(value), None]


@pytest.mark.parametrize(
    "name",
    [
        "scaled_twins",
        "dead_unit",
        "copies",
        "an_unknown_is_carried_to_the_next_layer",
        "sum_of_classes",
        "softmax",
        "matched_by_name_in_another_order",
        "matched_by_position_and_by_name",
        "matched_against_the_names",
    ],
)
def test_no_field_of_a_certificate_may_change_but_the_producer(name, tmp_path):
    original, reduced, certificate = paths(f"valid/{name}")
    words = json.loads(Path(certificate).read_text())
    tried = 0
    for path, value in leaves(words):
        for other in altered(value):
            changed = copy.deepcopy(words)
            place = changed
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = other
            (tmp_path / "c.json").write_text(json.dumps(changed))
            accepted = check.check(original, reduced, str(tmp_path / "c.json")).verdict == "equivalent"
            harmless = path == ("producer",) and isinstance(other, str)
            assert accepted == harmless, (path, other)
            tried += 1
    assert tried > 40


MUTATED = sorted(
    p.name for p in (regenerate.CORPUS / "valid").iterdir() if p.name not in ("long_rationals", "output_is_the_input")
)


@pytest.mark.parametrize("name", MUTATED)
def test_accepted_mutants_are_true(name, tmp_path):
    """Networks and relations changed at random, hashes made anew: what is accepted has equal values."""
    rng = random.Random(name)
    original, reduced, certificate = (json.loads(Path(path).read_text()) for path in paths(f"valid/{name}"))
    accepted = 0
    for _ in range(120):
        one, other, words = copy.deepcopy((original, reduced, certificate["relations"]))
        for _ in range(rng.choice([1, 1, 2, 3])):
            mutate(rng, rng.choice([one["nodes"], other["nodes"], words, words]))
        for file, value in zip(FILES, (one, other), strict=False):
            (tmp_path / file).write_text(regenerate.text(value))
        match = certificate["claim"].get("match")
        found = verdict(tmp_path / FILES[0], tmp_path / FILES[1], words["original"], words["reduced"], match=match)
        if found.verdict == "equivalent":
            accepted += 1
            networks = read(tmp_path / FILES[0]), read(tmp_path / FILES[1])
            assert agree(*networks, rng.random(), match), (one, other, words)
    assert 0 < accepted < 120


def mutate(rng, value):
    """Change one leaf or one row below a value."""
    found = [path for path, leaf in leaves(value) if path and path[-1] != "op"]
    if not found:
        return
    path = rng.choice(found)
    for key in path[:-1]:
        value = value[key]
    old = value[path[-1]]
    if isinstance(old, str) and old.lstrip("-")[:1].isdigit():
        value[path[-1]] = rng.choice(["0", "1", "-1", "2", "1/2", "3", "5"])
    elif isinstance(old, int):
        value[path[-1]] = rng.choice([0, 1, 2])
    else:
        value[path[-1]] = rng.choice([None, "free", [0, "1"], [1, "1"], [0, "2"], same(0), same(1, 2), "tanh"])


def test_random_bytes_never_crash_the_checker(tmp_path, capsys):
    """Mutated ONNX files with hashes made anew, and mutated certificates: an answer, and never 5."""
    rng = random.Random(7)
    layers = {"w": W23.T, "b": V[:2], "v": W23[:, :2].T}
    nodes = [node("Gemm", "x w b", "p"), node("Relu", "p", "h"), node("MatMul", "h v", "q"), node("Softmax", "q", "y")]
    data = model(nodes, {"x": BATCH}, {"y": None}, layers).SerializeToString()
    good = save(tmp_path / "good.onnx", data)
    relations = {"h": identity("h", 2), "y": identity("y", 2)}
    words = certify(good, good, relations).read_bytes()
    codes = set()
    for index in range(1500):
        mutant = bytearray(words if index % 3 == 0 else data)
        for _ in range(rng.choice([1, 1, 2, 5])):
            at = rng.randrange(len(mutant))
            mutant[at : at + rng.choice([0, 1, 1, 1, 4])] = rng.randbytes(rng.choice([0, 1, 1, 2]))
        path = tmp_path / "mutant.onnx"
        witness = tmp_path / "certificate.json"
        if index % 3 == 0:
            save(path, data)
            witness.write_bytes(mutant)
        else:
            save(path, bytes(mutant))
            rehash(path, good, relations, witness)
        codes.add(code := check.main([str(path), str(good), str(witness)]))
        assert code in (0, 1, 2, 3, 4), capsys.readouterr().err
        lines = capsys.readouterr()
        assert (lines.out + lines.err).count("\n") == 1
        if code == 0:
            assert agree(read(path), read(good), index)
    assert codes >= {0, 1, 2, 4}


def rehash(path, good, relations, witness):
    """A certificate that has the hashes of a mutant where it can be read, so that the rules are reached."""
    words = regenerate.certificate(b"", b"", relations)
    words |= {"original": described(good), "reduced": described(good)}
    try:
        network = read(path)
        words["original"] |= {"sha256": network.sha256, "tensors": network.tensors, "external": network.external}
    except check.Stop:
        words["original"]["sha256"] = "0" * 64
    witness.write_text(json.dumps(words))


# --- Speed and real networks -----------------------------------------------------------------------------


def chain(*widths, fill=1.0, seed=1):
    """A chain of MatMul, Add, Relu with random float32 weights, a part `fill` of them not zero."""
    rng = np.random.default_rng(seed)
    nodes, arrays, source = [], {}, "x"
    for i, (below, units) in enumerate(itertools.pairwise(widths)):
        weight = rng.standard_normal((below, units)).astype(np.float32)
        arrays |= {
            f"w{i}": weight * (rng.random((below, units)) < fill),
            f"b{i}": rng.standard_normal(units).astype(np.float32),
        }
        nodes += [
            node("MatMul", f"{source} w{i}", f"p{i}"),
            node("Add", f"p{i} b{i}", f"q{i}"),
            node("Relu", f"q{i}", f"h{i}"),
        ]
        source = f"h{i}"
    protos = [tensor(name, array, raw=True) for name, array in arrays.items()]
    return model(nodes, {"x": ["n", widths[0]]}, {f"q{len(widths) - 2}": None}, protos)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("widths", "fill", "seconds"),
    [((784, 256, 256, 256, 256, 10), 1.0, 8), ((32, 1024, 2048, 512, 1024, 256, 512, 128, 1), 0.01, 30)],
    ids=["dense", "mostly zero"],
)
def test_speed(widths, fill, seconds, tmp_path):
    path = save(tmp_path / "m.onnx", chain(*widths, fill=fill))
    witness = certify(path, path, {f"h{i}": identity(f"h{i}", n) for i, n in enumerate(widths[1:])})
    start = time.process_time()
    assert check.check(str(path), str(path), str(witness)).verdict == "equivalent"
    assert time.process_time() - start < seconds


@pytest.mark.parametrize("path", real_networks())
def test_real_networks_are_equivalent_to_themselves(path, tmp_path):
    if path.stat().st_size > 300_000 and path.name.endswith(".gz"):
        pytest.skip("unpacks to more than this test should read")
    copied = Path(
        shutil.copy(
            path, tmp_path / ("m" + "".join(s for s in (".onnx.gz", ".onnx", ".nnet") if path.name.endswith(s))[:8])
        )
    )
    raw = raw_only(path)
    if raw:
        reading_error(copied, MALFORMED, "minima", "raw nnet")
    try:
        network = read(copied, raw)
    except check.Stop as error:
        if error.verdict != "unsupported":
            raise
        pytest.skip(f"outside the table: {error}")
    named = {name for name, n in network.nodes.items() if n.kind != "affine"}
    found = verdict(copied, copied, {t: identity(t, network.units[t]) for t in named}, raw=raw)
    assert found.verdict == "equivalent", found.reason
