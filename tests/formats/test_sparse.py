# SPDX-License-Identifier: Apache-2.0
"""This file is about sparse constants: read as dense tensors by the engine and by the checker, or refused by both."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from exactlump import FormatError, UnsupportedLayer, check, check_files, formats, reduce_file
from tests.tools import model, node, port, run, same, save, tensor

ROWS = np.array([[0, 2, 0, 0], [0, 0, 0, 0], [0, 4, 0, 0], [0.5, 0, 0, -3]])
KERNEL = np.zeros((2, 1, 2, 3))
KERNEL[0, 0, 1, 2], KERNEL[1, 0, 0, 0] = 1.5, -2


def sparse(name, array, *, by_axis, dtype="float32"):
    """A sparse tensor, which says where its values are by an index for each axis, or by one for all."""
    array = np.asarray(array)
    places = np.flatnonzero(array)
    indices = np.argwhere(array) if by_axis else places
    values = tensor(name, array.reshape(-1)[places], dtype)
    return helper.make_sparse_tensor(values, tensor("", indices.astype(np.int64)), list(array.shape))


def pair(nodes, inputs, outputs, arrays, *, by_axis, others=(), **how):
    """The same model twice: with dense initialisers, and with sparse ones."""
    dtype = how.get("dtype", "float32")
    dense = model(nodes, inputs, outputs, [*(tensor(n, a, dtype) for n, a in arrays.items()), *others], **how)
    made = model(nodes, inputs, outputs, others, **how)
    made.graph.sparse_initializer.extend(sparse(n, a, by_axis=by_axis, dtype=dtype) for n, a in arrays.items())
    return dense, made


def chain(**how):
    """A dense layer with a unit that is twice another one, and one that is 0."""
    nodes = [node("Gemm", "x W", "h", transB=1), node("Relu", "h", "r"), node("MatMul", "r V", "y")]
    last = np.array([[1.0, 0], [2, 1], [0, 3], [0, 4]])
    return pair(nodes, {"x": ["N", 4]}, {"y": ["N", 2]}, {"W": ROWS, "V": last}, **how)


@pytest.mark.parametrize("by_axis", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_a_sparse_tensor_is_the_dense_one(by_axis, dtype, tmp_path):
    opset = {"opset": 22, "ir_version": 10} if dtype == "bfloat16" else {}
    ours, theirs = (save(tmp_path / f"{i}.onnx", m) for i, m in enumerate(chain(by_axis=by_axis, dtype=dtype, **opset)))
    assert same(formats.read(ours), formats.read(theirs))
    assert formats.digest(ours).tensors == formats.digest(theirs).tensors
    one, other = (check.read_network(str(path), "as stored", 1 << 20) for path in (ours, theirs))
    assert one.tensors == other.tensors == dict(formats.digest(theirs).tensors)
    assert [*check.reading(one)] == [*check.reading(other)]


@pytest.mark.parametrize("by_axis", [False, True])
def test_a_file_of_sparse_tensors_is_reduced(by_axis, tmp_path):
    path = save(tmp_path / "in.onnx", chain(by_axis=by_axis)[1])
    done = reduce_file(path, tmp_path / "out.onnx")
    assert (done.reduction.original.neurons, done.reduction.reduced.neurons) == (4, 2)
    assert check_files(path, done.reduced, done.certificate).verdict == "equivalent"
    x = np.array([3, -1, 4, -1], np.float32)
    dense = save(tmp_path / "dense.onnx", chain(by_axis=by_axis)[0])
    assert [*run(done.reduced, x)[0]] == [*run(dense, x)[0]] == [*run(path, x)[0]]


@pytest.mark.parametrize("by_axis", [False, True])
def test_kernels_may_be_sparse(by_axis, tmp_path):
    nodes = [node("Conv", "x K", "c"), node("Add", "c b", "y")]
    how = {"by_axis": by_axis, "others": [tensor("b", np.ones((1, 2, 1, 1)))]}
    made = pair(nodes, {"x": ["N", 1, 3, 3]}, {"y": ["N", 2, 2, 1]}, {"K": KERNEL}, **how)
    ours, theirs = (save(tmp_path / f"{i}.onnx", m) for i, m in enumerate(made))
    assert same(formats.read(ours), formats.read(theirs))
    assert reduce_file(theirs, tmp_path / "out.onnx").verdict == "equivalent"
    x = np.arange(9, dtype=np.float32)
    assert [*run(tmp_path / "out.onnx", x)[0]] == [*run(theirs, x)[0]]


@pytest.mark.parametrize("by_axis", [False, True])
def test_a_constant_node_may_be_sparse(by_axis, tmp_path):
    nodes = [node("Gemm", "x W", "h", transB=1), node("Relu", "h", "y")]
    dense = model([node("Constant", "", "W", value=tensor("w", ROWS)), *nodes], {"x": ["N", 4]}, {"y": ["N", 4]})
    value = sparse("w", ROWS, by_axis=by_axis)
    made = model([node("Constant", "", "W", sparse_value=value), *nodes], {"x": ["N", 4]}, {"y": ["N", 4]})
    ours, theirs = (save(tmp_path / f"{i}.onnx", m) for i, m in enumerate((dense, made)))
    assert same(formats.read(ours), formats.read(theirs))
    assert formats.digest(ours).tensors == formats.digest(theirs).tensors
    done = reduce_file(theirs, tmp_path / "out.onnx")
    assert done.verdict == "equivalent"
    x = np.array([3, -1, 4, -1], np.float32)
    assert [*run(done.reduced, x)[0]] == [*run(ours, x)[0]]


def test_a_subgraph_with_a_sparse_constant_is_refused(tmp_path):
    """What it holds might be anywhere."""
    value = sparse("w", ROWS, by_axis=True)
    inner = [node("Constant", "", "w", sparse_value=value), node("MatMul", "h w", "z")]
    branch = helper.make_graph(inner, "b", [], [port("z", ["N", 4])])
    nodes = [node("Gemm", "x W", "h", transB=1), node("If", "c", "y", then_branch=branch, else_branch=branch)]
    inputs = [port("x", ["N", 4]), port("c", [], TensorProto.BOOL)]
    path = save(tmp_path / "in.onnx", model(nodes, inputs, [port("y", ["N", 4])], {"W": ROWS}))
    with pytest.raises(check.Stop) as stop:
        check.read_network(str(path), "as stored", 1 << 20)
    assert stop.value.rule == "refused"
    with pytest.raises(UnsupportedLayer):
        reduce_file(path, tmp_path / "out.onnx")


def test_nothing_but_zeros(tmp_path):
    dense, made = chain(by_axis=True)
    for graph in (dense.graph, made.graph):
        graph.node.add(op_type="Add", input=["y", "Z"], output=["z"])
        graph.output[0].name = "z"
    dense.graph.initializer.append(tensor("Z", np.zeros((1, 2))))
    made.graph.sparse_initializer.append(sparse("Z", np.zeros((1, 2)), by_axis=True))
    ours, theirs = (save(tmp_path / f"{i}.onnx", m) for i, m in enumerate((dense, made)))
    assert same(formats.read(ours), formats.read(theirs))


def indices(*values, **how):
    """Other indices than those of `ROWS`."""

    def change(part):
        part.indices.CopyFrom(tensor("", np.array(values, how.get("dtype", np.int64))))

    return change


def field(of, **values):
    """Other fields of a part."""

    def change(part):
        made = getattr(part, of) if of else part
        for name, value in values.items():
            if isinstance(value, list):
                del getattr(made, name)[:]
                getattr(made, name).extend(value)
            else:
                setattr(made, name, value)

    return change


# What is wrong, the error of the engine, and the verdict of the checker.
HOSTILE = {
    "two places swapped": (indices(9, 1, 12, 15), FormatError, "malformed"),
    "a place twice": (indices(1, 9, 9, 15), FormatError, "malformed"),
    "a negative place": (indices(-1, 9, 12, 15), FormatError, "malformed"),
    "a place behind the end": (indices(1, 9, 12, 16), FormatError, "malformed"),
    "an index outside of its axis": (indices([0, 1], [2, 1], [2, 4], [3, 3]), FormatError, "malformed"),
    "a negative index": (indices([0, -1], [2, 1], [3, 0], [3, 3]), FormatError, "malformed"),
    "rows swapped": (indices([2, 1], [0, 1], [3, 0], [3, 3]), FormatError, "malformed"),
    "a row twice": (indices([0, 1], [0, 1], [3, 0], [3, 3]), FormatError, "malformed"),
    "too few": (indices(1, 9, 12), FormatError, "malformed"),
    "three columns": (indices([0, 0, 1], [0, 2, 1], [0, 3, 0], [0, 3, 3]), FormatError, "malformed"),
    "32 bits": (indices(1, 9, 12, 15, dtype=np.int32), UnsupportedLayer, "unsupported"),
    "no indices": (lambda part: part.ClearField("indices"), UnsupportedLayer, "unsupported"),
    "no dimensions": (field("", dims=[]), FormatError, "malformed"),
    "a dimension of 0": (field("", dims=[4, 0]), FormatError, "malformed"),
    "a negative dimension": (field("", dims=[-4, -4]), FormatError, "malformed"),
    "values in rows": (field("values", dims=[2, 2]), FormatError, "malformed"),
    "another number of values": (field("values", dims=[5]), FormatError, "malformed"),
    "no name": (field("values", name=""), FormatError, "malformed"),
    "the name of another": (field("values", name="V"), FormatError, "malformed"),
    "values beside the model": (
        field("values", data_location=TensorProto.EXTERNAL),
        UnsupportedLayer,
        "unsupported",
    ),
    "indices beside the model": (
        field("indices", data_location=TensorProto.EXTERNAL),
        UnsupportedLayer,
        "unsupported",
    ),
    "texts": (field("values", data_type=TensorProto.STRING), UnsupportedLayer, "unsupported"),
    "a billion elements": (field("", dims=[1 << 15, 1 << 15]), UnsupportedLayer, "unknown"),
    "more elements than there are": (field("", dims=[1 << 40, 1 << 40]), UnsupportedLayer, "unknown"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_both_readers_refuse(name, tmp_path):
    change, error, verdict = HOSTILE[name]
    made = chain(by_axis=False)[1]
    change(made.graph.sparse_initializer[0])
    path = save(tmp_path / "in.onnx", made)
    with pytest.raises(error):
        formats.read(path)
    with pytest.raises(check.Stop) as stop:
        check.read_network(str(path), "as stored", 1 << 20)
    assert stop.value.verdict == verdict


def test_many_small_ones_do_not_ask_for_more(tmp_path):
    made = chain(by_axis=False)[1]
    for i in range(3):
        made.graph.sparse_initializer.append(sparse(f"s{i}", np.zeros((1, 1)), by_axis=False))
        made.graph.sparse_initializer[-1].dims[:] = [1 << 11, 3 << 10]
    path = save(tmp_path / "in.onnx", made)
    with pytest.raises(UnsupportedLayer, match="elements"):
        formats.read(path)
    with pytest.raises(check.Stop) as stop:
        check.read_network(str(path), "as stored", 1 << 20)
    assert stop.value.rule == "budget"
