# SPDX-License-Identifier: Apache-2.0
"""This file is about which input and output of one network is which of another: as runtimes bind them, by name.

Two roads: the engine's `ports.match` against the checker's own, and every verdict on files against onnxruntime, which
is fed by name.
"""

import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest

from exactlump import Network, Port, check, read, reduce_file, write
from exactlump.certificates.certificate import dumps, loads
from exactlump.cli.main import main
from exactlump.errors import ExactlumpError, FormatError, NotALumping, ShapeError
from exactlump.formats import digest
from exactlump.network.kinds import Scale
from exactlump.network.ports import ALONE, MATCHES, UNNAMED, Matching, as_claimed, match, other_axes
from exactlump.numbers.rational import rational
from exactlump.refutation.refute import Options, refute
from exactlump.reporting.report import report
from exactlump.verbs.exporting import export_files
from exactlump.verbs.proving import prove_files
from exactlump.verbs.refuting import RefuteOptions, refute_files
from tests.checker import test_check_opaque as graphs
from tests.claims import claim
from tests.formats.test_formats_bad_input import GOOD
from tests.tools import fails, model, node, save, session

# Networks of names alone


def named(inputs, outputs):
    """A network with these names, an output being twice an input or, where there are fewer, the first one."""
    ports = tuple(Port(name, (1,)) for name in inputs)
    sources = [*inputs, *itertools.repeat(inputs[0], len(outputs))]
    nodes = tuple(Scale(source, name, (rational(2),)) for source, name in zip(sources, outputs, strict=False))
    return Network(ports, nodes, tuple(outputs))


TABLE = {  # the names of a and b, what is demanded: how they are matched, and b's names in a's order
    ("x", "x", None): ("one", "x"),
    ("x", "u", None): ("one", "u"),
    ("x", "u", "name"): ("one", "u"),
    ("x", "u", "position"): ("one", "u"),
    ("xyz", "xyz", None): ("name", "xyz"),
    ("xyz", "zxy", None): ("name", "xyz"),
    ("xyz", "zxy", "name"): ("name", "xyz"),
    ("xyz", "zxy", "position"): ("position as demanded", "zxy"),
    ("xyz", "xyz", "position"): ("name", "xyz"),
    ("xyz", "uvw", None): ("position", "uvw"),
    ("xyz", "uvw", "position"): ("position", "uvw"),
    ("xyz", "uvw", "name"): FormatError,
    ("xyz", "xyu", None): FormatError,
    ("xyz", "xyu", "name"): FormatError,
    ("xyz", "xyu", "position"): ("position as demanded", "xyu"),
    ("xy", "x", None): FormatError,
    ("xy", "u", None): ("position", "u"),
    ("xy", "x", UNNAMED): ("one", "x"),
}


@pytest.mark.parametrize(("ours", "theirs", "demanded"), TABLE)
@pytest.mark.parametrize("what", ["inputs", "outputs"])
def test_what_names_say(what, ours, theirs, demanded):
    a, b = (named(names, "q") if what == "inputs" else named("q", names) for names in (ours, theirs))
    expected = TABLE[ours, theirs, demanded]
    if expected is FormatError:
        words = [what, repr(ours[0]), repr(theirs[-1]), *(["--match position"] if demanded is None else [])]
        fails(FormatError, 2, lambda: match(a, b, demanded), *words)
        return
    ordered, matching = match(a, b, demanded)
    how, names = expected
    assert matching == Matching(**{what: how})
    found = ordered.outputs if what == "outputs" else tuple(port.name for port in ordered.inputs)
    assert found == tuple(names)
    assert set(ordered.nodes) == set(b.nodes)
    assert match(a, ordered, demanded) == (ordered, matching)
    assert (what in matching.words) == (how.startswith("position"))


