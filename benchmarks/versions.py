# SPDX-License-Identifier: Apache-2.0
"""This file is about one network and its versions, as tools and people make them: which answer `compare` gives.

    python -m benchmarks.versions [--tools PYTHON] [--timeout 100] [VERSION ...]

A classifier of handwritten digits (64-24-16-10, ReLU, batch normalisation in one of two) is trained here, with fixed
seeds, by scikit-learn; its versions are made by onnxslim, onnxsim and onnxruntime, or by hand.  --tools names a Python
that has onnxslim and onnxsim; without it these rows are left out, and said to be.  The domain is [0, 1]^64.
"""

import argparse
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import exactlump

WIDTHS = (64, 24, 16, 10)


@dataclass
class Ground:
    """The trained layers, the digits, and the folder where files are made."""

    layers: list
    images: np.ndarray
    labels: np.ndarray
    folder: Path
    tools: str | None


def trained(seed, images, labels):
    """Weights (rows are outputs) and biases in float32."""
    from sklearn.neural_network import MLPClassifier

    found = MLPClassifier(WIDTHS[1:-1], alpha=1e-3, max_iter=60, random_state=seed).fit(images, labels)
    return [
        (w.T.astype(np.float32), b.astype(np.float32)) for w, b in zip(found.coefs_, found.intercepts_, strict=True)
    ]


