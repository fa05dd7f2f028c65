# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker that is extracted from its proof, on texts: every rule, forged texts, and bad ones.

Skipped where Coq is not installed (`proofs/README.md` says what to install).
"""

import hashlib
import random
import re
import shutil
import subprocess
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

import exactlump
from exactlump.verbs.exporting import export_files
from tests.lumping.test_kinks import drawn, network_of, widened
from tests.proved_programs import (
    EXACT,
    HEADER,
    Node,
    Planted,
    Program,
    Reader,
    mutants,
    random_program,
    refutation_text,
)

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


def verdict(text: str | bytes, folder: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the extracted checker on a text."""
    path = folder / "export.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    ran = subprocess.run([str(CHECKER), str(path)], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


# --- Every rule, and forged texts -------------------------------------------------------------------


def test_planted_certificates_are_accepted(built: None, tmp_path: Path) -> None:
    """Every row and every kind of node: what is planted equal is accepted, and is equal by another reader."""
    rng, rows = random.Random(7), set[str]()
    for _ in range(150):
        text = Planted(rng).text()
        assert not Reader(text).differ(rng), text
        assert verdict(text, tmp_path)[0] == 0, text
        rows |= set(re.findall(r"^(\w+) .*(?:unit|greatest|apply)", text, re.MULTILINE))
    assert rows == {"atom", "class", "same", "constant", "derived", "sum", "twin", "line", "zero", "mirror"}


def test_no_mutant_is_accepted_that_evaluation_refutes(built: None, tmp_path: Path) -> None:
    """One number changed, 2,000 times: accepted texts hold equal networks, and most texts are refused."""
    rng = random.Random(8)
    counts = {0: 0, 1: 0, 2: 0}
    while sum(counts.values()) < 2000:
        for mutant in mutants(Planted(rng).text(), rng):
            code, out, err = verdict(mutant, tmp_path)
            counts[code] += 1
            assert (err == "") == (code != 2), err
            if code == 0:
                assert out.startswith("equivalent"), out
                assert not Reader(mutant).differ(rng), mutant
    assert counts[1] > 900
    assert counts[2] > 100


# --- The example of the page, and texts that are out of grammar -------------------------------------

EXAMPLE = re.search(r"```text\n(exactlump-program 1\n.*?end\n)```", (PROOFS / "README.md").read_text(), re.DOTALL)
assert EXAMPLE is not None
GOOD = EXAMPLE[1]


def test_the_example_of_the_readme_is_accepted(built: None, tmp_path: Path) -> None:
    """The verdict, and then the header as it was."""
    code, out, err = verdict(GOOD, tmp_path)
    assert (code, err) == (0, "")
    first, *others = out.splitlines()
    assert first == "equivalent: over the reals, by the checker extracted from its proof"
    assert others == GOOD.splitlines()[1:7]


