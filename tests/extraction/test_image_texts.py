# SPDX-License-Identifier: Apache-2.0
"""This file is about texts of networks of images: what they say is evaluated by another reader, operator by operator.

What needs Coq is skipped where it is not installed (`proofs/README.md` says what to install).
"""

import json
import random
import re
import shutil
import subprocess
from collections import Counter
from fractions import Fraction
from itertools import chain
from pathlib import Path

import pytest

from benchmarks.verified import convolutions
from exactlump import check, read, reduce_file, write
from exactlump.extraction import texts as extraction_texts
from exactlump.extraction.images import images
from exactlump.extraction.programs import products
from exactlump.extraction.reading import Reading
from exactlump.network.activations import Activation
from exactlump.numbers.rational import rational
from exactlump.verbs.checking import check_files
from exactlump.verbs.exporting import coq_files
from tests import oracle
from tests.checker.test_check_opaque import FALSE, TRUE, both, graph, node
from tests.claims import claim
from tests.image_networks import image_network
from tests.image_texts import ImageText
from tests.proved_programs import mutants
from tests.tools import save

PROOFS = Path(__file__).parents[2] / "proofs"
CHECKER = PROOFS / "exactlump-verified"
SEEDS = range(24)


@pytest.fixture(scope="module")
def built():
    """The extracted checker."""
    if not (shutil.which("coqc") and shutil.which("ocamlfind")):
        pytest.skip("Coq or OCaml is not installed (proofs/README.md says what to install)")
    made = subprocess.run(["make", "-C", str(PROOFS), "checker"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]


def answer(text, folder):
    """Exit code, stdout and stderr of the extracted checker."""
    path = folder / "text.txt"
    path.write_text(text)
    ran = subprocess.run([str(CHECKER), str(path)], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def text_of(*paths):
    """The text for three files."""
    reading = Reading([str(path) for path in paths])
    reading.read()
    return "\n".join([*images(reading), ""])


@pytest.fixture(scope="module")
def reduced_images(tmp_path_factory):
    """Random image networks with the texts for their certificates."""
    folder, found, reasons = tmp_path_factory.mktemp("images"), [], set()
    for seed in SEEDS:
        original = folder / f"a{seed}.json"
        write(image_network(seed), original)
        done = reduce_file(original, folder / f"b{seed}.json")
        try:
            found.append((read(original), text_of(original, done.reduced, done.certificate)))
        except check.Stop as error:
            reasons.add(str(error))
    assert reasons <= {"found a free unknown below an operator"}
    assert len(found) > len(SEEDS) / 2
    return found


def as_oracle(name, parameters, y):
    return oracle.sigma(Activation(name, tuple(rational(p.numerator, p.denominator) for p in parameters)), y)


def outputs(text, which, x, count):
    """The elements of all outputs, `count` in all; an image that is the same everywhere is written out."""
    found = text.evaluate(which, [[y] for y in x])
    return [y for image in found for y in (image * (count // len(found)) if len(image) == 1 else image)]


EXAMPLE = re.search(r"```text\n(exactlump-images 1\n.*?end\n)```", (PROOFS / "README.md").read_text(), re.DOTALL)
assert EXAMPLE is not None


def test_the_example_of_the_readme_is_accepted(built, tmp_path):
    """And it is right, and is not accepted where the sum, a weight or the operator is another."""
    good = EXAMPLE[1]
    code, out, err = answer(good, tmp_path)
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == [*good.splitlines()[1:7], "move loses tap 0: 5 5 3 1 1 1 1"]
    said, x = ImageText(good), [Fraction(n) for n in (3, -1, 4, -1, 5)]
    assert said.evaluate(0, [x]) == said.evaluate(1, [x]) == [[0, 9, 0, 12, 0]]
    for old, new, expected in (
        ("moved 0 2 1 0 2 0", "moved 0 2 1 0 1 0", 1),
        ("moved 0 2 1 0 2 0", "moved 0 2 1 0 2 1", 1),
        ("all 1 3", "all 1 2", 1),
        ("spare 1 steps 3", "spare 2 steps 3", 1),
        ("moved 0 2 1", "moved 1 2 1", 2),
        ("fresh", "1 0 1 0", 1),
        ("moved 0 2 1 0 2 0", "moved 0 2 1 1 2 0", 1),
        ("moves 1\nmove", "moves 2\nmove", 2),
        ("move loses", "move finds", 2),
        ("outputs 1 5", "outputs 1 6", 2),
        ("class 1 2 unit", "as 1 2 unit", 2),
    ):
        assert good.count(old) == 1
        assert answer(good.replace(old, new), tmp_path)[0] == expected, new


def test_texts_say_what_the_images_are(reduced_images):
    """Convolutions of all kinds, pools, padding, reorderings: at random points, N and N' of the text."""
    rng = random.Random(40)
    for network, text in reduced_images:
        said = ImageText(text, as_oracle)
        for x in oracle.random_points(network, 2, rng):
            expected = list(chain(*oracle.outputs(network, x)))
            for which in (0, 1):
                assert outputs(said, which, list(chain(*x)), len(expected)) == expected


def test_most_texts_of_images_are_accepted(built, reduced_images, tmp_path):
    """Not all: constants that zeros are put around are among what the rules for whole images do not show."""
    counts = Counter(answer(text, tmp_path)[0] for _, text in reduced_images)
    assert counts.keys() <= {0, 1}
    assert counts[0] > 0.8 * len(reduced_images)


def test_no_mutant_is_accepted_that_evaluation_refutes(built, reduced_images, tmp_path):
    """One number changed: accepted texts hold networks that are equal, whatever their words say of operators."""
    rng, counts = random.Random(41), Counter()
    for network, text in reduced_images:
        size = sum(len(x) for x in next(iter(oracle.random_points(network, 1, rng))))
        for mutant in mutants(text, rng, 20):
            code, out, err = answer(mutant, tmp_path)
            counts[code] += 1
            assert (err == "") == (code != 2), err
            if code == 0 and out.startswith("equivalent"):
                said = ImageText(mutant)
                x = [Fraction(rng.randint(-20, 20), rng.randint(1, 3)) for _ in range(size)]
                assert outputs(said, 0, x, 60) == outputs(said, 1, x, 60), mutant
    assert min(counts[1], counts[2]) > 20
    assert counts.keys() <= {0, 1, 2}


# --- Opaque operators, and sizes that are open --------------------------------------------------------


def asked(pair, folder):
    """What both checkers say of two models, and the certificate."""
    paths = both(pair, folder)
    certificate = folder / "claim.cert.json"
    certificate.write_text(json.dumps(claim(*paths)))
    return check_files(*paths, certificate, verified=True), (*paths, certificate)


@pytest.mark.parametrize("name", TRUE)
def test_opaque_operators_are_proved_equal(built, name, tmp_path):
    found, _ = asked(TRUE[name], tmp_path)
    assert (found.verdict, found.proved.verdict) == ("equivalent", "equivalent"), found.reason


@pytest.mark.parametrize("name", FALSE)
def test_the_proved_checker_is_not_asked_of_what_is_rejected(built, name, tmp_path):
    found, _ = asked(FALSE[name], tmp_path)
    assert (found.verdict, found.proved.verdict) == ("rejected", None)


def test_the_answer_repeats_what_is_assumed_of_operators(built, tmp_path):
    _, paths = asked(TRUE["the same file"], tmp_path)
    text = text_of(*paths)
    code, out, _ = answer(text, tmp_path)
    assert code == 0
    assumed = [
        line for line in text.splitlines() if line.startswith(("move ", "ai.onnx:Hardmax version 13, one function"))
    ]
    assert len(assumed) == 5
    assert out.splitlines()[7:] == [f"assumes {assumed[0]}", *assumed[1:]]


def test_another_source_of_an_opaque_operator_is_refused(built, tmp_path):
    """A weight below it, or what it is said to be copied from."""
    _, paths = asked(TRUE["the same file"], tmp_path)
    good = text_of(*paths)
    place = good.rindex("given 0")
    line = good[place : good.index("\n", place)]
    for old, new in (
        (line, line.replace("4 3 4 5 6 0", "4 4 3 5 6 0")),
        (line, f"{line[:-1]}1"),
        (" 2 6 10", " 2 6 11"),
    ):
        assert old != new
        before, _, after = good.rpartition(old)
        assert answer(before + new + after, tmp_path)[0] == 1


def mixed(factor):
    """Relu, an opaque operator along the batch, a transpose, and a layer: hidden units times a factor."""
    constants = {"V": [[1, factor], [2, 2 * factor]], "W": [[3, 0], [0, 3 / factor]]}
    nodes = [
        *(node("MatMul", "x V", "h"), node("Relu", "h", "r"), node("MatMul", "r W", "p")),
        *(
            node("Transpose", "p", "q", perm=[1, 0]),
            node("CumSum", "q zero", "c"),
            node("Transpose", "c", "y", perm=[1, 0]),
        ),
    ]
    import numpy as np

    arrays = {name: np.asarray(rows, np.float32) for name, rows in constants.items()} | {"zero": np.asarray(0)}
    return graph(nodes, {"x": ["N", 2]}, {"y": ["N", 2]}, arrays, declared={"c": [2, "N"]})


def test_what_mixes_the_batch_is_reduced_and_proved(built, tmp_path):
    """A hidden unit that is a multiple of another one is merged, below what transposes the whole batch."""
    original = save(tmp_path / "a.onnx", mixed(2))
    done = reduce_file(original, tmp_path / "b.onnx")
    found = check_files(original, done.reduced, done.certificate, verified=True)
    assert (found.verdict, found.proved.verdict) == ("equivalent", "equivalent"), found.reason
    text = text_of(original, done.reduced, done.certificate)
    rows = re.findall(r"^(\w+)(?: \d+ \S+)? unit \d+ leaky_relu 0 ", text, re.MULTILINE)
    assert Counter(rows) == {"atom": 1, "class": 2}


def test_opaque_operators_are_equal_by_a_theorem_of_coq(built, tmp_path):
    """`exactlump export --coq`: whatever the operators are; the theorem rests on no axiom, and a false one fails."""
    original = save(tmp_path / "a.onnx", mixed(2))
    done = reduce_file(original, tmp_path / "b.onnx")
    (tmp_path / "other").mkdir()
    _, opaque = asked(TRUE["the same file"], tmp_path / "other")
    texts = [
        "\n".join(coq_files(original, done.reduced, done.certificate, "mixed")),
        "\n".join(coq_files(*opaque, "same")),
    ]
    assert "Given 0 1" in texts[0]
    assert "Move true 0" in texts[0]
    for text, code in ((texts[0], 0), (texts[1], 0), (texts[0].replace("Class 4%N 2", "Class 4%N 3"), 1)):
        (tmp_path / "theorem.v").write_text(text)
        command = ["coqc", "-Q", str(PROOFS), "Exactlump", str(tmp_path / "theorem.v")]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == code, ran.stderr[-2000:]
        assert code or ran.stdout.strip() == "Closed under the global context"
    assert texts[0].count("Class 4%N 2") == 1


# --- Size -------------------------------------------------------------------------------------------


def test_images_of_millions_of_products_are_a_matter_of_kilobytes(built, tmp_path):
    """A text grows with the kernels, not with the images."""
    original = save(tmp_path / "a.onnx", convolutions(32, [16, 32]))
    done = reduce_file(original, tmp_path / "b.onnx", rules="lumping")
    paths = [str(path) for path in (original, done.reduced, done.certificate)]
    reading = Reading(paths)
    reading.read()
    text = text_of(*paths)
    assert sum(map(products, reading.networks)) > 5_000_000
    assert len(text) < 300_000
    assert answer(text, tmp_path)[0] == 0
    assert check_files(*paths, verified=True).proved.verdict == "equivalent"


def test_what_the_rules_for_images_do_not_show_is_written_out(built, tmp_path, monkeypatch):
    """Free unknowns below an operator: element by element, if that is small enough."""
    for seed in range(60):
        original = tmp_path / f"a{seed}.json"
        write(image_network(seed), original)
        done = reduce_file(original, tmp_path / f"b{seed}.json")
        try:
            text_of(original, done.reduced, done.certificate)
        except check.Stop:
            break
    monkeypatch.setattr(extraction_texts, "FEW_PRODUCTS", 0)
    monkeypatch.setattr(extraction_texts.exact, "__defaults__", (0,))
    found = check_files(original, done.reduced, done.certificate, verified=True)
    assert (found.verdict, found.proved.verdict) == ("equivalent", "equivalent")
    monkeypatch.setattr(extraction_texts, "MAX_PRODUCTS", 0)
    found = check_files(original, done.reduced, done.certificate, verified=True)
    assert (found.verdict, found.proved.verdict) == ("unsupported", "unsupported")
    assert "free unknown below an operator" in found.reason
