# SPDX-License-Identifier: Apache-2.0
"""This file is about the verbs `bound` and `compare`: what they say is true, checked, and said in one line."""

import io
import json
import time
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import exactlump
from exactlump import Network, check, formats
from exactlump.bounding import compiled, compiled_walk, working
from exactlump.cli.main import main
from exactlump.errors import CannotWrite, FormatError, ShapeError
from exactlump.network.activations import Activation
from exactlump.numbers.rational import rational
from exactlump.refutation.clock import OutOfTime
from exactlump.verbs import judging
from exactlump.verbs.bounded import bound, bound_files
from exactlump.verbs.bounding import BoundOptions
from exactlump.verbs.checking import FileCheck, Opinion, check_files
from exactlump.verbs.comparing import compare
from exactlump.verbs.data import read_inputs
from exactlump.verbs.naming import Input
from exactlump.verbs.saving import counterexample
from tests import bounding_tools as tools
from tests.bounding.test_bounding_relating import chain, edited, split
from tests.bounding_tools import outputs, seeded
from tests.strategies import relu_chain
from tests.tools import dense_model, save

ONE = Network.chain([[[1, 1], [1, -1]], [[2, 1], [1, 0]]])
OTHER = Network.chain([[[1, 1], [1, -1]], [[3, 1], [1, 0]]])
# Which output is larger turns at x[0] = 1/2; the second network differs by at most 1/16.
TURN = Network.chain([[[1, 0], [0, 1]], [[1, 0], [0, 0]]], [[0, 0], [0, "1/2"]])
NEAR = Network.chain([[[1, 0], [0, 1]], [["17/16", 0], [0, 0]]], [[0, 0], [0, "1/2"]])


def differences(ours, theirs, x):
    """The sizes of the differences of the outputs at an input, by the oracle."""
    x = [*map(tools.as_fraction, map(rational, x))]
    return [abs(y - z) for y, z in zip(outputs(ours, x), outputs(theirs, x), strict=True)]