def test_assumptions_are_repeated(built: None, tmp_path: Path) -> None:
    """Those of opaque operators; there are no others than those that are listed."""
    nodes = "network reduced inputs 1 nodes 1\natom apply opaque 0 1 1 0\noutputs 1 1\n"
    other = nodes.replace("reduced", "original").replace("atom", "class 1 1")
    code, out, _ = verdict(HEADER + nodes + other + "end\n", tmp_path)
    assert code == 0
    assert out.splitlines()[-1] == "assumes Thing of domain test, the same function in both networks"
    code, out, err = verdict(HEADER + (nodes + other).replace("opaque 0", "opaque 1") + "end\n", tmp_path)
    assert (code, out) == (2, "")
    assert "an index from 0 to 0" in err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("inputs 1 nodes 2", "inputs -1 nodes 2"),
        ("inputs 1 nodes 2", "inputs 1 nodes 99999999999999999999"),
        ("inputs 1 nodes 2", "inputs 1 nodes 1"),
        ("inputs 1 nodes 2", "inputs 1 nodes 3"),
        ("leaky_relu 0 1 0 all 1 1", "leaky_relu 0 0 0 all 1 1"),
        ("leaky_relu 0 1 0 all 1 1", "leaky_relu 0 -1 0 all 1 1"),
        ("leaky_relu 0 1 0 all 1 1", "leaky_relu 0/0 1 0 all 1 1"),
        ("leaky_relu 0 1 0 all 1 1", "leaky_relu 1/-3 1 0 all 1 1"),
        ("leaky_relu 0 1 0 all 1 1", "reluu 1 0 all 1 1"),
        ("leaky_relu 0 1 0 all 1 1", "clip 0 1 0 all 1 1"),
        ("all 1 1", "all 2 1 1"),
        ("all 1 1", "1 1 1"),
        ("all 1 1", "1 -1 1"),
        ("all 1 1", "all 1 01"),
        ("all 1 1", "all 1 -0"),
        ("all 1 1", "all 1 +1"),
        ("all 1 1", "all 1 1.0"),
        ("all 1 1", "all 1 0x1"),
        ("all 1 1", "all 1 1_0"),
        ("all 1 1", "all\t1 1"),
        ("class 1 2", "class -1 2"),
        ("class 1 2", "klass 1 2"),
        ("class 1 2", "class 1 2/0"),
        ("class 1 2", "class 1 /2"),
        ("class 1 2", "class 1 2/"),
        ("outputs 1 3", "outputs 1 4"),
        ("network original", "network Original"),
        ("end\n", ""),
        ("end\n", "end\nend\n"),
        ("end\n", "end\n\0"),
        ("original 5", "original G"),
        ("original 5", "original 55"),
        ("assumes 0", "assumes 1"),
        ("assumes 0", "assumes -1"),
        ("specification as stored", "specification as \x07 stored"),
        ("exactlump-program 1", "exactlump-prog 1"),
    ],
)
def test_malformed_texts_are_refused(built: None, tmp_path: Path, old: str, new: str) -> None:
    """Negative sizes, wrong lengths, numbers written otherwise, more text: exit 2, one line on stderr, no verdict."""
    assert old in GOOD
    code, out, err = verdict(GOOD.replace(old, new, 1), tmp_path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("exactlump-verified: line ")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("class 1 2", "class 1 3", 1),
        ("class 1 2", "class 7 2", 1),
        ("class 1 2", "class 1 -2", 1),
        ("class 1 2", "atom", 1),
        ("class 1 2", "derived", 1),
        ("class 1 2", "constant 0", 1),
        ("class 1 2", "same 1 2", 1),
        ("class 1 2", "twin 1 2", 1),
        ("class 1 2", "line 0", 1),
        ("class 1 2", "zero 0", 1),
        ("all 1 2", "all 1 -2", 1),
        ("all 2 1 1", "all 2 1 2", 1),
        ("exactlump-program 1", "exactlump-program 2", 4),
        ("criterion exact", "criterion approximate", 4),
        ("domain all reals", "domain the box", 4),
    ],
)
def test_false_and_foreign_texts(built: None, tmp_path: Path, old: str, new: str, code: int) -> None:
    """A false claim is rejected; what the format does not know is unsupported."""
    assert old in GOOD
    assert verdict(GOOD.replace(old, new, 1), tmp_path)[0] == code


