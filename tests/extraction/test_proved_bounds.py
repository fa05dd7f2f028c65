# SPDX-License-Identifier: Apache-2.0
"""This file is about the bounds that are extracted from their proof, on texts: true claims, false ones, and bad texts.

Skipped where Coq is not installed (`proofs/README.md` says what to install).
"""

import random
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path

import pytest

PROOFS = Path(__file__).parents[2] / "proofs"
CHECKER = PROOFS / "exactlump-verified"

pytestmark = pytest.mark.skipif(
    not (shutil.which("coqc") and shutil.which("ocamlfind")),
    reason="Coq or OCaml is not installed (proofs/README.md says what to install)",
)

HEADER = """exactlump-bound 1
original {0}
reduced {0}
certificate {0}
criterion approximate
domain the box
specification as stored
assumes 0
""".format("0" * 64)

Layer = tuple[int, list[list[int]], list[int]]  # D, and weights and biases over 2^D
Box = list[tuple[Fraction, Fraction]]


@pytest.fixture(scope="module")
def built() -> None:
    """The extracted checker."""
    made = subprocess.run(["make", "-C", str(PROOFS), "checker"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]


def answer(text: str, folder: Path, *options: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the extracted checker on a text."""
    path = folder / "bound.txt"
    path.write_text(text)
    ran = subprocess.run([str(CHECKER), *options, str(path)], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


@dataclass(frozen=True)
class Claim:
    """Two networks that differ by at most epsilon on a box, and a tree that is to show it."""

    first: list[Layer]
    second: list[Layer]
    box: Box
    epsilon: Fraction
    tree: list[int]
    precision: str = "12 40 48 128"

    def text(self) -> str:
        """As the checker reads it."""
        networks = [
            f"network {name} {len(layers)}\n"
            + "\n".join(
                f"{len(rows)} {d}\n"
                + "\n".join(" ".join(map(str, [*row, bias])) for row, bias in zip(rows, biases, strict=True))
                for d, rows, biases in layers
            )
            for name, layers in (("original", self.first), ("reduced", self.second))
        ]
        box = " ".join(f"{low} {high}" for low, high in self.box)
        lines = [
            f"precision {self.precision}",
            f"inputs {len(self.box)}",
            *networks,
            f"box {len(self.box)} {box}",
            f"epsilon {self.epsilon}",
            f"tree {len(self.tree)} {' '.join(map(str, self.tree))}",
            "end\n",
        ]
        return HEADER + "\n".join(lines)


def read(text: str) -> Claim:
    """The claim of a text that the checker has read."""
    words = iter(text.removeprefix(text[: text.index("precision")]).split())

    def integers(n: int) -> list[int]:
        return [int(next(words)) for _ in range(n)]

    def skip(n: int) -> None:
        for _ in range(n):
            next(words)

    skip(1)
    precision = " ".join(next(words) for _ in range(4))
    skip(1)
    (inputs,), networks = integers(1), list[list[Layer]]()
    for _ in range(2):
        skip(2)
        (count,), width, layers = integers(1), inputs, list[Layer]()
        for _ in range(count):
            units, d = integers(2)
            rows = [integers(width + 1) for _ in range(units)]
            layers.append((d, [row[:-1] for row in rows], [row[-1] for row in rows]))
            width = units
        networks.append(layers)
    skip(1)
    box = [(Fraction(next(words)), Fraction(next(words))) for _ in range(*integers(1))]
    skip(1)
    epsilon = Fraction(next(words))
    skip(1)
    first, second = networks
    return Claim(first, second, box, epsilon, integers(*integers(1)), precision)


def value(layers: list[Layer], x: list[Fraction]) -> list[Fraction]:
    """What a network computes."""
    for i, (d, rows, biases) in enumerate(layers):
        sums = [
            (sum((w * y for w, y in zip(row, x, strict=True)), Fraction(0)) + bias) / 2**d
            for row, bias in zip(rows, biases, strict=True)
        ]
        x = sums if i == len(layers) - 1 else [max(y, Fraction(0)) for y in sums]
    return x


def greatest_difference(claim: Claim, rng: random.Random, inside: int = 20) -> Fraction:
    """The greatest one that is found: at the corners of the box, and at points inside."""
    points = [list(corner) for corner in product(*claim.box)] if len(claim.box) < 5 else []
    points += [
        [low + (high - low) * Fraction(rng.randint(0, 64), 64) for low, high in claim.box] for _ in range(inside)
    ]
    both = ((value(claim.first, x), value(claim.second, x)) for x in points)
    return max((abs(y - z) for ours, theirs in both for y, z in zip(ours, theirs, strict=True)), default=Fraction(0))


def random_tree(rng: random.Random, inputs: int, depth: int) -> list[int]:
    """How a box is halved, depth first."""
    if depth == 0 or rng.random() < 0.2:
        return [0]
    lower, upper = (random_tree(rng, inputs, depth - 1) for _ in range(2))
    return [rng.randint(1, inputs), *lower, *upper]


def random_claim(rng: random.Random) -> Claim:
    """Two networks of equal shape, the second the first with other weights; epsilon 0."""
    sizes = [rng.randint(1, 3), *(rng.randint(1, 4) for _ in range(rng.randint(0, 3))), rng.randint(1, 2)]
    first = list[Layer]()
    for width, units in pairwise(sizes):
        d = rng.choice((0, 3, 7, 24))
        rows = [[rng.randint(-(2**d), 2**d) for _ in range(width)] for _ in range(units)]
        first.append((d, rows, [rng.randint(-(2**d), 2**d) for _ in range(units)]))
    much = rng.choice((0, 1, 8))

    def other(w: int, d: int) -> int:
        return w + (rng.randint(-much, much) << d) // 64

    second = [(d, [[other(w, d) for w in row] for row in rows], [other(b, d) for b in bs]) for d, rows, bs in first]
    box = []
    for _ in range(sizes[0]):
        low = Fraction(rng.randint(-12, 12), rng.choice((1, 3, 4, 7)))
        box.append((low, low + Fraction(rng.randint(0, 9), rng.choice((1, 3, 8)))))
    return Claim(first, second, box, Fraction(0), random_tree(rng, sizes[0], rng.randint(0, 4)))


# --- Claims -----------------------------------------------------------------------------------------


def test_claims_are_shown_or_false_or_neither(built: None, tmp_path: Path) -> None:
    """What a point contradicts is rejected; what is rejected and what is shown lie close together."""
    rng, shown = random.Random(1), 0
    for _ in range(120):
        claim = random_claim(rng)
        seen = greatest_difference(claim, rng)
        for factor in (Fraction(99, 100), Fraction(101, 100), Fraction(3, 2), Fraction(1000)):
            epsilon = factor * seen + Fraction(factor > 1, 2**20)
            code, out, err = answer(replace(claim, epsilon=epsilon).text(), tmp_path)
            assert (code, err) in ((0, ""), (1, "")), (out, err)
            assert code == 1 or epsilon >= seen
            assert code == 0 or factor < 1000
            shown += code == 0 and factor < 2
    assert shown > 120


def test_no_mutant_is_shown_that_a_point_contradicts(built: None, tmp_path: Path) -> None:
    """One number of a claim that holds, changed."""
    rng, counts = random.Random(2), {0: 0, 1: 0, 2: 0}
    while sum(counts.values()) < 1000:
        claim = random_claim(rng)
        text = replace(claim, epsilon=greatest_difference(claim, rng) * 5 / 4 + Fraction(1, 2**20)).text()
        start = text.index("precision")
        for _ in range(10):
            at = rng.choice([m.span() for m in re.finditer(r"-?\d+", text) if m.start() > start])
            number = rng.choice((str(int(text[slice(*at)]) + rng.choice((-1, 1))), "0", "1", "2", "-5", "1000"))
            mutant = text[: at[0]] + number + text[at[1] :]
            code, _, err = answer(mutant, tmp_path)
            counts[code] += 1
            assert (err == "") == (code != 2), err
            if code == 0:
                changed = read(mutant)
                assert greatest_difference(changed, rng) <= changed.epsilon, mutant
    assert min(counts.values()) > 150, counts


def test_one_or_many_jobs_find_the_same(built: None, tmp_path: Path) -> None:
    """Wherever the tree is cut."""
    rng, codes = random.Random(3), list[int]()
    for _ in range(40):
        claim = random_claim(rng)
        tree = random_tree(rng, len(claim.box), 7)
        epsilon = greatest_difference(claim, rng) * rng.choice((1, 3, 9)) / 3 - Fraction(1, 999)
        text = replace(claim, epsilon=epsilon, tree=tree).text()
        code = answer(text, tmp_path)[0]
        assert {answer(text, tmp_path, "--jobs", jobs)[0] for jobs in ("1", "2", "7")} == {code}
        codes.append(code)
    assert {*codes} == {0, 1}


ONE_UNIT = Claim(
    [(0, [[1]], [0]), (2, [[4]], [0])],
    [(0, [[1]], [0]), (2, [[3]], [0])],
    [(Fraction(-1), Fraction(2))],
    Fraction(1, 2),
    [1, 0, 0],
)


def test_the_greatest_difference_is_shown(built: None, tmp_path: Path) -> None:
    """relu(x) and 3/4 relu(x) on [-1, 2] differ by 1/2, and no less will do."""
    code, out, _ = answer(ONE_UNIT.text(), tmp_path)
    first, *lines = out.splitlines()
    assert (code, first.split(":")[0]) == (0, "within")
    assert lines == [*HEADER.splitlines()[1:-1], "box 1 -1 2", "epsilon 1/2"]
    code, out, _ = answer(replace(ONE_UNIT, epsilon=Fraction(499, 1000)).text(), tmp_path)
    assert (code, out.split(":")[0]) == (1, "rejected")


def test_ends_are_rounded_outwards(built: None, tmp_path: Path) -> None:
    """x and 0 on [0, 1/3], with so few digits that rounding shows."""
    third = Claim([(0, [[1]], [0])], [(0, [[0]], [0])], [(Fraction(0), Fraction(1, 3))], Fraction(1, 3), [0])
    assert answer(replace(third, precision="2 2 2 64").text(), tmp_path)[0] == 1
    assert answer(replace(third, precision="2 2 2 64", epsilon=Fraction(1, 2)).text(), tmp_path)[0] == 0
    assert answer(replace(third, epsilon=Fraction(1, 3) - Fraction(1, 2**60)).text(), tmp_path)[0] == 1
    assert answer(replace(third, epsilon=Fraction(1, 3) + Fraction(1, 2**38)).text(), tmp_path)[0] == 0


def test_the_example_of_the_readme_is_within(built: None, tmp_path: Path) -> None:
    found = re.findall(r"```text\n(exactlump-bound 1\n.*?end\n)```", (PROOFS / "README.md").read_text(), re.DOTALL)
    (text,) = found
    assert answer(text, tmp_path)[0] == 0


# --- Texts ------------------------------------------------------------------------------------------


# What is written for what, and the exit code.
EDITS = [
    ("criterion approximate", "criterion exact", 4),
    ("domain the box", "domain all reals", 4),
    ("exactlump-bound 1", "exactlump-bound 2", 4),
    ("assumes 0", "assumes 1\nAn assumption", 2),
    ("precision 12 40 48 128", "precision 12 40 48 0", 1),  # a digit has a bit
    ("precision 12 40 48 128", "precision 12 40 48 4097", 2),
    ("precision 12 40 48 128", "precision -1 40 48 128", 2),
    ("precision 12 40 48 128", "precision 12 40 48", 2),
    ("precision", "accuracy", 2),
    ("inputs 1", "inputs 2", 2),
    ("inputs 1", "inputs 99999", 2),
    ("network original 2", "network original 1", 2),
    ("network original 2", "network reduced 2", 2),
    ("1 2\n3 0\n", "2 2\n3 0\n0 0\n", 1),  # an output more
    ("1 2\n3 0\n", "1 3\n6 0\n", 1),  # another denominator
    ("1 2\n3 0\n", "1 5000\n3 0\n", 2),
    ("1 2\n3 0\n", "1 2\n3 1/2\n", 2),
    ("box 1 -1 2", "box 2 -1 2 0 1", 1),
    ("box 1 -1 2", "box 1 -1 2/0", 2),
    ("box 1 -1 2", "box 1 2 -1", 2),
    ("box 1 -1 2", "box 1 -1 3", 1),
    ("epsilon 1/2", "epsilon -1/2", 1),
    ("epsilon 1/2", "epsilon 0.5", 2),
    ("tree 3 1 0 0", "tree 3 2 0 0", 2),
    ("tree 3 1 0 0", "tree 3 -1 0 0", 2),
    ("tree 3 1 0 0", "tree 0", 2),
    ("tree 3 1 0 0", "tree 2 1 0", 2),
    ("tree 3 1 0 0", "tree 2 0 0", 2),
    ("tree 3 1 0 0", "tree 4 1 0 0 0", 2),
    ("tree 3 1 0 0", "tree 1 0", 0),
    ("end\n", "end\nend\n", 2),
    ("end\n", "", 2),
]


@pytest.mark.parametrize(("old", "new", "code"), EDITS)
def test_bad_texts(built: None, tmp_path: Path, old: str, new: str, code: int) -> None:
    text = ONE_UNIT.text()
    assert text.count(old) == 1
    found, out, err = answer(text.replace(old, new), tmp_path)
    assert (found, (err == "")) == (code, code != 2), (out, err)


@pytest.mark.parametrize("options", [("--jobs",), ("--jobs", "0"), ("--jobs", "x"), ("--jobs", "1000"), ("--what",)])
def test_bad_options(built: None, tmp_path: Path, options: tuple[str, ...]) -> None:
    code, _, err = answer(ONE_UNIT.text(), tmp_path, *options)
    assert (code, err.split(":")[1].strip()) == (2, "usage")


def test_deep_trees(built: None, tmp_path: Path) -> None:
    """A tree may be a line of 3,000 halvings."""
    deep = [1] * 3000 + [0] * 3001
    code, out, err = answer(replace(ONE_UNIT, tree=deep).text(), tmp_path)
    assert (code, err) == (0, ""), out
