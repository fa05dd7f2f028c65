# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump prove` on networks on images: one statement a channel, with lifted atoms as free reals.

`prove` and the checker must agree on reductions, on mutants of them, and on the cases that test_check_images.py
has for each rule; where evaluation finds a difference, both reject.
"""

import copy
import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import pytest

from exactlump import check, formats, read, reduce, reduce_file, write
from exactlump.certificates.certificate import read_certificate
from exactlump.errors import NotALumping
from exactlump.lumping.simulations import Affine, Relation, entry
from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate, Conv, Dense, MaxPool, Node, Reorder
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.rational import ONE, rational
from exactlump.reporting.page import render
from exactlump.reporting.report import report
from exactlump.smt.monolithic import Monolithic
from exactlump.smt.obligations import FORMS, Obligations
from exactlump.smt.prove import prove
from exactlump.smt.solve import SOLVERS
from exactlump.verbs.proving import ProveOptions, prove_files
from tests import oracle
from tests.checker import test_check_images
from tests.image_networks import image_network
from tests.network.test_images import GRID, POOL, SAME, act, conv, image
from tests.smt.test_obligations import certificate, certified, falsehoods, scripts
from tests.smt.test_prove import activated, put
from tests.tools import real_networks

SEEDS = 60
MUTANTS = 150


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.mark.parametrize("chunk", range(6))
def test_all_obligations_of_random_networks_are_discharged(chunk, threads):
    for seed in range(chunk, SEEDS, 6):
        case = certified(image_network(seed))
        solvers = SOLVERS if seed % 3 == 0 else ["z3"]
        for form in FORMS:
            plan = Obligations(*case, form)
            proof = prove(case[0], case[1], plan, solvers, executor=threads)
            assert (proof.verdict, proof.discharged) == ("equivalent", plan.count * len(solvers)), seed


@pytest.mark.parametrize("form", FORMS)
def test_no_obligation_of_a_right_certificate_is_false_anywhere(form):
    """Whatever numbers the lifted atoms stand for: even more than there are images for."""
    rng = random.Random(1)
    for seed in range(25):
        case = certified(image_network(seed))
        assert case[0].nodes
        names = {name for script in scripts(*case, form) for name in script.constants}
        values = {name: rational(rng.randint(-30, 30), rng.randint(1, 7)) for name in sorted(names)}
        values["c"] = abs(values.get("c", ONE)) + ONE
        if all(function.slope is not None for node in case[0].nodes for function in getattr(node, "functions", ())):
            assert falsehoods(*case, form, values) == []


def test_scripts_are_the_same_in_every_run_and_count_what_they_hold():
    for seed in range(20):
        case = certified(image_network(seed))
        for form in FORMS:
            first, again = (Obligations(*case, form) for _ in range(2))
            texts = [script.text for script in first.scripts()]
            assert texts == [script.text for script in again.scripts()]
            names = [o.name for script in again.scripts() for o in script.obligations]
            assert len(set(names)) == len(names) == first.count
            assert all(text.isascii() for text in texts)


# The rules, one by one: the checker's own cases.

RULES = [
    name
    for name in vars(test_check_images)
    if name.startswith("test_")
    and name.split("test_")[1]
    in (
        "channels_that_are_multiples_are_merged",
        "other_multiples_are_not",
        "negative_multiples_need_an_odd_function",
        "a_kernel_that_is_moved_is_another",
        "constants_are_not_folded_under_zero_padding",
        "padding_is_not_folded_by_any_other_operator",
        "a_sum_of_branches_needs_equal_ratios",
        "a_max_pool_takes_positive_ratios_only",
        "a_class_has_one_window",
        "a_class_has_one_function",
        "depthwise_channels_need_equal_filters",
        "nothing_merges_below_a_head",
        "an_argmax_needs_equal_units_below_it",
        "elements_and_images",
        "outputs_have_their_channels_in_one_order",
        "a_relation_is_between_images_of_one_size",
        "selected_channels",
        "free_images",
        "signs_take_any_size",
    )
]


# Solvers take minutes for a rounding with a scaling, unless its law is used.
BOTH = [(name, form) for name in RULES for form in FORMS if form == "decomposed" or not name.endswith("any_size")]


@pytest.mark.parametrize(("name", "form"), BOTH)
def test_every_rule_is_also_that_of_the_checker(name, form, threads, monkeypatch, tmp_path):
    assert len(RULES) == 19
    asked, seen = test_check_images.answer, []

    def both(folder, *case):
        found = asked(folder, *case)
        paths = [folder / file for file in test_check_images.FILES]
        assert verdict(paths, threads, form) == found.verdict, (case, found)
        seen.append(found.verdict)
        return found

    monkeypatch.setattr(test_check_images, "answer", both)
    getattr(test_check_images, name)(tmp_path)
    assert seen


def verdict(paths, executor, form="decomposed", solvers=("z3",)):
    """What `prove` says of three files; every refutation was replayed in exact arithmetic."""
    claimed = read_certificate(paths[2])
    networks = [formats.read_as(path, claimed.specification) for path in paths[:2]]
    try:
        plan = Obligations(*networks, claimed, form)
    except NotALumping:
        return "rejected"
    proof = prove(*networks, plan, solvers, executor=executor)
    assert all(finding.replayed or "some_" in finding.obligation.assertion for finding in proof.refuted)
    return proof.verdict


# Mutants


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """Reductions of random networks as JSON objects."""
    folder, found = tmp_path_factory.mktemp("bases"), []
    for seed in range(40):
        net = image_network(seed)
        if all(f.slope is not None for node in net.nodes if isinstance(node, Activate) for f in node.functions):
            write(net, folder / "a.json", overwrite=True)
            done = reduce_file(folder / "a.json", folder / "b.json", overwrite=True)
            found.append(
                [json.loads(path.read_text()) for path in (folder / "a.json", folder / "b.json", done.certificate)]
            )
    return found


def nudge(rng, documents):
    """One entry of a kernel, one bias, one ratio or one class is another; where, for a change of the original."""
    original, reduced, proof = documents
    kind = rng.choice(("kernel", "bias", "ratio", "class"))
    network = rng.choice((original, reduced))
    mixing = [node for node in network["nodes"] if node["op"] in ("conv", "dense")]
    rows = [row for r in proof["relations"]["original"].values() for row in r["rows"] if isinstance(row, list)]
    if kind in ("kernel", "bias") and mixing:
        node = rng.choice(mixing)
        v = rng.randrange(len(node["bias"]))
        if kind == "kernel" and node["rows"][v]:
            cell = rng.choice(node["rows"][v])
            cell[1] = str(Fraction(cell[1]) + Fraction(1, 1000))
        else:
            node["bias"][v] = str(Fraction(node["bias"][v]) + Fraction(1, 1000))
        return (node["target"], v) if network is original else (None, None)
    if rows:
        row = rng.choice(rows)
        if kind == "class" and row[0] != "=":
            row[0] += rng.choice((-1, 1)) if row[0] else 1
        else:
            row[-1] = str(2 * Fraction(row[-1]))
    return None, None


@pytest.mark.slow
def test_all_agree_on_mutants(bases, threads, tmp_path):
    rng, seen, here = random.Random(12), {"equivalent": 0, "rejected": 0}, 0
    for i in range(MUTANTS):
        documents = copy.deepcopy(rng.choice(bases))
        tensor, v = nudge(rng, documents)
        paths = put(tmp_path, documents)
        expected = check.check(*map(str, paths)).verdict
        assert verdict(paths, threads, solvers=SOLVERS if i % 3 == 0 else ("z3",)) == expected
        if i % 5 == 0 and verdict(paths, threads, "direct") != expected:  # relu(-1) = relu(-2), which no rule says
            assert expected == "rejected"
            assert oracle.difference(*map(read, paths[:2]), count=8) is None
        seen[expected] += 1
        if expected == "equivalent":
            assert oracle.difference(*map(read, paths[:2]), count=4) is None
        elif tensor is not None:
            here += at_its_unit(paths, documents, tensor, v, threads)
    assert seen["rejected"] > MUTANTS / 2
    assert here > MUTANTS / 20


def at_its_unit(paths, documents, tensor, v, executor):
    """Whether the changed layer has rows of its own: then the changed unit alone is refuted there."""
    claimed = read_certificate(paths[2])
    networks = [read(path) for path in paths[:2]]
    nodes = [{"source": None, **node} for node in documents[0]["nodes"]]
    above = activated({"nodes": nodes}, tensor)
    relation = claimed.forward.get(above)
    if relation is None or len(relation.rows) != networks[0].units(tensor):
        return False
    proof = prove(*networks, Obligations(*networks, claimed), executor=executor)
    assert {f.obligation.unit for f in proof.refuted if f.obligation.tensor == above} == {v}
    return True


def test_a_changed_kernel_is_refuted_where_it_is_and_the_networks_differ(threads):
    """Three channels, of which one is twice another; then a sum over all of them."""
    original = Network(
        (Port("x", (1, *GRID)),),
        (
            image(),
            conv("i", "p", [[1, 2, -1], [2, 4, -2], [1, 0, 3]], SAME, [1, 2, 0]),
            act("p", "h", RELU, RELU, RELU),
            conv("h", "y", [[1, 1, 2, 3, -1, 1, 2, 0, 1]], SAME),
        ),
        ("y",),
    )
    _, reduced, proof = certified(original)
    assert reduced.units("h") == 2
    assert prove(original, reduced, Obligations(original, reduced, proof), executor=threads).open == ()
    nodes = list(original.nodes)
    nodes[1] = conv("i", "p", [[1, 2, -1], [2, 4, rational(-1999, 1000)], [1, 0, 3]], SAME, [1, 2, 0])
    wrong = Network(original.inputs, tuple(nodes), original.outputs)
    found = prove(wrong, reduced, Obligations(wrong, reduced, proof), executor=threads)
    assert [f.obligation.claim for f in found.open] == ["original 'h', unit 1 = 2 * class 0 of 'h'"]
    assert found.open[0].replayed
    point = [[oracle.exact(x) for x in found.difference.inputs[0]]]
    assert oracle.outputs(wrong, point) != oracle.outputs(reduced, point)


# Words


def padded(kernels, bias, outgoing, last):
    """x as an image, a convolution by one pixel, a ReLU, and a convolution over padding."""
    layers = (image(), conv("i", "p", kernels, bias=bias), act("p", "h", *[RELU] * len(kernels)))
    return Network((Port("x", (1, *GRID)),), (*layers, conv("h", "y", [outgoing], SAME, [last])), ("y",))


def test_a_constant_meets_padding_as_a_number_of_its_own(threads):
    """The image that is 1 everywhere, seen by tap 0, is 0 at the edge: no bias stands for it."""
    network, folded = padded([[1], [0]], [0, 2], [3, 0, 0, 1, 0, 0], 0), padded([[1]], [0], [3, 0, 0], 2)
    rows = {"h": Relation("h", (entry(0, ONE), Affine((), rational(2))))}
    found = scripts(network, network, certificate({**rows, "y": Relation("y", (entry(0, ONE),))}, rows))
    text = next(script.text for script in found if (script.side, script.tensor) == ("original", "y"))
    for line in (
        "; q3_k.4: class k of 'h' of the reduced network; .4 is tap 0 of the window 3 3 3 1 1 1 1",
        "(declare-const q3_0.4 Real)",
        "(declare-const one.4 Real)",
        "(define-fun a3_1.4 () Real (* 2 one.4))",
        "(assert (not (= (+ (* 3 a3_0.4) a3_1.4) (+ (* 3 b3_0.4) b3_1.4))))",
    ):
        assert line in text.splitlines()
    for other, expected in ((network, "equivalent"), (folded, "rejected")):
        proof = certificate({**rows, "y": Relation("y", (entry(0, ONE),))}, rows if other is network else {})
        found = prove(network, other, Obligations(network, other, proof), SOLVERS, executor=threads)
        assert found.verdict == expected
    assert {f.obligation.claim for f in found.refuted} == {"original 'y', unit 0 = 1 * class 0 of 'y'"}
    assert found.difference is not None


def test_a_max_pool_is_written_out_or_proved_by_its_law():
    case = certified(
        Network(
            (Port("x", (1, *GRID)),),
            (
                image(),
                conv("i", "p", [[1], [2]]),
                act("p", "h", RELU, RELU),
                MaxPool("h", "m", POOL),
                conv("m", "y", [[3, 1]], point(2)),
            ),
            ("y",),
        )
    )
    rules = {form: [o.name for s in scripts(*case, form) for o in s.obligations] for form in FORMS}
    assert "law max_pool law 0" not in rules["direct"]
    found = {form: {s.tensor: s.text for s in scripts(*case, form)} for form in FORMS}
    if any(not relation.is_identity for name, relation in case[2].forward.items() if name == "m"):
        assert "law max_pool law 0" in rules["decomposed"]
    assert "(larger " in found["direct"]["m"]
    assert "(larger " not in found["decomposed"]["m"]


def point(size):
    """A kernel of one entry over a row of so many pixels."""
    return Window((size,), (size,), (1,), (1,), (1,), (0,), (0,))


def test_put_in_all_positions_ones_are_one_everywhere(threads):
    """Elements with one constant, put together, are the constant image; the checker says the same."""
    elements = Port("x", (3,))
    weights = conv("x", "p", [[0, 0, 0]] * 3, bias=[5, 5, 5])
    dense = Dense("x", "p", weights.weight, weights.bias)
    one = Network((elements,), (dense, Reorder("p", "y", None, (1, 3), 0)), ("y",))
    other = Network((Port("x", (1, 3)),), (image(), conv("i", "y", [[0]], bias=[5])), ("y",))
    proof = prove(one, other, Obligations(one, other, certificate({})), SOLVERS, executor=threads)
    assert proof.verdict == "equivalent"


# Both networks at once


def test_the_whole_network_question_has_the_same_answer(threads):
    asked = 0
    for seed in range(40):
        net = image_network(seed, steps=2)
        if net.neurons > 6 or any(f.slope is None for n in net.nodes if isinstance(n, Activate) for f in n.functions):
            continue
        reduced = reduce(net).reduced
        proof = prove(net, reduced, Monolithic(net, reduced), executor=threads)
        assert proof.verdict == "equivalent"
        asked += 1
        wrong = nudged(reduced)
        if wrong is not None:
            proof = prove(net, wrong, Monolithic(net, wrong), executor=threads)
            assert (proof.verdict == "rejected") == (oracle.difference(net, wrong, count=20) is not None)
    assert asked > 5


def nudged(network: Network) -> Network | None:
    """Another bias in the last Dense or Conv node."""
    nodes: list[Node] = list(network.nodes)
    for i in reversed(range(len(nodes))):
        node = nodes[i]
        if isinstance(node, Dense | Conv):
            nodes[i] = replace(node, bias=(node.bias[0] + 1, *node.bias[1:]))
            return replace(network, nodes=tuple(nodes))
    return None


@pytest.mark.parametrize(
    "path", real_networks("residual_bn/residual_block_clean.onnx", "conv/model.onnx", "conv/Convnet_maxpool.onnx")
)
def test_real_networks_are_proved(path, tmp_path):
    done = reduce_file(path, tmp_path / "small.onnx")
    found = prove_files(path, done.reduced, done.certificate, ProveOptions(jobs=1))
    assert found.verdict == "equivalent", found.reason


def test_the_report_tells_channels_from_neurons_and_quotes_the_obligations(tmp_path):
    network = padded([[1], [2], [3]], [0, 0, 1], [1] * 9, 0)
    write(network, tmp_path / "a.json")
    done = reduce_file(tmp_path / "a.json", tmp_path / "b.json")
    options = ProveOptions(jobs=1, evidence=tmp_path / "evidence.jsonl")
    proved = prove_files(tmp_path / "a.json", done.reduced, done.certificate, options)
    found = report(done.certificate, evidence=tmp_path / "evidence.jsonl")
    page = render(found)
    assert (found.verdict, len(found.items)) == ("equivalent", proved.proof.obligations)
    assert all(item.answers for item in found.items)
    (layer,) = (layer for layer in found.layers if layer.name == "h")
    assert (layer.units, layer.classes, layer.merged, layer.grid) == (3, 2, 1, GRID)
    assert "images of 3" in page
    assert "unit 1 = 2 * class 0 of" in page