def test_a_file_that_is_not_there(built: None, tmp_path: Path) -> None:
    """Exit 2, one line."""
    ran = subprocess.run([str(CHECKER), str(tmp_path / "none")], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1


# --- Domains of single rules ------------------------------------------------------------------------

RULE = (
    HEADER
    + """network reduced inputs 1 nodes 2
atom unit 0 {theirs} 1 0 all 1 1
atom unit 1 leaky_relu 1 1 0 all 1 1
outputs 1 2
network original inputs 1 nodes 2
{row} unit 0 {ours}
class 2 1 unit 1 leaky_relu 1 {last}
outputs 1 2
end
"""
)


SAME, OPPOSITE, HALF = "1 0 all 1 1", "1 0 all 1 -1", "2 0 all 1 1"


@pytest.mark.parametrize(
    ("function", "ratio", "unit", "last", "code"),
    [
        ("tanh", "-1", OPPOSITE, OPPOSITE, 0),
        ("sigmoid", "-1", OPPOSITE, OPPOSITE, 1),
        ("cos", "1", OPPOSITE, SAME, 0),
        ("cos", "-1", OPPOSITE, OPPOSITE, 1),
        ("sign", "-1", "1 0 all 1 -7", OPPOSITE, 0),
        ("sign", "2", "1 0 all 1 2", HALF, 1),
        ("bipolar_sign", "1", "3 0 all 1 7", SAME, 0),
        ("bipolar_sign", "-1", OPPOSITE, OPPOSITE, 1),
        ("clip -1 1", "-1", OPPOSITE, OPPOSITE, 0),
        ("clip -1 2", "-1", OPPOSITE, OPPOSITE, 1),
        ("clip 0 6", "2", "1 0 all 1 2", HALF, 1),
        ("leaky_relu -3/4", "2", "1 0 all 1 2", HALF, 0),
        ("leaky_relu -1", "2", "1 0 all 1 -2", HALF, 0),
        ("at_least 0", "2", "1 0 all 1 2", HALF, 0),
        ("at_least 1", "2", "1 0 all 1 2", HALF, 1),
        ("thresholded_relu 0", "2", "1 0 all 1 2", HALF, 0),
        ("thresholded_relu 1", "2", "1 0 all 1 2", HALF, 1),
        ("round", "2", "1 0 all 1 2", HALF, 1),
        ("surd 2", "2", "1 0 all 1 2", HALF, 0),
        ("surd 1/2", "1", SAME, SAME, 1),
        ("quantize 1/8 3 0 255", "1", SAME, SAME, 0),
        ("quantize 1/8 1/2 0 255", "1", SAME, SAME, 1),
        ("quantize -1/8 3 0 255", "1", SAME, SAME, 1),
        ("clip 6 0", "1", SAME, SAME, 1),
        ("celu 0", "1", SAME, SAME, 1),
    ],
)
def test_functions_commute_with_what_the_table_says(
    built: None, tmp_path: Path, function: str, ratio: str, unit: str, last: str, code: int
) -> None:
    """Signs and sizes, one by one; also where parameters are none of the function's."""
    text = RULE.format(theirs=function, row=f"class 1 {ratio}", ours=f"{function} {unit}", last=last)
    assert verdict(text, tmp_path)[0] == code


def test_equal_names_are_not_enough(built: None, tmp_path: Path) -> None:
    """Functions are equal when their parameters are, as they are written."""
    for ours, code in (("leaky_relu 1/4", 0), ("leaky_relu 1/3", 1), ("leaky_relu 2/8", 1), ("elu 1/4", 1)):
        text = RULE.format(theirs="leaky_relu 1/4", row="class 1 1", ours=f"{ours} {SAME}", last=SAME)
        assert verdict(text, tmp_path)[0] == code


# --- Refutations ------------------------------------------------------------------------------------


def test_refutations_are_replayed_exactly(built: None, tmp_path: Path) -> None:
    """300 random pairs of networks at random points, with and without a box: the verdict of plain evaluation."""
    rng = random.Random(11)
    counts = {"different": 0, "rejected": 0}
    while sum(counts.values()) < 300:
        one, other = random_program(rng, EXACT, outputs=2), random_program(rng, EXACT, outputs=2)
        if one.inputs != other.inputs:
            continue
        if rng.random() < 0.5:
            other = one._replace(nodes=[*one.nodes[:-1], one.nodes[-1]._replace(bias=one.nodes[-1].bias + 1)])
        x = [Fraction(rng.randint(-20, 20), rng.randint(1, 5)) for _ in range(one.inputs)]
        box = None if rng.random() < 0.5 else [(y - rng.randint(-1, 3), y + rng.randint(0, 2)) for y in x]
        most = max(abs(a - b) for a, b in zip(one.evaluate(x), other.evaluate(x), strict=True))
        epsilon = rng.choice([Fraction(0), Fraction(1, 20), most, most - Fraction(1, 10**30)])
        expected = most > epsilon and (
            box is None or all(low <= y <= high for y, (low, high) in zip(x, box, strict=True))
        )
        code, out, _ = verdict(refutation_text([one, other], x, epsilon, box), tmp_path)
        assert code == 1
        word = out.split(":")[0]
        assert (word == "different") == expected, out
        counts[word] += 1
    assert min(counts.values()) > 80


PAIR = Program(2, [], [0])
BENT = Program(1, [Node("unit", 0, ("leaky_relu", [Fraction(0)]), [(0, 1)])], [1])


def test_what_a_refutation_repeats(built: None, tmp_path: Path) -> None:
    """Header, box, epsilon and input."""
    half = Fraction(1, 2)
    other = BENT._replace(outputs=[0])
    text = refutation_text([BENT, other], [-half], Fraction(1, 3), [(Fraction(-1), Fraction(1))])
    code, out, err = verdict(text, tmp_path)
    assert (code, err) == (1, "")
    first, *lines = out.splitlines()
    assert first == "different: at the input, over the reals, by the evaluator extracted from its proof"
    assert lines == [*text.splitlines()[1:6], "box 1 -1 1", "epsilon 1/3", "input 1 -1/2"]


@pytest.mark.parametrize(
    ("nodes", "outputs", "word"),
    [
        ("apply argmax 1 2 0 1", "1 2", "different"),
        ("apply argmax 2 2 0 1", "1 2", "rejected"),
        ("apply softmax 2 2 0 1", "1 2", "rejected"),
        ("unit 0 sigmoid 1 0 1 0 1", "1 2", "rejected"),
        ("unit 0 leaky_relu 0 1 0 1 0 1", "1 9", ""),
    ],
)
def test_what_has_no_rational_value_refutes_nothing(
    built: None, tmp_path: Path, nodes: str, outputs: str, word: str
) -> None:
    """argmax has one; softmax and sigmoid have not."""
    text = refutation_text([PAIR, PAIR], [Fraction(3), Fraction(5)], Fraction(0), None)
    old = "nodes 0\noutputs 1 0\nnetwork b"
    assert old in text
    text = text.replace(old, f"nodes 1\n{nodes}\noutputs {outputs}\nnetwork b")
    code, out, err = verdict(text, tmp_path)
    assert (code, out.split(":")[0]) == (2 if word == "" else 1, word), err


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("domain the box", "domain all reals", 2),
        ("domain the box", "domain some box", 4),
        ("criterion different", "criterion exact", 4),
        ("box 1 -1 1", "box 2 -1 1 0 1", 1),
        ("box 1 -1 1", "box 1 -1 1/0", 2),
        ("input 1 -1/2", "input 2 -1/2 0", 1),
        ("input 1 -1/2", "input 1 -1/0", 2),
        ("epsilon 1/3", "epsilon 1/-3", 2),
        ("epsilon 1/3", "epsilon -1/3", 1),
        ("end\n", "", 2),
    ],
)
def test_bad_refutations(built: None, tmp_path: Path, old: str, new: str, code: int) -> None:
    """What is out of grammar, or foreign, or of another size."""
    half = Fraction(1, 2)
    text = refutation_text([BENT, BENT._replace(outputs=[0])], [-half], Fraction(1, 3), [(Fraction(-1), Fraction(1))])
    assert old in text
    assert verdict(text.replace(old, new, 1), tmp_path)[0] == code


