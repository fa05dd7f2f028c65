# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker that is extracted from its proof, fed by `exactlump export`.

The exported text is evaluated by another reader and compared with the networks; the verdicts are compared with
`exactlump/check.py` and with plain evaluation.  What needs Coq is skipped where it is not installed.
"""

import contextlib
import hashlib
import io
import json
import random
import shutil
import subprocess
import tempfile
from collections import Counter
from fractions import Fraction
from itertools import chain
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings

import exactlump
from benchmarks.verified import doubled
from exactlump import check, read, reduce_file, write
from exactlump.certificates import certificate
from exactlump.cli.main import cli, main
from exactlump.errors import CannotWrite, ExactlumpError
from exactlump.extraction.coq import MAX_WEIGHTS
from exactlump.extraction.verified import NAME, ask, find_checker, greet
from exactlump.network.activations import Activation
from exactlump.network.kinds import Head
from exactlump.network.ports import as_claimed
from exactlump.numbers.rational import rational
from exactlump.verbs.exporting import coq_files, export_files
from exactlump.verdicts import EXIT_CODES
from tests import oracle
from tests.certificates.test_tampering import Forger, planted
from tests.image_networks import image_network
from tests.proved_programs import Reader
from tests.strategies import lumpable_networks, relu_chain
from tests.tools import real_networks

ROOT = Path(__file__).parents[2]
PROOFS = ROOT / "proofs"
BUNDLED = sorted((Path(exactlump.__file__).parent / "networks").glob("*.*"))
FIXED = sorted((Path(__file__).parents[1] / "certificates").glob("valid/*"))
PLANTED, MUTANTS = 200, 2000


@pytest.fixture(scope="module")
def checker():
    """The extracted checker, built."""
    if not (shutil.which("coqc") and shutil.which("ocamlfind")):
        pytest.skip("Coq or OCaml is not installed (proofs/README.md says what to install)")
    made = subprocess.run(["make", "-C", str(PROOFS), "checker"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]


@pytest.fixture(scope="module")
def triples(tmp_path_factory):
    """Paths of valid (original, reduced, certificate): fixed ones, and reduced random networks."""
    folder, rng = tmp_path_factory.mktemp("triples"), random.Random(31)
    found = [tuple(path / f"{name}.json" for name in ("original", "reduced", "certificate")) for path in FIXED]
    for i in range(PLANTED):
        original, reduced = folder / f"a{i}.json", folder / f"b{i}.json"
        write(planted(rng), original)
        found.append((original, reduced, reduce_file(original, reduced, rules="lumping").certificate))
    return found


def run_checker(lines):
    """The verdict of the extracted checker on a text, and its exit code."""
    verdict, _ = ask(greet(find_checker()), lines)
    return verdict, EXIT_CODES[verdict]


# --- The text says what the networks are ----------------------------------------------------------


def _evaluate(program, x):
    """The outputs of a network of the text; functions without rational values, and heads, as in oracle.py."""
    ys = list(x)
    for node in program.nodes:
        if node.kind == "unit":
            name, parameters = node.what
            total = sum((w * ys[node.start + u] for u, w in node.edges), Fraction(node.bias))
            function = Activation(name, tuple(rational(p.numerator, p.denominator) for p in parameters))
            ys.append(oracle.sigma(function, total / node.denominator))
        elif node.kind == "greatest":
            ys.append(max(ys[node.start + u] for u in node.what))
        else:
            kind, results, us = node.what
            found = oracle.apply(Head("", "", kind), [ys[u] for u in us], (len(us),))
            assert len(found) == results
            ys += found
    return [ys[u] for u in program.outputs]


def _demand_faithful(lines, original, reduced, rng, count=6):
    """The networks of the text compute what the networks compute."""
    text = Reader("\n".join(lines))
    for x in oracle.random_points(original, count, rng):
        expected = list(chain(*oracle.outputs(original, x)))
        assert _evaluate(text.original, chain(*x)) == expected
        assert _evaluate(text.reduced, chain(*x)) == list(chain(*oracle.outputs(reduced, x))) == expected


def test_exported_networks_are_the_networks(triples):
    """Fixed and random triples, of all kinds: at random points, N and N' of the text."""
    rng = random.Random(32)
    for paths in triples:
        original, matching = read(paths[0]), certificate.read_certificate(paths[2]).matching
        _demand_faithful(export_files(*paths), original, as_claimed(original, read(paths[1]), matching), rng)


