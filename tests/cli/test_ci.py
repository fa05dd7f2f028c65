# SPDX-License-Identifier: Apache-2.0
"""This file is about the pipelines of users: exit codes that fail a build, and assertions in their own tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from exactlump import Network, reduce_file, write
from exactlump.testing import assert_equivalent
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
    monkeypatch.setattr(refuting.search, "refute", lambda *_: undecided)
    with pytest.raises(AssertionError, match=r"unknown: nothing was decided on .* points"):
        assert_equivalent(SAME, OTHER)


PAGE = """
from exactlump import Network

def test_passes(assert_equivalent):
    assert_equivalent(Network.chain([[[1]], [[2]]]), Network.chain([[[2]], [[1]]]))

def test_fails(assert_equivalent):
    assert_equivalent(Network.chain([[[1]], [[2]]]), Network.chain([[[2]], [[3]]]))
"""


def test_the_plugin_gives_a_fixture(tmp_path):
    (tmp_path / "test_theirs.py").write_text(PAGE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "exactlump.pytest_plugin", "-p", "no:cacheprovider"]
    environment = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in done.stdout
    assert "different: outputs differ by" in done.stdout
