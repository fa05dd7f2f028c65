# SPDX-License-Identifier: Apache-2.0
"""This file is about zeros around images, which are padding of the window that reads them: where they are, where not.

Two roads: the engine's reading against the checker's, and both files in onnxruntime.
"""

import numpy as np
import pytest

from exactlump import check, formats, reduce_file, refute
from exactlump.network.kinds import AveragePool, Conv, Pad
from tests.tools import model, node, run, save

DRAW = np.random.default_rng(5)
COUNTED, FOURS = np.arange(18, dtype=np.float32), np.full(18, 4, np.float32)
KERNEL = DRAW.integers(-3, 4, (3, 2, 2, 3)).astype(np.float32)


def images(nodes, grid, after, constants=(), opset=13):
    """A model of images with two channels."""
    made = {"x": ["N", 2, *grid]}, {"y": ["N", *after]}
    return model(nodes, *made, dict(constants), opset=opset)


def pads(*amounts):
    """Zeros around both axes of a grid: above, left, below, right."""
    above, left, below, right = amounts
    return np.array([0, 0, above, left, 0, 0, below, right])


def written(tmp_path, *models):
    return [save(tmp_path / f"{i}.onnx", made) for i, made in enumerate(models)]


def kinds(path):
    return [type(n) for n in formats.read(path).nodes]


def equal_in_onnxruntime(one, other, grid):
    x = DRAW.integers(-9, 10, 2 * int(np.prod(grid))).astype(np.float32)
    return np.array_equal(run(one, x)[0], run(other, x)[0])


CONVOLUTIONS = [
    # around, own pads, strides, dilations
    ((1, 1, 1, 1), (0, 0, 0, 0), (1, 1), (1, 1)),
    ((0, 2, 1, 0), (0, 0, 0, 0), (1, 1), (1, 1)),
    ((1, 0, 2, 1), (1, 1, 0, 2), (2, 1), (1, 1)),
    ((3, 3, 3, 3), (0, 0, 0, 0), (1, 2), (2, 1)),
    ((0, 0, 0, 0), (1, 0, 0, 1), (1, 1), (1, 1)),
]