def test_names_in_a_file_are_distinct(tmp_path):
    for twice in ({"inputs": {"x": [1, 1]}, "outputs": {"y": [1, 1]}},):
        graph = model([node("Relu", "x", "y")], **twice)
        for listed in (graph.graph.input, graph.graph.output):
            other = model([node("Relu", "x", "y")], **twice)
            place = other.graph.input if listed is graph.graph.input else other.graph.output
            place.add().CopyFrom(place[0])
            path = save(tmp_path / "m.onnx", other)
            with pytest.raises(ExactlumpError) as refused:
                read(path)
            assert refused.value.exit_code == 2
            with pytest.raises(check.Stop) as stopped:
                check.read_network(str(path), "as stored", check.MAX_UNPACKED)
            assert stopped.value.verdict == "malformed"


def test_the_engine_and_the_checker_match_alike():
    """Random names, every claim: both accept, with one order, or both refuse."""
    rng, seen = random.Random(3), set()
    for _ in range(1500):
        size = rng.choice([1, 2, 2, 3])
        pools = rng.choice([("abc", "abc"), ("abc", "uvw"), ("abcd", "abcd"), ("abc", "cuv")])
        ours, theirs = (rng.sample(pool, size) for pool in pools)
        other = [rng.sample(ours, size) if rng.random() < 0.6 else theirs for _ in range(2)]
        a, b = named(ours, [f"{n}'" for n in ours]), named(other[0], [f"{n}'" for n in other[1]])
        claims = (None, *(Matching(*ways) for ways in itertools.product(MATCHES, repeat=2)))
        claimed = rng.choice(claims)
        try:
            ordered = as_claimed(a, b, claimed)
            found = [port.name for port in ordered.inputs], [*ordered.outputs]
        except NotALumping:
            found = None
        networks = [check.Network("json", "") for _ in "ab"]
        for network, names in zip(networks, (a, b), strict=True):
            network.inputs, network.outputs = [port.name for port in names.inputs], [*names.outputs]
            network.views = {name: check.View((2,)) for name in (*network.inputs, *network.outputs)}
        document = None if claimed is None else {"inputs": claimed.inputs, "outputs": claimed.outputs}
        if found is None:
            with pytest.raises(check.Stop) as stopped:
                check.match(networks, document)
            assert (stopped.value.verdict, stopped.value.rule) == ("rejected", "match")
            continue
        said = check.match(networks, document)
        assert found == (networks[1].inputs, networks[1].outputs)
        assert said.removeprefix("; ") == (match(a, b)[1] if claimed is None else claimed).words
        seen.add(claimed)
    assert seen == {None, ALONE, *(Matching(*ways) for ways in itertools.product(MATCHES[1:], repeat=2))}


# Files, against onnxruntime

A, B = np.array([[1, -2], [2, -4], [0.5, 1]], np.float32), np.array([[3, 1], [6, 2], [-1, 1]], np.float32)


def two(path, inputs="ab", outputs="yz", *, crossed=False, names=None):
    """y = relu(A a) + B b, and z = a, of inputs of 2; `crossed`: A b, B a, and z = b; names: other ones."""
    called = {name: (names or {}).get(name, name) for name in "abyz"}
    a, b = called["b" if crossed else "a"], called["a" if crossed else "b"]
    nodes = [
        node("Gemm", f"{a} A", "p", transB=1),
        node("Relu", "p", "h"),
        node("Gemm", f"{b} B", "q", transB=1),
        node("Add", "h q", called["y"]),
        node("Identity", a, called["z"]),
    ]
    sizes = {"y": [1, 3], "z": [1, 2]}
    return save(path, model(
        nodes,
        {called[name]: [1, 2] for name in inputs},
        {called[name]: sizes[name] for name in outputs},
        {"A": A, "B": B},
    ))  # fmt: skip


def runs(path, feed):
    """What onnxruntime makes of a file, fed by name: {output: values}."""
    found = session(path)
    outputs = [entry.name for entry in found.get_outputs()]
    return dict(zip(outputs, found.run(outputs, feed), strict=True))


