# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker that is extracted from its proof, fed by `exactlump export`.

The exported text is evaluated by a reader of its own and compared with the networks; the verdicts are compared with
`exactlump/check.py` and with plain evaluation.  What needs Coq is skipped where it is not installed.
"""

import contextlib
import hashlib
import io
import json
import random
import shutil
import subprocess
from collections import Counter
from fractions import Fraction
from itertools import chain
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings

import exactlump
from benchmarks.verified import doubled
from exactlump import check, read, reduce, reduce_file, write
from exactlump.certificates import certificate
from exactlump.certificates.certificate import Certificate
from exactlump.cli.main import cli, main
from exactlump.errors import CannotWrite, ExactlumpError, FormatError, NotALumping, UnsupportedLayer
from exactlump.extraction.coq import MAX_WEIGHTS
from exactlump.extraction.export import export
from exactlump.extraction.verified import NAME, run_checker
from exactlump.formats import ModelFile
from exactlump.network.activations import Activation, leaky_relu
from exactlump.network.kinds import Activate, Head
from exactlump.network.ports import as_claimed
from exactlump.network.program import Network
from exactlump.numbers.rational import fraction, rational
from exactlump.verbs.exporting import coq_files, export_files
from tests import oracle
from tests.strategies import lumpable_networks, relu_chain
from tests.test_tampering import Forger, planted
from tests.tools import real_networks

ROOT = Path(__file__).parents[1]
PROOFS = ROOT / "proofs"
BUNDLED = sorted((Path(exactlump.__file__).parent / "networks").glob("*.*"))
FIXED = sorted((Path(__file__).parent / "certificates").glob("valid/*"))
# Valid certificates that are no chain of layers.
# No chains of layers; and functions that the extracted checker has no name for.
NO_CHAINS = {"dense_after_softmax", "every_named_function"}
NO_CHAINS |= {path.name for path in FIXED if path.name.startswith(("two_inputs", "matched_"))} - {"matched_one"}
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
        found.append((original, reduced, reduce_file(original, reduced).certificate))
    return found


# --- The text says what the networks are ----------------------------------------------------------


class Text:
    """A reader of the text format that evaluates its networks; functions without rational values as in oracle.py."""

    def __init__(self, lines):
        self.words = iter(" ".join(lines).split())
        assert [self.word(), self.word()] == ["exactlump-export", "1"]
        self.networks = [self.network(), self.network()]
        self.quotient = self.network()

    def word(self):
        return next(self.words)

    def integer(self):
        return fraction(rational(self.word()))[0]

    def network(self):
        assert self.word() == "network"
        name = self.word()
        if self.word() == "=":
            assert (name, self.word()) == ("quotient", "reduced")
            return self.networks[1]
        width = inputs = self.integer()
        assert self.word() == "layers"
        layers = []
        for _ in range(self.integer()):
            assert self.word() == "layer"
            size, denominator = self.integer(), self.integer()
            layers.append((denominator, [self.unit(width) for _ in range(size)]))
            width = size
        assert self.word() == "head"
        return inputs, layers, self.word()

    def unit(self, width):
        name = self.word()
        slopes = {"relu": 0, "identity": 1, "abs": -1}
        if name == "leaky":
            function = leaky_relu(rational(self.integer(), self.integer()))
        else:
            function = leaky_relu(rational(slopes[name])) if name in slopes else Activation(name)
        bias, how = self.integer(), self.word()
        if how == "all":
            return function, bias, [(u, self.integer()) for u in range(width)]
        return function, bias, [(self.integer(), self.integer()) for _ in range(int(how))]

    @staticmethod
    def value(network, x):
        inputs, layers, head = network
        assert inputs == len(x)
        for denominator, units in layers:
            sums = [(f, Fraction(b + sum(w * x[u] for u, w in edges)) / denominator) for f, b, edges in units]
            x = [oracle.sigma(f, y) for f, y in sums]
        return x if head == "none" else oracle.apply(Head("", "", head), x, (len(x),))


def _demand_faithful(lines, original, reduced, rng, count=6):
    """The networks of the text, and its quotient, compute what the networks compute."""
    text = Text(lines)
    for x in oracle.random_points(original, count, rng):
        expected = oracle.outputs(original, x)[0]
        assert Text.value(text.networks[0], x[0]) == expected
        assert Text.value(text.networks[1], x[0]) == oracle.outputs(reduced, x)[0]
        assert Text.value(text.quotient, x[0]) == expected


def test_exported_networks_are_the_networks(triples):
    """Fixed and random triples, hidden layers of all kinds: at random points, N and N' of the text, and Q."""
    rng, refused = random.Random(32), set()
    for paths in triples:
        original, reduced = read(paths[0]), read(paths[1])
        try:
            lines = list(export_files(*paths))
        except UnsupportedLayer:
            if paths[0].parent.name in NO_CHAINS or not _is_named(original):
                refused.add(paths[0].parent.name)
            continue
        _demand_faithful(lines, original, reduced, rng)
    assert refused == NO_CHAINS