def _demand_faithful_reduction(network, seed, count, expected=None):
    """The text of a network and what it is reduced to; the verdict on it, if one is expected."""
    with tempfile.TemporaryDirectory() as folder:
        original, reduced = Path(folder) / "a.json", Path(folder) / "b.json"
        write(network, original)
        done = reduce_file(original, reduced, rules="lumping")
        lines = list(export_files(original, reduced, done.certificate))
        _demand_faithful(lines, read(original), read(reduced), random.Random(seed), count)
        assert expected is None or run_checker(lines)[1] == expected


@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
@given(lumpable_networks())
def test_exported_networks_are_the_networks_for_any_planted_network(drawn):
    """Branches, several inputs and outputs, heads below others."""
    _demand_faithful_reduction(drawn.network, 33, count=3)


@pytest.mark.parametrize("seed", range(25))
def test_exported_images_are_the_images(checker, seed):
    """Convolutions of all kinds, pools, padding, reorderings: element by element, and accepted."""
    _demand_faithful_reduction(image_network(seed), seed, count=2, expected=0)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_exported_bundled_networks_are_the_networks(path, tmp_path):
    done = reduce_file(path, tmp_path / f"small{path.suffix}", rules="lumping")
    lines = export_files(path, done.reduced, done.certificate)
    _demand_faithful(lines, read(path), read(done.reduced), random.Random(34), count=2)


# --- The verdicts are those of check.py and of plain evaluation -----------------------------------


