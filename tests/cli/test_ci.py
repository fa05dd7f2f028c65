# SPDX-License-Identifier: Apache-2.0
"""This file is about the pipelines of users: exit codes that fail a build, and assertions in their own tests."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exactlump import FormatError, Network, reduce_file, write
from exactlump.testing import assert_equivalent, assert_within
from tests.cli.test_cli import run, twins  # noqa: F401  # a fixture
from tests.tools import save

ROOT = Path(__file__).parents[2]
SAME = Network.chain([[[1, 2], [2, 4]], [[1, 1]]])
OTHER = Network.chain([[[1, 2], [2, 4]], [[1, 2]]])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_build_fails_where_nothing_got_smaller(run, tmp_path):  # noqa: F811
    save(tmp_path / "in.onnx", twins())
    for options in ((), ("--json",)):
        first = run("reduce", "in.onnx", "small.onnx", "--fail-if-unchanged", "--force", *options)
        again = run("reduce", "small.onnx", "smaller.onnx", "--fail-if-unchanged", "--force", *options)
        assert (first.code, again.code) == (0, 1)
        assert "equivalent" in again.out
    assert run("reduce", "small.onnx", "smaller.onnx", "--force").code == 0


def test_a_build_fails_on_the_verdicts_that_it_names(run):  # noqa: F811
    write(SAME, "a.json")
    write(OTHER, "b.json")
    assert [run("refute", "a.json", "b.json", *o).code for o in ((), ("--fail-on", "different"))] == [1, 1]
    assert run("refute", "a.json", "b.json", "--fail-on", "unknown").code == 0
    assert run("refute", "a.json", "a.json", "--fail-on", "different", "--fail-on", "unknown").code == 0
    assert run("refute", "a.json", "b.json", "--fail-on", "equivalent").code == 2


def test_assert_equivalent_passes_on_networks_and_files(tmp_path):
    write(SAME, "a.json")
    reduce_file("a.json", "small.json")
    assert assert_equivalent("a.json", "small.json").verdict == "equivalent"
    assert assert_equivalent(SAME, "small.json", box=(0, 1)).verdict == "equivalent"


def test_assert_equivalent_fails_with_an_input():
    with pytest.raises(AssertionError, match=r"different: outputs differ by \S+ at .*x\[\d\] = .*more elsewhere"):
        assert_equivalent(SAME, OTHER)
    two = [Network.chain([[[1], [2]], [[1, 0], [0, w]]]) for w in (1, "1/4")]
    with pytest.raises(AssertionError, match=r"different: a decides 1, b decides 0 at"):
        assert_equivalent(*two, box=(0, 1), argmax=True)


def test_assert_equivalent_fails_where_nothing_was_decided(monkeypatch):
    from exactlump.refutation.refute import Finding
    from exactlump.verbs import refuting

    undecided = Finding("unknown", "none", tried=("points",))
    monkeypatch.setattr(refuting, "searched", lambda *_: undecided)
    with pytest.raises(AssertionError, match=r"unknown: nothing was decided on .* points"):
        assert_equivalent(SAME, OTHER)


def test_compare_fails_on_the_verdicts_that_it_names(run, tmp_path):  # noqa: F811
    write(SAME, "a.json")
    write(OTHER, "b.json")
    asked = ("compare", "a.json", "b.json")
    assert [run(*asked, *o).code for o in ((), ("--fail-on", "different"), ("--fail-on", "unknown"))] == [1, 1, 0]
    for name, network in (("one", SAME), ("two", OTHER)):
        (tmp_path / name).mkdir()
        write(SAME, f"{name}/same.json")
        write(network, f"{name}/other.json")
    assert [run("compare", "one", "two", "--fail-on", word).code for word in ("different", "unknown")] == [1, 0]
    write(SAME, "one/alone.json")
    assert [run("compare", "one", "two", "--fail-on", word).code for word in ("different", "unknown")] == [1, 1]
    Path("two/other.json").unlink()
    assert run("compare", "one", "two", "--fail-on", "different").code == 3


def near(weight):
    return Network.chain([[[1, 1]], [[weight]]])


def test_assert_within_passes_on_what_the_checker_confirmed(tmp_path):
    found = assert_within(near(1), near("5/4"), (0, 1), "1/2")
    assert (found.verdict, found.checked != "") == ("within", True)
    write(near(1), "a.json")
    write(near("5/4"), "b.json")
    assert assert_within("a.json", "b.json", ([0, 0], [1, 2]), epsilon="3/4").verdict == "within"
    assert assert_within("a.json", "b.json", (0, 1), "1/2", metric="l1").verdict == "within"


def test_assert_within_fails_with_an_input_by_which_outputs_differ_more():
    with pytest.raises(AssertionError, match=r"^different: outputs differ by 1/2 at x\[0\] = 1, x\[1\] = 1; more else"):
        assert_within(near(1), near("5/4"), (0, 1), "49/100")
    with pytest.raises(FormatError):
        assert_within(near(1), near("5/4"), None, 1)


def test_assert_within_fails_with_both_numbers_where_nothing_was_shown(monkeypatch):
    from exactlump.verbs import boundwork

    monkeypatch.setattr(boundwork.Work, "judge", lambda *_: False)
    with pytest.raises(AssertionError, match=r"^unknown: at least 1/2, at most \d\S*, not checked, on box \[0, 1\]"):
        assert_within(near(1), near("5/4"), (0, 1), "1/2")


PAGE = """
from exactlump import Network