def _pair(network):
    """A network, its reduction, and their certificate without files."""
    done = reduce(network, network.dtype)
    file = exactlump.formats.ModelFile("json", "0" * 64, {}, {})
    return done.reduced, certificate.Certificate(certificate.AS_STORED, file, file, done.forward, done.backward)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(lumpable_networks())
def test_exported_networks_are_the_networks_for_any_planted_network(drawn):
    """Branches, several inputs and heads below others are refused; everything else is translated."""
    network = drawn.network
    reduced, proof = _pair(network)
    try:
        lines = list(export(network, reduced, proof))
    except UnsupportedLayer:
        assert _is_named(network) or not _is_chain(network) or not _is_chain(reduced)
        return
    _demand_faithful(lines, network, reduced, random.Random(33), count=3)


def _is_named(network: Network) -> bool:
    """Whether some function is a name for the extracted checker, which knows no twins of the other sign."""
    return any(f.slope is None for node in network.nodes if isinstance(node, Activate) for f in node.functions)


def _is_chain(network: Network) -> bool:
    heads = [node for node in network.nodes if isinstance(node, Head)]
    ends = all(node.target in network.outputs for node in heads)
    return len(network.inputs) == 1 and len(network.outputs) == 1 and ends


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_exported_bundled_networks_are_the_networks(path, tmp_path):
    done = reduce_file(path, tmp_path / f"small{path.suffix}")
    lines = export_files(path, done.reduced, done.certificate)
    _demand_faithful(lines, read(path), read(done.reduced), random.Random(34), count=2)


# --- The verdicts are those of check.py and of plain evaluation -----------------------------------


