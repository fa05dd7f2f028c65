# SPDX-License-Identifier: Apache-2.0
"""This file is about library calls: what people have goes in, rationals and arrays come out, what is wrong is said."""

import json
from decimal import Decimal
from fractions import Fraction
from functools import reduce as folded
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, load

import exactlump
from exactlump import (
    Box,
    CannotWrite,
    ExactlumpError,
    FormatError,
    Network,
    NotALumping,
    ShapeError,
    UnsupportedLayer,
    WrongType,
    evaluate,
    is_lumping,
    maximum_lumping,
    quotient,
    rational,
    read,
    refute,
    relax,
    steps,
    write,
)
from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.simulations import compose
from exactlump.network.layers import anchors
from exactlump.points.boxes import everything
from exactlump.points.domains import domain_of
from exactlump.relaxations.interiors import layers_of
from exactlump.relaxations.literal import literal_merges
from tests.oracle import difference
from tests.strategies import lumpable_networks, networks, relu_chain
from tests.tools import dense_model, fails, save

TWINS = Network.chain([[[1, 2], [2, 4], [1, 0]], [[1, 1, 1]]], [[1, 2, 0], [0]])
ERRATUM = Network.chain([[[1], [2]], [[1, 0], [0, 1]], [[1, 1]]])


# Networks


def test_a_chain_is_the_network_that_one_writes_by_hand():
    by_hand = relu_chain(([[1, 2], [2, 4], [1, 0]], [1, 2, 0]), ([[1, 1, 1]], [0]))
    assert difference(TWINS, by_hand) is None
    assert [type(node) for node in TWINS.nodes] == [type(node) for node in by_hand.nodes]
    assert (TWINS.ports, TWINS.outputs, TWINS.hidden) == (("x",), ("y",), ("s1",))


@pytest.mark.parametrize(
    "weights",
    [
        [[[1, 0.5], [0.25, 3]], [[2, 1]]],
        [[["1", "1/2"], ["1/4", "3"]], [["2", "1"]]],
        [[[Fraction(1), Fraction(1, 2)], [Decimal("0.25"), 3]], [[2, True]]],
        [np.array([[1, 0.5], [0.25, 3]]), np.array([[2, 1]])],
        [np.array([[1, 0.5], [0.25, 3]], np.float16), np.array([[2, 1]], np.int8)],
        [((1, 0.5), (0.25, 3)), ([2, 1],)],
    ],
    ids=["numbers", "texts", "exact", "arrays", "mixed arrays", "tuples"],
)
def test_weights_are_numbers_of_any_kind(weights):
    network = Network.chain(weights, [None, [0]])
    assert network.evaluate([1, 2]) == ((rational(2) * 2 + rational("25/4"),),)


def test_the_type_of_a_network_is_that_of_all_its_arrays():
    for kind in ("float16", "float32", "float64"):
        arrays = [np.ones((2, 2), kind), np.ones((1, 2), kind)]
        assert Network.chain(arrays).dtype == kind
        assert Network.chain(arrays, [np.zeros(2, kind), np.zeros(1, kind)]).dtype == kind
        assert Network.chain(arrays, [[0, 0], [0]]).dtype == "exact"
        assert Network.chain(arrays).nodes[0].weight.floats.dtype == kind
    assert Network.chain([np.ones((2, 2), "float32"), np.ones((1, 2), "float64")]).dtype == "exact"
    assert Network.chain([np.ones((2, 2), int)]).dtype == "exact"
    assert Network.chain([[[1.0]]], dtype="float32").dtype == "float32"


def test_arrays_are_copied():
    weight = np.ones((1, 1), np.float32)
    network = Network.chain([weight])
    weight[0, 0] = 7
    assert network.evaluate([1]) == ((1,),)


