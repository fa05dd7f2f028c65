# SPDX-License-Identifier: Apache-2.0
"""This file is about files of onnxruntime's quantisers, of scikit-learn and of Keras: what is read of them.

    python -m benchmarks.quantisers [--tools PYTHON] [--only PATTERN] [--out benchmarks/results/quantisers]

Small networks with random weights are quantised by onnxruntime; small models are trained and exported by skl2onnx, or
exported by Keras.  --tools names a Python that has skl2onnx, or keras, or both; what it does not have is left out, and
said to be.  Each file is reduced, its certificate checked by `check.py` alone, and run in onnxruntime beside the
original.  Affine layers are convolutions and matrix products with constant weights, quantised ones too.
"""

import argparse
import logging
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import exactlump
from benchmarks.packages import differ
from exactlump import formats

RESULTS = Path(__file__).parent / "results" / "quantisers"
AFFINE = {"Conv", "ConvTranspose", "Gemm", "MatMul", "FusedConv"}
QUANTISED = {"QLinearConv", "QLinearMatMul", "QGemm", "ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul"}
DOMAINS = ("com.microsoft", "ai.onnx.ml")  # of operators that are functions, as their documentation says
SHAPES = {"MLP": ("N", 6), "CNN": ("N", 2, 8, 8)}
MODES: dict[str, dict[str, Any]] = {
    "static": {},
    "static, per channel": {"per_channel": True},
    "static, QOperator": {"quant_format": QuantFormat.QOperator},
    "static, QOperator, per channel": {"quant_format": QuantFormat.QOperator, "per_channel": True},
}
# What other packages make, by a Python that has them: a path comes behind the program.
PIPELINES = {f"StandardScaler + {name}": name for name in ("MLPClassifier", "MLPRegressor")}
SCIKIT = """
import sys, numpy, sklearn.datasets
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skl2onnx import to_onnx
rows, labels = sklearn.datasets.load_iris(return_X_y=True)
rows = rows.astype(numpy.float32)
scaler = StandardScaler().fit(rows)
scaled = scaler.transform(rows)
network = {model}(hidden_layer_sizes=(12, 8), max_iter=300, random_state=0)
pipeline = make_pipeline(scaler, network.fit(scaled, labels))
open(sys.argv[1], "wb").write(to_onnx(pipeline, rows[:1]).SerializeToString())
"""
LAYERS = {
    "MLP": "Input((6,)), layers.Dense(12, 'relu'), layers.Dense(8, 'tanh'), layers.Dense(3, 'softmax')",
    "CNN": (
        "Input((8, 8, 2)), layers.Conv2D(4, 3, activation='relu'), layers.MaxPooling2D(), "
        "layers.Conv2D(6, 2, activation='relu'), layers.Flatten(), layers.Dense(3)"
    ),
}
KERAS = """
import os, sys
os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
from keras import Input, layers
keras.utils.set_random_seed(0)
model = keras.Sequential([{layers}])
model(keras.random.normal((1, *model.input_shape[1:])))
model.export(sys.argv[1], format="onnx", verbose=False)
"""