def _python(paths):
    """The exit code of exactlump/check.py."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return check.main([str(path) for path in paths])


def _extracted(paths):
    """The exit code of the extracted checker, or what the export says instead of a text."""
    try:
        lines = list(export_files(*paths))
    except UnsupportedLayer:
        return "unsupported"
    except (FormatError, NotALumping):
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
        expected = "unsupported" if paths[0].parent.name in NO_CHAINS else 0
        found = _extracted(paths)
        assert found == expected or (found == "unsupported" and _is_named(read(paths[0]))), paths
        assert not _differ(paths, rng), paths


def test_no_fixed_invalid_certificate_is_accepted_but_for_the_files_that_it_names(checker):
    """What the export leaves to check.py: hashes, formats of files, and the claim."""
    accepted = set()
    for path in sorted((Path(__file__).parent / "certificates").glob("invalid/*")):
        found = _extracted([path / f"{name}.json" for name in ("original", "reduced", "certificate")])
        if found == 0:
            accepted.add(path.name)
    bound = {"wrong_format", "wrong_hash_of_the_original", "wrong_hash_of_the_reduced", "files_swapped"}
    bound |= {"constants_in_a_json_network", "external_data_of_a_json_network", "raw_nnet_without_nnet"}
    assert accepted == bound


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
    """2,000 mutants: same verdict, or unsupported; nothing is accepted where evaluation finds a difference.

    Where check.py finds a file out of grammar, the export may read past it: such texts must be true all the same.
    """
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
            assert extracted in (0, "unsupported"), paths
        if extracted == 0:
            assert python in (0, 2), paths
            assert not _differ(paths, rng), paths
    for outcome, count in sorted(counts.items(), key=str):
        print(*outcome, count)
    assert counts[0, 0] > 50
    assert sum(count for (python, found), count in counts.items() if python == 1 and found == 1) > MUTANTS / 4
    assert counts[0, "unsupported"] < MUTANTS / 100


@pytest.mark.parametrize("path", real_networks("lumpable/twin/*5_inp-[24]_layers-5_*", "lumpable/tll/*instance_0_0*"))
def test_real_networks(checker, path, tmp_path):
    done = reduce_file(path, tmp_path / path.name)
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
    done = reduce_file(path, tmp_path / f"small{path.suffix}")
    file = tmp_path / f"{path.stem}.v"
    main_code(["export", path, done.reduced, done.certificate, "-o", file, "--coq"])
    ran = subprocess.run(
        ["coqc", "-Q", str(PROOFS), "Exactlump", str(file)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout == "Closed under the global context\n"
    assert f"Theorem {path.stem}_equivalent : forall x : list Rationals, length x = inputs" in file.read_text()


def test_every_rule_in_coq_and_a_false_theorem(checker, triples, tmp_path):
    """All fixed certificates as theorems in one file; with one number changed Coq refuses it."""
    names = [path.name for path in FIXED if path.name not in NO_CHAINS and "long" not in path.name]
    files = ("\n".join(coq_files(*_named(triples, name), name)) for name in names)
    text = "\n".join(f"Module module_{i}.\n{file}\nEnd module_{i}." for i, file in enumerate(files))
    assert _coqc(text, tmp_path) == 0
    good = "\n".join(coq_files(*_named(triples, "scaled_twins"), "twins"))
    assert _coqc(good, tmp_path) == 0
    assert "Class 0%N 2" in good
    assert _coqc(good.replace("Class 0%N 2", "Class 0%N 3", 1), tmp_path) == 1


def _coqc(text, folder):
    (folder / "theorem.v").write_text(text)
    command = ["coqc", "-Q", str(PROOFS), "Exactlump", str(folder / "theorem.v")]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_coq_names_and_sizes_are_refused(triples, tmp_path):
    with pytest.raises(CannotWrite, match="a name that Coq does not take"):
        list(coq_files(*triples[0], "two-words"))
    wide = "all " + "1 " * (MAX_WEIGHTS + 1)
    lines = ["exactlump-export 1", f"network original inputs {MAX_WEIGHTS + 1} layers 1", f"layer 1 1 relu 0 {wide}"]
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
    assert target.read_text().startswith("exactlump-export 1\nnetwork original inputs 1 layers 2\n")
    assert target.read_text().endswith("\nend\n")


@pytest.mark.parametrize(("name", "code"), [("dense_after_softmax", 4), ("two_inputs_and_outputs_by_position", 4)])
def test_export_refuses_what_is_no_chain(name, code, triples, tmp_path, capsys):
    assert main_code(["export", *_named(triples, name), "-o", tmp_path / "text"]) == code
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_export_refuses_relations_that_do_not_fit(tmp_path, capsys):
    folder = Path(__file__).parent / "certificates" / "invalid" / "too_few_rows"
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
        ("valid", "dense_after_softmax", 4, "unsupported"),
    ],
)
def test_check_verified_gives_a_verdict(checker, kind, name, code, word, capsys):
    folder = Path(__file__).parent / "certificates" / kind / name
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


def test_a_binary_that_is_none_is_no_verdict(triples, monkeypatch, tmp_path):
    """A program that answers nothing is a bug, not `equivalent`."""
    program = tmp_path / NAME
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("EXACTLUMP_VERIFIED", str(program))
    with pytest.raises(ExactlumpError, match="expected a verdict"):
        run_checker(export_files(*_named(triples, "scaled_twins")))


def test_check_verified_takes_three_files_only(triples):
    assert CliRunner().invoke(cli, ["check", "a", "b", "--verified"]).exit_code == 2
    assert main_code(["export", *_named(triples, "scaled_twins"), "-o", "theorem.txt", "--coq"]) == 2


def test_twins_of_the_other_sign_are_beyond_the_extracted_checker():
    tanh = Activation("tanh")
    net = relu_chain(([[1], [-1]], [0, 0]), ([[1, 2]], [0]), functions=[tanh])
    done = reduce(net, "exact")
    assert done.reduced.neurons == 1
    file = ModelFile("json", "0" * 64, {}, {})
    with pytest.raises(UnsupportedLayer, match="tanh by its symmetry"):
        list(export(net, done.reduced, Certificate("as stored", file, file, done.forward, done.backward)))