def test_activations_are_functions_or_their_names():
    layers = [[[1]], [[1]], [[1]]]
    assert [str(n.functions[0]) for n in Network.chain(layers, None, "abs").nodes[1::2]] == ["abs", "abs"]
    mixed = Network.chain(layers, activation=["relu6", exactlump.leaky_relu("1/4")])
    assert [str(n.functions[0]) for n in mixed.nodes[1::2]] == ["relu6", "leaky_relu(1/4)"]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Network.chain([]), ShapeError, "found 0 weights and 0 biases"),
        (lambda: Network.chain([[[1]]], []), ShapeError, "found 1 weights and 0 biases"),
        (lambda: Network.chain([[1, 2]]), ShapeError, "expected a list of rows"),
        (lambda: Network.chain("ab"), ShapeError, "expected a list of rows"),
        (lambda: Network.chain([[[1, 2], [3]]]), ShapeError, "found rows of [1, 2] entries"),
        (lambda: Network.chain([[[1]], [[1, 1]]]), ShapeError, "found 2 columns, expected 1"),
        (lambda: Network.chain([[[1]]], [[1, 2]]), ShapeError, "found 2 biases, expected 1"),
        (lambda: Network.chain([[[None]]]), WrongType, "found a value of type NoneType, expected a number"),
        (lambda: Network.chain([[[float("inf")]]]), FormatError, "expected finite numbers"),
        (lambda: Network.chain([np.array([[1, np.nan]])]), FormatError, "entry [0, 1]: found nan"),
        (lambda: Network.chain([[["a"]]]), FormatError, "number 'a'"),
        (lambda: Network.chain([[[1]], [[1]]], None, "rleu"), ShapeError, "'rleu'"),
        (lambda: Network.chain([[[1]], [[1]]], None, max), WrongType, "expected a function, such as relu"),
        (lambda: Network.chain([[[1]], [[1]]], None, []), ShapeError, "found 0 activations, expected 1"),
        (lambda: TWINS.evaluate([1]), ShapeError, "input 'x': found 1 values, expected 2"),
        (lambda: TWINS.evaluate([1, "b"]), FormatError, "number 'b'"),
        (lambda: TWINS.evaluate([1, {}]), WrongType, "type dict"),
        (lambda: read(7), WrongType, "network: found a value of type int, expected a path, a Network"),
        (lambda: read(b"a.onnx"), WrongType, "type bytes"),
        (lambda: read([[1, 2]]), WrongType, "type list"),
        (lambda: write([[1, 2]], "a.json"), WrongType, "type list"),
        (lambda: maximum_lumping(None), WrongType, "type NoneType"),
        (lambda: maximum_lumping(TWINS, literal=True, fold=True), FormatError, "literal"),
        (lambda: maximum_lumping(TWINS, engine="magic"), FormatError, "'magic'"),
        (lambda: is_lumping(TWINS, {"h9": [[0, 1]]}), NotALumping, "'h9': found no such layer"),
        (lambda: is_lumping(TWINS, {"h1": [[0, 3]]}), NotALumping, "found neuron 3, expected 0 to 2"),
        (lambda: is_lumping(TWINS, {"h1": [[0, 1], [1, 2]]}), NotALumping, "found a neuron twice"),
        (lambda: is_lumping(TWINS, {"h1": [[]]}), NotALumping, "an empty class"),
        (lambda: is_lumping(TWINS, {"h1": [[0, 1]]}, {"h1": [1]}), NotALumping, "found 1 factors rho, expected 3"),
        (lambda: is_lumping(TWINS, {"h1": [[0, 1]]}, {"h1": {5: 1}}), NotALumping, "rho of neuron 5"),
        (lambda: is_lumping(TWINS, {"h1": [[0, 1]]}, {"h1": {0: 0}}), NotALumping, "neuron 0: found rho 0"),
        (lambda: is_lumping(TWINS, {"h1": [[0, 1]]}, {"h1": {0: -1}}), NotALumping, "rho -1"),
        (lambda: quotient(TWINS, {"x": [[0, 1]]}), NotALumping, "layer 'x': found a class of several"),
        (lambda: quotient(TWINS, {"h1": [[0, 1]]}, representative="best"), WrongType, "'best'"),
        (lambda: quotient(TWINS, {"h1": [[0, 1]]}, representative=len).network, NotALumping, "expected one of"),
        (lambda: quotient(TWINS, maximum_lumping(TWINS), {"h1": [1, 1, 1]}), NotALumping, "which has its own"),
        (lambda: evaluate(TWINS, [1, 2, 3]), ShapeError, "found the shape [3], expected [2]"),
        (lambda: evaluate(TWINS, [[1, 2], [3]]), ShapeError, "beside each other"),
        (lambda: evaluate(TWINS, 5), ShapeError, "found the shape []"),
        (lambda: evaluate(TWINS), ShapeError, "inputs: found 0, expected 1"),
        (lambda: evaluate(TWINS, [1, None]), WrongType, "NoneType"),
        (lambda: refute(TWINS, 3), WrongType, "type int"),
        (lambda: refute(TWINS, TWINS, box=5), FormatError, "box: found '5', expected two bounds"),
        (lambda: refute(TWINS, TWINS, box=(1, 0)), FormatError, "box: input 0: found the bounds 1 > 0"),
        (lambda: refute(TWINS, TWINS, box=([0], [1])), ShapeError, "found 1 lower bounds, expected 2"),
        (lambda: refute(TWINS, TWINS, box=("a", 1)), FormatError, "number 'a'"),
        (lambda: refute(TWINS, TWINS, box=(0, float("nan"))), FormatError, "expected a number"),
        (lambda: refute(TWINS, TWINS, box=(float("inf"), 1)), FormatError, "expected a number"),
        (lambda: refute(TWINS, TWINS, box=(0, 1), vnnlib="p"), FormatError, "found several"),
        (lambda: refute(TWINS, TWINS, epsilon=1, argmax=True), FormatError, "found both"),
        (lambda: refute(TWINS, TWINS, certificate="c"), FormatError, "found networks that are no files"),
        (lambda: refute(TWINS, ERRATUM), ShapeError, "inputs: found 2 and 1 elements"),
        (lambda: relax(TWINS, terms=9), FormatError, "terms: found 9, expected 1 to 4"),
        (lambda: relax(TWINS, literal=True, layer="h1"), FormatError, "found both"),
        (lambda: exactlump.prove_files("a", "b", "c", solver="z3"), WrongType, "found the option 'solver'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(call, error, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as found:
        call()
    message = str(found.value)
    assert words in message
    assert len(message.splitlines()) == 1
    assert len(message) < 450
    assert isinstance(found.value, ExactlumpError)


# What holds a network


def test_models_of_any_kind_are_read(tmp_path):
    model = dense_model(([[1, 2], [2, 4]], [1, 2]), ([[1, 1]], [0]))
    path = save(tmp_path / "a.onnx", model)
    network = read(path)
    assert network == read(str(path)) == read(load(path)) == read(model)
    assert read(network) is network
    assert isinstance(model, ModelProto)
    assert maximum_lumping(model).classes == maximum_lumping(path).classes
    assert exactlump.reduce(model).reduced.neurons == exactlump.exact_quotient(path).network.neurons == 1
    assert evaluate(model, [1, 2]).tolist() == evaluate(path, [1, 2]).tolist()
    assert refute(model, network).method == "quotient"
    assert relax(model).verdict == "equivalent"
    assert exactlump.inspect_file(path).neurons == 2
    with pytest.raises(FormatError, match="protobuf: found no graph"):
        read(ModelProto())


def test_models_in_memory_have_no_folder_beside_them():
    model = dense_model(([[1, 2], [2, 4]], [1, 2]))
    weight = model.graph.initializer[0]
    weight.data_location = 1
    weight.external_data.add(key="location", value="w.bin")
    fails(FormatError, 2, lambda: read(model), "'W1'", "external data")


def test_modules_of_pytorch_are_read(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    network = read(module)
    write(module, tmp_path / "a.onnx")
    assert difference(read(tmp_path / "a.onnx"), network) is None
    x = torch.randn(5, 3)
    ours = evaluate(module, x).astype(float)
    assert ours == pytest.approx(module(x).detach().numpy(), abs=1e-5)
    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    assert refute(module, other, box=(0, 1)).verdict == "different"
    weights = [module[0].weight, module[2].weight]
    chain = Network.chain(weights, [module[0].bias, module[2].bias])
    assert (chain.dtype, difference(chain, network)) == ("float32", None)
    with pytest.raises(UnsupportedLayer, match="shape: found none"):
        read(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 1)))
    assert read(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 1)), shape=(2, 2)).evaluate([0] * 4)


