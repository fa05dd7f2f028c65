# SPDX-License-Identifier: Apache-2.0
"""This file is about random ONNX graphs: each is reduced, and both files are run side by side.

    python -m benchmarks.fuzz [--count 20000] [--seed 0]

A graph has two to seven operators on two to four axes, some of no stated size: products, convolutions, sums,
activations; transpositions, reshapes, slices, pads, joins; and a softmax in the middle, which no rule reads.
Graphs that onnxruntime does not run are left out.  Outputs that differ by more than rounding end the run with an error;
what is refused is counted by its kind of error, and nothing is then written.
"""

import argparse
import math
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import exactlump

OPERATORS = "TTRRRMMMEUSQLKPAC"
MOST = 400  # elements


@dataclass
class Graph:
    """A graph that grows: the shape of its last tensor, all nodes, all constants."""

    draw: random.Random
    numbers: np.random.Generator
    shape: list
    last: str = "x"
    nodes: list = field(default_factory=list)
    constants: dict = field(default_factory=dict)

    def add(self, op, *inputs, shape=None, **attributes):
        """One more operator on the last tensor, and on constants."""
        names = [self.last]
        for array in inputs:
            name = f"c{len(self.constants)}"
            self.constants[name] = np.array(array)
            names.append(name)
        self.last = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [self.last], **attributes))
        self.shape = self.shape if shape is None else shape

    def weights(self, *shape):
        return self.numbers.integers(-2, 3, shape).astype(np.float32)

    def grow(self, kind):
        """One more of a kind: a letter of `OPERATORS`."""
        getattr(self, f"add_{kind.lower()}")()

    def add_t(self):
        order = self.draw.sample(range(len(self.shape)), len(self.shape))
        self.add("Transpose", shape=[self.shape[i] for i in order], perm=order)

    def add_r(self):
        left, made = math.prod(self.shape), []
        while left > 1 and len(made) < 3:
            made.append(self.draw.choice([q for q in range(1, left + 1) if left % q == 0]))
            left //= made[-1]
        if left > 1:
            return
        made = made or [1]
        said = list(made)
        if self.draw.random() < 0.6:
            said[self.draw.randrange(len(said))] = -1
        if said[0] == made[0] == self.shape[0] and self.draw.random() < 0.5:
            said[0] = 0
        self.add("Reshape", np.array(said), shape=made)

    def add_m(self):
        w = self.weights(self.shape[-1], self.draw.choice([2, 3, 4]))
        w[:, 1] = w[:, 0] * self.draw.choice([1, 2])
        self.add("MatMul", w, shape=[*self.shape[:-1], w.shape[1]])
        if self.draw.random() < 0.6:
            self.add("Relu")

    def add_k(self):
        if len(self.shape) > 2:
            sizes = [self.draw.randint(1, n) for n in self.shape[2:]]
            w = self.weights(self.draw.choice([2, 3]), self.shape[1], *sizes)
            w[1] = w[0]
            rest = [n - q + 1 for n, q in zip(self.shape[2:], sizes, strict=True)]
            self.add("Conv", w, shape=[self.shape[0], len(w), *rest])
            self.add("Relu")

    def add_e(self):
        self.add(self.draw.choice(["Relu", "Sigmoid"]))

    def add_a(self):
        self.add("Add", self.weights(self.shape[-1]))

    def add_q(self):
        self.add("Softmax", axis=self.draw.randrange(len(self.shape)))

    def add_u(self):
        axis = self.draw.randrange(len(self.shape) + 1)
        self.add("Unsqueeze", [axis], shape=[*self.shape[:axis], 1, *self.shape[axis:]])

    def add_l(self):
        axis = self.draw.randrange(len(self.shape) + 1)
        self.add("Flatten", shape=[math.prod(self.shape[:axis]), math.prod(self.shape[axis:])], axis=axis)

    def add_s(self):
        axis = self.draw.randrange(len(self.shape))
        end = 2**63 - 1 if self.draw.random() < 0.4 else self.draw.randint(1, self.shape[axis])
        made = [min(end, n) if i == axis else n for i, n in enumerate(self.shape)]
        self.add("Slice", [0], [end], [axis], shape=made)

    def add_p(self):
        if len(self.shape) > 2:
            pads = [0] * (2 * len(self.shape))
            pads[len(self.shape) - 1] = 1
            mode = self.draw.choice(["edge", "constant"])
            self.add("Pad", pads, shape=[*self.shape[:-1], self.shape[-1] + 1], mode=mode)

    def add_c(self):
        axis = self.draw.randrange(len(self.shape))
        before, self.last = self.last, f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node("Concat", [before, before], [self.last], axis=axis))
        self.shape = [2 * n if i == axis else n for i, n in enumerate(self.shape)]


def graph(seed):
    """A model, and an input of it."""
    draw = random.Random(seed)
    sizes = [draw.choice([1, 2, 3, 4]) for _ in range(draw.choice([2, 3, 3, 4]))]
    said = list(sizes)
    for axis, share, name in ((0, 0.5, "N"), (2, 0.3, "S"), (-1, 0.3, "T")):
        if draw.random() < share and axis < len(sizes) and (axis != -1 or len(sizes) > 2):
            said[axis] = name
    made = Graph(draw, np.random.default_rng(seed), list(sizes))
    for _ in range(draw.randint(2, 7)):
        made.grow(draw.choice(OPERATORS))
        if len(made.shape) > 6 or math.prod(made.shape) > MOST:
            break
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, said)
    y = helper.make_tensor_value_info(made.last, TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(array, name) for name, array in made.constants.items()]
    body = helper.make_graph(made.nodes, "random", [x], [y], constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, made.numbers.normal(size=sizes).astype(np.float32)


def run(path, x):
    """What onnxruntime computes; None where it does not."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    try:
        return onnxruntime.InferenceSession(str(path), options).run(None, {"x": x})[0]
    except Exception:  # noqa: BLE001  # it has many, of no common kind
        return None


def outcome(seed, folder):
    """What becomes of one graph: a word."""
    model, x = graph(seed)
    if not model.graph.node:
        return "not run"
    original, reduced = folder / "a.onnx", folder / "b.onnx"
    onnx.save(model, original)
    if (expected := run(original, x)) is None:
        return "not run"
    try:
        found = exactlump.reduce_file(original, reduced, overwrite=True)
    except exactlump.ExactlumpError as error:
        return f"refused: {type(error).__name__}"
    y = run(reduced, x)
    if y is None or y.shape != expected.shape or not np.allclose(expected, y, rtol=1e-3, atol=1e-4):
        raise AssertionError(f"seed {seed}: found {y!r}, expected {expected!r}")
    smaller = found.reduction.reduced.neurons < found.reduction.original.neurons
    return "equal, and smaller" if smaller else "equal"


def main():
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts, start = Counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seed, options.seed + options.count):
            counts[outcome(seed, Path(folder))] += 1
    print("| outcome | graphs |\n|---|---|")
    for words, count in counts.most_common():
        print(f"| {words} | {count:,} |")
    print(f"\n{time.process_time() - start:.0f} s of CPU")


if __name__ == "__main__":
    main()
