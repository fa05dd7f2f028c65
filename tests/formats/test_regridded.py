# SPDX-License-Identifier: Apache-2.0
"""This file is about images on another grid, and sums over positions: DepthToSpace, SpaceToDepth, Resize, ReduceSum.

Exact values are those of onnxruntime at integers; a doubled channel behind the operator goes, the certificate is
checked, and what is written computes the same.
"""

import itertools

import numpy as np
import pytest
from onnx import helper

from exactlump import check, inspect_file, read, reduce_file
from exactlump.network.kinds import Conv
from exactlump.numbers.rational import rational
from tests.tools import model, node, numbers, save, session, tensor

RNG = np.random.default_rng(11)


def around(operators, channels, between, *, shape=(2, 4, 6), constants=(), opset=17, doubled=1, dense=0):
    """A convolution to `channels`, ReLU, operators from a to b, ReLU, and a 1x1 convolution (or dense: a layer) to y.

    The last channels are twice the first ones: `doubled` of them.
    """
    kernel = RNG.integers(-3, 4, (channels, shape[0], 3, 3)).astype(np.float32)
    kernel[channels - doubled :] = 2 * kernel[:doubled]
    nodes = [node("Conv", "x K", "c", pads=[1, 1, 1, 1]), node("Relu", "c", "a"), *operators, node("Relu", "b", "r")]
    more = [tensor("K", kernel), *constants]
    if dense:
        nodes.append(node("MatMul", "r W", "y"))
        more.append(tensor("W", RNG.integers(-3, 4, (between, dense)).astype(np.float32)))
    else:
        nodes.append(node("Conv", "r L", "y"))
        more.append(tensor("L", RNG.integers(-3, 4, (2, between, 1, 1)).astype(np.float32)))
    return model(nodes, {"x": ["N", *shape]}, [helper.make_tensor_value_info("y", 1, None)], more, opset=opset)


def resized(scale, opset=17, sizes=None, **attributes):
    """Resize by a scale for each axis of the grid, or to sizes."""
    full = tensor("scales", np.array([1, 1, *scale], np.float32)) if sizes is None else tensor("sizes", np.array(sizes))
    words = {10: "a scales", 9: "a scales"}.get(opset, "a  scales" if sizes is None else "a   sizes")
    inputs = words.split(" ")
    made = helper.make_node("Resize" if opset > 9 else "Upsample", inputs, ["b"], **attributes)
    return [made], [full]


FLOOR = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def resize_case(scale, channels=4, **how):
    nodes, constants = resized(scale, **how)
    return around(nodes, channels, channels, constants=constants, opset=how.get("opset", 17))


MODELS = {
    "DepthToSpace": around([node("DepthToSpace", "a", "b", blocksize=2)], 8, 2, doubled=4),
    "DepthToSpace, CRD": around([node("DepthToSpace", "a", "b", blocksize=2, mode="CRD")], 8, 2, doubled=4),
    "DepthToSpace, opset 7": around([node("DepthToSpace", "a", "b", blocksize=2)], 8, 2, doubled=4, opset=7),
    "DepthToSpace by 3": around([node("DepthToSpace", "a", "b", blocksize=3)], 9, 1, doubled=0),
    "SpaceToDepth": around([node("SpaceToDepth", "a", "b", blocksize=2)], 3, 12),
    "Resize by 2": resize_case((2, 2), **FLOOR),
    "Resize by 3 and 1": resize_case((3, 1), **FLOOR),
    "Resize by half a pixel": resize_case((2, 5)),
    "Resize, ties up": resize_case((4, 2), nearest_mode="round_prefer_ceil"),
    "Resize, PyTorch's": resize_case((2, 2), coordinate_transformation_mode="pytorch_half_pixel"),
    "Resize, opset 10": resize_case((2, 3), opset=10),
    "Upsample, opset 9": resize_case((2, 3), opset=9, mode="nearest"),
    "ReduceSum": around(
        [node("ReduceSum", "a axes", "b", keepdims=0)], 4, 4, constants=[tensor("axes", np.array([2, 3]))], dense=3
    ),
    "ReduceSum, axes from behind": around(
        [node("ReduceSum", "a axes", "b", keepdims=1)], 4, 4, constants=[tensor("axes", np.array([-1, -2]))]
    ),
    "ReduceSum, opset 11": around([node("ReduceSum", "a", "b", axes=[2, 3], keepdims=0)], 4, 4, opset=11, dense=3),
}