def test_write_asks_before_it_replaces(tmp_path):
    path = tmp_path / "a.json"
    write(TWINS, path)
    write(TWINS, path)
    with pytest.raises(CannotWrite, match="found a file with other content"):
        write(ERRATUM, path)
    assert read(path) == TWINS
    write(ERRATUM, path, overwrite=True)
    assert read(path) == ERRATUM


# Definition 6 as it is printed


@settings(max_examples=60)
@given(lumpable_networks())
def test_the_largest_relation_as_printed_is_one_and_no_classes_of_it_can_be_joined(planted):
    network = planted.network
    found = maximum_lumping(network, literal=True)
    kept = {tensor for tensor, why in anchors(network).items() if why is not None}
    assert all(len(members) == 1 for tensor in kept for members in found.classes[tensor])
    assert is_lumping(network, found.classes, found.rho, literal=True)
    for tensor in found.classes.keys() - kept:
        for one, other in combinations(found.classes[tensor], 2):
            assert not _joined_is_lumping(network, found, tensor, one, other)


def _joined_is_lumping(network, found, tensor, one, other):
    """Whether two classes of a layer could be one, for some factor between them, the layers above left alone."""
    below = [t for t in found.classes if list(found.classes).index(t) < list(found.classes).index(tensor)]
    for ratio in {rational(p, q) for p in (1, 2, 3, 5) for q in (1, 2, 3, 5)}:
        rho = {t: found.rho[t] for t in (*below, tensor)}
        rho[tensor] = tuple(ratio * c if v in other else c for v, c in enumerate(rho[tensor]))
        joined = [members for members in found.classes[tensor] if members not in (one, other)]
        classes = {t: found.classes[t] for t in below} | {tensor: [*joined, (*one, *other)]}
        if is_lumping(network, classes, rho, literal=True):
            return True
    return False


