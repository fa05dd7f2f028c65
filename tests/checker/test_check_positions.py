# SPDX-License-Identifier: Apache-2.0
"""This file is about positions in the checker: axes of any size, symbols, and what moves them.

Pairs that differ are rejected; the same network written otherwise is equivalent.
"""

import numpy as np
import pytest

from exactlump import check
from tests.checker.test_check_opaque import both, graph, node
from tests.claims import judge
from tests.tools import save

RNG = np.random.default_rng(12)
W, V = RNG.integers(-3, 4, (4, 3)).astype(np.float32), RNG.integers(-3, 4, (3, 4)).astype(np.float32)


def feed(shape, *, target=None, middle=(), last="r"):
    """Dense, ReLU, Dense, on the last axis of a tensor."""
    nodes = [node("MatMul", "x W", "h"), node("Relu", "h", "r"), *middle, node("MatMul", f"{last} V", "y")]
    return graph(nodes, {"x": shape}, {"y": target}, {"W": W, "V": V})


def moved(*perms, shape=("B", "T", 4), after=()):
    """Transposes one after another, and a function."""
    nodes = [node("Transpose", f"t{i}" if i else "x", f"t{i + 1}", perm=perm) for i, perm in enumerate(perms)]
    return graph([*nodes, node("Relu", f"t{len(perms)}" if perms else "x", "y"), *after], {"x": shape}, {"y": None})


def flat(shape, sizes, back):
    """The positions in one axis, and apart again."""
    nodes = [
        node("Reshape", "x s", "f"),
        node("MatMul", "f W", "h"),
        node("Relu", "h", "r"),
        node("MatMul", "r V", "g"),
        node("Shape", "x", "sizes"),
        node("Slice", "sizes zero two", "lead"),
        node("Concat", "lead four", "back", axis=0),
        node("Reshape", "g back", "y"),
    ]
    constants = {"W": W, "V": V, "s": np.array(sizes), "four": np.array([back])}
    return graph(nodes, {"x": shape}, {"y": None}, {**constants, "zero": np.array([0]), "two": np.array([2])})


def shaped(nodes, inputs, **constants):
    return graph(nodes, inputs, {"y": None}, constants)


def conv(shape, *more, **window):
    nodes = [node("Conv", "x K", "c", **window), node("Relu", "c", "r"), *more]
    return graph(nodes, {"x": shape}, {"y": None}, {"K": K})


K = RNG.integers(-2, 3, (2, 1, 3, 3)).astype(np.float32)


def above(**window):
    """A convolution of x + 1, of images of any size."""
    nodes = [node("Add", "x one", "t"), node("Conv", "t K", "c", **window), node("Relu", "c", "y")]
    return shaped(nodes, {"x": ["N", 1, "H", "W"]}, one=np.float32(1), K=K)


def below(**window):
    """The sum of the kernel added behind it."""
    nodes = [node("Conv", "x K", "t", **window), node("Add", "t s", "c"), node("Relu", "c", "y")]
    return shaped(nodes, {"x": ["N", 1, "H", "W"]}, K=K, s=K.sum((1, 2, 3)).reshape(2, 1, 1))


def compressed(*sizes):
    """Some rows of z: as many as one of the other inputs has."""
    inputs = {"x": [sizes[0], 3], "w": [sizes[1], 3], "z": [4, 4]}
    return graph([node("Compress", "z c", "y", axis=0)], inputs, {"y": ["N", 4]}, {"c": np.array([True, False])})


DOUBLE = shaped([node("Mul", "x two", "y")], {"x": ["S", "S"]}, two=np.float32(2))
WITH_TRANSPOSED = shaped([node("Transpose", "x", "t", perm=[1, 0]), node("Add", "x t", "y")], {"x": ["S", "S"]})
IMAGE = conv(["N", 1, "H", "W"], *[node("GlobalAveragePool", "r", "y")], pads=[1, 1, 1, 1])
TRUE = {
    "Dense on a sequence": (feed(["B", "T", 4]), feed(["N", "time", 4])),
    "Dense on known positions": (feed(["B", 5, 4]), feed(["B", 5, 4])),
    "positions in one axis": (feed(["B", "T", 4]), flat(["B", "T", 4], [-1, 4], 4)),
    "channels that move and come back": (
        feed(["B", "T", 4]),
        feed(
            ["B", "T", 4],
            middle=[node("Transpose", "r", "p", perm=[2, 0, 1]), node("Transpose", "p", "q", perm=[1, 2, 0])],
            last="q",
        ),
    ),
    "a constant below windows that read no padding": (above(), below()),
    "an axis of one": (moved(shape=("B", 1, 4)), moved((1, 0, 2), (1, 0, 2), shape=("B", 1, 4))),
    "an image of unknown size": (IMAGE, IMAGE),
    "a vector of unknown length": (shaped([node("Relu", "x", "y")], {"x": ["N"]}),) * 2,
    "a batch that is a number": (feed([1, 4]), feed(["N", 4])),
}
FALSE = {
    "a permutation of positions": (WITH_TRANSPOSED, DOUBLE),
    "a permutation that is another one": (moved((1, 0, 2), shape=("S", "S", 4)), moved(shape=("S", "S", 4))),
    "symbols of equal names": (compressed("B", "N"), compressed("N", "B")),
    "symbols swapped": (
        shaped([node("Transpose", "x", "y", perm=[1, 0, 2])], {"x": ["B", "N", 8]}),
        shaped([node("Identity", "x", "y")], {"x": ["N", "B", 8]}),
    ),
    "a number for a symbol": (feed(["B", "T", 4]), feed(["B", 7, 4])),
    "a batch that an operator looks at": (
        shaped([node("CumSum", "x a", "y")], {"x": [1, 4]}, a=np.array(0)),
        shaped([node("CumSum", "x a", "y")], {"x": ["N", 4]}, a=np.array(0)),
    ),
    "sums of sums": (
        shaped(
            [node("Add", "x z", "s"), node("ReduceSum", "s a", "y", keepdims=1)],
            {"x": ["B", "T", 1], "z": ["B", "T", 1]},
            a=np.array([1]),
        ),
        shaped(
            [node("ReduceSum", "x a", "p"), node("ReduceSum", "z a", "q"), node("Add", "p q", "y")],
            {"x": ["B", "T", 1], "z": ["B", "T", 1]},
            a=np.array([1]),
        ),
    ),
    "a constant below windows that read padding": (above(pads=[1, 1, 1, 1]), below(pads=[1, 1, 1, 1])),
}