def graph(layers, path, *, normalised=False):
    """A chain of Gemm and ReLU; `normalised`: a batch normalisation after the first layer, undoing nothing."""
    nodes, weights, last = [], [], "x"
    for i, (w, b) in enumerate(layers):
        weights += [numpy_helper.from_array(w, f"w{i}"), numpy_helper.from_array(b, f"b{i}")]
        end = "y" if i + 1 == len(layers) else f"h{i}"
        nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [end], transB=1))
        last = end
        if normalised and i == 0:
            nodes.append(helper.make_node("BatchNormalization", [last, *"sbmv"], ["n"], epsilon=1e-5))
            weights += normalisation(len(b))
            last = "n"
        if end != "y":
            nodes.append(helper.make_node("Relu", [last], [f"r{i}"]))
            last = f"r{i}"
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", n]) for name, n in (("x", 64), ("y", 10))]
    made = helper.make_graph(nodes, "digits", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def normalisation(width):
    """Scale, mean, bias and variance of a batch normalisation, at random."""
    draw = np.random.default_rng(7)
    arrays = {"s": draw.uniform(0.8, 1.2, width), "m": draw.normal(0, 0.1, width)}
    arrays |= {"b": draw.normal(0, 0.1, width), "v": draw.uniform(0.5, 1.5, width)}
    return [numpy_helper.from_array(value.astype(np.float32), name) for name, value in arrays.items()]


def with_layers(ground, name, change):
    """The network with its weights changed."""
    return graph([(change(w), b) for w, b in ground.layers], ground.folder / f"{name}.onnx")


def lumped(ground, original):
    path = ground.folder / "lumped.onnx"
    exactlump.reduce_file(original, path)
    return path


def by_tool(module, arguments):
    """A version that a command line of another package makes."""

    def make(ground, original):
        if ground.tools is None:
            return None
        path = ground.folder / f"{module}.onnx"
        command = [ground.tools, "-m", module, str(original), str(path), *arguments]
        subprocess.run(command, check=True, capture_output=True)
        return path

    return make


def by_runtime(level):
    """What onnxruntime saves after its optimiser."""

    def make(ground, original):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        options.optimized_model_filepath = str(ground.folder / f"{level}.onnx")
        options.log_severity_level = 3
        onnxruntime.InferenceSession(str(original), options, providers=["CPUExecutionProvider"])
        return Path(options.optimized_model_filepath)

    return make


def folded(ground, original):
    """The batch normalisation folded into the layer before it, in float32, as tools do."""
    (w, b), *others = ground.layers
    s, m, bias, v = (numpy_helper.to_array(tensor) for tensor in normalisation(len(b)))
    factor = s / np.sqrt(v + np.float32(1e-5))
    first = (w * factor[:, None]).astype(np.float32), ((b - m) * factor + bias).astype(np.float32)
    return graph([first, *others], ground.folder / "folded.onnx")


def halves(ground, original):
    return with_layers(ground, "halves", lambda w: w.astype(np.float16).astype(np.float32))


def eighths(ground, original):
    def grid(w):
        scale = np.float32(abs(w).max() / 127)
        return (np.round(w / scale) * scale).astype(np.float32)

    return with_layers(ground, "int8", grid)


def quantised(ground, original):
    """`quantize_static` as it comes: quantisers around every operator, ranges from 200 images."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Images(CalibrationDataReader):
        def __init__(self):
            self.left = iter([{"x": image[None]} for image in ground.images[:200]])

        def get_next(self):
            return next(self.left, None)

    path = ground.folder / "qdq.onnx"
    quantize_static(str(original), str(path), Images())
    return path


def masked(ground, original):
    """Half of the weights, the smallest of each layer, are 0."""
    return with_layers(ground, "masked", lambda w: np.where(abs(w) < np.median(abs(w)), np.float32(0), w))


def narrowed(ground, original):
    """A quarter of the units of each hidden layer, those of the least norm, are taken out."""
    layers, kept = [], np.arange(WIDTHS[0])
    for i, (w, b) in enumerate(ground.layers):
        last = i + 1 == len(ground.layers)
        rows = np.arange(len(b)) if last else np.sort(np.argsort(np.linalg.norm(w, axis=1))[len(b) // 4 :])
        layers.append((w[rows][:, kept], b[rows]))
        kept = rows
    return graph(layers, ground.folder / "narrowed.onnx")


def retrained(ground, original):
    return graph(trained(1, ground.images, ground.labels), ground.folder / "retrained.onnx")


# Version -> how it is made, of which network, the answers that are right, and how far apart is allowed.
VERSIONS = {
    "reduced by exactlump": (lumped, "digits", {"equivalent"}),
    "onnxslim": (by_tool("onnxslim", ()), "digits", {"equivalent"}),
    "onnxsim": (by_tool("onnxsim", ()), "digits", {"equivalent"}),
    "onnxruntime, basic": (by_runtime("ORT_ENABLE_BASIC"), "digits", {"equivalent"}),
    "onnxruntime, extended": (by_runtime("ORT_ENABLE_EXTENDED"), "digits", {"equivalent", "unsupported"}),
    "onnxslim, normalised": (by_tool("onnxslim", ()), "normalised", {"equivalent"}),
    "batch normalisation folded": (folded, "normalised", {"within"}, "1/1000"),
    "weights in float16": (halves, "digits", {"within"}, "1/20"),
    "weights in int8": (eighths, "digits", {"within"}, "5/4"),
    "weights in int8, the same asked": (eighths, "digits", {"different"}, "1/5"),
    "quantize_static, QDQ": (quantised, "digits", {"different"}),
    "half of the weights 0": (masked, "digits", {"different"}),
    "a quarter of the units out": (narrowed, "digits", {"different"}),
    "trained again": (retrained, "digits", {"different"}),
}
HEAD = ("version", "asked", "verdict", "what is said", "CPU s")


def row(name, ground, originals, seconds):
    """One line of the table; raises AssertionError where the verdict is none of those that are right."""
    make, of, right, *allowed = VERSIONS[name]
    version = make(ground, originals[of])
    if version is None:
        return name, "", "left out", "needs --tools", ""
    start = time.process_time()
    try:
        found = exactlump.compare(
            originals[of], version, box=(0, 1), epsilon=allowed[0] if allowed else None, seconds=seconds
        )
    except exactlump.UnsupportedLayer as error:
        if "unsupported" not in right:
            raise
        return name, "", "unsupported", str(error).partition(": ")[2].partition(";")[0], ""
    assert found.verdict in right, (name, found)
    bounded = found.bound
    said = [found.method]
    if found.gap:
        said.append(f"differs by {float(found.gap):.3g} at an exact input")
    if bounded is not None and bounded.most is not None:
        checked = "certified" if bounded.verdict == "within" else "unchecked"
        said.append(f"at most {float(bounded.most):.3g} on [0, 1]^64, {checked}")
    asked = f"at most {allowed[0]}" if allowed else ""
    return name, asked, found.verdict, "; ".join(said), f"{time.process_time() - start:.1f}"


def main():
    """Print the table as it is made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", metavar="VERSION")
    parser.add_argument("--tools")
    parser.add_argument("--timeout", type=float, default=100)
    options = parser.parse_args()
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(trained(0, images, labels), images, labels, Path(folder), options.tools)
        originals = {
            "digits": graph(ground.layers, Path(folder) / "digits.onnx"),
            "normalised": graph(ground.layers, Path(folder) / "normalised.onnx", normalised=True),
        }
        for name in options.versions or VERSIONS:
            print(f"| {' | '.join(row(name, ground, originals, options.timeout))} |", flush=True)


if __name__ == "__main__":
    main()