def agree_in_a_runtime(one, other):
    """Whether two files with the same names give the same on feeds by name."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        feed = {name: rng.integers(-4, 5, (1, 2)).astype(np.float32) for name in "ab"}
        ours, theirs = runs(one, feed), runs(other, feed)
        if not all(np.array_equal(ours[name], theirs[name]) for name in "yz"):
            return False
    return True


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def certified(one, other, options=None):
    """The finding on two files, with a certificate beside the first."""
    proof = one.with_name("proof.json")
    return refute_files(one, other, RefuteOptions(certificate=proof, overwrite=True, **(options or {}))), proof


def run(capsys, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code, *capsys.readouterr()


ORDERS = [("ba", "yz"), ("ab", "zy"), ("ba", "zy")]


@pytest.mark.parametrize(("inputs", "outputs"), ORDERS)
def test_the_same_function_declared_in_another_order(inputs, outputs, here):
    one, other = two(here / "a.onnx"), two(here / "b.onnx", inputs, outputs)
    assert agree_in_a_runtime(one, other)
    for first, second in ((one, other), (other, one)):
        found, proof = certified(first, second)
        assert found.finding.verdict == "equivalent"
        assert json.loads(proof.read_text())["claim"]["match"] == {"inputs": "name", "outputs": "name"}
        verdict = check.check(str(first), str(second), str(proof))
        assert (verdict.verdict, "matched" in verdict.reason) == ("equivalent", False)
        proved = prove_files(first, second, proof)
        assert proved.verdict == "equivalent"
        assert "for each item of the batch, element types aside" in proved.reason
        page = report(proof, original=first, reduced=second)
        assert (page.verdict, page.listed) == ("equivalent", True)


@pytest.mark.parametrize(("inputs", "outputs"), [("ab", "yz"), *ORDERS])
def test_the_same_by_position_and_another_function_by_name(inputs, outputs, here):
    """`crossed` and declared crosswise: by position nothing differs, and every runtime shows the difference."""
    one, other = two(here / "a.onnx"), two(here / "b.onnx", inputs, outputs, crossed=True)
    assert not agree_in_a_runtime(one, other)
    found, _ = certified(one, other)
    assert found.finding.verdict == "different"
    x = [float(value.numerator / value.denominator) for value in found.finding.input]
    feed = {"a": np.array([x[:2]], np.float32), "b": np.array([x[2:]], np.float32)}
    for path, replayed, exact in zip((one, other), found.replayed, found.finding.outputs, strict=True):
        values = runs(path, feed)
        assert [*values["y"].ravel(), *values["z"].ravel()] == replayed == [float(y) for y in exact]


def test_a_certificate_by_position_is_no_yes_about_names(here):
    """The certificates that were written when position decided, and forged ones."""
    one, other = two(here / "a.onnx"), two(here / "b.onnx", "ba", "yz", crossed=True)
    found, proof = certified(one, other, {"match": "position"})
    assert found.finding.verdict == "equivalent"
    demanded = json.loads(proof.read_text())
    assert demanded["claim"]["match"] == {"inputs": "position as demanded", "outputs": "name"}
    for ways in ("name", "position", "one", None):
        document = json.loads(proof.read_text())
        if ways is None:
            document["version"] = 1
            del document["claim"]["match"]
        else:
            document["claim"]["match"]["inputs"] = ways
        forged = here / "forged.json"
        forged.write_text(json.dumps(document))
        verdict = check.check(str(one), str(other), str(forged))
        assert verdict.verdict == "rejected"
        assert verdict.rule == ("affine" if ways == "name" else "match")
        assert prove_files(one, other, forged).verdict == "rejected"
        assert report(forged, original=one, reduced=other).verdict == "rejected"


def test_a_position_that_is_demanded_is_said_in_the_first_line(here, capsys):
    two(here / "a.onnx"), two(here / "b.onnx", "ba", "yz", crossed=True)
    words = "matched: inputs by position as demanded, not by name: another claim"
    code, out, _ = run(capsys, "refute", "a.onnx", "b.onnx", "--match", "position", "--certificate", "c.json")
    assert (code, out.splitlines()[0].endswith(words)) == (0, True)
    code, out, _ = run(capsys, "check", "a.onnx", "b.onnx", "c.json")
    assert (code, out.splitlines()[0].endswith(words)) == (0, True)
    code, out, _ = run(capsys, "prove", "a.onnx", "b.onnx", "c.json")
    assert (code, out.splitlines()[0].endswith(words)) == (0, True)
    assert words in report("c.json", original="a.onnx", reduced="b.onnx").reason


def test_names_that_are_all_different_are_matched_by_position(here, capsys):
    two(here / "a.onnx"), two(here / "b.onnx", names={"a": "u", "b": "v", "y": "s", "z": "t"})
    words = "matched: inputs by position, outputs by position"
    code, out, _ = run(capsys, "refute", "a.onnx", "b.onnx", "--certificate", "c.json")
    assert (code, out.splitlines()[0].endswith(words)) == (0, True)
    code, out, _ = run(capsys, "check", "a.onnx", "b.onnx", "c.json")
    assert (code, out.splitlines()[0].endswith(words)) == (0, True)
    two(here / "b.onnx", names={"a": "u", "b": "v"}, crossed=True)
    code, out, _ = run(capsys, "refute", "a.onnx", "b.onnx")
    assert (code, out.splitlines()[0].endswith("matched: inputs by position")) == (1, True)


def test_names_of_which_some_differ_are_refused_with_the_remedy(here, capsys):
    two(here / "a.onnx"), two(here / "b.onnx", names={"b": "c"})
    code, out, err = run(capsys, "refute", "a.onnx", "b.onnx")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "inputs: found the names 'a', 'b' and 'a', 'c'" in err
    assert "--match position" in err
    assert run(capsys, "refute", "a.onnx", "b.onnx", "--match", "name")[0] == 2
    assert run(capsys, "refute", "a.onnx", "b.onnx", "--match", "position", "--certificate", "c.json")[0] == 0
    code, out, _ = run(capsys, "check", "a.onnx", "b.onnx", "c.json")
    assert (code, "as demanded" in out) == (0, True)


def test_a_box_follows_the_first_file(here, capsys):
    """relu(a) against relu(a) + relu(b - 2): the same where b, the first file's second input, is at most 2."""
    sizes = {"a": [1, 1], "b": [1, 1]}
    save(here / "a.onnx", model([node("Relu", "a", "y"), node("Relu", "b", "z")], sizes, {"y": [1, 1], "z": [1, 1]}))
    nodes = [node("Sub", "b two", "p"), node("Relu", "p", "q"), node("Relu", "a", "r"), node("Add", "r q", "y")]
    swapped = {"b": [1, 1], "a": [1, 1]}
    save(here / "b.onnx", model([*nodes, node("Relu", "b", "z")], swapped, {"z": [1, 1], "y": [1, 1]}, {"two": [2.0]}))
    for x, y, code in ((1, 2, 0), (3, 1, 0), (1, 3, 1), (2, 3, 1)):
        point = "".join(f"(assert (<= {n} X_{i}))(assert (<= X_{i} {n}))" for i, n in enumerate((x, y)))
        (here / "p.vnnlib").write_text(f"(declare-const X_0 Real)(declare-const X_1 Real){point}")
        assert run(capsys, "refute", "a.onnx", "b.onnx", "--vnnlib", "p.vnnlib")[0] == code