def convolved(around, own, strides, dilations):
    """A convolution above a Pad, and one with all the padding; the grid after it."""
    grid = (4, 5)
    rooms = [n + b + e + c + d for n, b, e, c, d in zip(grid, around[:2], around[2:], own[:2], own[2:], strict=True)]
    spans = [d * (k - 1) + 1 for d, k in zip(dilations, (2, 3), strict=True)]
    after = (3, *((n - k) // s + 1 for n, k, s in zip(rooms, spans, strides, strict=True)))
    how = {"strides": strides, "dilations": dilations}
    apart = [node("Pad", "x p", "q"), node("Conv", "q K", "c", pads=own, **how), node("Relu", "c", "y")]
    total = [a + b for a, b in zip(around, own, strict=True)]
    joined = [node("Conv", "x K", "c", pads=total, **how), node("Relu", "c", "y")]
    one = images(apart, grid, after, {"p": pads(*around), "K": KERNEL})
    return one, images(joined, grid, after, {"K": KERNEL}), grid


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_zeros_below_a_convolution_are_its_padding(case, tmp_path):
    one, other, grid = convolved(*case)
    apart, joined = written(tmp_path, one, other)
    assert kinds(apart) == kinds(joined)
    assert formats.read(apart).nodes[1:] == formats.read(joined).nodes[1:] or Pad not in kinds(apart)
    assert equal_in_onnxruntime(apart, joined, grid)
    found = refute(apart, joined)
    assert (found.verdict, found.finding.method) == ("equivalent", "quotient")
    done = reduce_file(apart, tmp_path / "small.onnx")
    assert done.verdict == "equivalent"
    assert equal_in_onnxruntime(apart, done.reduced, grid)


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_the_checker_reads_the_same_window(case, tmp_path):
    one, other, _ = convolved(*case)
    lines = [
        [*check.reading(check.read_network(str(path), "as stored", 1 << 20))][-3:]
        for path in written(tmp_path, one, other)
    ]
    assert lines[0] == lines[1]


def test_two_pads_in_a_row(tmp_path):
    nodes = [node("Pad", "x p", "q"), node("Pad", "q r", "t"), node("Conv", "t K", "y")]
    one = images(nodes, (2, 3), (3, 4, 3), {"p": pads(1, 0, 1, 0), "r": pads(0, 1, 1, 1), "K": KERNEL})
    other = images([node("Conv", "x K", "y", pads=[1, 1, 2, 1])], (2, 3), (3, 4, 3), {"K": KERNEL})
    apart, joined = written(tmp_path, one, other)
    assert kinds(apart) == kinds(joined)
    assert refute(apart, joined).verdict == "equivalent"
    assert equal_in_onnxruntime(apart, joined, (2, 3))


def test_a_pad_that_something_else_reads_stays(tmp_path):
    nodes = [node("Pad", "x p", "q"), node("Conv", "q K", "c"), node("Relu", "c", "y")]
    made = images(nodes, (2, 3), (3, 3, 3), {"p": pads(1, 1, 1, 1), "K": KERNEL})
    made.graph.output.add().CopyFrom(made.graph.output[0])
    made.graph.output[1].name = "q"
    for dim, n in zip(made.graph.output[1].type.tensor_type.shape.dim[1:], (2, 4, 5), strict=True):
        dim.dim_value = n
    (path,) = written(tmp_path, made)
    assert Pad in kinds(path)
    done = reduce_file(path, tmp_path / "small.onnx")
    x = DRAW.integers(-9, 10, 12).astype(np.float32)
    assert all(map(np.array_equal, run(path, x), run(done.reduced, x)))


def pooled(counting, own=(0, 0, 0, 0), around=(1, 0, 1, 1), **how):
    """A mean above a Pad, of the windows that it has; and one with all the padding, which counts or not."""
    kernel = {"kernel_shape": [2, 2], **how}
    rooms = [3 + around[0] + around[2] + own[0] + own[2], 3 + around[1] + around[3] + own[1] + own[3]]
    after = (2, *(n - 1 for n in rooms))
    apart = [node("Pad", "x p", "q"), node("AveragePool", "q", "y", pads=own, **kernel)]
    total = [a + b for a, b in zip(around, own, strict=True)]
    joined = [node("AveragePool", "x", "y", pads=total, count_include_pad=int(counting), kernel_shape=[2, 2])]
    return images(apart, (3, 3), after, {"p": pads(*around)}), images(joined, (3, 3), after)


@pytest.mark.parametrize("how", [{}, {"count_include_pad": 1}])
def test_zeros_below_a_mean_are_padding_that_counts(how, tmp_path):
    apart, joined = written(tmp_path, *pooled(True, **how))
    assert kinds(apart) == kinds(joined)
    assert refute(apart, joined).verdict == "equivalent"
    assert np.allclose(run(apart, COUNTED)[0], run(joined, COUNTED)[0])


def test_zeros_below_a_mean_are_no_padding_that_does_not_count(tmp_path):
    """A constant image of 4: the mean of what a Pad made is 2 at a border, that of elements only is 4."""
    apart, joined = written(tmp_path, *pooled(False))
    found = refute(apart, joined)
    assert found.verdict == "different"
    assert not np.allclose(run(apart, FOURS)[0], run(joined, FOURS)[0])


def test_a_mean_whose_own_padding_does_not_count_keeps_the_zeros_apart(tmp_path):
    (path, _) = written(tmp_path, *pooled(True, own=(0, 1, 0, 0), around=(0, 1, 1, 0)))
    assert kinds(path)[-2:] == [Pad, AveragePool]
    assert reduce_file(path, tmp_path / "small.onnx").verdict == "equivalent"


def test_no_pool_gets_padding_as_large_as_its_window(tmp_path):
    """Runtimes refuse such pools."""
    (path, _) = written(tmp_path, *pooled(True, around=(2, 0, 0, 0)))
    assert kinds(path)[-2:] == [Pad, AveragePool]
    done = reduce_file(path, tmp_path / "small.onnx")
    assert np.array_equal(run(path, COUNTED)[0], run(done.reduced, COUNTED)[0])


@pytest.mark.parametrize("below", ["Relu", "Neg"])
def test_zeros_below_a_largest_value_stay(below, tmp_path):
    """Padding of MaxPool is smaller than every value, and no zero."""
    nodes = [node(below, "x", "r"), node("Pad", "r p", "q"), node("MaxPool", "q", "y", kernel_shape=[2, 2])]
    one = images(nodes, (2, 2), (2, 3, 3), {"p": pads(1, 1, 1, 1)})
    own = [node(below, "x", "r"), node("MaxPool", "r", "y", kernel_shape=[2, 2], pads=[1, 1, 1, 1])]
    apart, joined = written(tmp_path, one, images(own, (2, 2), (2, 3, 3)))
    assert Pad in kinds(apart)
    assert refute(apart, joined).verdict in ("different" if below == "Neg" else "unknown", "different")
    assert reduce_file(apart, tmp_path / "small.onnx").verdict == "equivalent"


def test_zeros_below_a_convolution_that_spreads_stay(tmp_path):
    weight = DRAW.integers(-3, 4, (2, 1, 2, 2)).astype(np.float32)
    nodes = [node("Pad", "x p", "q"), node("ConvTranspose", "q K", "y")]
    (path,) = written(tmp_path, images(nodes, (2, 2), (1, 5, 5), {"p": pads(1, 1, 1, 1), "K": weight}))
    assert kinds(path)[-2:] == [Pad, Conv]
    assert reduce_file(path, tmp_path / "small.onnx").verdict == "equivalent"