@settings(max_examples=60)
@given(lumpable_networks())
def test_two_programs_find_the_largest_relation_as_printed(planted):
    """The merges of `relax --literal` are over the rows of layers, and know nothing of forms."""
    network = planted.network
    found = maximum_lumping(network, literal=True)
    layers = layers_of(network, everything(sum(network.units(name) for name in network.ports)))
    for layer in layers:
        if layer.closed or any(sigma.slope in (None, 1) for sigma in layer.functions):
            continue
        if any(below.closed for below in layers):
            continue
        merged = {merge.target: merge.sources[0] for merge in literal_merges(layers)[layer.name]}
        firsts = {v: members[0] for members in found.classes[layer.name] for v in members[1:]}
        assert merged == firsts


def test_neurons_with_other_functions_share_no_class():
    """Nor do such whose function takes no factor but 1, however proportional their rows are."""
    relu, leaky, smooth = (exactlump.leaky_relu(0), exactlump.leaky_relu("1/2"), exactlump.Activation("sigmoid"))
    chain = Network.chain([[[1], [2], [3], [4], [4]], [[1] * 5]])
    for functions, classes in (
        ((relu, leaky, relu, leaky, relu), ((0, 2, 4), (1, 3))),
        ((smooth, smooth, smooth, smooth, smooth), ((0,), (1,), (2,), (3, 4))),
    ):
        nodes = (chain.nodes[0], exactlump.Activate("s1", "h1", functions), chain.nodes[2])
        found = maximum_lumping(Network(chain.inputs, nodes, chain.outputs), literal=True)
        assert found.classes["h1"] == classes


def test_the_printed_definition_is_wrong_on_the_example_of_the_erratum():
    printed = maximum_lumping(ERRATUM, literal=True)
    assert printed.classes["h1"] == printed.classes["h2"] == ((0, 1),)
    assert is_lumping(ERRATUM, printed.classes, printed.rho, literal=True)
    assert not is_lumping(ERRATUM, printed.classes, printed.rho)
    wrong = quotient(ERRATUM, printed, representative="first").network
    assert (ERRATUM.evaluate([1]), wrong.evaluate([1])) == (((3,),), ((2,),))


# Quotients, at once and step by step


def test_classes_and_factors_are_written_as_far_as_needed():
    whole = quotient(TWINS, {"x": [[0], [1]], "h1": [[0, 1], [2]], "y": [[0]]}, {"h1": [2, 1, 1]})
    for classes, rho in (
        ({"h1": [[0, 1]]}, {"h1": [2, 1, 1]}),
        ({"h1": [(1, 0)]}, {"h1": {0: 2}}),
        ({"h1": ((0, 1),)}, {"h1": {1: "1/2"}}),
        ({"h1": np.array([[0, 1]])}, {"h1": np.array([1, 0.5, 1])}),
    ):
        assert is_lumping(TWINS, classes, rho)
        found = quotient(TWINS, classes, rho)
        assert difference(found.network, whole.network) is None
        assert found.simulation == whole.simulation
    assert quotient(TWINS, {}).network.neurons == 3
    assert quotient(TWINS, maximum_lumping(TWINS)).simulation == whole.simulation


