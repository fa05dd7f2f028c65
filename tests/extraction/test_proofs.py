# SPDX-License-Identifier: Apache-2.0
"""This file is about the Coq proofs: they compile, rest on the stated axioms, and speak of the networks that we mean.

Skipped where Coq is not installed (`proofs/README.md` says what to install).
"""

import random
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from exactlump import check
from tests.proved_programs import EXACT, FUNCTIONS, Node, random_program

PROOFS = Path(__file__).parents[2] / "proofs"

pytestmark = pytest.mark.skipif(
    not (shutil.which("coqc") and shutil.which("ocamlfind")),
    reason="Coq or OCaml is not installed (proofs/README.md says what to install)",
)


@pytest.fixture(scope="module")
def built() -> None:
    """The folder, built and audited: `make` compares statements, definitions and axioms with what they were."""
    made = subprocess.run(["make", "-C", str(PROOFS)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    assert "statements, definitions and axioms are those of Audit.out and AuditDefinitions.out" in made.stdout


# --- The audit ------------------------------------------------------------------------------------


THEOREMS = re.findall(r"^Print Assumptions (\w+)\.(\w+)\.$", (PROOFS / "Audit.v").read_text(), re.MULTILINE)


def test_the_development_over_the_rationals_has_no_axiom() -> None:
    """Axioms occur for the theorems about the reals only."""
    answers = re.split(r"(?m)^(?=Closed under|Axioms:)", (PROOFS / "Audit.out").read_text())[1:]
    assert len(THEOREMS) == len(answers) > 25
    with_axioms = {name for (_, name), found in zip(THEOREMS, answers, strict=True) if not found.startswith("Closed")}
    about_reals = {"real_lawful", "accepted_networks_are_equal", "refute_sound", "refuted_networks_differ"}
    about_reals |= {"accepted_images_are_equal", "accepted_networks_are_equal_on_the_domain"}
    about_boxes = {"within_sound", "parts_sound", "bounded_networks_are_close", "bounded_networks_are_close_by_parts"}
    examples = {"example_differs", "example_is_close", "example_on_a_domain"}
    assert with_axioms == {"theorem_1_reals", *about_reals, *about_boxes, *examples}


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
            "erf_odd; exact (check_sound Reals Reals_field _ (real_lawful erf opaque erf_odd) N N' c ok)",
            "erf_odd x n _; exact (check_sound Reals Reals_field _ (real_lawful erf opaque erf_odd) N N' c ok x n)",
        ),
    ),
    "a statement about equal coefficients": (
        "Relaxation",
        ("paper_relaxation_leaky a r1 r2 y1 y2 : a != 1", "paper_relaxation_leaky a r1 r2 y1 y2 : r1 = r2 -> a != 1"),
        ("Proof.\nmove=> a_1 r1_gt0 r2_gt0; have r_gt0 b", "Proof.\nmove=> _ a_1 r1_gt0 r2_gt0; have r_gt0 b"),
        ("paper_relaxation r1 r2 y1 y2 : 0 < r1", "paper_relaxation r1 r2 y1 y2 : r1 = r2 -> 0 < r1"),
        (
            "Proof. by move=> r1_gt0 r2_gt0; rewrite !relu_leaky",
            "Proof. by move=> same r1_gt0 r2_gt0; rewrite !relu_leaky",
        ),
    ),
    "a statement about no position": (
        "Main",
        (
            "(P : Type) (O : operators Reals P), lawful_operators O ->\n  forall x",
            "(P : Type) (O : operators Reals P), lawful_operators O -> (P -> False) ->\n  forall x",
        ),
        ("erf_odd P O lawful_O x x_len.", "erf_odd P O lawful_O _ x x_len."),
    ),
    "an operator that makes nothing": ("ImageNetwork", ("=> [moved O k l (image_register ys u)]", "=> [dark]")),
    "a definition of mish as 0": ("Meaning", ("=> y * tanh (ln (1 + exp y))", "=> y * 0")),
    "a definition of argmax as 0": ("Meaning", ("[INR (fst (place_of_greatest ys))]", "[0]")),
}


