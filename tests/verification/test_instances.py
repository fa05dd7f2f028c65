# SPDX-License-Identifier: Apache-2.0
"""This file is about the files for the database of solvers and for the competition: instances run, lines written."""

import csv
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

import exactlump
from tests import verify_tools as tools
from tests.verify_tools import ONE, SAME, TWO

FOLDER = Path(__file__).parents[2] / "integration" / "vnnlib"


@pytest.fixture
def runner():
    """The module that runs instances."""
    spec = importlib.util.spec_from_file_location("run_instances", FOLDER / "run_instances.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_instances_of_one_network_and_of_two(runner, tmp_path, monkeypatch, capsys):
    (tmp_path / "one").mkdir()
    tools.files(tmp_path / "one", ONE + "(assert (>= Y_0 1.5))", N=tools.f())
    tools.files(tmp_path, TWO + SAME + "(assert (> V[0,0] (+ Y[0,0] 0.04)))", f=tools.f(), g=tools.g())
    lines = (
        "one/N.json,./one/query.vnnlib,60\n"
        "\"[('f', 'f.json'), ('g', 'g.json')]\",query.vnnlib,60\n"
        "none.json,one/query.vnnlib,60\n"
        "one/N.json,one/query.vnnlib,60\n"
    )
    (tmp_path / "instances.csv").write_text(lines)
    arguments = ["run", str(tmp_path / "instances.csv"), "--out", str(tmp_path / "out.csv"), "--first", "3"]
    monkeypatch.setattr("sys.argv", [*arguments, "--assignments", str(tmp_path / "found")])
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1]))
    runner.main()
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = [*csv.reader(file)]
    assert [row[:3] for row in rows] == [
        ["N=N.json", "query.vnnlib", "sat"],
        ["f=f.json;g=g.json", "query.vnnlib", "unsat"],
        ["N=none.json", "query.vnnlib", "error"],
    ]
    assert "none.json" in capsys.readouterr().err
    assert (tmp_path / "found" / "0.txt").read_text().startswith("X real [2]\n")
    assert not (tmp_path / "found" / "1.txt").exists()


def test_lines_of_another_form(runner, tmp_path):
    (tmp_path / "instances.csv").write_text("a.onnx,b.vnnlib\n")
    with pytest.raises(ValueError, match="line 1: found 2 fields"):
        list(runner.instances(tmp_path / "instances.csv"))


def test_what_the_database_demands():
    script = (FOLDER / "install.sh").read_text(encoding="utf-8")
    assert script.splitlines()[0] == "#!/usr/bin/env bash"
    assert "\r" not in script
    assert re.search(r"^version=(.*)$", script, re.M)[1] == exactlump.__version__
    assert (FOLDER / "install.sh").stat().st_mode & 0o111 == 0o111
    description = tomllib.loads((FOLDER / "solver.toml").read_text(encoding="utf-8"))
    assert {"name", "url", "license"} <= description.keys()
    assert "withdrawn" not in description
