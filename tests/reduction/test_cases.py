# SPDX-License-Identifier: Apache-2.0
"""This file is about files as people have them: operators that nobody covers, symbolic sizes, spelled-out functions.

Each graph is of a kind that people's tools write.  It is reduced, its certificate is checked, and onnxruntime computes
the same with both files; what was planted in it is gone.
"""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from exactlump import inspect_file, read, reduce_file, refute
from exactlump.certificates.assumptions import operators
from exactlump.errors import ExactlumpError, NoExactValue, UnsupportedLayer
from tests.tools import DATA, model, node, save, session, tensor

CASES = DATA.parent / "cases"
RNG = np.random.default_rng(7)


def weights(*shape):
    return RNG.integers(-8, 8, shape).astype(np.float32) / 4


def doubled(rows, columns):
    """A matrix (rows, columns) whose last row is twice its first; and a bias like that."""
    matrix, bias = weights(rows, columns), weights(rows)
    matrix[-1], bias[-1] = 2 * matrix[0], 2 * bias[0]
    return matrix, bias


def layer(source, target, rows, columns, last=False):
    """Gemm and Relu, or a MatMul with its bias and Relu on the last axis; with a planted double."""
    matrix, bias = doubled(rows, columns)
    names = [tensor(f"{target}_W", matrix.T if last else matrix), tensor(f"{target}_b", bias)]
    if last:
        nodes = [
            node("MatMul", f"{source} {target}_W", f"{target}_m"),
            node("Add", f"{target}_m {target}_b", f"{target}_s"),
        ]
    else:
        nodes = [node("Gemm", f"{source} {target}_W {target}_b", f"{target}_s", transB=1)]
    return [*nodes, node("Relu", f"{target}_s", target)], names


def dense_model(shape, middle=(), more=(), opset=17, last=False, width=4, out=None, dims=None, declared=()):
    """x -> a planted layer a -> (middle: from a to m) -> a planted layer c -> y."""
    features = shape[-1]
    first, names = layer("x", "a", width, features, last)
    read = "m" if middle else "a"
    second, other = layer(read, "c", 5, dims or width, last)
    final = [tensor("V", weights(5, 2) if last else weights(2, 5))]
    end = [node("MatMul", "c V", "y")] if last else [node("Gemm", "c V", "y", transB=1)]
    made = model(
        [*first, *middle, *second, *end],
        {"x": list(shape)},
        {"y": out or [*shape[:-1], 2]},
        [*names, *other, *final, *more],
        opset=opset,
    )
    made.graph.value_info.extend(declared)
    return made


def feeds(path, seed, sizes):
    rng, fed = np.random.default_rng(seed), {}
    kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8}
    for entry in session(path).get_inputs():
        shape = [n if isinstance(n, int) else sizes.get(n, 2) for n in entry.shape]
        kind = kinds[entry.type]
        values = rng.standard_normal(shape) if kind == np.float32 else rng.integers(0, 3, shape)
        fed[entry.name] = values.astype(kind)
    return fed


def alike(one, other, sizes):
    """Whether a runtime gives nearly the same of both files."""
    for seed in range(3):
        fed = feeds(one, seed, sizes)
        for y, z in zip(session(one).run(None, fed), session(other).run(None, fed), strict=True):
            assert y.shape == z.shape
            assert y.dtype == z.dtype
            assert np.allclose(y, z, rtol=1e-3, atol=1e-4)
    return True


LAYER_NORM = [node("LayerNormalization", "a g h", "m")]
GATE = [node("Sigmoid", "a", "s"), node("Mul", "a s2", "m"), node("Neg", "s", "s2")]
LSTM = [
    node("Unsqueeze", "a k0", "u"),
    helper.make_node("LSTM", ["u", "LW", "LR"], ["", "h"], hidden_size=3),
    node("Squeeze", "h k0", "m"),
]
LSTM_WEIGHTS = [tensor("k0", np.array([0])), tensor("LW", weights(1, 12, 4)), tensor("LR", weights(1, 12, 3))]
LSTM_SHAPE = [helper.make_tensor_value_info("h", TensorProto.FLOAT, [1, "N", 3])]