ONE, SAME, OTHER = (Network.chain([[[a]], [[b]]]) for a, b in ((1, 2), (2, 1), (2, 3)))

def test_passes(assert_equivalent):
    assert_equivalent(ONE, SAME)

def test_fails(assert_equivalent):
    assert_equivalent(ONE, OTHER)

def test_is_near(assert_within):
    assert_within(ONE, OTHER, (0, 1), 4)

def test_is_not_so_near(assert_within):
    assert_within(ONE, OTHER, (0, 1), "7/2")
"""


def test_the_plugin_gives_fixtures(tmp_path):
    (tmp_path / "test_theirs.py").write_text(PAGE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "exactlump.pytest_plugin", "-p", "no:cacheprovider"]
    environment = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "2 failed, 2 passed" in done.stdout
    assert done.stdout.count("different: outputs differ by 4 at x[0] = 1") >= 2


# The recipes of the page, as they stand there


def recipe(title):
    """The first block below a heading of docs/ci.md."""
    words = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^## {title}$.*?^```\w+\n(.*?)^```$", words, re.M | re.S)
    return found


@pytest.fixture
def shell(tmp_path):
    """Run a command in a shell that knows `exactlump` and `python3`: its exit code, and all that it said."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, command in (("exactlump", f"{sys.executable} -m exactlump"), ("python3", sys.executable)):
        (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (programs / name).chmod(0o755)
    names = ("PATH", "LANG", "HOME")
    environment = {**{name: os.environ[name] for name in names if name in os.environ}, "PYTHONPATH": str(ROOT)}
    environment |= {"PATH": f"{programs}:{environment['PATH']}", "GIT_CONFIG_GLOBAL": os.devnull}

    def call(command):
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return call


@pytest.mark.skipif(shutil.which("make") is None, reason="make: not installed")
def test_the_makefile_reduces_what_is_new_and_fails_where_a_certificate_does_not_hold(shell, tmp_path):
    (tmp_path / "Makefile").write_text("MODELS = a.onnx b.onnx\n\n" + recipe("A Makefile"))
    shutil.copy(ROOT / "exactlump" / "check.py", tmp_path)
    for name in ("a.onnx", "b.onnx"):
        save(tmp_path / name, twins())
    code, said = shell("make check")
    assert code == 0, said
    assert said.count("equivalent: over the reals") == 2
    assert (tmp_path / "b.small.onnx.cert.json").exists()
    code, said = shell("make check")
    assert (code, said.count("exactlump reduce")) == (0, 0), said
    spoiled = tmp_path / "a.small.onnx"
    spoiled.write_bytes((tmp_path / "b.onnx").read_bytes())
    code, said = shell("make check")
    assert code != 0
    assert "rejected: " in said


@pytest.mark.skipif(shutil.which("git") is None, reason="git: not installed")
def test_the_hook_lets_no_false_certificate_be_committed(shell, tmp_path):
    (tmp_path / "models").mkdir()
    save(tmp_path / "models" / "original.onnx", twins())
    shutil.copy(ROOT / "exactlump" / "check.py", tmp_path)
    code, said = shell("git init -q . && git config user.email a@b.c && git config user.name A")
    assert code == 0, said
    hook = tmp_path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(recipe("Before a commit"))
    hook.chmod(0o755)
    reduce_file("models/original.onnx", "models/small.onnx")
    code, said = shell("git add models check.py && git commit -q -m one")
    assert code == 0, said
    certificate = tmp_path / "models" / "small.onnx.cert.json"
    words = certificate.read_text()
    certificate.write_text(words.replace('"2"', '"3"'))
    assert certificate.read_text() != words
    code, said = shell("git commit -q -a -m two")
    assert code != 0
    assert "rejected: " in said
    assert shell("git log --oneline | wc -l")[1].strip() == "1"