@pytest.fixture(autouse=True)
def _plain_loops(monkeypatch):
    """The loops as plain Python: compiling them takes longer than these tests."""
    monkeypatch.setattr(compiled, "search", lambda: compiled_walk.walk)
    monkeypatch.setattr(working, "available", lambda: True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files of both pairs, where the test stands."""
    monkeypatch.chdir(tmp_path)
    for name, network in (("a", ONE), ("b", OTHER), ("turn", TURN), ("near", NEAR)):
        formats.write(network, f"{name}.json")
    return tmp_path


@pytest.fixture
def end(capsys):
    """The exit code, what was said on stdout, and on stderr."""

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return stop.value.code, *capsys.readouterr()

    return call


# What is said


def test_a_bound_is_said_with_both_numbers_and_its_certificate_holds(folder, end):
    code, out, err = end("bound", "a.json", "b.json", "--box", "0", "1", "--certificate", "c.json")
    assert (code, out) == (0, "within: no output differs by more than 2 on box [0, 1]; by 2 at an exact input\n")
    assert "certificate: c.json (check A B c.json)" in err
    assert check.check("a.json", "b.json", "c.json").verdict == "within"
    assert end("check", "a.json", "b.json", "c.json")[0] == 0
    document = json.loads(Path("c.json").read_text(encoding="utf-8"))
    assert document["claim"]["epsilon"] == ["2"]


def test_what_was_asked_for_is_broken_by_an_exact_input(folder, end):
    arguments = ("bound", "a.json", "b.json", "--box", "0", "1", "--epsilon", "3/2", "--certificate", "c.json")
    code, out, err = end(*arguments, "--save-input", "x.json")
    assert code == 1
    assert out.startswith("different: the outputs differ at this input by 2, more elsewhere is possible")
    assert "input: x[0] = 1, x[1] = 1" in err
    assert check.check("a.json", "b.json", "c.json").verdict == "different"
    (x,) = read_inputs("x.json", 2)
    assert x == (1, 1)
    assert differences(ONE, OTHER, x) == [2, 0]


def test_an_epsilon_is_shown(folder, end):
    assert end("bound", "a.json", "b.json", "--box", "0", "1", "--epsilon", "2")[0] == 0
    found = bound(ONE, OTHER, (0, 1), epsilon="2")
    assert (found.verdict, found.most, found.least, found.gap) == ("within", 2, 2, 2)


@pytest.mark.parametrize("seed", range(3))
def test_numbers_hold_at_exact_points(seed):
    """Both numbers, against exact values at points of the box; the checker's word is kept."""
    rng = seeded(300 + seed)
    ours = chain(rng, 2, 4, 3, 2)
    theirs = tools.jittered(ours, rng, Fraction(1, 32))
    found = bound(ours, theirs, (-1, 1), metric="per-output", seconds=3)
    assert found.verdict == "within"
    assert found.checked.startswith("within: ")
    sizes = [tools.as_fraction(size) for size in found.epsilon]
    for x in tools.points(*tools.box((-1, 1), (-1, 1)), rng, 60):
        gaps = differences(ours, theirs, x)
        assert all(gap <= size for gap, size in zip(gaps, sizes, strict=True))
    assert max(differences(ours, theirs, found.input)) == tools.as_fraction(found.gap) == tools.as_fraction(found.least)


def test_the_sum_of_all_differences_needs_an_epsilon():
    with pytest.raises(FormatError, match="metric: found l1 without epsilon"):
        bound(ONE, OTHER, (0, 1), metric="l1")
    assert bound(ONE, OTHER, (0, 1), metric="l1", epsilon=2).verdict == "within"
    assert bound(ONE, OTHER, (0, 1), metric="l1", epsilon=1).verdict == "different"


def test_margins_are_bounded():
    found = bound(ONE, OTHER, (0, 1), metric="margins")
    assert (found.verdict, found.metric, found.most) == ("within", "margins", 2)
    assert bound(ONE, OTHER, (0, 1), metric="margins", epsilon=1).verdict == "different"
    assert bound(ONE, OTHER, (0, 1), metric="margins", epsilon=[0, 2]).verdict == "within"


def test_without_time_nothing_is_said(folder, end):
    code, out, _ = end("bound", "a.json", "b.json", "--box", "0", "1", "--epsilon", "2", "--timeout", "1e-9")
    assert (code, out.split(":")[0]) == (3, "unknown")


def test_a_limit_of_time_holds_in_the_checker(monkeypatch):
    """The checker does not look at the clock."""

    def slow(*_, **__):
        while True:
            pass

    monkeypatch.setattr(judging, "check_files", slow)
    start = time.monotonic()
    found = bound(ONE, OTHER, (0, 1), seconds=1.0)
    assert found.verdict == "unknown"
    assert found.checked == ""
    assert found.notes == ("out of time: what was found last is not checked",)
    assert (found.most, found.least) == (2, 2)
    assert time.monotonic() - start < 30


def test_a_tree_is_checked_by_several_processes_that_end_in_time(tmp_path, monkeypatch):
    rng = seeded(340)
    ours = chain(rng, 2, 6, 5, 1)
    theirs = tools.jittered(ours, rng, Fraction(1, 16))
    alone = bound(ours, theirs, (-1, 1), seconds=8)
    found = bound(ours, theirs, (-1, 1), epsilon=alone.most, seconds=30, jobs=2)
    assert found.leaves > 8
    assert (found.verdict, found.checked) == ("within", alone.checked)
    with pytest.raises(FormatError, match="jobs: found 0, expected at least 1"):
        bound(ours, theirs, (-1, 1), jobs=0)
    sleeper, mark = tmp_path / "checker.py", tmp_path / "still"
    sleeper.write_text(f"import time\ntime.sleep(3)\nopen({str(mark)!r}, 'w')\n", encoding="utf-8")
    monkeypatch.setattr(judging, "CHECKER", sleeper)
    late = bound(ours, theirs, (-1, 1), seconds=1, jobs=2)
    assert late.verdict == "unknown"
    assert "not checked" in late.notes[-1]
    time.sleep(3)
    assert not mark.exists()


def test_what_is_not_checked_in_time_is_written_and_said_to_be_unchecked(folder, monkeypatch):
    def late(*_, **__):
        raise OutOfTime

    monkeypatch.setattr(judging, "check_files", late)
    found = bound("a.json", "b.json", (0, 1), certificate="c.json")
    assert (found.verdict, found.notes) == ("unknown", ("out of time: what was found last is not checked",))
    assert check.check("a.json", "b.json", "c.json").verdict == "within"


def test_what_the_whole_box_shows_is_kept_where_there_is_no_time_for_more(tmp_path, monkeypatch):
    """The checker is done with one box, and not with the tree."""
    rng = seeded(340)
    ours = chain(rng, 2, 6, 5, 1)
    theirs = tools.jittered(ours, rng, Fraction(1, 16))
    for name, network in (("a", ours), ("b", theirs)):
        formats.write(network, tmp_path / f"{name}.json")
    pair, place, calls = (tmp_path / "a.json", tmp_path / "b.json"), tmp_path / "c.json", []

    def once(*arguments, **options):
        calls.append(1)
        if len(calls) > 1:
            raise OutOfTime
        return check_files(*arguments, **options)

    best = bound(*pair, (-1, 1), seconds=8)
    assert best.leaves > 1
    monkeypatch.setattr(judging, "check_files", once)
    found = bound(*pair, (-1, 1), seconds=8, certificate=place)
    assert (found.verdict, found.leaves, found.notes) == (
        "within",
        1,
        ("out of time: what was found last is not checked",),
    )
    assert found.most > best.most >= best.least
    assert check.check(*map(str, (*pair, place))).verdict == "within"
    assert json.loads(place.read_text(encoding="utf-8"))["claim"]["epsilon"] == [str(found.most)]


@pytest.mark.parametrize("epsilon", [None, "2", "1"])
def test_what_the_checker_does_not_accept_is_not_said(epsilon, folder, monkeypatch):
    def no(*_, **__):
        return FileCheck("rejected", "no", "bound", (), None, 0.0, Opinion("rejected", "no"))

    monkeypatch.setattr(judging, "check_files", no)
    found = bound("a.json", "b.json", (0, 1), epsilon=epsilon, certificate="c.json")
    assert found.verdict == "unknown"
    assert found.notes == ("the checker did not accept the certificate (rejected: no)",)
    assert found.certificate is None
    assert not Path("c.json").exists()


def test_an_interruption_gives_the_best_that_is_known():
    said = []

    def listen(what, boxes, _left):
        said.append(what)
        if what == "searching":
            raise KeyboardInterrupt

    rng = seeded(310)
    ours = chain(rng, 2, 6, 5, 2)
    theirs = tools.jittered(ours, rng, Fraction(1, 16))
    options = BoundOptions(boxes=((-1, 1),))
    found = bound_files(ours, theirs, options, listen, (KeyboardInterrupt,))
    assert "searching" in said
    assert (found.verdict, found.notes[-1]) == ("unknown", "interrupted")
    assert found.most >= found.least > 0
    with pytest.raises(KeyboardInterrupt):
        bound_files(ours, theirs, options, listen)


def test_a_limit_that_a_compiler_wraps_is_a_limit():
    def listen(what, _boxes, _left):
        if what == "searching":
            try:
                raise OutOfTime
            except OutOfTime as error:
                raise RuntimeError("while compiling") from error

    def broken(what, _boxes, _left):
        if what == "searching":
            raise RuntimeError("another one")

    rng = seeded(310)
    ours = chain(rng, 2, 6, 5, 2)
    theirs = tools.jittered(ours, rng, Fraction(1, 16))
    found = bound(ours, theirs, (-1, 1), listen=listen)
    assert (found.verdict, found.notes) == ("unknown", ("out of time",))
    assert found.most >= found.least > 0
    with pytest.raises(RuntimeError, match="another one"):
        bound(ours, theirs, (-1, 1), listen=broken)


# Decisions


def test_both_decide_alike_on_a_box(folder, end):
    code, out, _ = end("bound", "turn.json", "near.json", "--box", "0.6", "1", "--argmax", "--certificate", "c.json")
    assert (code, out) == (0, "within: both decide 0 on box [0.6, 1]\n")
    assert check.check("turn.json", "near.json", "c.json").verdict == "within"


def test_decisions_differ_at_an_exact_input(folder, end):
    code, out, _ = end("bound", "turn.json", "near.json", "--box", "0.47", "0.5", "--argmax", "--certificate", "c.json")
    assert (code, out.split("; ")[0].strip()) == (
        1,
        "different: the decisions differ at this input: a decides 1, b decides 0",
    )
    assert check.check("turn.json", "near.json", "c.json").verdict == "different"


def test_a_turn_in_the_box_is_unknown_and_says_how_far_ahead_is_enough():
    found = bound(TURN, TURN, (0, 1), argmax=True, seconds=4)
    assert found.verdict == "within"  # nothing is lost of any margin
    other = Network.chain([[[1, 0], [0, 1]], [[1, 0], [0, "1/64"]]], [[0, 0], [0, "1/2"]])
    again = bound(TURN, other, ([0, 0], [1, 0]), argmax=True, seconds=4)
    assert again.verdict == "within"
    # where decisions differ is a sliver that no search meets by itself: ahead by less than 1/2^40 at one end
    far = Network.chain([[[1, 0], [0, 1]], [[1, 0], [0, rational(1, 1 << 60)]]], [[0, 0], [0, "1/2"]])
    sliver = bound(TURN, far, ([0, 0], [1, 1]), argmax=True, seconds=3)
    assert sliver.verdict in ("unknown", "different")
    if sliver.verdict == "unknown":
        assert max(sliver.epsilon) >= rational(1, 1 << 60)


@pytest.mark.parametrize("suffix", ["npy", "csv", "npz", "json"])
def test_decisions_at_given_inputs_are_certified_by_margins(suffix, folder, end):
    rows = np.array([[0.0, 0.0], [0.25, 1.0], [0.5, 0.5], [0.48, 0.0], [1.0, 1.0], [2.0, 0.0]])
    write = {
        "npy": lambda: np.save("data.npy", rows),
        "npz": lambda: np.savez("data.npz", x=rows, labels=np.arange(6)),
        "csv": lambda: Path("data.csv").write_text("\n".join(",".join(map(str, row)) for row in rows.tolist())),
        "json": lambda: Path("data.json").write_text(json.dumps(rows.tolist())),
    }
    write[suffix]()
    arguments = ("bound", "turn.json", "near.json", "--box", "0", "1", "--argmax", "--inputs", f"data.{suffix}")
    code, out, err = end(*arguments, "--json")
    found = json.loads(out)
    # at 1/2 the first network has a tie, and decides 0, as the second one does; at 0.48 they part
    assert found["alike"] == {
        "inputs": 6,
        "certified": [0, 1, 4],
        "flipped": [3],
        "open": [2],
        "outside": [5],
        "share": 0.5,
    }
    assert (code, found["verdict"], found["decisions"]) == (1, "different", {"a": 1, "b": 0})
    rows = rows[[0, 1, 2, 4]]
    write[suffix]()
    code, out, err = end(*arguments)
    assert (code, out) == (0, "within: both decide alike at 3 of 4 inputs (75.0 %), by margins\n")
    assert "inputs that are open: 2" in err
    for x in rows.tolist():  # what was certified is so
        values = [outputs(network, x) for network in (TURN, NEAR)]
        assert values[0].index(max(values[0])) == values[1].index(max(values[1]))


def test_a_decision_needs_two_outputs():
    with pytest.raises(ShapeError, match="outputs: found 1, expected at least 2"):
        bound(Network.chain([[[1]]]), Network.chain([[[2]]]), (0, 1), argmax=True)
    with pytest.raises(ShapeError, match="outputs: found 1, expected at least 2"):
        bound(Network.chain([[[1]]]), Network.chain([[[2]]]), (0, 1), metric="margins")
    with pytest.raises(FormatError, match="argmax: found epsilon or a metric beside it"):
        bound(TURN, NEAR, (0, 1), argmax=True, epsilon=1)


# Where


def test_several_boxes(folder, end):
    code, out, _ = end(
        "bound", "a.json", "b.json", "--box", "0", "1/4", "--box", "1/2", "3/4", "--certificate", "c.json"
    )
    assert (code, out.split(";")[0]) == (
        0,
        "within: no output differs by more than 3/2 on 2 boxes: box [0, 1/4], box [1/2, 3/4]",
    )
    assert check.check("a.json", "b.json", "c.json").verdict == "within"
    assert bound(ONE, OTHER, boxes=[(0, "1/4"), ([0, 0], [1, 0])]).most == 1


def test_a_property_says_where(folder):
    words = (
        "".join(f"(declare-const X_{i} Real)" for i in range(2)) + "(declare-const Y_0 Real)(declare-const Y_1 Real)"
    )
    parts = (
        "(and (>= X_0 0) (<= X_0 0.25) (>= X_1 0) (<= X_1 0))",
        "(and (>= X_0 0) (<= X_0 1) (>= X_1 0.5) (<= X_1 1))",
    )
    Path("p.vnnlib").write_text(f"{words}(assert (or {' '.join(parts)}))(assert (<= Y_0 Y_1))", encoding="utf-8")
    found = bound("a.json", "b.json", vnnlib="p.vnnlib")
    assert (found.verdict, found.domain, found.most) == ("within", "2 boxes of p.vnnlib", 2)
    assert found.notes == ("p.vnnlib: 1 assertions about outputs are not used",)
    assert [file.role for file in found.files] == ["a", "b", "property"]


def test_around_inputs(folder, end):
    np.save("x.npy", np.array([0.5, 0.25], np.float32))
    code, out, _ = end("bound", "a.json", "b.json", "--around", "x.npy", "--radius", "1/4", "--clip", "0", "1")
    assert (code, out.split(";")[0]) == (
        0,
        "within: no output differs by more than 5/4 on radius 1/4 around x.npy, within [0, 1]",
    )
    assert bound(ONE, OTHER, around=[[0, 0], [1, 1]], radius=0).most == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected one of box, vnnlib and around"),
        ({"box": (0, 1), "around": [1, 1], "radius": 1}, "expected one of box, vnnlib and around"),
        ({"box": (0, 1), "boxes": [(0, 1)]}, "box and boxes: found both"),
        ({"box": (1, 0)}, "found the bounds 1 > 0"),
        ({"box": (0, None)}, "without an end"),
        ({"around": [1, 1]}, "radius: found none"),
        ({"box": (0, 1), "radius": 1}, "radius and clip: found no inputs"),
        ({"around": [1, 1, 1], "radius": 1}, "found 3 numbers, expected 2"),
        ({"around": [1, 1], "radius": -1}, "radius: input 0: found the bounds"),
        ({"around": [1, 1], "radius": "x"}, "radius and clip: number 'x'"),
        ({"box": (0, 1), "epsilon": -1}, "epsilon: found a negative number"),
        ({"box": (0, 1), "epsilon": [1, 2]}, "epsilon: found 2 numbers, expected 1"),
        ({"box": (0, 1), "metric": "l2"}, "metric: found 'l2'"),
        ({"box": (0, 1), "rounding": "float16"}, "rounding: found 'float16'"),
        ({"box": (0, 1), "certificate": "c.json"}, "certificate: found networks that are no files"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(FormatError, match=message):
        bound(ONE, OTHER, **options)


# Inputs in files


def npy(shape, content, kind="<f8", order="False"):
    """A .npy file with any header."""
    words = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}"
    header = words + " " * (117 - len(words)) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content


HOSTILE = {
    "d.npy": [
        (npy("(10**12,)", b""), "found no .npy file"),
        (npy("(1000000000000, 2)", b""), "found 0 bytes, expected those of an array of shape"),
        (npy("(2,)", b"\0" * 8), "found 8 bytes"),
        (npy("(2,)", b"\0" * 16, "|O"), "found an array of object"),
        (npy("(3,)", b"\0" * 24), "found 3 numbers, expected 2"),
        (npy("(0,)", b""), "found no input"),
        (npy("(2,)", np.array([np.nan, 1]).tobytes()), "expected finite numbers"),
        (b"", "found no .npy file"),
        (b"\x93NUMPY\x09\x00", "found version"),
    ],
    "d.csv": [(b"1,2\n3\n", "line 2: found 1 numbers"), (b"1,x\n", "line 1: number 'x'"), (b"\xff", "no UTF-8")],
    "d.json": [
        (b"{", "found no JSON"),
        (b"[null, 1]", "JSON without numbers"),
        (b"[1e999999, 1]", "expected a decimal"),
    ],
    "d.npz": [(b"", "found no .npz file"), (b"PK\x03\x04", "found no .npz file")],
    "d.txt": [(b"1,2", "found the suffix .txt")],
}


@pytest.mark.parametrize(("name", "case"), [(name, n) for name, cases in HOSTILE.items() for n in range(len(cases))])
def test_files_of_inputs_are_hostile_until_checked(name, case, tmp_path):
    content, message = HOSTILE[name][case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_inputs(tmp_path / name, 2)


def test_archives_of_arrays(tmp_path):
    place = tmp_path / "d.npz"
    np.savez_compressed(place, a=np.eye(2), b=np.eye(2))
    with pytest.raises(FormatError, match=r"found the arrays a.npy, b.npy, expected one"):
        read_inputs(place, 2)
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("x.npy", npy("(2, 2)", np.array([[1.0, 2.0], [3.0, 4.0]]).tobytes(), order="True"))
    assert read_inputs(place, 2) == ((1, 3), (2, 4))


def test_numbers_in_files_are_exact(tmp_path):
    (tmp_path / "d.csv").write_text("# a table\n0.1,1e-3\n\n-2, 3\n", encoding="utf-8")
    assert read_inputs(tmp_path / "d.csv", 2) == ((rational("1/10"), rational("1/1000")), (-2, 3))
    (tmp_path / "d.json").write_text('{"input": ["1/3", 0.1]}', encoding="utf-8")
    assert read_inputs(tmp_path / "d.json", 2) == ((rational("1/3"), rational("1/10")),)
    stream = io.BytesIO()
    np.save(stream, np.float32([[0.1, 1]]))
    (tmp_path / "d.npy").write_bytes(stream.getvalue())
    assert read_inputs(tmp_path / "d.npy", 2) == ((rational(float(np.float32(0.1))), 1),)


# Whatever is true


def test_compare_says_whatever_is_true(folder, end):
    formats.write(Network.chain([[[1, 1], [1, -1], [1, 1]], [[1, 1, 1], ["1/2", 0, "1/2"]]]), "copy.json")
    box = ("--box", "0", "1")
    cases = (
        (("a.json", "a.json"), 0, "equivalent: the files are the same"),
        (("a.json", "copy.json", *box), 0, "equivalent: both have the same exact quotient"),
        (("a.json", "b.json"), 1, "different: the outputs differ at this input by 1; more elsewhere is "),
        (("a.json", "b.json", *box), 1, "different: the outputs differ at this input by 2, more elsewhere is "),
        (("a.json", "b.json", *box, "--epsilon", "2"), 0, "within: no output differs by more than 2 on box [0, 1]"),
        (("a.json", "b.json", *box, "--epsilon", "1"), 1, "different: the outputs differ at this input by 2"),
        (("turn.json", "near.json", "--box", "0.6", "1", "--argmax"), 0, "within: both decide 0 on box [0.6, 1]"),
    )  # fmt: skip
    for arguments, code, words in cases:
        found = end("compare", *arguments)
        assert (found[0], found[1][: len(words)]) == (code, words)


def versions(name):
    """A network of float32, and a version of it."""
    rng = np.random.default_rng(7)
    one, two = (rng.standard_normal(shape).astype(np.float32) for shape in ((6, 3), (2, 6)))
    bias = (rng.standard_normal(6) + 0.5).astype(np.float32)
    last = np.zeros(2, np.float32)
    order = np.array([3, 1, 5, 0, 2, 4])
    kept = [u for u in range(6) if u != int(np.abs(two).sum(axis=0).argmin())]
    grid = np.float32(np.abs(one).max() / 127)
    made = {
        "the same": (one, bias, two),
        "permuted": (one[order], bias[order], two[:, order]),
        "rescaled by powers of two": (one * np.float32(4), bias * np.float32(4), two / np.float32(4)),
        "every unit twice": (np.tile(one, (2, 1)), np.tile(bias, 2), np.tile(two / np.float32(2), (1, 2))),
        "in 16 bits": tuple(part.astype(np.float16).astype(np.float32) for part in (one, bias, two)),
        "in 8 bits": (np.rint(one / grid) * grid, bias, two),
        "small weights set to 0": (np.where(np.abs(one) < 0.3, np.float32(0), one), bias, two),
        "without a unit": (one[kept], bias[kept], two[:, kept]),
        "trained further": (one + np.float32(0.01), bias, two - np.float32(0.02)),
    }
    first, shift, second = made[name]
    return dense_model((one, bias), (two, last)), dense_model((first, shift), (second, last))


VERSIONS = {
    "the same": "equivalent",
    "permuted": "equivalent",
    "rescaled by powers of two": "equivalent",
    "every unit twice": "equivalent",
    "in 16 bits": "different",
    "in 8 bits": "different",
    "small weights set to 0": "different",
    "without a unit": "different",
    "trained further": "different",
}


@pytest.mark.parametrize("name", VERSIONS)
def test_versions_of_a_network(name, folder):
    """Whatever is true of each; of those that differ, all of: an input, a bound, and both numbers with an epsilon."""
    for path, content in zip(("one.onnx", "other.onnx"), versions(name), strict=True):
        save(folder / path, content)
    found = compare("one.onnx", "other.onnx", (0, 1), seconds=6)
    assert found.verdict == VERSIONS[name]
    if found.verdict == "equivalent":
        assert found.method in ("quotient", "same bytes")
        assert bound("one.onnx", "other.onnx", (0, 1), seconds=6).most == 0
        return
    ours, theirs = exactlump.read("one.onnx"), exactlump.read("other.onnx")
    assert max(differences(ours, theirs, found.input)) == tools.as_fraction(found.gap) > 0
    assert found.bound.verdict == "within"
    most = found.bound.most
    assert found.gap <= most
    for x in tools.points(*tools.box(*[(0, 1)] * 3), seeded(1), 40):
        assert max(differences(ours, theirs, x)) <= tools.as_fraction(most)
    room = most * 2  # a bound that is met just so is found again by nobody
    near = compare("one.onnx", "other.onnx", (0, 1), epsilon=room, seconds=6, certificate="shown.json")
    assert near.verdict == "within"
    assert check.check("one.onnx", "other.onnx", "shown.json").verdict == "within"
    far = compare("one.onnx", "other.onnx", (0, 1), epsilon=found.gap / 2, seconds=6, certificate="far.json")
    assert far.verdict == "different"
    assert check.check("one.onnx", "other.onnx", "far.json").verdict == "different"


def test_networks_that_differ_nowhere_in_the_box_are_near():
    """A kink outside of the box: no input shows a difference, and what is shown is 0."""
    ours = Network.chain([[[1]], [[1]]], [[0], [0]])
    theirs = Network.chain([[[1], [1]], [[1, 1]]], [[0, -2], [0]])
    found = compare(ours, theirs, (0, 1), seconds=8)
    assert found.verdict in ("equivalent", "within")
    assert found.input is None
    assert compare(ours, theirs, (0, 3), seconds=8).verdict == "different"
    assert bound(ours, theirs, (0, 1)).most == 0


def test_what_is_found_elsewhere_is_not_said_of_the_domain():
    ours = Network.chain([[[1]], [[1]]], [[0], [0]])
    theirs = Network.chain([[[1], [1]], [[1, 1]]], [[0, -2], [0]])
    found = compare(ours, theirs, boxes=[(0, 1), (1, 2)], seconds=8)
    assert (found.verdict, found.input) == ("within", None)
    assert found.finding.verdict == "different"
    assert found.json()["largest_difference"] is None


def test_functions_without_exact_values_have_bounds():
    ours = relu_chain(([["1", "1"]], ["0"]), ([["1"]], ["0"]), functions=[Activation("sigmoid")])
    theirs = relu_chain(([["1", "1"]], ["0"]), ([["9/8"]], ["0"]), functions=[Activation("sigmoid")])
    found = compare(ours, theirs, (0, 1), epsilon="1/8", seconds=8)
    assert (found.verdict, found.finding.verdict, found.method) == ("within", "different", "bound")


def test_decisions_of_functions_without_exact_values():
    functions = [Activation("sigmoid")]
    ours = relu_chain(([["1"], ["-1"]], ["1", "1"]), ([["1", "0"], ["0", "1"]], ["0", "0"]), functions=functions)
    theirs = relu_chain(([["1"], ["-1"]], ["1", "1"]), ([["17/16", "0"], ["0", "1"]], ["0", "0"]), functions=functions)
    found = bound(ours, theirs, ("1/2", 1), argmax=True, seconds=8)
    assert (found.verdict, found.index) == ("within", 0)
    assert found.notes == ()
    found = bound(ours, theirs, (0, 1), argmax=True, inputs=[[1], [0]], seconds=8)
    assert (found.verdict, found.alike.certified, found.alike.flipped) == ("within", (0,), ())


@pytest.mark.parametrize("turned", [False, True])
def test_split_units_may_stand_on_either_side(turned, folder):
    ours = chain(seeded(30), 2, 4, 3, 1)
    theirs = split(ours)
    formats.write(ours, "plain.json")
    formats.write(theirs, "split.json")
    pair = ("split.json", "plain.json") if turned else ("plain.json", "split.json")
    found = bound(*pair, (-1, 1), certificate="c.json")
    assert (found.verdict, found.most, found.swapped) == ("within", 0, turned)
    assert check.check("plain.json", "split.json", "c.json").verdict == "within"


def test_a_network_and_its_own_reduction_differ_by_nothing(folder):
    weights = [[[1, 2], [2, 4], [1, 0]], [[1, 1, 1]]]
    ours = Network.chain(weights, [[0, 0, "1/3"], [0]])
    reduced = exactlump.reduce(ours).reduced
    for pair in ((ours, reduced), (reduced, ours)):
        assert bound(*pair, (-1, 1)).most == 0


@pytest.mark.parametrize("turned", [False, True])
def test_networks_of_other_widths_are_searched_in_floats(turned):
    """Two units of the last hidden layer are gone: the slots of one network are fewer than those of the other."""
    rng = seeded(350)
    theirs = chain(rng, 2, 4, 6, 2)
    kept = [2, 0, 3, 5]

    def pruned(layer, rows, bias, columns):
        if layer == 1:
            return [rows[u] for u in kept], [bias[u] for u in kept], columns
        if layer == 2:
            return [{n: row[u] for n, u in enumerate(kept) if u in row} for row in rows], bias, 4
        return rows, bias, columns

    ours = edited(theirs, pruned)
    pair = (theirs, ours) if turned else (ours, theirs)
    found = bound(*pair, (-1, 1), seconds=3)
    assert (found.verdict, found.checked[:8]) == ("within", "within: ")
    for x in tools.points(*tools.box((-1, 1), (-1, 1)), rng, 60):
        assert max(differences(ours, theirs, x)) <= tools.as_fraction(found.most)


# Machines


def test_float32_is_bounded_for_files_of_float32(folder):
    layers = ([[1, 2], [2, -1]], [0.5, 0]), ([[1, 1]], [0])
    save(folder / "a.onnx", dense_model(*layers))
    save(folder / "b.onnx", dense_model(layers[0], ([[1, 1.25]], [0])))
    reals = bound("a.onnx", "b.onnx", (0, 1))
    found = bound("a.onnx", "b.onnx", (0, 1), rounding="float32", certificate="c.json")
    assert found.verdict == reals.verdict == "within"
    assert reals.most < found.most < reals.most + rational("1/1000")
    assert json.loads(Path("c.json").read_text(encoding="utf-8"))["claim"]["arithmetic"] == "float32"
    assert check.check("a.onnx", "b.onnx", "c.json").verdict == "within"
    wide = bound("a.json", "b.json", (0, 1), rounding="float32")
    assert wide.verdict == "unknown"
    assert "did not accept" in wide.notes[-1]


# Files


def test_nothing_is_written_over(folder, end):
    Path("taken.json").write_text("mine", encoding="utf-8")
    with pytest.raises(CannotWrite):
        bound("a.json", "b.json", (0, 1), certificate="taken.json")
    with pytest.raises(CannotWrite, match="another file"):
        bound("a.json", "b.json", (0, 1), certificate="a.json", overwrite=True)
    np.save("x.npy", [1.0, 1.0])
    with pytest.raises(CannotWrite, match="another file"):
        bound("a.json", "b.json", around="x.npy", radius=1, certificate="x.npy", overwrite=True)
    assert Path("taken.json").read_text(encoding="utf-8") == "mine"
    before = Path("a.json").read_bytes()
    for verb in ("bound", "compare", "refute"):
        code, _, err = end(verb, "a.json", "b.json", "--box", "0", "1", "--save-input", "a.json", "--force")
        assert (code, "another file" in err) == (2, True)
    assert Path("a.json").read_bytes() == before
    bound("a.json", "b.json", (0, 1), certificate="taken.json", overwrite=True)
    assert check.check("a.json", "b.json", "taken.json").verdict == "within"


def test_what_is_found_can_be_looked_at_and_saved(folder):
    found = bound(ONE, OTHER, (0, 1))
    assert found.x.tolist() == [1.0, 1.0]
    assert (found.ya.tolist(), found.yb.tolist()) == ([4.0, 2.0], [6.0, 2.0])
    found.save("x.npy")
    assert np.load("x.npy").tolist() == [1.0, 1.0]
    same = bound(ONE, ONE, (0, 1))
    with pytest.raises(CannotWrite, match="found no input to save"):
        same.save("y.npy")
    assert (same.verdict, same.most, repr(same)) == ("within", 0, "within on box [0, 1], at most 0, found 0")
    assert repr(compare(ONE, OTHER)) == "different: different on all reals (points), by 1"


# What `refute` looks at


def test_given_inputs_are_looked_at_first(folder, end):
    np.save("data.npy", np.array([[0.0, 0.0], [0.5, 0.25], [1.0, 1.0]]))
    code, out, err = end("refute", "a.json", "b.json", "--inputs", "data.npy")
    assert (code, out.split(";")[0]) == (1, "different: the outputs differ at this input by 3/4")
    assert "(given inputs)" in out
    assert "input: x[0] = 1/2, x[1] = 1/4" in err
    found = exactlump.refute(ONE, OTHER, box=(0, 1), inputs=[[2, 2]])
    assert found.method != "given inputs", "it is not in the box"


def test_around_an_input_is_a_box(folder, end):
    np.save("x.npy", np.array([0.5, 0.5]))
    code, out, err = end("refute", "a.json", "b.json", "--around", "x.npy", "--radius", "0", "--clip", "0", "1")
    assert (code, out.split(";")[0]) == (1, "different: the outputs differ at this input by 1")
    assert "domain: radius 0 around x.npy, within [0, 1]" in err
    with pytest.raises(FormatError, match="around: found 2 inputs, expected one"):
        exactlump.refute(ONE, OTHER, around=[[0, 0], [1, 1]], radius=1)
    with pytest.raises(FormatError, match="radius and clip: found no input"):
        exactlump.refute(ONE, OTHER, radius=1)
    with pytest.raises(FormatError, match="box, vnnlib and around: found several"):
        exactlump.refute(ONE, OTHER, box=(0, 1), around=[0, 0], radius=1)


def test_the_largest_difference_is_climbed_to():
    """The first input that is found is not the one with the largest difference; the latter is."""
    rng = seeded(330)
    ours = chain(rng, 3, 6, 5, 2)
    theirs = tools.jittered(ours, rng, Fraction(1, 8))
    first = exactlump.refute(ours, theirs, box=(-1, 1))
    found = exactlump.refute(ours, theirs, box=(-1, 1), maximize=True, seconds=10)
    assert found.gap > first.gap
    assert found.method == "ascent"
    assert all(-1 <= x <= 1 for x in found.input)
    at = tools.as_fraction(found.gap)
    assert max(differences(ours, theirs, found.input)) == at
    for x in tools.points(*tools.box(*[(-1, 1)] * 3), rng, 200):
        assert max(differences(ours, theirs, x)) <= at
    with pytest.raises(FormatError, match="maximize: found all reals"):
        exactlump.refute(ours, theirs, maximize=True)
    with pytest.raises(FormatError, match="maximize and argmax"):
        exactlump.refute(ours, theirs, maximize=True, argmax=True)
    assert exactlump.refute(ours, ours, box=(0, 1), maximize=True).verdict == "equivalent"


def test_inputs_are_seen_as_images(folder):
    pillow = pytest.importorskip("PIL.Image")
    axes = ("channel", "row", "column")
    grey = Input("x", (1, 2, 3), axes)
    x = tuple(map(rational, ("0", "1/2", "1", "1", "0", "1/4")))
    Path("x.png").write_bytes(counterexample(Path("x.png"), x, ((), ()), [grey]))
    assert np.asarray(pillow.open("x.png")).tolist() == [[0, 128, 255], [255, 0, 64]]
    coloured = Input("x", (3, 1, 2), axes)
    Path("y.png").write_bytes(counterexample(Path("y.png"), x, ((), ()), [coloured]))
    assert np.asarray(pillow.open("y.png")).tolist() == [[[0, 255, 0], [128, 255, 64]]]
    with pytest.raises(CannotWrite, match=r"found an input of shape \[6\], expected an image"):
        counterexample(Path("z.png"), x, ((), ()), [Input("x", (6,))])
    with pytest.raises(CannotWrite, match=r"expected .npy, .json or .png"):
        counterexample(Path("z.gif"), x, ((), ()), [grey])
