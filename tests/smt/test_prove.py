# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump prove`: its agreement with `check` and with evaluation, its evidence, its words.

On valid reductions and on mutants of them whose hashes fit, both solvers and the checker give the same answer, and
wherever evaluation finds a difference all reject.
"""

import contextlib
import copy
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import onnx
import pytest

from benchmarks import scaling
from exactlump import check, read, reduce, reduce_file, write
from exactlump.certificates.certificate import read_certificate
from exactlump.cli.main import main
from exactlump.errors import CannotWrite, ExactlumpError, FormatError, NotALumping
from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from exactlump.smt.evidence import DISCHARGED, REFUTED
from exactlump.smt.monolithic import Monolithic
from exactlump.smt.obligations import Obligations
from exactlump.smt.prove import prove
from exactlump.smt.solve import SOLVERS
from exactlump.verbs.proving import ProveOptions, prove_files
from tests import oracle
from tests.certificates.test_tampering import Forger, planted
from tests.smt.test_obligations import ONE_UNIT, ROWS, TWINS, certificate, dense
from tests.tools import real_networks

ROOT = Path(__file__).parents[2]
VALID = MUTANTS = 300
NETWORKS = sorted((Path(check.__file__).parent / "networks").iterdir())


def put(folder, documents):
    """Three documents as files whose hashes fit."""
    paths = [folder / name for name in ("a.json", "b.json", "c.json")]
    for side, path, document in zip(("original", "reduced"), paths, documents, strict=False):
        path.write_text(json.dumps(document))
        documents[2][side]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    paths[2].write_text(json.dumps(documents[2]))
    return paths


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """Valid triples as JSON objects."""
    folder, rng, found = tmp_path_factory.mktemp("bases"), random.Random(9), []
    while len(found) < VALID:
        write(planted(rng), folder / "a.json", overwrite=True)
        done = reduce_file(folder / "a.json", folder / "b.json", overwrite=True, rules="lumping")
        if done.reduction.reduced.neurons:
            found.append(
                [json.loads(path.read_text()) for path in (folder / "a.json", folder / "b.json", done.certificate)]
            )
    return found


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(1) as executor:
        yield executor


def verdicts(paths, executor):
    """The verdict of each solver on three files, and what was refuted."""
    try:
        claimed = read_certificate(paths[2])
        networks = [read(path) for path in paths[:2]]
        plan = Obligations(*networks, claimed)
    except NotALumping:
        return ["rejected"] * 2, ()
    except ExactlumpError as error:
        return [{2: "malformed", 4: "unsupported"}[error.exit_code]] * 2, ()
    proofs = [prove(*networks, plan, [solver], executor=executor) for solver in SOLVERS]
    assert all(finding.replayed for proof in proofs for finding in proof.refuted)
    return [proof.verdict for proof in proofs], proofs[0].refuted


def agree(paths, executor):
    """The verdict that all give, which is no `equivalent` where evaluation finds a difference; what was refuted."""
    checked = check.check(*map(str, paths)).verdict
    given, refuted = verdicts(paths, executor)
    assert given == [checked] * 2
    if checked == "equivalent":
        original, reduced = (read(path) for path in paths[:2])
        assert oracle.difference(original, reduced, count=6) is None
    return checked, refuted


@pytest.mark.slow
def test_all_accept_valid_reductions(bases, threads, tmp_path):
    for documents in bases:
        assert agree(put(tmp_path, documents), threads) == ("equivalent", ())


def nudge(rng, documents):
    """One number of one document, changed by 1/1000, by one unit in its last place, or (a class) by one; its place."""
    original, reduced, proof = documents
    kind = rng.choice(("coefficient", "bias", "ratio", "class"))
    if kind in ("coefficient", "bias"):
        network = rng.choice((original, reduced))
        node = rng.choice([node for node in network["nodes"] if node["op"] == "dense"])
        v = rng.randrange(len(node["bias"]))
        cells = node["rows"][v] if kind == "coefficient" else None
        if cells:
            cell = rng.choice(cells)
            cell[1] = moved(rng, cell[1])
        else:
            node["bias"][v] = moved(rng, node["bias"][v])
        return (kind, node["target"], v) if network is original else (kind, None, None)
    rows = [row for r in proof["relations"]["original"].values() for row in r["rows"] if isinstance(row, list)]
    row = rng.choice(rows)
    if kind == "ratio":
        row[-1] = moved(rng, row[-1])
    elif row[0] != "=":
        row[0] += rng.choice((-1, 1)) if row[0] else 1
    return kind, None, None


def activated(network, tensor):
    """The tensor in which the units of a dense layer end: after its activation, if it has one."""
    return next((n["target"] for n in network["nodes"] if n["source"] == tensor and n["op"] == "activate"), tensor)


def moved(rng, word):
    value = Fraction(word)
    step = rng.choice((Fraction(1, 1000), Fraction(1, value.denominator)))
    return str((value + step) or Fraction(1, 7))


@pytest.mark.slow
def test_all_agree_on_mutants(bases, threads, tmp_path):
    """Nudged numbers and forged documents; a nudged weight of the original is refuted at its own unit."""
    rng = random.Random(30)
    forge, seen, here = Forger(rng), {}, 0
    for i in range(MUTANTS):
        documents, place = copy.deepcopy(rng.choice(bases)), ("forged", None, None)
        if i % 2:
            place = nudge(rng, documents)
        else:
            _, documents = forge(documents)
        verdict, refuted = agree(put(tmp_path, documents), threads)
        seen[place[0], verdict] = seen.get((place[0], verdict), 0) + 1
        _, tensor, v = place
        if verdict == "rejected" and tensor is not None:  # else no live unit reads it
            above = activated(documents[0], tensor)
            rows = documents[2]["relations"]["original"].get(above, {"rows": None})["rows"]
            if above in documents[0]["outputs"] or (rows and rows[v] != "free"):
                assert {f.obligation.unit for f in refuted if f.obligation.tensor == above} == {v}
                here += 1
    assert sum(count for (_, verdict), count in seen.items() if verdict == "rejected") > MUTANTS / 2
    assert here > MUTANTS / 20
    print(seen, here)


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.name)
@pytest.mark.parametrize("form", ["decomposed", "direct"])
def test_bundled_networks_are_proved_by_both_solvers(path, form, tmp_path):
    done = reduce_file(path, tmp_path / path.name, rules="lumping")
    found = prove_files(path, done.reduced, done.certificate, ProveOptions(SOLVERS, form))
    assert found.verdict == "equivalent"
    assert found.proof.discharged == 2 * found.proof.obligations


TWIN_AND_LATTICE = ("lumpable/twin/*", *(f"lumpable/tll/*instance_0_{i}.onnx.gz" for i in range(3)))


@pytest.mark.slow
@pytest.mark.parametrize("path", real_networks(*TWIN_AND_LATTICE))
def test_real_networks_are_proved_by_z3(path, tmp_path):
    done = reduce_file(path, tmp_path / path.name, rules="lumping")
    assert prove_files(path, done.reduced, done.certificate).verdict == "equivalent"


def doubled(network):
    """Every neuron of a chain of dense layers and ReLUs twice, the second one with twice the value."""
    nodes, wide = [], set()
    for node in network.nodes:
        rows, bias = [], []
        if isinstance(node, Activate):
            nodes.append(replace(node, functions=node.functions * 2))
            wide.add(node.target)
            continue
        for v in range(len(node.bias)):
            halves = [(u, node.source in wide, w) for u, w in node.weight.row(v).items()]
            columns = node.weight.shape[1]
            row = {u: w / 2 if twice else w for u, twice, w in halves}
            rows.append(row | {u + columns: w / 4 for u, twice, w in halves if twice})
            bias.append(node.bias[v])
        if node.target not in network.outputs:
            rows += [{u: 2 * w for u, w in row.items()} for row in rows]
            bias += [2 * b for b in bias]
        matrix = Matrix.from_rows(rows, node.weight.shape[1] * (2 if node.source in wide else 1))
        nodes.append(replace(node, weight=matrix, bias=tuple(bias)))
    return replace(network, nodes=tuple(nodes), dtype="exact")


@pytest.mark.slow
@pytest.mark.parametrize("path", real_networks("acasxu/nnet/*1_1_*"))
def test_doubled_real_networks_are_proved_by_both_solvers(path, tmp_path):
    wide = doubled(read(path, raw_nnet=True))
    write(wide, tmp_path / "a.json")
    done = reduce_file(tmp_path / "a.json", tmp_path / "b.json")
    assert (done.reduction.original.neurons, done.reduction.reduced.neurons) == (600, 300)
    found = prove_files(tmp_path / "a.json", done.reduced, done.certificate, ProveOptions(SOLVERS))
    assert found.verdict == "equivalent"


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_wrong_weight_is_one_refuted_obligation(solver, threads):
    network = doubled(
        Network(
            (Port("x", (3,)),),
            (
                dense("x", "p", [[3, -1, 4], [1, 5, -9], [2, 6, 5]], [1, 2, -3]),
                Activate("p", "h", (RELU,) * 3),
                dense("h", "q", [[3, 5, -8], [9, -7, 9]], [0, 1]),
                Activate("q", "k", (RELU,) * 2),
                dense("k", "y", [[3, 2]]),
            ),
            ("y",),
        )
    )
    done = reduce(network)
    proof = certificate(done.forward, done.backward)
    assert prove(network, done.reduced, Obligations(network, done.reduced, proof), executor=threads).open == ()
    differ = 0
    for layer, units in ((0, 6), (2, 4), (4, 1)):
        node = network.nodes[layer]
        for v in range(units):
            rows = [dict(node.weight.row(i)) for i in range(units)]
            rows[v][1] += rational(1, 2**24)
            nodes = list(network.nodes)
            nodes[layer] = replace(node, weight=Matrix.from_rows(rows, node.weight.shape[1]))
            wrong = replace(network, nodes=tuple(nodes))
            found = prove(wrong, done.reduced, Obligations(wrong, done.reduced, proof), [solver], executor=threads)
            ((tensor, unit),) = {(f.obligation.tensor, f.obligation.unit) for f in found.open}
            assert (tensor, unit) == (("h", "k", "y")[layer // 2], v)
            assert found.verdict == "rejected"
            differ += found.difference is not None
    assert differ >= 6


# The files


@pytest.fixture
def triple(tmp_path):
    write(TWINS, tmp_path / "a.json")
    done = reduce_file(tmp_path / "a.json", tmp_path / "b.json")
    return [tmp_path / "a.json", done.reduced, done.certificate]


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_:
        main(["prove", *map(str, arguments)])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def change(paths, which, old, new):
    """Change a document in place, and make the hashes fit."""
    documents = [json.loads(path.read_text()) for path in paths]
    documents[which] = json.loads(json.dumps(documents[which]).replace(old, new))
    for path, new_path in zip(put(paths[0].parent, documents), paths, strict=True):
        new_path.write_bytes(path.read_bytes())


def test_the_first_line_is_the_verdict(triple, capsys):
    code, out, _ = run(capsys, *triple, "--solver", "all")
    assert code == 0
    assert out.startswith("equivalent: 6 obligations, all discharged by z3 ")


def test_json_is_one_object(triple, capsys):
    code, out, _ = run(capsys, *triple, "--json", "--form", "direct")
    document = json.loads(out)
    assert (code, document["verdict"], document["form"]) == (0, "equivalent", "direct")
    assert document["obligations"] == document["discharged"]
    assert document["refuted"] == document["unknown"] == []


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_changed_ratio_is_refuted_with_a_counterexample(triple, capsys, solver):
    change(triple, 2, '[0, "2"]', '[0, "3"]')
    code, out, err = run(capsys, *triple, "--json", "--solver", solver)
    document = json.loads(out)
    assert (code, document["verdict"]) == (1, "rejected")
    first = document["refuted"][0]
    assert "unit 1 = 3 * class 0" in first["claim"]
    assert list(first["values"]) == ["element 0 of 'x'"]
    assert first["replayed"] is True
    assert document["counterexample"] is None  # the networks are equal
    code, out, err = run(capsys, *triple)
    assert (code, out.split(":")[0]) == (1, "rejected")
    assert "false at element 0 of 'x' = " in err


def test_where_the_networks_differ_a_point_is_given(triple, capsys):
    change(triple, 0, '[0, "2"]', '[0, "5/2"]')
    code, out, _ = run(capsys, *triple, "--json")
    document = json.loads(out)
    assert code == 1
    point = [[Fraction(word) for word in document["counterexample"]["input"]]]
    stated = document["counterexample"]["outputs"]
    for side, path in zip(("original", "reduced"), triple, strict=False):
        assert [[Fraction(word) for word in stated[side]]] == oracle.outputs(read(path), point)
    assert stated["original"] != stated["reduced"]


def test_a_certificate_of_other_files_is_rejected(triple, capsys):
    triple[0].write_text(triple[0].read_text() + "\n")
    code, out, _ = run(capsys, *triple)
    assert code == 1
    assert out.startswith("rejected: original: the certificate is about another file")


@pytest.mark.parametrize("old", ['"over"', '"producer"', '"version":2', '[0,"2"]'])
def test_what_the_format_does_not_have_is_refused(triple, capsys, old):
    words = triple[2].read_text()
    assert old in words
    new = {'[0,"2"]': '{"of":[[0,"2"]],"plus":"0"}', '"version":2': '"version":2,"version":2'}
    triple[2].write_text(words.replace(old, new.get(old, '"another"')))
    code, out, err = run(capsys, *triple)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_a_missing_file_is_one_line(triple, capsys):
    code, out, err = run(capsys, *triple[:2], triple[0].parent / "none.json")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_the_largest_limits_are_limits(triple, capsys):
    code, _, err = run(capsys, *triple, "--jobs", "1", "--timeout", "4000000", "--memory", str(2**30))
    assert (code, "Traceback" in err) == (0, False)


def test_out_of_time_is_unknown(triple, capsys, monkeypatch):
    monkeypatch.setattr("exactlump.smt.solve.time.monotonic", iter(range(0, 10**6, 100)).__next__)
    code, out, err = run(capsys, *triple, "--timeout", "1", "--jobs", "1")
    assert code == 3
    assert out.startswith("unknown: 6 of 6 answers are missing, the first for: ")
    assert "out of time" in err


# Scripts and evidence


def test_the_dumped_scripts_are_those_of_the_evidence(triple, tmp_path):
    options = ProveOptions(SOLVERS, dump=tmp_path / "smt", evidence=tmp_path / "evidence.jsonl")
    prove_files(*triple, options)
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "smt").iterdir()}
    first, *lines, last = map(json.loads, options.evidence.read_text().splitlines())
    assert {line["script"] for line in lines} == hashes
    assert {(line["solver"], line["verdict"]) for line in lines} == {("z3", DISCHARGED), ("cvc5", DISCHARGED)}
    assert last == {"obligations": 6, "verdict": "equivalent"}
    assert first["certificate"] == hashlib.sha256(triple[2].read_bytes()).hexdigest()


def test_a_later_run_asks_only_what_is_missing(triple, tmp_path):
    options = ProveOptions(evidence=tmp_path / "evidence.jsonl", jobs=1)
    assert prove_files(*triple, options).proof.reused == 0
    lines = options.evidence.read_text().splitlines(keepends=True)
    # As an interruption leaves it: some lines missing, the last one torn.
    options.evidence.write_text("".join(lines[:4]) + lines[4][:20])
    found = prove_files(*triple, options)
    assert (found.verdict, found.proof.reused) == ("equivalent", 3)
    assert len(options.evidence.read_text().splitlines()) == len(lines)
    again = prove_files(*triple, options)
    assert again.proof.reused == found.proof.obligations
    assert f"; {found.proof.obligations} answers as the evidence file records them;" in again.reason
    assert "evidence" not in prove_files(*triple).reason
    both = prove_files(*triple, ProveOptions(SOLVERS, evidence=options.evidence))
    assert both.proof.reused == found.proof.obligations


def test_what_was_refuted_is_asked_again(triple, tmp_path):
    change(triple, 2, '[0, "2"]', '[0, "3"]')
    options = ProveOptions(evidence=tmp_path / "evidence.jsonl")
    for _ in range(2):
        found = prove_files(*triple, options)
        assert found.verdict == "rejected"
        assert {finding.verdict for finding in found.proof.open} == {REFUTED}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_an_interrupted_run_ends_at_once_and_keeps_its_evidence(tmp_path):
    """The whole-network question about 5-32-32-1 networks takes hours; SIGINT goes to the parent process alone."""
    onnx.save(scaling.planted((5, 32, 32, 1)), tmp_path / "a.onnx")
    done = reduce_file(tmp_path / "a.onnx", tmp_path / "b.onnx")
    files = [str(path) for path in (tmp_path / "a.onnx", done.reduced, done.certificate)]
    evidence = tmp_path / "evidence.jsonl"
    command = [sys.executable, "-m", "exactlump", "prove", *files, "--monolithic", "--evidence", str(evidence)]
    own = {"start_new_session": True, "text": True, "cwd": ROOT}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **own)
    try:
        while not (evidence.exists() and evidence.read_text().count("\n")):
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a run that is not ended takes hours
    assert (process.returncode, out, err.strip()) == (3, "", "exactlump: interrupted")
    assert json.loads(evidence.read_text())["format"] == "exactlump evidence"


def test_evidence_about_other_files_is_not_continued(triple, tmp_path):
    options = ProveOptions(evidence=tmp_path / "evidence.jsonl")
    prove_files(*triple, options)
    change(triple, 2, '[0, "2"]', '[0, "3"]')
    with pytest.raises(FormatError, match="other files"):
        prove_files(*triple, options)
    options.evidence.write_text("something else\n")
    with pytest.raises(FormatError, match="another file"):
        prove_files(*triple, options)
    assert options.evidence.read_text() == "something else\n"


def test_what_is_no_evidence_is_not_written_over(triple, tmp_path):
    options = ProveOptions(evidence=tmp_path / "notes.txt", jobs=1)
    for content in ("my notes", "{}", "\n", "[" * 100_000 + "\n", '{"format": "exactlump evidence", "version": 1}'):
        options.evidence.write_text(content)
        with pytest.raises(FormatError, match=r"notes\.txt: found another file"):
            prove_files(*triple, options)
        assert options.evidence.read_text() == content
    options.evidence.unlink()
    os.mkfifo(options.evidence)
    with pytest.raises(FormatError, match="found no regular file"):
        prove_files(*triple, options)


def test_a_first_line_that_was_not_finished_is_written_again(triple, tmp_path):
    options = ProveOptions(evidence=tmp_path / "evidence.jsonl", jobs=1)
    prove_files(*triple, options)
    whole = options.evidence.read_bytes()
    for length in (0, 1, whole.index(b"\n")):
        options.evidence.write_bytes(whole[:length])
        assert prove_files(*triple, options).verdict == "equivalent"
        assert options.evidence.read_bytes().splitlines()[0] == whole.splitlines()[0]


def test_a_later_line_that_is_too_deep_is_no_evidence(triple, tmp_path):
    options = ProveOptions(evidence=tmp_path / "evidence.jsonl", jobs=1)
    prove_files(*triple, options)
    with options.evidence.open("a") as file:
        file.write("[" * 100_000 + "\n")
    with pytest.raises(FormatError, match="found another file"):
        prove_files(*triple, options)


def test_evidence_does_not_replace_what_is_read(triple):
    before = [path.read_bytes() for path in triple]
    for path in triple:
        for place in (path, path.parent / "none" / ".." / path.name):
            with pytest.raises(CannotWrite, match="the input's own name"):
                prove_files(*triple, ProveOptions(evidence=place))
    assert [path.read_bytes() for path in triple] == before


# The whole-network question


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_whole_network_question(triple, capsys, solver):
    code, out, _ = run(capsys, *triple, "--monolithic", "--solver", solver)
    assert (code, out.split(",")[0]) == (0, "equivalent: 1 obligations")
    change(triple, 1, '"3"', '"5/2"')
    code, out, _ = run(capsys, *triple, "--monolithic", "--solver", solver)
    assert code == 1
    assert "the networks differ" in out


def test_the_whole_network_question_is_for_piecewise_linear_networks(tmp_path, capsys):
    write(TWINS, tmp_path / "a.json")
    words = (tmp_path / "a.json").read_text().replace('["leaky_relu","0"]', '["tanh"]')
    assert "tanh" in words
    (tmp_path / "a.json").write_text(words)
    done = reduce_file(tmp_path / "a.json", tmp_path / "b.json")
    code, out, _ = run(capsys, tmp_path / "a.json", done.reduced, done.certificate, "--monolithic")
    assert (code, out.split(":")[0]) == (4, "unsupported")
    assert run(capsys, tmp_path / "a.json", done.reduced, done.certificate)[0] == 0


def test_both_questions_have_the_same_answer(threads):
    rng = random.Random(8)
    for _ in range(6):
        one = planted(rng)
        if sum(map(len, (node.bias for node in one.nodes if hasattr(node, "bias")))) > 9:
            continue
        other = planted(rng)
        if one.shapes["x"] != other.shapes["x"] or one.shapes["y"] != other.shapes["y"]:
            other = one
        proof = prove(one, other, Monolithic(one, other), executor=threads)
        assert (proof.verdict == "equivalent") == (oracle.difference(one, other, count=30) is None)


def test_equivalent_needs_every_answer(threads):
    """Obligations that no one answered are missed: their number is known beforehand."""
    plan = Obligations(TWINS, ONE_UNIT, certificate(ROWS))
    plan.count += 1
    assert prove(TWINS, ONE_UNIT, plan, executor=threads).verdict == "unknown"
