# SPDX-License-Identifier: Apache-2.0
"""This file is about the Coq proofs: they compile, rest on the stated axioms, and speak of the networks that we mean.

Skipped where Coq is not installed (`proofs/README.md` says what to install).
"""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from exactlump.activation import leaky_relu
from exactlump.network import Network
from exactlump.nodes import Activate, Dense, Port
from exactlump.rational import Matrix, fraction, rational

PROOFS = Path(__file__).parents[1] / "proofs"
CHECKER = PROOFS / "exactlump-verified"

pytestmark = pytest.mark.skipif(
    not (shutil.which("coqc") and shutil.which("ocamlfind")),
    reason="Coq or OCaml is not installed (proofs/README.md says what to install)",
)


@pytest.fixture(scope="module")
def built() -> None:
    """The folder, built and audited: `make` compares statements, definitions and axioms with Audit.out."""
    made = subprocess.run(["make", "-C", str(PROOFS)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    assert "statements, definitions and axioms are those of Audit.out" in made.stdout


def verdict(text: str | bytes, folder: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the extracted checker on a text."""
    path = folder / "export.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    ran = subprocess.run([str(CHECKER), str(path)], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


# --- The audit ------------------------------------------------------------------------------------


THEOREMS = re.findall(r"^Print Assumptions (\w+)\.(\w+)\.$", (PROOFS / "Audit.v").read_text(), re.MULTILINE)


def test_the_development_over_the_rationals_has_no_axiom() -> None:
    """Axioms occur for the two theorems about the reals only."""
    answers = re.split(r"(?m)^(?=Closed under|Axioms:)", (PROOFS / "Audit.out").read_text())[1:]
    assert len(THEOREMS) == len(answers) > 25
    with_axioms = {name for (_, name), found in zip(THEOREMS, answers, strict=True) if not found.startswith("Closed")}
    assert with_axioms == {"theorem_1_reals", "accepted_networks_are_equal"}


def test_every_headline_theorem_is_in_the_readme() -> None:
    """The table of README.md names what Audit.v audits."""
    readme = (PROOFS / "README.md").read_text()
    assert [name for _, name in THEOREMS if f"`{name}`" not in readme] == []


# What makes a statement or a definition say less while all proofs still pass: file, and what is changed to what.
WEAKENED = {
    "a statement about no input": (
        "Main",
        ("length x = inputs N ->\n    @eval", "length x = inputs N -> x = nil ->\n    @eval"),
        (
            "erf erf_0; exact (check_sound Reals Reals_field _ N N' c accepted)",
            "erf erf_0 x n _; exact (check_sound Reals Reals_field _ N N' c accepted x n)",
        ),
    ),
    "a statement about equal coefficients": (
        "Relaxation",
        ("paper_relaxation r1 r2 y1 y2 : 0 < r1", "paper_relaxation r1 r2 y1 y2 : r1 = r2 -> 0 < r1"),
        ("Proof.\nmove=> r1_gt0 r2_gt0; have r_gt0 b", "Proof.\nmove=> _ r1_gt0 r2_gt0; have r_gt0 b"),
    ),
    "a definition of softplus as 0": ("Meaning", ("=> ln (1 + exp y)", "=> 0")),
    "a definition of eval that knows no head": ("Network", ("Some h => of_head F M h y", "Some _ => []")),
}


@pytest.mark.parametrize("what", WEAKENED)
def test_a_weaker_statement_or_definition_fails_the_build(built: None, tmp_path: Path, what: str) -> None:
    """On a copy, every proof compiles, and the audit finds that Audit.out says something else."""
    copy = tmp_path / "proofs"
    shutil.copytree(PROOFS, copy)
    name, *changes = WEAKENED[what]
    source = (copy / f"{name}.v").read_text()
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    (copy / f"{name}.v").write_text(source)
    made = subprocess.run(["make", "-C", str(copy), "audit"], capture_output=True, text=True, check=False)
    assert made.returncode == 2
    assert f"COQC {name}.v" in made.stdout
    assert re.search(r"^[0-9,]+[acd][0-9,]+\n[<>] ", made.stdout, re.MULTILINE), made.stdout[-2000:]


def test_a_theorem_or_definition_that_is_not_audited_fails_the_build(built: None, tmp_path: Path) -> None:
    """Audit.v must name them all."""
    copy = tmp_path / "proofs"
    shutil.copytree(PROOFS, copy)
    with (copy / "Main.v").open("a") as file:
        file.write("Theorem another : True.\nProof. exact I. Qed.\n")
    made = subprocess.run(["make", "-C", str(copy), "audit"], capture_output=True, text=True, check=False)
    assert made.returncode == 2
    assert "found no line 'Check Main.another.', expected one" in made.stderr


def test_the_definitions_to_read_are_short() -> None:
    """Network.v is under 150 lines and has no tactic."""
    lines = (PROOFS / "Network.v").read_text().splitlines()
    assert len(lines) < 150
    assert not any(word in line for line in lines for word in ("Proof", "Ltac", "Lemma"))
    assert f"`Network.v` ({len(lines)} lines" in (PROOFS / "README.md").read_text()


def test_the_lines_to_read_are_as_many_as_the_page_says() -> None:
    """docs/trust.md counts the definitions that the statement rests on."""
    page = (PROOFS.parent / "docs" / "trust.md").read_text()
    meaning = (PROOFS / "Meaning.v").read_text()
    real = meaning[meaning.index("Definition real_function") : meaning.index("- rewrite Ropp_0")]
    reals = re.search(r"Definition Reals .*?\.\n", (PROOFS / "Numbers.v").read_text(), re.DOTALL)
    statement = re.search(r"Theorem accepted_networks_are_equal .*?\.\n", (PROOFS / "Main.v").read_text(), re.DOTALL)
    assert reals
    assert statement
    counts = {
        "Network": len((PROOFS / "Network.v").read_text().splitlines()),
        "Numbers": len(reals[0].splitlines()),
        "Meaning": len([line for line in real.splitlines() if line]),
        "Main": len(statement[0].splitlines()),
    }
    stated = re.findall(r"^\| (\d+) \| `proofs/(\w+)\.v` \|", page, re.MULTILINE)
    assert {name: int(count) for count, name in stated} == counts
    assert f"{sum(counts.values())} lines of definitions" in page
    assert statement[0] in page


def test_the_coq_names_of_the_documents_exist() -> None:
    """The last column of docs/paper-to-code.md."""
    sources = "\n".join(path.read_text() for path in PROOFS.glob("*.v"))
    page = (PROOFS.parent / "docs" / "paper-to-code.md").read_text()
    rows = [row.split(" | ") for row in page.splitlines() if row.startswith("| ") and row.count(" | ") >= 4]
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row[4])]
    assert len(names) > 15
    assert [
        n for n in names if not re.search(rf"(Theorem|Lemma|Definition|Record|Fixpoint|Corollary) {n}\b", sources)
    ] == []


# --- The semantics in Coq is the semantics in Python ----------------------------------------------

SLOPES = (rational(0), rational(1), rational(-1), rational(1, 3), rational(-5, 2))


def random_layers(rng: random.Random) -> tuple[int, list[tuple[int, list[tuple[Fraction, int, list[int]]]]]]:
    """Inputs, and layers of (denominator, units of (slope, bias, weights))."""
    width = inputs = rng.randint(1, 3)
    layers = []
    for _ in range(rng.randint(1, 3)):
        units = [
            (Fraction(*fraction(rng.choice(SLOPES))), rng.randint(-9, 9), [rng.randint(-9, 9) for _ in range(width)])
            for _ in range(rng.randint(1, 4))
        ]
        layers.append((rng.randint(1, 6), units))
        width = len(units)
    return inputs, layers


def as_python(inputs: int, layers: list) -> Network:
    """The network as exactlump holds it."""
    nodes: list[Dense | Activate] = []
    source = "x"
    for i, (denominator, units) in enumerate(layers):
        rows = [{u: rational(w, denominator) for u, w in enumerate(weights) if w} for _, _, weights in units]
        matrix = Matrix.from_rows(rows, len(units[0][2]))
        nodes.append(Dense(source, f"y{i}", matrix, tuple(rational(b, denominator) for _, b, _ in units)))
        slopes = tuple(leaky_relu(rational(s.numerator, s.denominator)) for s, _, _ in units)
        nodes.append(Activate(f"y{i}", source := f"h{i}", slopes))
    return Network((Port("x", (inputs,)),), tuple(nodes), (source,))


def coq_list(items: list[str]) -> str:
    return "[" + "; ".join(items) + "]"


def as_coq(inputs: int, layers: list) -> str:
    """The network as Network.v holds it."""
    made = []
    for denominator, units in layers:
        neurons = [
            f"Neuron {coq_list([f'({u}%N, ({w})%Z)' for u, w in enumerate(weights)])} ({bias}) "
            f"(Leaky ({slope.numerator}) {slope.denominator})"
            for slope, bias, weights in units
        ]
        made.append(f"Layer {denominator} {coq_list(neurons)}")
    return f"(Network {inputs} {coq_list(made)} None)"


def coq_rationals(values: list[Fraction]) -> str:
    return coq_list([f"({v.numerator} # {v.denominator})" for v in values])


def test_eval_in_coq_is_evaluate_in_python(built: None, tmp_path: Path) -> None:
    """200 random networks, each at one random point, evaluated by vm_compute."""
    rng = random.Random(20)
    cases = []
    for _ in range(200):
        inputs, layers = random_layers(rng)
        x = [Fraction(rng.randint(-20, 20), rng.randint(1, 5)) for _ in range(inputs)]
        (y,) = as_python(inputs, layers).evaluate([rational(v.numerator, v.denominator) for v in x])
        expected = [Fraction(*fraction(v)) for v in y]
        cases.append(f"({as_coq(inputs, layers)}, {coq_rationals(x)}, {coq_rationals(expected)})")
    source = f"""
From Coq Require Import List ZArith QArith Qcanon.
From Exactlump Require Import Network Numbers Meaning.
Import ListNotations.
Local Open Scope Z_scope.
Definition cases : list (network * list Q * list Q) := {coq_list(cases)}.
Definition same (a b : list Q) : bool :=
  Nat.eqb (length a) (length b) && forallb (fun p => Qeq_bool (fst p) (snd p)) (combine a b).
Definition agrees (c : network * list Q * list Q) : bool :=
  let '(N, x, y) := c in same (map this (eval (F:=Rationals) rational_meaning N (map Q2Qc x))) y.
Goal map agrees cases = repeat true 200. Proof. vm_compute. reflexivity. Qed.
"""
    path = tmp_path / "Cases.v"
    path.write_text(source)
    ran = subprocess.run(
        ["coqc", "-Q", str(PROOFS), "Exactlump", str(path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


# --- The extracted checker ------------------------------------------------------------------------


class Text:
    """A reader of the text format that evaluates its networks: the oracle of the tests below."""

    def __init__(self, text: str) -> None:
        self.words = iter(text.split())
        assert next(self.words) == "exactlump-export"
        next(self.words)
        self.original = self.network()
        self.reduced = self.network()

    def integer(self) -> int:
        return int(next(self.words))

    def network(self) -> tuple[int, list]:
        next(self.words), next(self.words), next(self.words)
        width = inputs = self.integer()
        next(self.words)
        layers = []
        for _ in range(self.integer()):
            next(self.words)
            size, denominator = self.integer(), self.integer()
            layers.append((denominator, [self.unit(width) for _ in range(size)]))
            width = size
        next(self.words), next(self.words)
        return inputs, layers

    def unit(self, width: int) -> tuple[Fraction, int, dict[int, int]]:
        name = next(self.words)
        slope = {"relu": Fraction(0), "identity": Fraction(1), "abs": Fraction(-1)}.get(name)
        if slope is None:
            slope = Fraction(self.integer(), self.integer())
        bias, how = self.integer(), next(self.words)
        if how == "all":
            return slope, bias, {u: self.integer() for u in range(width)}
        weights: dict[int, int] = {}
        for _ in range(int(how)):
            u = self.integer()
            weights[u] = weights.get(u, 0) + self.integer()
        return slope, bias, weights

    @staticmethod
    def value(layers: list, x: list[Fraction]) -> list[Fraction]:
        for denominator, units in layers:
            sums = [(s, Fraction(b + sum(w * x[u] for u, w in ws.items())) / denominator) for s, b, ws in units]
            x = [y if y >= 0 else s * y for s, y in sums]
        return x

    def differ(self, rng: random.Random) -> bool:
        """Whether some of 60 points tells the two networks apart."""
        (n, ours), (m, theirs) = self.original, self.reduced
        points = ([Fraction(rng.randint(-30, 30), rng.randint(1, 4)) for _ in range(n)] for _ in range(60))
        return n != m or any(self.value(ours, x) != self.value(theirs, x) for x in points)


FUNCTIONS = {"relu": (0, 1), "identity": (1, 1), "abs": (-1, 1), "leaky 1 3": (1, 3)}
ONE = "one"  # an atom is ONE, a class of Q (an integer), or ("free", unit)


def unit(name: str, bias: int, weights: dict[int, int]) -> str:
    """A line of the text: sparse edges."""
    pairs = [f"{u} {w}" for u, w in sorted(weights.items()) if w]
    return f"{name} {bias} {len(pairs)} {' '.join(pairs)}".rstrip()


def layer(denominator: int, units: list[str]) -> str:
    """A layer of the text."""
    return "\n".join([f"layer {len(units)} {denominator}", *units])


def anchored(classes: int, rows: list[str]) -> str:
    """A step of the text; all scales are 1."""
    return f"anchored 1 scales {classes} {' '.join(['1'] * classes)} rows {len(rows)} {' '.join(rows)}"


class Planted:
    """A random network Q, blown up to a network N with a certificate of that; `terms` are those of N's last units."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.inputs = rng.randint(1, 3)
        self.terms: list[dict] = [{k: 1} for k in range(self.inputs)]
        self.original: list[str] = []
        self.quotient: list[str] = []
        self.steps: list[str] = []
        self.sizes: list[int] = []
        depth = rng.randint(1, 3)
        for level in range(depth):
            if rng.random() < 0.3:
                self.derive()
            self.add_layer("identity" if level == depth - 1 else rng.choice(list(FUNCTIONS)), level == depth - 1)

    def text(self) -> str:
        """The text; N' is Q."""
        head = f"inputs {self.inputs} layers"
        identity = [anchored(n, [f"class {k} 1" for k in range(n)]) for n in self.sizes]
        lines = ["exactlump-export 1", f"network original {head} {len(self.original)}", *self.original, "head none"]
        lines += [f"network reduced {head} {len(self.quotient)}", *self.quotient, "head none"]
        lines += ["network quotient = reduced", f"half original steps {len(self.steps)}", *self.steps]
        return "\n".join([*lines, f"half reduced steps {len(identity)}", *identity, "end\n"])

    def add_layer(self, name: str, final: bool) -> None:
        """A layer of Q, and the layer of N with one or more units for each of its units."""
        rng, size = self.rng, self.rng.randint(1, 3)
        width = self.sizes[-1] if self.sizes else self.inputs
        d, e = rng.randint(1, 4), rng.randint(1, 3)
        rows = [({k: rng.randint(-5, 5) for k in range(width)}, rng.randint(-5, 5)) for _ in range(size)]
        units, claims, terms = [], [], []
        for k, (row, bias) in enumerate(rows):
            for c in [1] if final else [1, *self.ratios(name)]:
                units.append(unit(name, *self.solve({j: c * e * w for j, w in row.items()}, c * e * bias)))
                h = abs(c) if name == "abs" else c
                claims.append(f"class {k} {h}")
                terms.append({k: h})
        for line, claim, term in [] if final else self.extra_units(name, d * e, len(units), rows, e):
            units.append(line)
            claims.append(claim)
            terms.append(term)
        self.quotient.append(layer(d, [unit(name, bias, row) for row, bias in rows]))
        self.original.append(layer(d * e, units))
        self.steps.append(anchored(size, claims))
        self.sizes.append(size)
        self.terms = terms

    def ratios(self, name: str) -> list[int]:
        """Ratios of further members of a class."""
        signs = [1, -1] if name in ("identity", "abs") else [1]
        return [self.rng.randint(1, 3) * self.rng.choice(signs) for _ in range(self.rng.randint(0, 2))]

    def solve(self, row: dict, bias: int) -> tuple[int, dict[int, int]]:
        """Bias and weights over N's units that come to the row: random but one a class, free ones in pairs."""
        settles = {
            next(iter(t)): u
            for u, t in enumerate(self.terms)
            if list(t.values()) == [1] and isinstance(next(iter(t)), int)
        }
        weights = dict.fromkeys(range(len(self.terms)), 0)
        left = dict(row)
        for u, t in enumerate(self.terms):
            if u in settles.values() or t == {("free", u): 1}:
                continue
            weights[u] = w = self.rng.randint(-3, 3)
            for atom, c in t.items():
                if isinstance(atom, tuple):
                    weights[atom[1]] -= w * c
                else:
                    left[atom] = left.get(atom, 0) - w * c
        for k, u in settles.items():
            weights[u] = left.get(k, 0)
        return bias + left.get(ONE, 0), weights

    def extra_units(self, name: str, d: int, first: int, rows: list, e: int) -> Iterator[tuple[str, str, dict]]:
        """A constant (perhaps 0), two equal units that nobody sees, and a sum: line, row and terms of each."""
        rng, (top, bottom) = self.rng, FUNCTIONS[name]
        value = rng.randint(-3, 3) * bottom
        result = value if value >= 0 else value * top // bottom
        yield unit(name, *self.solve({}, value * d)), f"constant {result}", {ONE: result}
        weights = {u: rng.randint(-4, 4) for u in range(len(self.terms))}
        bias, c = rng.randint(-4, 4), rng.randint(1, 3)
        yield unit(name, bias, weights), "free 1", {("free", first + 1): 1}
        scaled = {u: c * w for u, w in weights.items()}
        yield unit(name, c * bias, scaled), f"same {first + 1} {c}", {("free", first + 1): c}
        if name == "identity":
            (row, b), (other, b2), k = rows[0], rows[-1], len(rows) - 1
            p, q = rng.randint(1, 3), rng.randint(-3, 3)
            total = {j: e * (p * w + q * other[j]) for j, w in row.items()}
            claim = f"sum 2 0 {p} {k} {q} {value}"
            terms = {0: p, k: q, ONE: value} if k else {0: p + q, ONE: value}
            yield unit(name, *self.solve(total, e * (p * b + q * b2) + value * d)), claim, terms

    def derive(self) -> None:
        """A layer of identities in N alone: every unit copied, and a sum of two."""
        seen = [u for u, t in enumerate(self.terms) if not isinstance(next(iter(t)), tuple)]
        u, v, bias = self.rng.choice(seen), self.rng.choice(seen), self.rng.randint(-2, 2)
        total = {ONE: bias}
        for w, t in ((1, self.terms[u]), (2, self.terms[v])):
            for atom, c in t.items():
                total[atom] = total.get(atom, 0) + w * c
        copies = [unit("identity", 0, {i: 1}) for i in range(len(self.terms))]
        self.original.append(layer(1, [*copies, unit("identity", bias, {u: 3} if u == v else {u: 1, v: 2})]))
        self.steps.append("derived")
        self.terms = [*self.terms, total]


def planted(rng: random.Random) -> str:
    """A random valid text."""
    return Planted(rng).text()


def mutants(text: str, rng: random.Random) -> Iterator[str]:
    """The text with one number changed."""
    numbers = list(re.finditer(r"(?<= )-?\d+|(?<=\n)-?\d+", text))
    for match in rng.sample(numbers, min(12, len(numbers))):
        value = int(match[0])
        other = rng.choice([value + 1, value - 1, -value, 0, 2 * value + 1, value + 1000])
        if other != value:
            yield text[: match.start()] + str(other) + text[match.end() :]


def test_planted_certificates_are_accepted(built: None, tmp_path: Path) -> None:
    """Every rule: lumped, zero, constant, free, equal units, derived layers."""
    rng = random.Random(7)
    for _ in range(100):
        text = planted(rng)
        assert not Text(text).differ(rng), text
        assert verdict(text, tmp_path)[0] == 0, text


def test_no_mutant_is_accepted_that_evaluation_refutes(built: None, tmp_path: Path) -> None:
    """One number changed, 2,000 times: accepted texts hold equal networks, and most texts are refused."""
    rng = random.Random(8)
    counts = {0: 0, 1: 0, 2: 0, 4: 0}
    while sum(counts.values()) < 2000:
        for mutant in mutants(planted(rng), rng):
            code, out, err = verdict(mutant, tmp_path)
            counts[code] += 1
            assert (err == "") == (code != 2), err
            if code == 0:
                assert out.startswith("equivalent"), out
                assert not Text(mutant).differ(rng), mutant
    assert counts[1] > 1000
    assert counts[2] > 100


EXAMPLE = re.search(r"```text\n(exactlump-export 1\n.*?end\n)```", (PROOFS / "README.md").read_text(), re.DOTALL)
assert EXAMPLE is not None
GOOD = EXAMPLE[1]


def test_the_example_of_the_readme_is_accepted(built: None, tmp_path: Path) -> None:
    """The text format's example."""
    assert verdict(GOOD, tmp_path)[:2] == (0, "equivalent: over the reals, by the checker extracted from its proof\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("inputs 1 layers 2\nlayer 2 1", "inputs -1 layers 2\nlayer 2 1"),
        ("layer 2 1", "layer -2 1"),
        ("layer 2 1", "layer 99999999999999999999 1"),
        ("layer 2 1", "layer 2 0"),
        ("layer 2 1", "layer 2 -1"),
        ("relu 0 all 2", "relu 0 all 2 2"),
        ("relu 0 all 2", "relu 0 1 1 2"),
        ("relu 0 all 2", "relu 0 1 -1 2"),
        ("relu 0 all 2", "relu 0 all 02"),
        ("relu 0 all 2", "relu 0 all -0"),
        ("relu 0 all 2", "relu 0 all +2"),
        ("relu 0 all 2", "relu 0 all 2.0"),
        ("relu 0 all 2", "relu 0 all 0x2"),
        ("relu 0 all 2", "relu 0 all 2_0"),
        ("relu 0 all 2", "relu\t0 all 2"),
        ("scales 1 1 rows 2", "scales 1 0 rows 2"),
        ("scales 1 1 rows 2", "scales 1 1 rows -2"),
        ("class 0 2", "class -1 2"),
        ("end\n", ""),
        ("end\n", "end\nend\n"),
        ("end\n", "end\n\0"),
        ("class 0 2", "klass 0 2"),
    ],
)
def test_malformed_texts_are_refused(built: None, tmp_path: Path, old: str, new: str) -> None:
    """Negative sizes, wrong lengths, numbers written otherwise, more text: exit 2, one line on stderr, no verdict."""
    assert old in GOOD
    code, out, err = verdict(GOOD.replace(old, new, 1), tmp_path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("exactlump-verified: ")


EMPTIED = """exactlump-export 1
network original inputs 1 layers 2 layer 1 1 relu 3 0 layer 1 1 identity 0 all 2 head none
network reduced inputs 1 layers 1 layer 1 1 identity 6 0 head none
network quotient = reduced
half original steps 2 kept 1 rows 1 constant 3 anchored 1 scales 1 1 rows 1 class 0 1
half reduced steps 1 anchored 1 scales 1 1 rows 1 class 0 1
end
"""


def test_networks_of_different_depth(built: None, tmp_path: Path) -> None:
    """A layer of constants: Q has no layer for it."""
    assert verdict(EMPTIED, tmp_path)[0] == 0
    assert verdict(EMPTIED.replace("constant 3", "constant 4"), tmp_path)[0] == 1
    assert verdict(EMPTIED.replace("identity 6 0", "identity 7 0"), tmp_path)[0] == 1
    assert verdict(EMPTIED.replace("constant 3", "free 1"), tmp_path)[0] == 1


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("class 0 2", "class 0 3", 1),
        ("class 0 2", "class 1 2", 1),
        ("class 0 2", "class 0 -2", 1),
        ("class 0 2", "free 1", 1),
        ("scales 1 1 rows 2", "scales 1 2 rows 2", 1),
        ("scales 1 1 rows 2\nclass 0 1\nclass 0 2", "scales 1 1 rows 1\nclass 0 1", 1),
        ("all 3", "all 4", 1),
        ("all 2", "all -2", 1),
        ("relu 0 all 2", "identity 0 all 2", 1),
        ("steps 2", "steps 1", 2),
        ("head none", "head softmax", 1),
        ("head none", "head argmax", 4),
        ("relu 0 all 2", "gelu 0 all 2", 4),
        ("exactlump-export 1", "exactlump-export 2", 4),
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