def test_who_stands_for_a_class():
    rows = {
        choice: quotient(TWINS, {"h1": [[0, 1]]}, {"h1": {0: 2}}, representative=choice).network.nodes[0].weight.row(0)
        for choice in ("canonical", "first", min, max, lambda members: members[-1])
    }
    assert [row[0] for row in rows.values()] == [1, 1, 1, 2, 2]


@settings(max_examples=60)
@given(lumpable_networks(), st.sampled_from(["canonical", "first"]))
def test_steps_compose_to_the_quotient(planted, choice):
    network = planted.network
    lumping = maximum_lumping(network, fold=True)
    whole = quotient(network, lumping, representative=choice)
    found = list(steps(network, lumping, representative=choice))
    smaller = [tensor for tensor, members in lumping.classes.items() if len(members) < len(lumping.rho[tensor])]
    assert [step.tensor for step in found] == smaller
    before = network
    for step in found:
        assert step.before == before
        assert find_flaw(step.before, step.network, step.simulation) is None
        before = step.network
    assert difference(before, whole.network) is None
    if found:
        simulation = folded(compose, (step.simulation for step in found))
        assert find_flaw(network, before, simulation) is None
        assert before.neurons == whole.network.neurons


# Values


@settings(max_examples=60)
@given(networks(), st.integers(0, 1000))
def test_values_at_arrays_are_those_of_the_definition(network, seed):
    rng = np.random.default_rng(seed)
    xs = [rng.integers(-8, 9, (3, *port.shape)) / 4 for port in network.inputs]
    try:
        expected = [network.evaluate(*(x[i] for x in xs)) for i in range(3)]
    except ExactlumpError as error:
        with pytest.raises((type(error), UnsupportedLayer)):
            evaluate(network, *xs)
        return
    found = evaluate(network, *xs)
    for k, name in enumerate(network.outputs):
        values = found[k] if len(network.outputs) > 1 else found
        assert values.shape == (3, *network.shapes[name])
        assert [tuple(values[i].ravel()) for i in range(3)] == [outputs[k] for outputs in expected]
    alone = evaluate(network, *(x[0].ravel().tolist() for x in xs))
    first = alone[0] if len(network.outputs) > 1 else alone
    assert tuple(first.ravel()) == expected[0][0]


def test_batches_are_as_many_for_each_input():
    two = Network(
        (exactlump.Port("a", (2,)), exactlump.Port("b", (2,))),
        (exactlump.Add(("a", "b"), "y", (1, -1)),),
        ("y",),
    )
    assert evaluate(two, [1, 2], [3, 5]).tolist() == [-2, -3]
    assert evaluate(two, [[1, 2]] * 3, np.zeros((3, 2))).shape == (3, 2)
    fails(ShapeError, 2, lambda: evaluate(two, [[1, 2]] * 3, [[1, 2]] * 2), "batches of [2, 3]")
    fails(ShapeError, 2, lambda: evaluate(two, [[1, 2]] * 3, [1, 2]), "batches of [3]")


# Findings


def test_a_finding_has_what_people_go_on_with(tmp_path):
    other = Network.chain([[[1, 2], [2, 4], [1, 0]], [[1, 1, "1/3"]]], [[1, 2, 0], [0]])
    found = refute(TWINS, other, box=(np.zeros(2), [1, "1"]), seed=3)
    assert (found.verdict, found.domain.name) == ("different", "a box of 2 intervals")
    assert found.outputs == (TWINS.evaluate(found.input)[0], other.evaluate(found.input)[0])
    assert found.gap == abs(found.outputs[0][0] - found.outputs[1][0])
    assert found.decisions is None
    for array, exact in ((found.x, found.input), (found.ya, found.outputs[0]), (found.yb, found.outputs[1])):
        assert array.dtype == np.float64
        assert array == pytest.approx([int(y.numerator) / int(y.denominator) for y in exact])
    found.save(tmp_path / "x.npy")
    assert np.load(tmp_path / "x.npy").tolist() == found.x.tolist()
    assert tuple(map(rational, np.load(tmp_path / "x.npy").tolist())) == found.input
    found.save(tmp_path / "x.json")
    words = json.loads((tmp_path / "x.json").read_text())
    assert tuple(map(rational, words["input"])) == found.input
    assert tuple(map(rational, words["outputs"]["b"])) == found.outputs[1]
    fails(CannotWrite, 2, lambda: found.save(tmp_path / "x.txt"), "x.txt", "expected .npy, .json or .png")
    (tmp_path / "x.npy").write_bytes(b"old")
    fails(CannotWrite, 2, lambda: found.save(tmp_path / "x.npy"), "found a file with other content")
    found.save(tmp_path / "x.npy", overwrite=True)
    equal = refute(TWINS, TWINS)
    assert (equal.x, equal.ya, equal.yb, equal.gap, equal.decisions) == (None,) * 5
    fails(CannotWrite, 2, lambda: equal.save(tmp_path / "y.npy"), "found no input to save (equivalent)")