# name: the model, neurons before and after, opaque operators, sizes that symbols are fed with
GRAPHS = {
    "layer norm": (
        dense_model(["N", 3], LAYER_NORM, [tensor("g", weights(4)), tensor("h", weights(4))]),
        (9, 8),
        {"LayerNormalization"},
    ),
    "lstm with one output": (dense_model(["N", 3], LSTM, LSTM_WEIGHTS, dims=3, declared=LSTM_SHAPE), (9, 8), {"LSTM"}),
    "symbolic time": (dense_model(["N", "T", 3], last=True), (9, 7), set()),
    "known time": (dense_model(["N", 5, 3], last=True), (9, 7), set()),
    "attention": (
        dense_model(
            ["N", "T", 3],
            [
                node("MatMul", "a Q", "q"),
                node("Transpose", "a", "k", perm=[0, 2, 1]),
                node("MatMul", "q k", "l"),
                node("Softmax", "l", "p", axis=-1),
                node("MatMul", "p a", "m"),
            ],
            [tensor("Q", weights(4, 4))],
            last=True,
        ),
        (13, 12),
        {"MatMul", "Softmax"},
    ),
    "reshaped over time": (
        dense_model(
            ["N", "T", 3],
            [
                node("Reshape", "a flat", "f"),
                node("MatMul", "f Z", "z"),
                node("Shape", "a", "sh"),
                node("Slice", "sh k0 k2", "head"),
                node("Concat", "head k4", "back", axis=0),
                node("Reshape", "z back", "m"),
            ],
            [
                *[tensor("flat", np.array([-1, 4])), tensor("Z", weights(4, 4)), tensor("k0", np.array([0]))],
                *[tensor("k2", np.array([2])), tensor("k4", np.array([4]))],
            ],
            last=True,
        ),
        (13, 11),
        set(),
    ),
    "silu": (dense_model(["N", 3], [node("Sigmoid", "a", "s"), node("Mul", "a s", "m")]), (9, 7), set()),
    "gelu by erf": (
        dense_model(
            ["N", 3],
            [
                *[node("Div", "a r2", "d"), node("Erf", "d", "e"), node("Add", "e one", "f")],
                *[node("Mul", "a f", "g"), node("Mul", "g half", "m")],
            ],
            [tensor("r2", np.float32(2**0.5)), tensor("one", np.float32(1)), tensor("half", np.float32(0.5))],
        ),
        (9, 7),
        set(),
    ),
    "softplus with a threshold": (
        dense_model(
            ["N", 3],
            [node("Softplus", "a", "p"), node("Greater", "a t", "is"), node("Where", "is a p", "m")],
            [tensor("t", np.float32(20))],
        ),
        (9, 7),
        set(),
    ),
    "batch by shape": (
        dense_model(
            ["N", 3],
            [
                node("Shape", "a", "sh"),
                node("Gather", "sh k0", "n"),
                node("Unsqueeze", "n ax", "nu"),
                node("Concat", "nu rest", "to", axis=0),
                node("Reshape", "a to", "m"),
            ],
            [tensor("k0", np.array(0)), tensor("ax", np.array([0])), tensor("rest", np.array([-1]))],
        ),
        (9, 7),
        set(),
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_people_s_graphs_are_reduced_checked_and_run(name, tmp_path):
    made, neurons, opaque = GRAPHS[name]
    onnx.checker.check_model(made, full_check=True)
    path = save(tmp_path / "in.onnx", made)
    done = reduce_file(path, tmp_path / "out.onnx")
    original, reduced = done.reduction.original, done.reduction.reduced
    assert (original.neurons, reduced.neurons) == neurons
    assert {word.split(":")[1] for word in operators(original)} == opaque
    assert alike(path, done.reduced, {"N": 3, "T": 4})
    assert refute(path, done.reduced, seconds=20).finding.verdict == "equivalent"


def test_what_is_opaque_has_no_exact_value_and_says_so(tmp_path):
    made, *_ = GRAPHS["layer norm"]
    path = save(tmp_path / "in.onnx", made)
    with pytest.raises(NoExactValue, match=r"ai\.onnx:LayerNormalization"):
        read(path).evaluate([1, 2, 3])
    found = inspect_file(path)
    assert [(entry["operator"], entry["why"]) for entry in found.opaque] == [
        ("ai.onnx:LayerNormalization", "operator not supported")
    ]
    assert found.operators["Gemm"] == 3


def test_another_network_of_given_functions_is_unknown_never_different(tmp_path):
    """A function that is not known may do anything: even what undoes a difference."""
    made, *_ = GRAPHS["layer norm"]
    one = save(tmp_path / "a.onnx", made)
    next(t for t in made.graph.initializer if t.name == "V").CopyFrom(tensor("V", weights(2, 5) + 9))
    found = refute(one, save(tmp_path / "b.onnx", made), seconds=5)
    assert found.finding.verdict == "unknown"


@pytest.mark.parametrize("operator", ["RandomNormalLike", "Bernoulli", "Multinomial"])
def test_what_is_no_function_is_refused_by_name(operator, tmp_path):
    made = model([node(operator, "x", "z"), node("Identity", "z", "y")], {"x": ["N", 3]}, {"y": ["N", 3]}, opset=17)
    if operator == "Multinomial":
        made.graph.output[0].type.tensor_type.elem_type = TensorProto.INT32
    path = save(tmp_path / "in.onnx", made)
    with pytest.raises(UnsupportedLayer, match="random"):
        read(path)
    assert inspect_file(path).refused[0]["operator"] == f"ai.onnx:{operator}"


def test_a_domain_of_somebody_needs_somebody_s_word(tmp_path):
    made = model(
        [helper.make_node("Twirl", ["x"], ["t"], domain="my.ops"), node("Relu", "t", "y")],
        {"x": ["N", 3]},
        {"y": ["N", 3]},
    )
    made.opset_import.append(helper.make_opsetid("my.ops", 2))
    path = save(tmp_path / "in.onnx", made)
    with pytest.raises(UnsupportedLayer, match=r"--opaque-domain my\.ops"):
        reduce_file(path, tmp_path / "out.onnx")
    done = reduce_file(path, tmp_path / "out.onnx", opaque_domains=["my.ops"])
    assert operators(done.reduction.original) == {"my.ops:Twirl": 1, "ai.onnx:Relu": 1}  # of an unknown type
    assert {entry.domain: entry.version for entry in onnx.load(done.reduced).opset_import}["my.ops"] == 2


def random_graph(seed):
    """A chain of layers over time with opaque operators between them, and sums around some of them."""
    rng = np.random.default_rng(seed)
    shape = [["N", "T", 3], ["N", 4, 3], ["N", "T", 3], [2, "T", 3]][seed % 4]
    nodes, names, source, width = [], [], "x", 3
    for i in range(int(rng.integers(2, 5))):
        rows = int(rng.integers(3, 6))
        made, more = layer(source, f"h{i}", rows, width, last=True)
        nodes += made
        names += more
        source, width = f"h{i}", rows
        match int(rng.integers(0, 7)):
            case 0:
                nodes.append(node("Softmax", source, f"o{i}", axis=-1))
            case 1:
                nodes.append(node("CumSum", f"{source} k1", f"o{i}"))
            case 2:
                nodes += [node("Mul", f"{source} {source}", f"q{i}"), node("Add", f"{source} q{i}", f"o{i}")]
            case 3:
                nodes += [
                    node("Transpose", source, f"t{i}", perm=[1, 0, 2]),
                    node("Transpose", f"t{i}", f"o{i}", perm=[1, 0, 2]),
                ]
            case 4:
                names.append(tensor(f"flat{i}", np.array([0, -1, 1, width])))
                names.append(tensor(f"back{i}", np.array([2])))
                nodes += [node("Reshape", f"{source} flat{i}", f"r{i}"), node("Squeeze", f"r{i} back{i}", f"o{i}")]
            case 5:
                names.append(tensor(f"c{i}", weights(width)))
                nodes += [node("Mul", f"{source} c{i}", f"z{i}"), node("Tanh", f"z{i}", f"o{i}")]
            case _:
                nodes.append(node("Identity", source, f"o{i}"))
        source = f"o{i}"
    names += [tensor("V", weights(width, 2)), tensor("k1", np.array(1))]
    nodes.append(node("MatMul", f"{source} V", "y"))
    return model(nodes, {"x": shape}, {"y": [*shape[:2], 2]}, names, opset=17)


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_random_graphs_with_opaque_operators_in_the_middle(start, tmp_path):
    shrunk = 0
    for seed in range(start, start + 10):
        path = save(tmp_path / f"{seed}.onnx", random_graph(seed))
        done = reduce_file(path, tmp_path / f"{seed}.out.onnx")
        assert alike(path, done.reduced, {"N": 3, "T": 5}), seed
        shrunk += done.reduction.reduced.neurons < done.reduction.original.neurons
    assert shrunk > 3


WAITING = {
    "hardswish-opset8": "opset 8 has no HardSwish: refused, which is right",
    "pool-ceil-kernel-longer-than-grid": "a window longer than its grid",
}


@pytest.mark.real
@pytest.mark.skipif(not CASES.exists(), reason=f"{CASES} is absent")
def test_the_shared_cases(tmp_path):
    """All are reduced with a certificate; where onnxruntime runs the original, it runs the other with equal outputs."""
    right, wrong = [], {}
    for path in sorted(CASES.glob("*.onnx")):
        try:
            done = reduce_file(path, tmp_path / path.name)
            right.append(path.stem)
        except ExactlumpError as error:
            wrong[path.stem] = str(error)
            continue
        try:
            fed = feeds(path, 0, {"H": 6, "W": 7})
            expected = session(path).run(None, fed)
        except Exception:  # noqa: BLE001  # onnxruntime raises bare Exception subclasses of many kinds
            continue
        for y, z in zip(expected, session(done.reduced).run(None, fed), strict=True):
            assert np.allclose(y, z, rtol=1e-3, atol=1e-4), path
    assert wrong.keys() == WAITING.keys(), wrong
    assert len(right) >= 44