def test_one_input_and_one_output_need_no_names(here):
    for name, ends in (("a", ("x", "y")), ("b", ("u", "v"))):
        sizes = {ends[0]: [1, 2]}, {ends[1]: [1, 3]}
        save(here / f"{name}.onnx", model([node("MatMul", f"{ends[0]} W", ends[1])], *sizes, {"W": A.T}))
    for demanded in (None, "name", "position"):
        found, proof = certified(here / "a.onnx", here / "b.onnx", {"match": demanded})
        assert (found.finding.verdict, found.finding.matching) == ("equivalent", ALONE)
        reason = check.check(str(here / "a.onnx"), str(here / "b.onnx"), str(proof)).reason
        assert "matched" not in reason


def test_formats_without_names_are_matched_by_position_without_a_word(here, capsys):
    """A .nnet file against networks of several inputs, of which one has the name that readers give to its only one."""
    save(here / "a.nnet", GOOD.encode())
    (units,) = read(here / "a.nnet").inputs[0].shape
    for names in ([f"x{i}" for i in range(units)], ["input", *(f"x{i}" for i in range(1, units))]):
        weights = [f"W{i}" for i in range(units)]
        nodes = [node("MatMul", f"{n} {w}", f"p{i}") for i, (n, w) in enumerate(zip(names, weights, strict=True))]
        nodes.append(node("Sum", " ".join(f"p{i}" for i in range(units)), "y"))
        outputs = read(here / "a.nnet").views["output"].elements
        constants = {w: np.ones((1, outputs)) for w in weights}
        save(here / "b.onnx", model(nodes, {n: [1, 1] for n in names}, {"y": [1, outputs]}, constants))
        code, out, _ = run(capsys, "refute", "a.nnet", "b.onnx")
        assert (code, out.split(":")[0], "matched" in out) == (1, "different", False)