def _python(paths):
    """The exit code of exactlump/check.py."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return check.main([str(path) for path in paths])


def _extracted(paths):
    """The exit code of the extracted checker, or "refused" where there is nothing to export."""
    try:
        lines = list(export_files(*paths))
    except (ExactlumpError, KeyError):
        return "refused"
    return run_checker(lines)[1]


def _differ(paths, rng):
    """Whether some point tells two networks apart: random ones, and those close to a change of sign."""
    original = read(paths[0])
    reduced = as_claimed(original, read(paths[1]), certificate.read_certificate(paths[2]).matching)
    points = chain(
        oracle.random_points(original, 10, rng),
        oracle.points_at_kinks(original, 8, rng),
        oracle.points_at_kinks(reduced, 8, rng),
    )
    return any(oracle.outputs(original, x) != oracle.outputs(reduced, x) for x in points)


def test_all_three_agree_on_valid_certificates(checker, triples):
    """Every fixed and random one is accepted by both checkers, and no point refutes it."""
    rng = random.Random(35)
    for paths in triples:
        assert _python(paths) == 0, paths
        assert _extracted(paths) == 0, paths
        assert not _differ(paths, rng), paths


# Where networks are equal, and the certificate names a class or a head otherwise than the format does.
EQUAL_ALL_THE_SAME = {
    "classes_from_one",
    "head_of_the_reduced_over_an_unknown",
    "head_of_the_reduced_with_a_relation",
    "head_rows_that_look_like_the_identity",
    "merge_across_softmax",
}


def test_fixed_invalid_certificates_are_refused_where_they_are_false(checker):
    """What is accepted says something true of the networks, though not as the format has it."""
    accepted, rng = set(), random.Random(37)
    for path in sorted((Path(__file__).parents[1] / "certificates").glob("invalid/*")):
        paths = [path / f"{name}.json" for name in ("original", "reduced", "certificate")]
        if _extracted(paths) == 0:
            accepted.add(path.name)
            assert not _differ(paths, rng)
    assert accepted <= EQUAL_ALL_THE_SAME


def _mutant(triple, folder, forge):
    """One of the three documents changed somewhere, hashes made to fit."""
    _, documents = forge([json.loads(path.read_text()) for path in triple])
    paths = [folder / name for name in ("a.json", "b.json", "c.json")]
    for side, path, document in zip(("original", "reduced"), paths, documents, strict=False):
        path.write_text(json.dumps(document))
        documents[2][side]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    paths[2].write_text(json.dumps(documents[2]))
    return paths


def test_the_checkers_agree_on_mutants(checker, triples, tmp_path):
    """2,000 mutants: what check.py accepts is accepted, and nothing where evaluation finds a difference."""
    rng = random.Random(36)
    forge, counts = Forger(rng), Counter()
    bases = [paths for paths in triples if "relations" in paths[2].read_text()][len(FIXED) :]
    while sum(counts.values()) < MUTANTS:
        triple = rng.choice(bases)
        if not any(json.loads(triple[2].read_text())["relations"].values()):
            continue
        paths = _mutant(triple, tmp_path, forge)
        python, extracted = _python(paths), _extracted(paths)
        counts[python, extracted] += 1
        if python == 0:
            assert extracted == 0, paths
        if extracted == 0:
            assert not _differ(paths, rng), paths
    for outcome, count in sorted(counts.items(), key=str):
        print(*outcome, count)
    assert counts[0, 0] > 50
    assert counts[1, 1] > MUTANTS / 4
    assert counts[1, 0] < MUTANTS / 100


@pytest.mark.parametrize("path", real_networks("lumpable/twin/*5_inp-[24]_layers-5_*", "lumpable/tll/*instance_0_0*"))
def test_real_networks(checker, path, tmp_path):
    done = reduce_file(path, tmp_path / path.name, rules="lumping")
    assert run_checker(export_files(path, done.reduced, done.certificate))[1] == 0


@pytest.mark.parametrize("path", real_networks("acasxu/onnx/*_1_1_*"))
def test_doubled_hidden_layers_are_halved_again(checker, path, tmp_path):
    """ACAS Xu with each hidden neuron doubled: 600 -> 300, and the extracted checker accepts it."""
    original, wide = read(path), doubled(read(path))
    assert wide.neurons == 2 * original.neurons
    write(wide, tmp_path / "wide.onnx")
    done = reduce_file(tmp_path / "wide.onnx", tmp_path / "small.onnx")
    assert done.reduction.reduced.neurons == original.neurons
    assert run_checker(export_files(tmp_path / "wide.onnx", done.reduced, done.certificate))[1] == 0


# --- Theorems in Coq's kernel ---------------------------------------------------------------------


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_bundled_networks_are_equal_by_a_theorem_of_coq(checker, path, tmp_path):
    """`exactlump export --coq` writes a file that coqc takes, and its theorem rests on no axiom."""
    done = reduce_file(path, tmp_path / f"small{path.suffix}", rules="lumping")
    file = tmp_path / f"{path.stem}.v"
    main_code(["export", path, done.reduced, done.certificate, "-o", file, "--coq"])
    ran = subprocess.run(
        ["coqc", "-Q", str(PROOFS), "Exactlump", str(file)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout == "Closed under the global context\n"
    assert f"Theorem {path.stem}_equivalent : forall M : meaning Rationals, lawful M ->" in file.read_text()


def test_every_rule_in_coq_and_a_false_theorem(checker, triples, tmp_path):
    """All fixed certificates as theorems in one file; with one number changed Coq refuses it."""
    names = [path.name for path in FIXED if "long" not in path.name]
    files = ("\n".join(coq_files(*_named(triples, name), name)) for name in names)
    text = "\n".join(f"Module module_{i}.\n{file}\nEnd module_{i}." for i, file in enumerate(files))
    assert _coqc(text, tmp_path) == 0
    good = "\n".join(coq_files(*_named(triples, "scaled_twins"), "twins"))
    assert _coqc(good, tmp_path) == 0
    assert "Class 1%N 2" in good
    assert _coqc(good.replace("Class 1%N 2", "Class 1%N 3", 1), tmp_path) == 1


def _coqc(text, folder):
    (folder / "theorem.v").write_text(text)
    command = ["coqc", "-Q", str(PROOFS), "Exactlump", str(folder / "theorem.v")]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_coq_names_and_sizes_are_refused(triples, tmp_path):
    with pytest.raises(CannotWrite, match="a name that Coq does not take"):
        list(coq_files(*triples[0], "two-words"))
    size = MAX_WEIGHTS + 1
    unit = f"atom unit 0 sigmoid 1 0 all {size} {'1 ' * size}"
    lines = ["exactlump-program 1", "assumes 0", f"network reduced inputs {size} nodes 1", unit]
    with pytest.raises(CannotWrite, match=f"more than {MAX_WEIGHTS}"):
        list(exactlump.extraction.coq.coq(lines, "wide"))


# --- The command line -----------------------------------------------------------------------------


def main_code(arguments):
    """The exit code of the command line."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in arguments])
    return end.value.code


