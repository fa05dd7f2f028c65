# SPDX-License-Identifier: Apache-2.0
"""This file is about certificates on boxes and the proved checker: what it accepts is so at exact points of the boxes.

Skipped where Coq is not installed (`proofs/README.md` says what to install).
"""

import itertools
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import exactlump
from exactlump import Network
from exactlump.extraction.programs import words
from tests.proved_programs import FUNCTIONS, BoxReader, Node, Program, mutants, node_text
from tests.tools import real_networks

PROOFS = Path(__file__).parents[2] / "proofs"
CHECKER = PROOFS / "exactlump-verified"

pytestmark = pytest.mark.skipif(
    not (shutil.which("coqc") and shutil.which("ocamlfind")),
    reason="Coq or OCaml is not installed (proofs/README.md says what to install)",
)


@pytest.fixture(scope="module")
def built() -> None:
    """The extracted checker."""
    made = subprocess.run(["make", "-C", str(PROOFS), "checker"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]


def answer(text: str, folder: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the extracted checker on a text."""
    path = folder / "text.txt"
    path.write_text(text)
    ran = subprocess.run([str(CHECKER), str(path)], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


# --- The example of the page, and others like it ------------------------------------------------------

EXAMPLE = re.search(r"```text\n(exactlump-domain 1\n.*?end\n)```", (PROOFS / "README.md").read_text(), re.DOTALL)
assert EXAMPLE is not None
GOOD = EXAMPLE[1]


def test_the_example_of_the_readme_is_accepted(built: None, tmp_path: Path) -> None:
    """The answer repeats the header and the boxes."""
    code, out, err = answer(GOOD, tmp_path)
    assert (code, err) == (0, "")
    first, *others = out.splitlines()
    assert first == "equivalent: on the boxes, over the reals, by the checker extracted from its proof"
    assert others == [*GOOD.splitlines()[1:7], "box 1 -1 2", "box 1 0 5/2"]
    assert not BoxReader(GOOD).differ(random.Random(1))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("box 1 0 5/2", "box 1 0 3", 0),
        ("box 1 0 5/2", "box 1 0 4", 3),
        ("box 1 -1 2", "box 1 all", 3),
        ("box 1 -1 2", "box 2 -1 2 0 1", 3),
        ("box 1 -1 2", "box 1 1 -1", 2),
        ("box 1 -1 2", "box 1 1/0 1", 2),
        ("boxes 2\nbox 1 -1 2\nbox 1 0 5/2", "boxes 0", 2),
        ("boxes 2", "boxes 3", 2),
        ("precision 20 64", "precision 0 0", 0),
        ("precision 20 64", "precision -1 64", 2),
        ("precision 20 64", "precision 20 5000", 2),
        ("domain the boxes", "domain all reals", 4),
        ("criterion exact", "criterion approximate", 4),
        ("silent", "class 1 1", 1),
        ("straight", "silent", 1),
        ("straight", "derived", 1),
        ("all 2 1 5", "all 2 2 5", 1),
        ("derived unit 0", "straight unit 0", 2),
        ("derived unit 0", "silent unit 0", 2),
        ("outputs 1 4", "outputs 1 3", 1),
        ("outputs 1 4", "outputs 1 5", 2),
    ],
)
def test_other_texts(built: None, tmp_path: Path, old: str, new: str, code: int) -> None:
    """0 accepted, 1 rejected, 2 out of grammar, 3 not shown by the bounds, 4 unsupported."""
    assert old in GOOD
    found, out, err = answer(GOOD.replace(old, new), tmp_path)
    assert (found, err == "") == (code, code != 2), (out, err)
    assert out.partition(":")[0] == {0: "equivalent", 1: "rejected", 2: "", 3: "unknown", 4: "unsupported"}[code]


def test_without_its_bounds_a_text_shows_nothing_elsewhere(built: None, tmp_path: Path) -> None:
    """The same rows are no rows of a text about all reals."""
    text = GOOD.replace("exactlump-domain", "exactlump-program").replace("the boxes", "all reals")
    text = re.sub(r"precision.*?(?=network)", "", text, count=1, flags=re.DOTALL)
    code, _, err = answer(text, tmp_path)
    assert code == 2
    assert "straight" in err


# --- Random texts ---------------------------------------------------------------------------------------

BOUNDED = [
    *(("leaky_relu", Fraction(s)) for s in ("0", "0", "0", "1/3", "1", "-1", "-1/2", "2", "7/3")),
    *(("at_least", Fraction(0)), ("thresholded_relu", Fraction(0))),
]
DRAWN = [
    *BOUNDED,
    *(("at_least", Fraction(a)) for a in (-1, 1)),
    *(("thresholded_relu", Fraction(2)), ("elu", Fraction(1)), ("softsign",)),
]


def straight_above(name: str, *parameters: Fraction) -> bool:
    """Whether a function does nothing from 0 on."""
    known = {"at_least": lambda a: a <= 0, "thresholded_relu": lambda a: a == 0}
    return name in ("leaky_relu", "elu") or (name in known and known[name](*parameters))


def silent_below(name: str, *parameters: Fraction) -> bool:
    """Whether a function is 0 up to 0."""
    known = {"leaky_relu": lambda a: a == 0, "at_least": lambda a: a == 0, "thresholded_relu": lambda a: a >= 0}
    return name in known and known[name](*parameters)


def drawn(rng: random.Random, inputs: int, functions: Sequence[Any]) -> Program:
    """A program in which a node reads a few of the registers so far."""
    nodes, size = list[Node](), inputs
    for _ in range(rng.randint(2, 9)):
        us = sorted(rng.sample(range(size), min(size, rng.randint(1, 4))))
        if rng.random() < 0.15:
            nodes.append(Node("greatest", 0, us))
        else:
            name, *parameters = rng.choice(functions)
            edges = [(u, rng.choice([-3, -2, -1, 1, 2, 4])) for u in us]
            nodes.append(Node("unit", 0, (name, parameters), edges, rng.randint(-9, 9), rng.randint(1, 4)))
        size += 1
    return Program(inputs, nodes, list(range(inputs, size)))


def before(program: Program, points: list[list[Fraction]]) -> list[list[Fraction]]:
    """For each node that is a unit, what its function is applied to at the points; else nothing."""
    plain = [node._replace(what=("leaky_relu", [Fraction(1)])) for node in program.nodes]
    found = list[list[Fraction]]()
    for i, node in enumerate(program.nodes):
        one = Program(program.inputs, [*program.nodes[:i], plain[i]], [program.inputs + i])
        found.append([one.evaluate(x)[0] for x in points] if node.kind == "unit" else [])
    return found


def domain_text(rng: random.Random, bold: float, functions: Sequence[Any] = DRAWN) -> str:
    """A network on a box, and the same without what is said to be straight or silent: as points suggest it, and how
    often (`bold`) whatever they say."""
    inputs = rng.randint(1, 3)
    ends = [sorted(Fraction(rng.randint(-12, 12), rng.choice([1, 2, 3])) for _ in range(2)) for _ in range(inputs)]
    program = drawn(rng, inputs, functions)
    points = [[low + (high - low) * Fraction(rng.randint(0, 4), 4) for low, high in ends] for _ in range(30)]
    rows, settled = list[str](), list[Node]()
    for k, (node, values) in enumerate(zip(program.nodes, before(program, points), strict=True), inputs):
        above = below = False
        if node.kind == "unit":
            name, parameters = node.what
            above = (straight_above(name, *parameters) and min(values) >= 0) or rng.random() < bold
            below = (silent_below(name, *parameters) and max(values) <= 0) or rng.random() < bold
        if above:
            rows.append("straight")
            settled.append(node._replace(what=("leaky_relu", [Fraction(1)])))
        elif below:
            rows.append("silent")
            settled.append(Node("unit", 0, ("leaky_relu", [Fraction(1)])))
        else:
            rows.append(f"class {k} 1")
            settled.append(node)
    lines = [*GOOD.splitlines()[:9], "boxes 1", words("box", inputs, *itertools.chain.from_iterable(ends))]
    lines += [f"network reduced inputs {inputs} nodes {len(settled)}"]
    lines += [
        f"{'atom' if row[0] == 'c' else 'derived'} {node_text(node)}" for row, node in zip(rows, settled, strict=True)
    ]
    lines += [words("outputs", len(program.outputs), *program.outputs)]
    lines += [f"network original inputs {inputs} nodes {len(rows)}"]
    lines += [f"{row} {node_text(node)}" for row, node in zip(rows, program.nodes, strict=True)]
    return "\n".join([*lines, words("outputs", len(program.outputs), *program.outputs), "end\n"])


def test_what_is_accepted_is_equal_on_the_boxes(built: None, tmp_path: Path) -> None:
    """400 texts of which half say something false: none of these is accepted, and many of the others are."""
    rng, counts = random.Random(5), {0: 0, 1: 0, 3: 0}
    false = 0
    for i in range(400):
        text = domain_text(rng, 0.0 if i % 2 else 0.15)
        code, out, err = answer(text, tmp_path)
        counts[code] += 1
        assert err == ""
        differ = BoxReader(text).differ(rng)
        false += differ
        assert not (code == 0 and differ), (out, text)
    assert counts[0] > 120, counts
    assert false > 60


def test_what_bounds_can_show_is_mostly_shown(built: None, tmp_path: Path) -> None:
    """Where points contradict nothing that is said, most is shown."""
    rng = random.Random(6)
    codes = [answer(domain_text(rng, 0.0, BOUNDED), tmp_path)[0] for _ in range(200)]
    assert codes.count(0) > 150
    assert codes.count(1) == 0


def test_no_mutant_is_accepted_that_evaluation_refutes(built: None, tmp_path: Path) -> None:
    """One number changed, 800 times: in a box or in a network."""
    rng, counts = random.Random(7), {0: 0, 1: 0, 2: 0, 3: 0}
    while sum(counts.values()) < 800:
        text = domain_text(rng, 0.0)
        if answer(text, tmp_path)[0]:
            continue
        for mutant in mutants(text, rng, begin="precision"):
            code, _, _ = answer(mutant, tmp_path)
            counts[code] += 1
            assert code or not BoxReader(mutant).differ(rng), mutant
    assert counts[0] > 20, counts
    assert counts[1] > 100, counts
    assert counts[3] > 3, counts


# --- Certificates ---------------------------------------------------------------------------------------


def network(rng: random.Random, sizes: tuple[int, ...]) -> Network:
    """A random network of small rationals."""
    number = lambda: Fraction(rng.randint(-16, 16), 8)  # noqa: E731
    pairs = list(itertools.pairwise(sizes))
    weights = [[[number() for _ in range(n)] for _ in range(m)] for n, m in pairs]
    return Network.chain(weights, [[number() for _ in range(m)] for _, m in pairs])


@pytest.mark.parametrize("halvings", [0, 1])
def test_what_check_accepts_on_a_box_is_proved(built: None, tmp_path: Path, halvings: int) -> None:
    """Every reduction on a box, whole or in halves, by both checkers; no row is shown by luck."""
    rng, rows = random.Random(halvings), 0
    for i in range(12):
        exactlump.write(network(rng, (3, 12, 10, 8, 2)), tmp_path / "a.json", overwrite=True)
        end = Fraction(rng.randint(1, 6), 12)
        done = exactlump.reduce_file(
            tmp_path / "a.json", tmp_path / "b.json", box=(str(-end), str(end)), halvings=halvings, overwrite=True
        )
        found = exactlump.check_files(tmp_path / "a.json", tmp_path / "b.json", done.certificate, verified=True)
        assert found.verdict == "equivalent", (i, found)
        assert found.reason.endswith("; by check.py, and by the checker extracted from its proof")
        assert found.reason.startswith("only on [")
        rows += done.certificate.read_text().count(" on domain")
    assert rows > 60


def test_bounds_that_are_too_wide_are_said_to_be(built: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forged check.py that believes rows on the domain: the proved checker does not, and the answer is no yes."""
    from exactlump import check

    exactlump.write(network(random.Random(1), (3, 12, 2)), tmp_path / "a.json")
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json", box=("-1/4", "1/4"))
    text = done.certificate.read_text()
    assert '"1/4"' in text
    done.certificate.write_text(text.replace('"1/4"', '"30"').replace('"-1/4"', '"-30"'))
    everything = lambda claim, network, work: (  # noqa: E731
        {name: ([0] * network.units[name],) * 2 for name in network.nodes},
        "only somewhere, ",
    )
    monkeypatch.setattr(check, "bounds_on", everything)
    found = exactlump.check_files(tmp_path / "a.json", tmp_path / "b.json", done.certificate, verified=True)
    assert found.python.verdict == "equivalent"
    assert found.verdict == "unknown"
    assert "its bounds do not show what rows on the domain say" in found.reason


def test_the_theorem_in_coq_is_about_all_reals(tmp_path: Path) -> None:
    exactlump.write(network(random.Random(1), (3, 12, 2)), tmp_path / "a.json")
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json", box=(0, "1/4"))
    paths = tmp_path / "a.json", tmp_path / "b.json", done.certificate
    with pytest.raises(exactlump.UnsupportedLayer, match="domain: found boxes, expected all reals"):
        list(exactlump.verbs.exporting.coq_files(*paths, "theorem"))


def test_functions_of_the_draw_are_those_of_the_other_reader() -> None:
    assert {name for name, *_ in DRAWN} <= FUNCTIONS.keys()


@pytest.mark.real
@pytest.mark.parametrize("path", real_networks("acasxu/onnx/*_[15]_[17]_*"))
def test_acas_xu_on_a_property(built: None, path: Path, tmp_path: Path) -> None:
    property_ = path.parents[1] / "vnnlib" / "prop_3.vnnlib"
    done = exactlump.reduce_file(path, tmp_path / "small.onnx", vnnlib=property_)
    found = exactlump.check_files(path, tmp_path / "small.onnx", done.certificate, verified=True)
    assert found.verdict == "equivalent", found