# --- Sizes, and which proofs these are --------------------------------------------------------------


def test_long_networks_do_not_exhaust_the_stack(built: None, tmp_path: Path) -> None:
    """300,000 nodes, and one with 300,000 edges."""
    size = 300_000
    nodes = [f"as 1 {i}" for i in range(1, size)]
    last = f"unit 0 leaky_relu 0 1 0 all {size} {'1 ' * size}"

    def network(name: str, row: str) -> str:
        lines = [f"{row.format(1)} unit 0 leaky_relu 1/2 3 1 all 1 2"]
        lines += [f"{row.format(i)} {node}" for i, node in enumerate(nodes, start=2)]
        lines.append(f"{row.format(size + 1)} {last}")
        return "\n".join([f"network {name} inputs 1 nodes {size + 1}", *lines, f"outputs 1 {size + 1}\n"])

    text = HEADER + network("reduced", "atom") + network("original", "class {} 1") + "end\n"
    assert verdict(text, tmp_path)[0] == 0


def test_the_handshake_names_the_proofs(built: None) -> None:
    """Version, formats, and the hash of the sources that it is made of."""
    ran = subprocess.run([str(CHECKER), "--about"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    drivers = (PROOFS / f"{name}.ml" for name in ("words", "programs", "bounds", "domains", "driver"))
    sources = sorted([*PROOFS.glob("*.v"), *drivers])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    kinds = ("program", "images", "refutation", "bound", "domain")
    formats = "".join(f"format exactlump-{name} 1\n" for name in kinds)
    assert ran.stdout == f"exactlump-verified 1\n{formats}proofs {digest}\n"


# --- Certificates of kinks ---------------------------------------------------------------------------


def test_certificates_of_kinks_are_accepted(built: None, tmp_path: Path) -> None:
    """What `reduce` makes of planted twins and signs: the proved checker says what check.py says, of false rows too."""
    rows: Counter[str] = Counter()
    for seed in range(12):
        rng = random.Random(seed)
        places = [tmp_path / f"{seed}{name}" for name in ("a.json", "b.json", "b.json.cert.json")]
        exactlump.write(network_of(widened(rng, drawn(rng, [2, 3, 4, 2]))), places[0])
        exactlump.reduce_file(places[0], places[1], rules="all")
        text = "\n".join(export_files(*map(str, places))) + "\n"
        rows.update(line.split(" ")[0] for line in text.splitlines())
        assert verdict(text, tmp_path)[0] == 0, text
        for false, true in (("twin", "class"), ("line", "zero"), ("zero", "line")):
            if f"\n{false} " in text:
                assert verdict(text.replace(f"\n{false} ", f"\n{true} ", 1), tmp_path)[0] == 1
    assert min(rows[kind] for kind in ("twin", "line", "zero")) > 0
