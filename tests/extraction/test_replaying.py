# SPDX-License-Identifier: Apache-2.0
"""This file is about what the proved checker confirms besides equality: differences, and how far networks are apart.

Skipped where Coq is not installed, but for what is said without the proved checker.
"""

import hashlib
import json
import random
import shutil
import subprocess
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path

import pytest

import exactlump
from exactlump import check, check_files, refute, write
from exactlump.cli.main import main
from exactlump.extraction.programs import products
from exactlump.extraction.reading import Reading
from exactlump.extraction.refutations import RATIONAL, read_pair, refutation, without_rational_values
from exactlump.extraction.texts import texts
from exactlump.extraction.verified import ask, find_checker, greet
from exactlump.network.activations import Activation
from exactlump.network.kinds import Dense
from exactlump.numbers.rational import rational
from tests import oracle
from tests.bounding_tools import approximate, as_fraction, certificate, jittered, random_chain, verdict, with_functions
from tests.extraction.test_asking import ABOUT, NAME
from tests.image_networks import image_network
from tests.strategies import relu_chain
from tests.tools import dense_model, save

PROOFS = Path(__file__).parents[2] / "proofs"


@pytest.fixture(scope="module")
def built():
    """The proved checker."""
    if not (shutil.which("coqc") and shutil.which("ocamlfind")):
        pytest.skip("Coq or OCaml is not installed (proofs/README.md says what to install)")
    made = subprocess.run(["make", "-C", str(PROOFS), "checker"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Two networks that differ, in files; where the test stands."""
    monkeypatch.chdir(tmp_path)
    write(relu_chain(([[1, 2], [3, 4]], [0, 0]), ([[1, 1]], [0])), "a.json")
    write(relu_chain(([[1, 2], [3, 4]], [0, 0]), ([[1, 2]], [0])), "b.json")
    return Path("a.json"), Path("b.json")


@pytest.fixture
def end(capsys):
    """The exit code, stdout and stderr of a command."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return stop.value.code, *capsys.readouterr()

    return call


def forge(folder, monkeypatch, script):
    """A program that says what the real one says of itself, and then does what a script says."""
    path = folder / NAME
    about = " ".join(f"'{line}'" for line in ABOUT)
    path.write_text(f"#!/bin/sh\nif [ $1 = --about ]; then printf '%s\\n' {about}; exit; fi\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("EXACTLUMP_VERIFIED", str(path))


# --- Differences ------------------------------------------------------------------------------------


def test_a_difference_is_replayed(built, pair, end):
    """In text on a line of its own, in JSON as a key; whatever the question, if it is about outputs."""
    code, out, err = end("refute", *pair)
    assert code == 1
    assert out.startswith("different: the outputs differ at this input by ")
    assert err.count("replayed by the proved evaluator: different\n") == 1
    for options in ((), ("--epsilon", "1/7"), ("--box", "0", "1/3"), ("--box", "-2", "1e-3", "--epsilon", "1e-9")):
        found = json.loads(end("refute", *pair, *options, "--json")[1])
        assert (found["verdict"], found["verified"]) == ("different", True)
        assert found["verified_reason"] == "at the input, over the reals, by the evaluator extracted from its proof"


def test_what_is_said_where_there_is_nothing_to_replay(built, pair, end):
    """Equal networks, decisions, and networks that are no files."""
    found = json.loads(end("refute", "a.json", "a.json", "--json")[1])
    assert (found["verified"], found["verified_reason"]) == (None, "found no difference (equivalent)")
    assert "proved evaluator" not in end("refute", "a.json", "a.json")[2]
    one, other = (relu_chain(([[1], [-1]], [0, 0]), ([[1, 2], [w, 1]], [0, 0])) for w in (2, 3))
    assert refute(one, other).json()["verified"] is None
    assert refute(one, other).proved.words == ""
    write(one, "c.json")
    write(relu_chain(([[1], [-1]], [0, 0]), ([[2, 1], [1, 2]], [0, 0])), "d.json")
    code, _, err = end("refute", "c.json", "d.json", "--argmax")
    assert code == 1
    assert "not replayed by the proved evaluator: it compares outputs, and the question was about decisions\n" in err


def test_without_it_nothing_more_is_said(pair, end, monkeypatch, tmp_path):
    """Null, and why, in JSON; nothing in text."""
    monkeypatch.setattr(exactlump.extraction.verified, "__file__", str(tmp_path / "a" / "b"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EXACTLUMP_VERIFIED", raising=False)
    code, _, err = end("refute", *pair)
    assert code == 1
    assert "proved evaluator" not in err
    found = json.loads(end("refute", *pair, "--json")[1])
    assert (found["verdict"], found["verified"]) == ("different", None)
    assert found["verified_reason"].startswith(f"{NAME}: found none")


def test_functions_without_rational_values(built, tmp_path, end):
    """At 0 some have one; where there is none, that is no contradiction."""
    for index, name in enumerate(("sigmoid", "tanh")):
        paths = [tmp_path / f"{index}{side}.json" for side in "ab"]
        for weight, path in zip((1, 2), paths, strict=True):
            write(relu_chain(([[1], [-1]], [0, 1]), ([[weight, 1]], [1]), functions=[Activation(name)]), path)
        x = [Fraction(0)]
        networks = read_pair([*map(str, paths)], "as stored", {"inputs": "one", "outputs": "one"}, 1 << 20)
        lines = refutation(networks, "as stored", x, Fraction(0), None)
        assert ask(greet(find_checker()), lines).verdict == "rejected"
        assert name not in RATIONAL
    one, other = (tmp_path / f"{side}.json" for side in "ab")
    write(relu_chain(([[1], [-1]], [1, -1]), ([[1, 1]], [1]), functions=[Activation("softsign")]), one)
    write(relu_chain(([[1], [-1]], [1, -1]), ([[1, 2]], [1]), functions=[Activation("softsign")]), other)
    assert json.loads(end("refute", one, other, "--json")[1])["verified"] is True


def test_images_are_replayed(built, tmp_path):
    """Convolutions, pools, several inputs: at random points, what the oracle says, to 20 digits."""
    program, counts = greet(find_checker()), {"different": 0, "rejected": 0}
    for seed in range(16):
        rng, network = random.Random(seed), image_network(seed)
        other, paths = jittered(network, rng), [tmp_path / f"a{seed}.json", tmp_path / f"b{seed}.json"]
        write(network, paths[0])
        write(other, paths[1])
        named = {"inputs": network.inputs, "outputs": network.outputs}
        matching = {what: "one" if len(ports) == 1 else "name" for what, ports in named.items()}
        networks = read_pair([*map(str, paths)], "as stored", matching, 1 << 24)
        if without_rational_values(networks):
            continue
        for x in oracle.random_points(network, 2, rng):
            outputs = zip(chain(*oracle.outputs(network, x)), chain(*oracle.outputs(other, x)), strict=True)
            gap = max(abs(as_fraction(a) - as_fraction(b)) for a, b in outputs)
            for epsilon in (gap, max(gap - Fraction(1, 10**20), Fraction(0))):
                lines = refutation(networks, "as stored", [*map(as_fraction, chain(*x))], epsilon, None)
                found = ask(program, lines).verdict
                assert found == ("different" if epsilon < gap else "rejected")
                counts[found] += 1
    assert min(counts.values()) > 10


def test_the_text_of_a_refutation(pair):
    networks = read_pair([*map(str, pair)], "as stored", {"inputs": "one", "outputs": "one"}, 1 << 20)
    half = Fraction(1, 2)
    lines = [*refutation(networks, "as stored", [half, -half], Fraction(1, 3), [(half, half), (-half, half)])]
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in pair]
    assert lines[:4] == ["exactlump-refutation 1", f"a {hashes[0]}", f"b {hashes[1]}", "criterion different"]
    assert lines[-4:] == ["box 2 1/2 1/2 -1/2 1/2", "epsilon 1/3", "input 2 1/2 -1/2", "end"]
    with pytest.raises(check.Stop, match="found 1 numbers, expected 2"):
        refutation(networks, "as stored", [half], Fraction(0), None)


def test_it_may_contradict_or_fail(pair, end, monkeypatch, tmp_path):
    """What it says is said; a broken, stale or slow one changes no verdict."""
    repeat = "sed -n -e '2,/^assumes/p' -e '/^epsilon/p' -e '/^input/p' $1 | grep -v ^assumes"
    forge(tmp_path, monkeypatch, f'echo "rejected: no"; {repeat}; exit 1')
    code, out, err = end("refute", *pair)
    assert (code, out.partition(":")[0]) == (1, "different")
    assert "replayed by the proved evaluator: NOT different: no\n" in err
    assert json.loads(end("refute", *pair, "--json")[1])["verified"] is False
    for script, reason in (
        ("exit 5", "expected a verdict"),
        ("kill -9 $$", "unknown: it ended before it answered: Killed"),
        (f'echo "different: yes"; {repeat} | sed "s/^epsilon 0/epsilon 1/"; exit 1', "an answer about another text"),
        ("sleep 30", "unknown: found no answer within 1 s"),
    ):
        forge(tmp_path, monkeypatch, script)
        found = json.loads(end("refute", *pair, "--json", "--timeout", "0.5")[1])
        assert (found["verdict"], found["verified"]) == ("different", None)
        assert reason in found["verified_reason"]
    monkeypatch.setattr("exactlump.extraction.verified.VERSION", "2")
    assert "not replayed by the proved evaluator: " in end("refute", *pair)[2]


def test_a_model_that_changes_meanwhile_is_noticed(pair, end, monkeypatch, tmp_path):
    """The answer is about the file that it names by its hash."""

    def changed(*given):
        pair[0].write_bytes(pair[1].read_bytes())
        return read_pair(*given)

    forge(tmp_path, monkeypatch, "echo 'unknown: busy'; exit 3")
    assert end("refute", *pair)[0] == 1
    monkeypatch.setattr("exactlump.verbs.replaying.read_pair", changed)
    code, out, err = end("refute", *pair)
    assert (code, out) == (2, "")
    assert "a.json: found another content than was compared, expected a file that nobody changes\n" in err


def test_large_models_are_left_out(built, pair, end, monkeypatch):
    monkeypatch.setattr("exactlump.verbs.replaying._PACE", 1)
    assert "not replayed by the proved evaluator: found models of " in end("refute", *pair)[2]


def test_models_of_onnx_are_replayed(built, tmp_path, end):
    """As runtimes read them."""
    rng = random.Random(3)
    for i in range(4):
        shape = [3, 4, 2]
        for side in "ab":
            layers = [
                ([[rng.uniform(-1, 1) for _ in range(n)] for _ in range(m)], [rng.uniform(-1, 1) for _ in range(m)])
                for n, m in pairwise(shape)
            ]
            save(tmp_path / f"{side}{i}.onnx", dense_model(*layers))
        found = json.loads(end("refute", tmp_path / f"a{i}.onnx", tmp_path / f"b{i}.onnx", "--json")[1])
        assert (found["verdict"], found["verified"]) == ("different", True)


# --- How far networks are apart ---------------------------------------------------------------------


RELU = [Activation("leaky_relu", (rational(0),))]
PATHS = ("original.json", "reduced.json", "certificate.json")


def read_files(folder):
    reading = Reading([str(folder / name) for name in PATHS])
    reading.read()
    return reading


def random_tree(rng, inputs, depth):
    """How a box is halved, depth first."""
    if depth == 0 or rng.random() < 0.2:
        return [0]
    return [rng.randint(1, inputs), *random_tree(rng, inputs, depth - 1), *random_tree(rng, inputs, depth - 1)]


def test_both_checkers_agree_on_bounds(built, tmp_path):
    """Random pairs, boxes, trees and numbers: what one shows, the other shows, and no other; nor what is false."""
    rng, program, counts = random.Random(41), greet(find_checker()), {"within": 0, "rejected": 0}
    while min(counts.values()) < 25:
        ours = with_functions(random_chain(rng), lambda: RELU[0])
        if any(q & (q - 1) for q in denominators(ours)):
            continue
        theirs, inputs = jittered(ours, rng, Fraction(1, 16)), ours.units(ours.inputs[0].name)
        ends = [sorted(Fraction(rng.randint(-8, 8), rng.choice((1, 3, 4))) for _ in "ab") for _ in range(inputs)]
        box = [(str(low), str(high)) for low, high in ends]
        epsilon = str(Fraction(rng.randint(0, 40), rng.choice((1, 8, 30))))
        claim = approximate(epsilon, box, box, name=ours.inputs[0].name)
        trees = [random_tree(rng, inputs, rng.randint(0, 3)) for _ in range(2)]
        python = verdict(tmp_path, ours, theirs, certificate(claim, *trees, inputs=inputs))
        if "has one value there" in python.reason:
            continue
        assert python.verdict in counts, python
        answers = {ask(program, lines, jobs=rng.randint(1, 2)).verdict for lines in texts(read_files(tmp_path))}
        assert ("rejected" in answers) == (python.verdict == "rejected"), python
        counts[python.verdict] += 1
        if python.verdict == "within":
            assert check_files(*(tmp_path / name for name in PATHS), verified=True).verdict == "within"


def denominators(network):
    """Of all weights and biases."""
    for node in network.nodes:
        if isinstance(node, Dense):
            rows = [node.weight.row(v).values() for v in range(len(node.bias))]
            yield from (as_fraction(w).denominator for w in chain(node.bias, *rows))


LINE = relu_chain(([["1"]], ["0"]), ([["1"]], ["0"]))
OTHER = relu_chain(([["1"]], ["0"]), ([["3/4"]], ["0"]))
TO_TWO = [("-1", "2")]


def test_bounds_are_quoted(built, tmp_path, end):
    document = certificate(approximate("1/2", TO_TWO), [1, 0, 0])
    python = verdict(tmp_path, LINE, OTHER, document)
    paths = [tmp_path / name for name in PATHS]
    code, out, _ = end("check", "--verified", "--jobs", "2", *paths)
    assert code == 0
    assert out == f"within: {python.reason}; by check.py, and by the checker extracted from its proof\n"
    found = json.loads(end("check", "--verified", "--json", *paths)[1])
    assert {found["checkers"][name]["verdict"] for name in found["checkers"]} == {"within"}


@pytest.mark.parametrize(
    ("ours", "theirs", "claim", "words"),
    [
        (LINE, OTHER, approximate(["1/2"], TO_TWO, metric="l1"), "metric: found l1"),
        (LINE, relu_chain(([["3/4"]], ["0"])), approximate("9", TO_TWO), "found layers of [1, 1] and [1] units"),
        (LINE, relu_chain(([["1"]], ["0"]), ([["1/3"]], ["0"])), approximate("9", TO_TWO), "over a power of 2"),
        (with_functions(LINE, lambda: Activation("tanh")), OTHER, approximate("9", TO_TWO), "function than ReLU"),
    ],
)
def test_what_the_proved_bounds_do_not_have(built, tmp_path, ours, theirs, claim, words):
    """`unsupported`, said of the proved checker alone."""
    assert verdict(tmp_path, ours, theirs, certificate(claim, [0])).verdict == "within"
    found = check_files(*(tmp_path / name for name in PATHS), verified=True)
    assert (found.verdict, found.python.verdict, found.proved.verdict) == ("unsupported", "within", "unsupported")
    assert words in found.proved.reason


def test_machine_arithmetic_has_no_proof(tmp_path):
    claim = {**approximate("9", TO_TWO), "arithmetic": "float32"}
    verdict(tmp_path, LINE, OTHER, certificate(claim, [0]))
    with pytest.raises(check.Stop, match="arithmetic: found float32, expected reals"):
        texts(read_files(tmp_path))


def test_per_output_is_the_least(built, tmp_path):
    """Each of several numbers is shown by the least of them, if at all; a no of the proved bounds is no `rejected`."""
    ours, theirs = (relu_chain(([["1"]], ["0"]), ([["1"], [w]], ["0", "0"])) for w in ("1", "3/4"))
    for epsilon, expected in ((["1/2", "1/2"], "within"), (["0", "1/2"], "unknown"), (["1/2", "3"], "within")):
        claim = approximate(epsilon, TO_TWO, metric="per-output")
        assert verdict(tmp_path, ours, theirs, certificate(claim, [1, 0, 0])).verdict == "within"
        found = check_files(*(tmp_path / name for name in PATHS), verified=True)
        assert (found.verdict, found.python.verdict) == (expected, "within")


def test_a_certificate_of_a_difference(built, tmp_path, end):
    """Its input is replayed; functions without rational values are unsupported."""
    claim = {"criterion": "different"}
    evidence = {"trees": None, "input": {"x": ["2"]}, "outputs": {"original": ["2"], "reduced": ["3/2"]}}
    assert verdict(tmp_path, LINE, OTHER, certificate(claim, **evidence)).verdict == "different"
    code, out, _ = end("check", "--verified", *(tmp_path / name for name in PATHS))
    assert code == 1
    assert out.startswith("different: output 0 differs by 1/2 ")
    assert out.endswith("; by check.py, and by the checker extracted from its proof\n")
    curved = [with_functions(network, lambda: Activation("tanh")) for network in (LINE, OTHER)]
    evidence["input"]["x"], evidence["outputs"] = ["0"], {"original": ["0"], "reduced": ["1"]}
    curved[1] = relu_chain(([["1"]], ["0"]), ([["3/4"]], ["1"]), functions=[Activation("tanh")])
    assert verdict(tmp_path, *curved, certificate(claim, **evidence)).verdict == "different"
    found = check_files(*(tmp_path / name for name in PATHS), verified=True)
    assert (found.verdict, found.proved.reason) == (
        "unsupported",
        "found the function tanh, which may have no rational value",
    )


# --- Sizes ------------------------------------------------------------------------------------------


def test_large_images_are_unsupported(tmp_path, monkeypatch, end):
    """Before anything is written, with the number of products; whatever is asked."""
    network = image_network(3)
    write(network, tmp_path / "a.json")
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json")
    both = [check.read_network(str(tmp_path / name), "as stored", 1 << 24) for name in ("a.json", "b.json")]
    most = sum(map(products, both))
    assert most > 10
    paths = [tmp_path / "a.json", tmp_path / "b.json", done.certificate]
    for limit, code in ((most, 0), (most - 1, 4)):
        monkeypatch.setattr("exactlump.extraction.programs.MAX_PRODUCTS", limit)
        found, _, err = end("export", *paths, "-o", tmp_path / f"text{code}")
        assert found == code
        words = f"found images of {most} products, expected at most {limit}, element by element"
        assert (words in err) == (code == 4)
    assert not (tmp_path / "text4").exists()
    with pytest.raises(check.Stop, match="products"):
        refutation(both, "as stored", [Fraction(0)], Fraction(0), None)


def test_products_of_a_convolution():
    """Outputs, times channels, times taps, for each position; pools as well."""
    nodes = [
        {"op": "reorder", "source": "x", "target": "i", "axes": None, "shape": [2, 4, 4], "channel": 0},
        {"op": "conv", "source": "i", "target": "c", "columns": 18, "window": window(4, 4, 3, 1, 1)},
        {"op": "max_pool", "source": "c", "target": "m", "window": window(4, 2, 2, 2, 0)},
        {"op": "average_pool", "source": "m", "target": "a", "window": window(2, 1, 2, 2, 0), "padding": False},
    ]
    nodes[1] |= {"rows": [[[u, "1"] for u in range(18)], [[0, "2"]], []], "bias": ["0"] * 3}
    network = check.Network("json", "")
    network.define("x", check.View((32,)))
    for node in nodes[:1]:
        check.exact_node(
            network, **check.fit(node, {"op": str, "target": str, "channel": int, **check.NODES["reorder"]})
        )
    assert products(network) == 32 * 1
    for node in nodes[1:]:
        check.exact_node(network, **check.fit(node, {"op": str, "target": str, **check.NODES[node["op"]]}))
    assert products(network) == 32 + 16 * (18 + 1) + 3 * 4 * 4


def window(n, m, kernel, stride, begin):
    pair = {"source": n, "target": m, "kernel": kernel, "stride": stride, "dilation": 1, "begin": begin, "end": begin}
    return {**{name: [size] * 2 for name, size in pair.items()}, "transposed": False}