def _named(triples, name):
    return next(paths for paths in triples if paths[0].parent.name == name)


def test_export_writes_the_text_of_the_readme(tmp_path, triples):
    """Exit 0 and the whole text; malformed and unsupported input: one line on stderr, no file."""
    target = tmp_path / "text"
    assert main_code(["export", *_named(triples, "scaled_twins"), "-o", target]) == 0
    assert target.read_text().startswith("exactlump-program 1\noriginal ")
    assert target.read_text().endswith("\nend\n")


def test_export_refuses_relations_that_do_not_fit(tmp_path, capsys):
    folder = Path(__file__).parents[1] / "certificates" / "invalid" / "too_few_rows"
    paths = [folder / f"{name}.json" for name in ("original", "reduced", "certificate")]
    assert main_code(["export", *paths, "-o", tmp_path / "text"]) == 2
    assert "found 1 rows, expected 2" in capsys.readouterr().err
    assert main_code(["export", *paths, "-o", tmp_path / "text.v", "--coq"]) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "name", "code", "word"),
    [
        ("valid", "scaled_twins", 0, "equivalent"),
        ("invalid", "wrong_ratio", 1, "rejected"),
        ("invalid", "wrong_hash_of_the_original", 1, "rejected"),
        ("valid", "dense_after_softmax", 0, "equivalent"),
    ],
)
def test_check_verified_gives_a_verdict(checker, kind, name, code, word, capsys):
    folder = Path(__file__).parents[1] / "certificates" / kind / name
    paths = [folder / f"{name}.json" for name in ("original", "reduced", "certificate")]
    assert main_code(["check", *paths, "--verified"]) == code
    found = capsys.readouterr()
    assert found.out.startswith(f"{word}: ")
    assert found.out.count("\n") == 1
    if word == "equivalent":
        assert "by the checker extracted from its proof" in found.out


def test_check_verified_without_the_binary(triples, monkeypatch, tmp_path, capsys):
    """Exit 2, one line that says what to do."""
    monkeypatch.setattr(exactlump.extraction.verified, "__file__", str(tmp_path / "a" / "b"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EXACTLUMP_VERIFIED", raising=False)
    assert main_code(["check", *_named(triples, "scaled_twins"), "--verified"]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.count("\n") == 1
    assert NAME in found.err
    assert "make proofs" in found.err


def test_check_verified_takes_three_files_only(triples):
    assert CliRunner().invoke(cli, ["check", "a", "b", "--verified"]).exit_code == 2
    assert main_code(["export", *_named(triples, "scaled_twins"), "-o", "theorem.txt", "--coq"]) == 2


def test_twins_of_the_other_sign(checker):
    """tanh is odd: two neurons of opposite signs become one."""
    network = relu_chain(([[1], [-1]], [0, 0]), ([[1, 2]], [0]), functions=[Activation("tanh")])
    _demand_faithful_reduction(network, 38, count=3, expected=0)
