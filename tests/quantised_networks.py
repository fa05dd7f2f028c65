# SPDX-License-Identifier: Apache-2.0
"""This file is about random quantised networks as quantisers write them, small and full of redundancy, by a seed.

Between QuantizeLinear and DequantizeLinear pairs stand dense layers or convolutions whose weights are integers of 8
bits, with one scale or one for each row; the bias is 32-bit integers with the product of the scales of input and
weights, or floats.  Rows are zero, of one weight, or repeated, so that units are constant, dead or equal.
"""

import itertools

import numpy as np

from tests.tools import model, node, tensor

SHARE = {"zero": 0.25, "same": 0.35, "one weight": 0.5}


class _Graph:
    """A model that grows layer by layer."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants = [], {}
        chance = self.rng.random(5)
        self.per_row, self.images, self.relu = chance[0] < 0.6, chance[1] < 0.4, chance[2] < 0.5
        self.signed, self.whole_bias = chance[3] < 0.7, chance[4] < 0.85
        self.gemm = self.rng.random() < 0.6

    def pair(self, name, source, scale, zero=0):
        """A QuantizeLinear and its DequantizeLinear."""
        self.constants |= {f"{name}_s": np.float32(scale), f"{name}_z": np.uint8(zero)}
        steps = f"{name}_s {name}_z"
        self.nodes.append(node("QuantizeLinear", f"{source} {steps}", f"{name}_q"))
        self.nodes.append(node("DequantizeLinear", f"{name}_q {steps}", name))
        return name

    def stored(self, name, integers, scales, zeros, axis):
        """A constant that a DequantizeLinear makes."""
        shape = scales.shape if self.per_row else ()
        self.constants |= {f"{name}_q": integers, f"{name}_s": scales.reshape(shape), f"{name}_z": zeros.reshape(shape)}
        attributes = {"axis": axis} if self.per_row else {}
        self.nodes.append(node("DequantizeLinear", f"{name}_q {name}_s {name}_z", name, **attributes))

    def weights(self, rows, columns, kernel):
        """Integers of which many rows are zero, repeated, or have one weight; their scales and zero points."""
        rng, kind = self.rng, np.int8 if self.signed else np.uint8
        low, high, zero = (-127, 128, 0) if self.signed else (0, 256, int(rng.integers(100, 150)))
        found = rng.integers(low, high, (rows, columns, *kernel)).astype(kind)
        for v in range(rows):
            chance = rng.random()
            if chance < SHARE["zero"]:
                found[v] = zero
            elif chance < SHARE["same"] and v:
                found[v] = found[v - 1]
            elif chance < SHARE["one weight"]:
                found[v] = zero
                found[v, int(rng.integers(columns))] = low + 5
        count = rows if self.per_row else 1
        return found, (rng.random(count) * 0.01 + 0.001).astype(np.float32), np.full(count, zero, kind)

    def layer(self, i, source, scale, rows, columns, *, image, gemm):
        """A dense layer or a convolution; returns what it makes."""
        weights, scales, zeros = self.weights(rows, columns, (2, 2) if image else ())
        turned = not (image or gemm)
        self.stored(f"W{i}", np.ascontiguousarray(weights.T) if turned else weights, scales, zeros, int(turned))
        bias = self.rng.integers(-30_000, 30_000, rows)
        if self.whole_bias:
            ends = (np.float32(scale) * scales).astype(np.float32)
            self.stored(f"b{i}", bias.astype(np.int32), ends, np.zeros(len(ends), np.int32), 0)
        else:
            self.constants[f"b{i}"] = (bias * 1e-4).astype(np.float32)
        if turned:
            self.nodes += [node("MatMul", f"{source} W{i}", f"m{i}"), node("Add", f"m{i} b{i}", f"z{i}")]
        elif image:
            self.nodes.append(node("Conv", f"{source} W{i} b{i}", f"z{i}"))
        else:
            self.nodes.append(node("Gemm", f"{source} W{i} b{i}", f"z{i}", transB=1))
        return f"z{i}"


def quantised_network(seed, opset=13):
    """(model, shape of its input without the batch axis, step of its output)."""
    made = _Graph(seed)
    sizes = [int(n) for n in made.rng.integers(2, 6, int(made.rng.integers(3, 5)))]
    here, scale = made.pair("x0", "x", 1 / 255), 1 / 255
    for i, (columns, rows) in enumerate(itertools.pairwise(sizes)):
        last = i == len(sizes) - 2
        if made.images and last:
            made.nodes += [node("GlobalAveragePool", here, "g"), node("Flatten", "g", "f")]
            here = "f"
        image = made.images and not last
        here = made.layer(i, here, scale, rows, columns, image=image, gemm=made.gemm or made.images)
        if made.relu and not last:
            made.nodes.append(node("Relu", here, f"r{i}"))
            here = f"r{i}"
        scale = 0.005 + 0.03 * made.rng.random()
        here = made.pair(f"a{i}", here, scale, 128 if last else 0)
    made.nodes.append(node("Identity", here, "y"))
    shape = (sizes[0], 6, 6) if made.images else (sizes[0],)
    constants = [tensor(name, values) for name, values in made.constants.items()]
    return model(made.nodes, {"x": ["n", *shape]}, {"y": ["n", sizes[-1]]}, constants, opset=opset), shape, scale
