# SPDX-License-Identifier: Apache-2.0
"""This file is about the bundled networks: `python -m examples.make_networks` writes them all again.

The files in exactlump/networks/ were made with Python 3.11, NumPy 2.4.6, scikit-learn 1.9.1 and onnx 1.23.2.
Other versions, or another BLAS, train slightly different weights; tll_small and erratum never change.
"""

import json
from pathlib import Path

import numpy as np
import onnx

from examples import digits, lattice, widen
from examples.chain import Layer, relu_chain, to_onnx

ROOT = Path(__file__).parents[1]
BUNDLED = ROOT / "exactlump" / "networks"
NARROW = ROOT / "tests" / "networks" / "digits_narrow.onnx"


def digits_l1(data: digits.Digits) -> digits.Chain:
    """64-256-128-10, trained with an L1 penalty, its weights below 1/100 put to 0; the biases stay."""
    chain = digits.train([64, 256, 128, 10], data, l1=1e-3, epochs=150)
    return [(_float32(np.where(abs(w) < 1e-2, 0, w)), _float32(b)) for w, b in chain]


def digits_int8(data: digits.Digits) -> digits.Chain:
    """64-256-128-10 with int8 weights times 2^-3; no biases in hidden layers, so that proportional rows occur."""
    chain = digits.train([64, 256, 128, 10], data, l1=5e-4, epochs=150, hidden_biases=False)
    grid = [(np.round(w * 8), np.round(b * 8)) for w, b in chain]
    if max(abs(p).max() for layer in grid for p in layer) > 127:
        raise ValueError("digits_int8: found a weight outside -127..127")
    return [(w / 8, b / 8) for w, b in grid]


def digits_narrow(data: digits.Digits) -> digits.Chain:
    """64-48-32-10 on a grid of multiples of 2^-10: what digits_widened must be reduced to."""
    return widen.on_grid(digits.train([64, 48, 32, 10], data, l1=0, epochs=40))


def tll_small() -> list[Layer]:
    """A maximum of 8 minima of 8 random affine functions of 2 inputs."""
    return lattice.layers(small_lattice())


def small_lattice() -> lattice.Lattice:
    """What tll_small computes."""
    return lattice.random_lattice(8, 2, np.random.default_rng(1))


def erratum() -> dict[str, object]:
    """The 1-2-2-1 network on which Definition 6 as printed gives 2 or 4 in place of 3 (docs/erratum.md)."""
    relu = ["leaky_relu", "0"]
    nodes = [
        _dense("x", "h1", 1, [[[0, "1"]], [[0, "2"]]]),
        {"op": "activate", "source": "h1", "target": "a", "functions": [relu, relu]},
        _dense("a", "h2", 2, [[[0, "1"]], [[1, "1"]]]),
        {"op": "activate", "source": "h2", "target": "v", "functions": [relu, relu]},
        _dense("v", "o", 2, [[[0, "1"], [1, "1"]]]),
    ]
    inputs = [{"name": "x", "shape": [1]}]
    return {"format": "exactlump network", "version": 1, "inputs": inputs, "nodes": nodes, "outputs": ["o"]}


def main() -> None:
    """Write every file, and print its widths and its accuracy on the test images."""
    data = digits.load()
    narrow = digits_narrow(data)
    wide = widen.widen(narrow, np.random.default_rng(2))
    trained = [
        (BUNDLED / "digits_l1.onnx", digits_l1(data), True),
        (BUNDLED / "digits_int8.onnx", digits_int8(data), False),
        (BUNDLED / "digits_widened.onnx", wide, True),
        (NARROW, narrow, True),
    ]
    for path, chain, gemm in trained:
        _save(path, relu_chain(chain), gemm=gemm)
        print(f"    test accuracy {digits.accuracy(chain, data):.4f}")
    _save(BUNDLED / "tll_small.onnx", tll_small(), gemm=False)
    one_node_a_line = json.dumps(erratum()).replace(' {"op"', '\n {"op"').replace('[{"op"', '[\n {"op"')
    (BUNDLED / "erratum.json").write_text(one_node_a_line + "\n", encoding="utf-8")


def _save(path: Path, layers: list[Layer], *, gemm: bool) -> None:
    path.parent.mkdir(exist_ok=True)
    onnx.save(to_onnx(path.stem, layers, gemm=gemm), path)
    print(path.name, [layers[0].weight.shape[1], *(len(layer.bias) for layer in layers)])


def _dense(source: str, target: str, columns: int, rows: list[list[list[object]]]) -> dict[str, object]:
    bias = ["0"] * len(rows)
    return {"op": "dense", "source": source, "target": target, "columns": columns, "rows": rows, "bias": bias}


def _float32(values: digits.Array) -> digits.Array:
    return values.astype(np.float32).astype(np.float64)


if __name__ == "__main__":
    main()