def test_what_is_no_float_is_not_saved_as_one(tmp_path):
    third = rational(1, 3)
    a, b = (Network.chain([[[1]], [[w]]]) for w in (1, 2))
    found = refute(a, b, box=(third, third))
    assert found.input == (third,)
    fails(CannotWrite, 2, lambda: found.save(tmp_path / "x.npy"), "1/3 is no float64 number")
    found.save(tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text())["input"] == ["1/3"]


def test_decisions_are_indices():
    a = Network.chain([[[1], [-1]], [[1, 0], [0, 1]]])
    b = Network.chain([[[1], [-1]], [[0, 1], [1, 0]]])
    found = refute(a, b, argmax=True)
    assert found.verdict == "different"
    assert sorted(found.decisions) == [0, 1]
    assert found.decisions == tuple(max((0, 1), key=lambda k: y[k]) for y in found.outputs)
    assert found.json()["decisions"] == dict(zip("ab", found.decisions, strict=True))


def test_images_keep_their_shape():
    kernel = np.ones((1, 1, 2, 2), np.float32)
    torch = pytest.importorskip("torch")
    modules = []
    for bias in (0.0, 1.0):
        conv = torch.nn.Conv2d(1, 1, 2)
        conv.weight.data[:], conv.bias.data[:] = torch.from_numpy(kernel), bias
        modules.append(torch.nn.Sequential(conv, torch.nn.Flatten()))
    one, other = (read(module, shape=(1, 3, 3)) for module in modules)
    found = refute(one, other)
    assert found.x.shape == (1, 3, 3)
    assert found.gap == 1
    assert evaluate(one, np.ones((5, 1, 3, 3))).shape == (5, 4)


def test_bounds_of_any_kind_are_the_same_domain():
    expected = Box((rational(0),) * 2, (rational(1, 2),) * 2)
    for box in ((0, 0.5), ("0", "1/2"), ("0", "5e-1"), (0, Fraction(1, 2)), (np.float32(0), rational(1, 2))):
        found = domain_of(box, 2)
        assert (found.lower, found.upper, found.name) == (expected.lower, expected.upper, found.name)
        assert found.name.startswith("box [0, ")
    for box in (([0, 0], [0.5, 0.5]), (np.zeros((1, 2)), np.full(2, 0.5)), ((0, "0"), ("1/2", 0.5)), expected):
        found = domain_of(box, 2)
        assert (found.lower, found.upper) == (expected.lower, expected.upper)
    half = domain_of(([0, None], [float("inf"), 1]), 2)
    assert (half.lower, half.upper) == ((0, None), (None, 1))
    assert domain_of(None, 2).is_everything
    assert domain_of((None, 1), 2).lower == (None, None)
    assert domain_of((0, 0.1), 1).upper != (rational(1, 10),)  # 0.1 is not a float


def test_a_relaxation_has_what_people_go_on_with(tmp_path):
    network = Network.chain([[[1, 2], [2, 1], [3, 3]], [[1, -1, 2]]])
    right, wrong = relax(network, box=(0, 1)), relax(network, box=(-1, 1), write=tmp_path / "m.json")
    assert (right.verdict, right.changed, right.options.box) == ("equivalent", True, (0, 1))
    assert (wrong.verdict, read(wrong.written).neurons) == ("different", 2)
    assert refute(network, wrong.written, box=(-1, 1)).verdict == "different"
    assert refute(network, wrong.written, box=(0, 1)).verdict == "equivalent"