@pytest.mark.parametrize("name", TRUE)
def test_what_acts_on_positions_alike_is_read(name, tmp_path):
    paths = both(TRUE[name], tmp_path)
    found = judge(*paths, tmp_path)
    assert found.verdict == "equivalent", found.reason
    assert not any(check.read_network(str(path), "as stored", check.MAX_UNPACKED).depends() for path in paths)


@pytest.mark.parametrize("name", FALSE)
def test_what_tells_positions_apart_is_rejected(name, tmp_path):
    found = judge(*both(FALSE[name], tmp_path), tmp_path)
    assert found.verdict == "rejected", found.reason


# --- What the sizes are --------------------------------------------------------------------------------


def test_the_size_of_another_input_does_not_stand_for_ones_own(tmp_path):
    """y of M items, reshaped to as many as x has: two numbers of items, though the network is one of each."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "b"),
        node("Concat", "b m", "t", axis=0),
        node("Reshape", "z t", "y"),
    ]
    made = shaped(nodes, {"x": ["N", 2], "z": ["M", 2]}, zero=np.array([0]), m=np.array([-1]))
    read = check.read_network(str(save(tmp_path / "a.onnx", made)), "as stored", check.MAX_UNPACKED)
    assert [given.name.split(":")[1] for given in read.depends()] == ["Shape", "Gather", "Concat", "Reshape"]
    made = shaped(nodes, {"x": ["N", 2], "z": ["N", 2]}, zero=np.array([0]), m=np.array([-1]))
    assert not check.read_network(str(save(tmp_path / "a.onnx", made)), "as stored", check.MAX_UNPACKED).depends()


@pytest.mark.parametrize(("source", "sizes"), [((0, 1, 2), "[B,T,4]"), ((1, 0, 2), "[T,B,4]")])
def test_views_after_a_permutation(source, sizes, tmp_path):
    read = check.read_network(str(save(tmp_path / "a.onnx", moved([*source]))), "as stored", check.MAX_UNPACKED)
    assert check.shape_words(read.views["y"]) == sizes
    assert read.mixes == (source[0] == 1)


def test_products_of_symbols():
    n, t = (check.Product(1, (check.Symbol(name),)) for name in "NT")
    other = check.Product(1, (check.Symbol("N"),))
    assert n * t == t * n
    assert 2 * n == n * 2 != n
    assert n != other
    assert (6 * n * t) // (2 * n) == 3 * t
    assert (n // n, n // t, (3 * n) // 2) == (1, None, None)
    other.symbols[0].same = n.symbols[0]
    assert n == other


# --- Faults --------------------------------------------------------------------------------------------


def by_text(monkeypatch):
    monkeypatch.setattr(check.Symbol, "key", lambda symbol: (symbol.name,))


def unmoved(monkeypatch):
    monkeypatch.setattr(check, "permuting", lambda sizes, order: None)


def keeping(monkeypatch):
    lift = check.Window.lift
    monkeypatch.setattr(
        check.Window, "lift", lambda window, tap: (made := lift(window, tap)) and made._replace(keeps=True)
    )


FAULTS = {
    "symbols compared by text": (by_text, "symbols of equal names"),
    "a permutation of positions taken for none": (unmoved, "a permutation of positions"),
    "padding that keeps constants": (keeping, "a constant below windows that read padding"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_are_seen(name, tmp_path, monkeypatch):
    plant, pair = FAULTS[name]
    plant(monkeypatch)
    assert judge(*both(FALSE[pair], tmp_path), tmp_path).verdict == "equivalent"


def test_sizes_that_are_read_as_a_tensor_too(tmp_path):
    """What Shape gives is a constant for Reshape, and a tensor for an operator that nobody covers."""
    nodes = [
        node("Shape", "x", "s"),
        node("Slice", "s zero two", "b"),
        node("CumSum", "b axis", "y"),
        node("Concat", "b four", "t", axis=0),
        node("Reshape", "x t", "z"),
    ]
    constants = {"zero": np.array([0]), "two": np.array([2]), "axis": np.array(0), "four": np.array([4])}
    made = graph(nodes, {"x": ["N", "T", 4]}, {"y": None, "z": None}, constants)
    path = save(tmp_path / "a.onnx", made)
    read = check.read_network(str(path), "as stored", check.MAX_UNPACKED)
    assert sorted(given.name.split(":")[1] for given in read.depends()) == ["CumSum", "Shape", "Slice"]
    assert judge(path, path, tmp_path).verdict == "equivalent"