class Samples(CalibrationDataReader):
    """Random inputs, from which onnxruntime takes ranges."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        draw = np.random.default_rng(1)
        self.left = iter([{"x": draw.normal(size=sizes).astype(np.float32)} for _ in range(20)])

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]  # the base says dict
        """The next one."""
        return next(self.left, None)


def network(kind: str) -> onnx.ModelProto:
    """A small network with random weights: two hidden dense layers; or two convolutions, a pool between, and one."""
    draw = np.random.default_rng(0)
    nodes, weights = list[onnx.NodeProto](), list[TensorProto]()

    def layer(op: str, source: str, target: str, *shape: int, **how: Any) -> str:
        names = [f"{target}_w", f"{target}_b"]
        arrays = draw.normal(0, 0.5, shape), draw.normal(0, 0.1, shape[0])
        weights.extend(numpy_helper.from_array(a.astype(np.float32), n) for a, n in zip(arrays, names, strict=True))
        nodes.append(helper.make_node(op, [source, *names], [target], name=target, **how))
        return target

    def then(op: str, source: str, target: str, **how: Any) -> str:
        nodes.append(helper.make_node(op, [source], [target], name=target, **how))
        return target

    if kind == "MLP":
        last = then("Relu", layer("Gemm", "x", "a", 12, 6, transB=1), "ra")
        last = then("Relu", layer("Gemm", last, "b", 8, 12, transB=1), "rb")
    else:
        last = then("Relu", layer("Conv", "x", "a", 4, 2, 3, 3, pads=[1, 1, 1, 1]), "ra")
        last = then("MaxPool", last, "p", kernel_shape=[2, 2], strides=[2, 2])
        last = then("Relu", layer("Conv", last, "b", 6, 4, 3, 3), "rb")
        last = then("Flatten", last, "f")
    layer("Gemm", last, "y", 3, 8 if kind == "MLP" else 24, transB=1)
    ends = (("x", SHAPES[kind]), ("y", ("N", 3)))
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ends)
    graph = helper.make_graph(nodes, kind, [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def quantised(kind: str, mode: str) -> Callable[[Path], str]:
    """How a network is quantised in a mode of onnxruntime."""

    def make(path: Path) -> str:
        plain, ready = path.with_name("plain.onnx"), path.with_name("ready.onnx")
        onnx.save(network(kind), plain)
        quant_pre_process(str(plain), str(ready))
        if mode == "dynamic":
            quantize_dynamic(str(ready), str(path))
        else:
            quantize_static(str(ready), str(path), Samples((1, *SHAPES[kind][1:])), **MODES[mode])  # type: ignore[misc,arg-type]
        return ""

    return make


def by_tools(program: str, tools: str | None) -> Callable[[Path], str]:
    """How another Python makes a file."""

    def make(path: Path) -> str:
        if tools is None:
            return "left out: needs --tools"
        done = subprocess.run([tools, "-c", program, str(path)], capture_output=True, text=True, check=False)
        lines = done.stderr.strip().splitlines() or ["no file was made"]
        return "" if path.exists() else f"not made: {lines[-1][:120]}"

    return make


def cases(tools: str | None) -> dict[str, Callable[[Path], str]]:
    """How each file is made, which says why it is not."""
    found = {f"{kind}, {mode}": quantised(kind, mode) for kind in SHAPES for mode in (*MODES, "dynamic")}
    found |= {name: by_tools(SCIKIT.format(model=model), tools) for name, model in PIPELINES.items()}
    return found | {f"Keras {name}": by_tools(KERAS.format(layers=words), tools) for name, words in LAYERS.items()}


def affine_layers(path: Path) -> tuple[int, int]:
    """How many affine layers are understood, and how many there are."""
    model = onnx.load(path)
    constant = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        made = node.op_type in ("DequantizeLinear", "Constant", "Cast", "Transpose", "Identity")
        if made and {*filter(None, node.input)} <= constant:
            constant.update(node.output)
    layers = [
        node
        for node in model.graph.node
        if node.op_type in QUANTISED or (node.op_type in AFFINE and not constant.isdisjoint(node.input[:2]))
    ]
    opaque = {node.target for node in formats.read(path, opaque_domains=DOMAINS).opaque}
    return sum(opaque.isdisjoint(node.output) and node.op_type in AFFINE for node in layers), len(layers)


def record(make: Callable[[Path], str], folder: Path) -> dict[str, Any]:
    """All about one file."""
    path, target = folder / "in.onnx", folder / "out.onnx"
    if why := make(path):
        return {"why": why}
    try:
        done = exactlump.reduce_file(path, target, overwrite=True, opaque_domains=DOMAINS)
    except exactlump.ExactlumpError as error:
        return {"why": f"refused: {str(error).replace(f'{path}: ', '')}"}
    verdict = exactlump.check_files(path, done.reduced, done.certificate, opaque_domains=DOMAINS).verdict
    understood, layers = affine_layers(path)
    before, after = done.reduction.original.neurons, done.reduction.reduced.neurons
    opaque = done.json()["opaque"]
    return {
        "units": f"{before} -> {after}",
        "checked": verdict,
        "understood": understood,
        "affine": layers,
        "opaque": ", ".join(f"{count} {op.split(':')[-1]}" for op, count in sorted(opaque.items())),
        "runs": differ(path, target),
    }


def table(records: dict[str, dict[str, Any]]) -> str:
    """The records as Markdown."""
    lines = ["| file | units | `check.py` | affine layers understood | opaque | difference in float32 |"]
    lines.append("|---|---|---|---|---|---|")
    for name, r in records.items():
        cells = [r["why"].replace("|", " ")[:200], "", "", "", ""] if "why" in r else None
        cells = cells or [r["units"], r["checked"], f"{r['understood']} of {r['affine']}", r["opaque"], r["runs"]]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def summary(records: dict[str, dict[str, Any]]) -> str:
    """The records in a sentence."""
    made = {name: r for name, r in records.items() if not r.get("why", "").startswith(("left out", "not made"))}
    done = [r for r in made.values() if "why" not in r]
    understood, layers = (sum(r[key] for r in done) for key in ("understood", "affine"))
    same = sum(r["runs"][:1].isdigit() and float(r["runs"]) <= 1e-5 for r in done)
    return (
        f"{len(made)} files: {len(done)} reduced, {sum(r['checked'] == 'equivalent' for r in done)} with a certificate "
        f"that the checker accepts; {understood} of {layers} affine layers understood; {same} run with the outputs of "
        "the original, to within 1e-5 of the largest.\n"
    )


def main() -> None:
    """Make, reduce, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", metavar="PYTHON")
    parser.add_argument("--only", default="*", metavar="PATTERN")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    logging.disable()
    records = dict[str, dict[str, Any]]()
    for name, make in cases(options.tools).items():
        if fnmatch(name, options.only):
            with tempfile.TemporaryDirectory() as folder:
                records[name] = record(make, Path(folder))
            print(name, records[name], file=sys.stderr, flush=True)
    versions = f"onnxruntime {onnxruntime.__version__}, Python {platform.python_version()}"
    head = f"# Quantisers, scikit-learn and Keras\n\n`python -m benchmarks.quantisers --tools PYTHON`, {versions}.\n\n"
    options.out.with_suffix(".md").write_text(head + summary(records) + "\n" + table(records), encoding="utf-8")
    print(summary(records), end="")


if __name__ == "__main__":
    main()