def test_counterparts_have_as_many_elements(here):
    for name, sizes in (("a", {"u": 1, "v": 2}), ("b", {"u": 2, "v": 1}), ("c", {"s": 2, "t": 1})):
        nodes = [node("Relu", x, f"{x}'") for x in sizes]
        ports = [{f"{x}{end}": [1, n] for x, n in sizes.items()} for end in ("", "'")]
        save(here / f"{name}.onnx", model(nodes, *ports))
    for other in "bc":
        call = lambda other=other: refute_files(here / "a.onnx", here / f"{other}.onnx")  # noqa: E731
        fails(ShapeError, 2, call, "inputs", "1 + 2")


def test_reduce_keeps_names_and_says_how_they_match(here):
    for inputs, outputs in (("ab", "yz"), ("ba", "zy")):
        done = reduce_file(two(here / "a.onnx", inputs, outputs), here / "b.onnx", overwrite=True)
        assert json.loads(done.certificate.read_text())["claim"]["match"] == {"inputs": "name", "outputs": "name"}
        assert agree_in_a_runtime(here / "a.onnx", here / "b.onnx")
        for engine in ("exact", "fast"):
            again = reduce_file(here / "a.onnx", here / "c.onnx", engine=engine, overwrite=True)
            assert again.certificate.read_bytes() == done.certificate.read_bytes()
        exact = reduce_file(here / "a.onnx", here / "b.json", overwrite=True)
        assert loads(exact.certificate.read_text()).matching == Matching("name", "name")


def test_networks_in_memory_are_matched_by_name_too():
    a, crossed = named("xy", "pq"), named("yx", "pq")
    for b in (named("yx", "qp"), Network(a.inputs[::-1], a.nodes, a.outputs), Network(a.inputs, a.nodes, ("q", "p"))):
        assert refute(a, b).verdict == "equivalent"
    assert refute(a, crossed).verdict == "different"
    found = refute(a, crossed, options=Options(match="position"))
    assert (found.verdict, found.matching) == ("equivalent", Matching("position as demanded", "name"))


def test_the_export_is_bound_to_the_matching(here):
    """The text for the extracted checker has no names: a certificate that matches otherwise is not exported."""
    save(
        here / "a.onnx",
        model([node("MatMul", "x W", "h"), node("Relu", "h", "y")], {"x": [1, 2]}, {"y": [1, 3]}, {"W": A.T}),
    )
    done = reduce_file(here / "a.onnx", here / "b.onnx")
    assert list(export_files(here / "a.onnx", here / "b.onnx", done.certificate))
    words = done.certificate.read_text().replace('"inputs":"one"', '"inputs":"position as demanded"')
    Path("forged.json").write_text(words)
    call = lambda: list(export_files(here / "a.onnx", here / "b.onnx", "forged.json"))  # noqa: E731
    fails(NotALumping, 2, call, "matches them by")