@pytest.mark.parametrize("what", WEAKENED)
def test_a_weaker_statement_or_definition_fails_the_build(built: None, tmp_path: Path, what: str) -> None:
    """On a copy, every proof compiles, and the audit finds that what it prints is something else."""
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
    reals = re.search(r"Definition Reals .*?\.\n", (PROOFS / "Numbers.v").read_text(), re.DOTALL)
    statement = re.search(r"Theorem accepted_networks_are_equal .*?\.\n", (PROOFS / "Main.v").read_text(), re.DOTALL)
    assert reals
    assert statement
    counts = {
        "Network": len((PROOFS / "Network.v").read_text().splitlines()),
        "Numbers": len(reals[0].splitlines()),
        "Meaning": len((PROOFS / "Meaning.v").read_text().splitlines()),
        "Main": len(statement[0].splitlines()),
    }
    stated = re.findall(r"^\| (\d+) \| `proofs/(\w+)\.v` \|", page, re.MULTILINE)
    assert {name: int(count) for count, name in stated} == counts
    assert f"{sum(counts.values())} lines of definitions" in page
    assert statement[0] in page
    images = (PROOFS / "ImageNetwork.v").read_text()
    assert f"the {len(images.splitlines())} lines of `proofs/ImageNetwork.v`" in page
    assert not any(word in images for word in ("Proof", "Ltac", "Lemma"))


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


# --- The semantics in Coq is that of another reader, and of the package -----------------------------


def coq_list(items: Iterable[str]) -> str:
    return "[" + "; ".join(items) + "]"


def coq_rationals(values: Iterable[Fraction]) -> str:
    return coq_list(f"({v.numerator} # {v.denominator})" for v in values)


def coq_function(name: str, parameters: Sequence[Fraction]) -> str:
    fractions = [f"(({x.numerator})%Z, {x.denominator}%Z)" for x in parameters]
    if name == "leaky_relu":
        return f"(Leaky {fractions[0]})"
    return f"(Named {''.join(word.capitalize() for word in name.split('_'))} {coq_list(fractions)})"


def coq_node(node: Node) -> str:
    """A node as Network.v holds it."""
    if node.kind == "greatest":
        return f"Greatest {node.start} {coq_list(f'{u}%N' for u in node.what)}"
    edges = coq_list(f"({u}%N, ({w})%Z)" for u, w in node.edges)
    return f"Unit {node.start} (Neuron {edges} ({node.bias}) {node.denominator} {coq_function(*node.what)})"


AGREES = """
From Coq Require Import List ZArith QArith Qcanon.
From Exactlump Require Import Network Numbers Functions.
Import ListNotations.
Local Open Scope Z_scope.
Definition exact (n : name) (ps : list fraction) (y : Rationals) : Rationals :=
  match value_at (Named n ps) (Qnum (this y), Zpos (Qden (this y))) with Some v => of_fraction v | None => zero end.
Definition M : meaning Rationals := Meaning Rationals exact (fun _ ys => ys).
Definition same (a b : list Q) : bool :=
  Nat.eqb (length a) (length b) && forallb (fun p => Qeq_bool (fst p) (snd p)) (combine a b).
Definition agrees (c : network * list Q * list Q) : bool :=
  let '(N, x, y) := c in same (map this (eval M N (map Q2Qc x))) y.
"""


def test_eval_in_coq_is_evaluate_in_python(built: None, tmp_path: Path) -> None:
    """200 random networks with all functions that have rational values, each at one random point, by vm_compute."""
    rng = random.Random(20)
    cases = []
    for _ in range(200):
        program = random_program(rng, EXACT)
        x = [Fraction(rng.randint(-20, 20), rng.randint(1, 5)) for _ in range(program.inputs)]
        outputs = coq_list(f"{u}%N" for u in program.outputs)
        network = f"(Network {program.inputs} {coq_list(map(coq_node, program.nodes))} {outputs})"
        cases.append(f"({network}, {coq_rationals(x)}, {coq_rationals(program.evaluate(x))})")
    source = f"{AGREES}Definition cases : list (network * list Q * list Q) := {coq_list(cases)}.\n"
    path = tmp_path / "Cases.v"
    path.write_text(source + "Goal map agrees cases = repeat true 200. Proof. vm_compute. reflexivity. Qed.\n")
    ran = subprocess.run(
        ["coqc", "-Q", str(PROOFS), "Exactlump", str(path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_the_other_reader_evaluates_functions_as_check_does() -> None:
    """The functions with rational values are those of check.py's table, and so are all names."""
    rng = random.Random(21)
    for name, parameters in EXACT:
        for _ in range(50):
            y = Fraction(rng.randint(-40, 40), rng.randint(1, 6))
            assert FUNCTIONS[name][1](y, *parameters) == check.value_at((name, tuple(parameters)), y)
    others = {"max_pool", *check.HEADS}
    assert {name: count for name, (count, _) in FUNCTIONS.items()} == {
        name: count for name, (count, _, _) in check.FUNCTIONS.items() if name not in others
    }