@pytest.mark.parametrize("name", MODELS)
def test_values_are_those_of_a_runtime_and_doubles_go(name, tmp_path):
    path = save(tmp_path / "a.onnx", MODELS[name])
    network = read(path)
    assert not network.opaque
    for seed in range(2):
        x = np.random.default_rng(seed).integers(-4, 5, (1, 2, 4, 6)).astype(np.float32)
        (expected,) = session(path).run(None, {"x": x})
        (found,) = network.evaluate([rational(int(v)) for v in x.ravel()])
        assert np.allclose(numbers(found), expected.ravel(), rtol=1e-5)
    done = reduce_file(path, tmp_path / "b.onnx")
    assert check.main([str(path), str(done.reduced), str(done.certificate)]) == 0
    if "by 3" != name[-4:]:
        assert done.reduction.reduced.neurons < done.reduction.original.neurons
    x = RNG.standard_normal((3, 2, 4, 6)).astype(np.float32)
    ours, theirs = (session(p).run(None, {"x": x})[0] for p in (path, done.reduced))
    assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        resized((1.5, 2), **FLOOR),
        resized((2, 2), coordinate_transformation_mode="asymmetric"),
        resized((2, 2), coordinate_transformation_mode="align_corners"),
        resized((2, 2), nearest_mode="floor"),
        resized((2, 2), mode="linear"),
        resized((2, 2), mode="cubic"),
        resized((0.5, 0.5), **FLOOR),
        resized((), sizes=[1, 4, 8, 12], **FLOOR),
        resized((65, 64), **FLOOR),
    ],
)
def test_other_ways_to_resize_are_opaque(nodes, constants, tmp_path):
    """Positions that float arithmetic may round apart, or that are no x // scale; a batch that is a number."""
    path = save(tmp_path / "a.onnx", around(nodes, 4, 4, constants=constants))
    found = inspect_file(path)
    assert [entry["operator"] for entry in found.opaque][:1] == ["ai.onnx:Resize"]
    done = reduce_file(path, tmp_path / "b.onnx")
    assert "Resize" in done.given


def test_sizes_that_are_multiples_are_scales(tmp_path):
    nodes, constants = resized((), sizes=[1, 4, 8, 12], **FLOOR)
    made = around(nodes, 4, 4, constants=constants)
    dim = made.graph.input[0].type.tensor_type.shape.dim[0]
    dim.ClearField("dim_param")
    dim.dim_value = 1
    path = save(tmp_path / "a.onnx", made)
    assert [n.window.kernel for n in read(path).nodes if isinstance(n, Conv)][1] == (2, 2)
    done = reduce_file(path, tmp_path / "b.onnx")
    assert check.main([str(path), str(done.reduced), str(done.certificate)]) == 0


def over_time(kind, *, keepdims=0, opset=17, shape=("N", 5, 3)):
    """Dense layers on positions, a mean or a sum over these, and a dense layer."""
    weight = np.array([[1, 2, -1, 3], [2, -1, 3, 6], [-1, 1, 2, -3]], np.float32)
    axes = list(range(1, len(shape) - 1))
    by_input = opset >= (13 if kind == "ReduceSum" else 18)
    reduce = (
        node(kind, "a axes", "b", keepdims=keepdims) if by_input else node(kind, "a", "b", axes=axes, keepdims=keepdims)
    )
    nodes = [node("MatMul", "x W", "m"), node("Relu", "m", "a"), reduce, node("MatMul", "b V", "y")]
    more = [tensor("W", weight), tensor("V", RNG.integers(-3, 4, (4, 2)).astype(np.float32))]
    more += [tensor("axes", np.array(axes))] if by_input else []
    return model(nodes, {"x": list(shape)}, [helper.make_tensor_value_info("y", 1, None)], more, opset=opset)