def test_both_versions_are_read_and_written_as_they_are(here):
    done = reduce_file(two(here / "a.onnx"), here / "b.onnx")
    words = done.certificate.read_text()
    assert dumps(loads(words)) == words
    document = json.loads(words)
    document["version"] = 1
    del document["claim"]["match"]
    old = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    assert loads(old).matching is None
    assert dumps(loads(old)) == old
    done.certificate.write_text(old)
    assert check.check("a.onnx", "b.onnx", str(done.certificate)).verdict == "equivalent"
    assert prove_files("a.onnx", "b.onnx", done.certificate).verdict == "equivalent"


def test_exact_files_have_names(here):
    write(read(two(here / "a.onnx")), here / "a.json")
    found, _ = certified(here / "a.json", two(here / "b.onnx", "ba", "zy"))
    assert (found.finding.verdict, found.finding.matching) == ("equivalent", Matching("name", "name"))
    assert digest(here / "a.json").format == "json"


# Axes


def shaped(shape, *sizes, batch="N"):
    """A dense layer with ReLU, whose four outputs have these axes."""
    steps = (("MatMul", "x W", "h"), ("Relu", "h", "r"), ("Reshape", "r s", "y"))
    nodes = [graphs.node(*step) for step in steps]
    constants = {"W": np.arange(12, dtype=np.float32).reshape(3, 4), "s": np.array(sizes)}
    return graphs.graph(nodes, {"x": [batch, 3]}, {"y": shape}, constants)


AXES = [
    (("N", 0, 4), ("N", 0, 2, 2), "'y' [N,4] and [N,2,2]"),
    (("N", 0, 2, 2), ("N", 0, 4, 1), "'y' [N,2,2] and [N,4,1]"),
    (("N", 0, 2, 2), ("N", -1, 2, 2), ""),
]


@pytest.mark.parametrize(("one", "other", "words"), AXES)
def test_other_axes_are_named_by_the_checker_and_by_refute(one, other, words, tmp_path):
    """The elements are the same, in order; who reads the output sees another shape."""
    paths = [
        save(tmp_path / f"{i}.onnx", shaped(["N", *sizes[2:]], *sizes[1:])) for i, sizes in enumerate((one, other))
    ]
    found = refute_files(*paths, RefuteOptions(certificate=tmp_path / "c.json"))
    assert found.verdict == "equivalent"
    reason = check.check(*map(str, paths), str(tmp_path / "c.json")).reason
    assert reason.partition("; element by element, as axes differ: ")[2] == words
    assert bool(words) == any("compared element by element" in note for note in found.notes)
    x = {"x": np.ones((5, 3), np.float32)}
    shapes = {session(path).run(None, x)[0].shape for path in paths}
    assert (len(shapes) > 1) == bool(words)


def test_an_axis_of_one_item_that_is_dropped_is_named(tmp_path):
    """[1, 4] and [4]: no item of a batch, but the same elements."""
    one = save(tmp_path / "a.onnx", shaped([1, 4], 1, 4, batch=1))
    other = save(tmp_path / "b.onnx", shaped([4], 4, batch=1))
    words = claim(one, other)
    words["relations"]["original"] = {"r": {"over": "r", "rows": [[i, "1"] for i in range(4)]}}
    (tmp_path / "c.json").write_text(json.dumps(words))
    found = check.check(str(one), str(other), str(tmp_path / "c.json"))
    assert found.verdict == "equivalent", found.reason
    assert found.reason.endswith("; element by element, as axes differ: 'y' [1,4] and [4]")


def test_axes_of_one_network_are_its_own():
    network = named("xy", "uv")
    assert other_axes(network, network) == ()