@pytest.mark.parametrize(
    ("kind", "keepdims", "opset", "shape"),
    [
        *itertools.product(["ReduceSum", "ReduceMean"], [0], [17, 18], [("N", 5, 3)]),
        ("ReduceSum", 0, 11, ("N", 5, 3)),
        ("ReduceMean", 0, 17, ("N", 2, 4, 3)),
        ("ReduceSum", 0, 17, (2, 5, 3)),
        ("ReduceMean", 0, 17, ("N", "T", 3)),
    ],
)
def test_sums_over_the_positions_of_sequences(kind, keepdims, opset, shape, tmp_path):
    path = save(tmp_path / "a.onnx", over_time(kind, keepdims=keepdims, opset=opset, shape=shape))
    network = read(path)
    assert not network.opaque
    sizes = [n if isinstance(n, int) else 2 for n in shape]
    x = RNG.integers(-4, 5, sizes).astype(np.float32)
    expected = session(path).run(None, {"x": x})[0]
    for one, y in zip(x, expected, strict=True) if not network.is_open else ():
        (found,) = network.evaluate([rational(int(v)) for v in one.ravel()])
        assert np.allclose(numbers(found), y.ravel(), rtol=1e-5)
    done = reduce_file(path, tmp_path / "b.onnx")
    assert (done.reduction.original.neurons, done.reduction.reduced.neurons) == (4, 3)
    assert check.main([str(path), str(done.reduced), str(done.certificate)]) == 0
    assert np.allclose(session(done.reduced).run(None, {"x": x})[0], expected, rtol=1e-4)


@pytest.mark.parametrize("axes", [[0], [1, 2], [2], [0, 1]])
def test_sums_over_units_or_the_batch_are_opaque(axes, tmp_path):
    nodes = [node("Relu", "x", "a"), node("ReduceSum", "a axes", "b", keepdims=1), node("Relu", "b", "y")]
    made = model(
        nodes,
        {"x": ["N", 5, 3]},
        [helper.make_tensor_value_info("y", 1, None)],
        [tensor("axes", np.array(axes))],
        opset=17,
    )
    path = save(tmp_path / "a.onnx", made)
    if axes == [2]:  # an image of one axis, whose positions these are
        assert not read(path).opaque
    else:
        assert "ReduceSum" in reduce_file(path, tmp_path / "b.onnx").given


def test_a_channel_taken_for_another_is_seen(tmp_path):
    """CRD is not DCR, a grid of 2 by 3 is not one of 3 by 2: the checker tells them apart."""
    pairs = [
        (MODELS["DepthToSpace"], {"mode": "CRD"}),
        (MODELS["Resize by 2"], {"nearest_mode": "round_prefer_floor"}),
    ]
    for made, changes in pairs:
        path = save(tmp_path / "a.onnx", made)
        done = reduce_file(path, tmp_path / "b.onnx", overwrite=True)
        other = type(made)()
        other.CopyFrom(made)
        target = next(n for n in other.graph.node if n.op_type in ("DepthToSpace", "Resize"))
        for key, value in changes.items():
            for attribute in [a for a in target.attribute if a.name == key]:
                target.attribute.remove(attribute)
            target.attribute.append(helper.make_attribute(key, value))
        wrong = save(tmp_path / "c.onnx", other)
        ours = check.read_network(str(path), "as stored", check.MAX_UNPACKED)
        theirs = check.read_network(str(wrong), "as stored", check.MAX_UNPACKED)
        assert list(check.reading(ours)) != list(check.reading(theirs))
        assert done.verdict == "equivalent"
