# SPDX-License-Identifier: Apache-2.0
"""This file is about the start of the program: what it imports before it is needed, and Ctrl-C however early."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exactlump.verbs.reducing import reduce_file
from tests.tools import dense_model, save

ROOT = Path(__file__).parents[2]
HEAVY = {"cvc5", "flint", "numpy", "onnx", "onnxruntime", "rich", "sympy", "torch", "z3"}
# Runs the program, and says at the end which of these packages it has imported.
SEEN = f"""
import atexit, sys
atexit.register(lambda: print(*(name for name in {sorted(HEAVY)} if name in sys.modules), file=sys.stderr))
from exactlump.cli import run
run()
"""


def program(code, *arguments, **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def triple(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    path = save(folder / "a.onnx", dense_model(([[1, 2], [2, 4]], [1, 2]), ([[1, 1]], [0])))
    done = reduce_file(path, folder / "b.json")
    (folder / "c.nnet").write_text("1,1,1,1,\n1,1,\n0\n-100,\n100,\n0,0,\n1,1,\n1,\n0,\n")
    return path, done.reduced, done.certificate


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("help", set()),
        ("version", set()),
        ("wrong usage", set()),
        ("check", set()),
        ("check json", set()),
        ("inspect json", {"flint"}),
        ("inspect json as json", {"flint"}),
        ("inspect nnet", {"flint"}),
        ("inspect onnx", {"flint", "numpy", "onnx"}),
    ],
)
def test_packages_are_imported_when_they_are_used(case, expected, triple):
    """Times are not for tests; what takes them is."""
    arguments = {
        "help": ["--help"],
        "version": ["--version"],
        "wrong usage": ["--frob", "--json"],
        "check": ["check", *triple],
        "check json": ["check", *triple, "--json"],
        "inspect json": ["inspect", triple[1]],
        "inspect json as json": ["inspect", triple[1], "--json"],
        "inspect nnet": ["inspect", triple[0].with_name("c.nnet")],
        "inspect onnx": ["inspect", triple[0]],
    }
    done = program(SEEN, *arguments[case])
    assert done.returncode == (2 if case == "wrong usage" else 0), done.stderr
    assert set(done.stderr.splitlines()[-1].split()) == expected


# Ctrl-C

# Presses Ctrl-C when a module is imported, or, without one, when the verb is done with its work.
PRESSED = """
import os, signal, sys
moment = sys.argv.pop(1)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from exactlump.cli import run
run()
"""
MOMENTS = ("exactlump.cli.main", "click", "exactlump.cli.terminal", "exactlump.cli.inspect", "flint")


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interruption_is_one_line_however_early(moment, as_json, triple):
    arguments = ["inspect", triple[1], *["--json"] * as_json]
    done = program(PRESSED, moment, *arguments)
    assert (done.returncode, done.stderr) == (3, "exactlump: interrupted\n")
    if as_json:
        assert json.loads(done.stdout)["error"] == {"message": "interrupted", "exit_code": 3}
    else:
        assert done.stdout == ""


def test_an_interruption_while_one_is_told_changes_nothing(triple):
    """A second Ctrl-C, when the first has been heard."""
    code = PRESSED.replace("from exactlump.cli import run", TWICE + "from exactlump.cli import run")
    done = program(code, "flint", "inspect", triple[1])
    assert (done.returncode, done.stderr) == (3, "exactlump: interrupted\n")


TWICE = """
import builtins
said = builtins.print
def again(*words, **options):
    os.kill(os.getpid(), signal.SIGINT)
    said(*words, **options)
builtins.print = again
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signals_to_a_run_that_works(name, tmp_path):
    """The demonstration is interrupted after its first line; no folder of ours is left."""
    command = [sys.executable, "-m", "exactlump", "demo", "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline().startswith("digits_l1: ")
        child.send_signal(getattr(signal, name))
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (3, "exactlump: interrupted\n")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interruption_of_a_whole_group_is_one_line(jobs, triple, tmp_path):
    """As a terminal sends it: to the workers, too."""
    wide = [[i % 7 + 1, i % 5 + 1] for i in range(300)]
    path = save(tmp_path / "a.onnx", dense_model((wide, [1] * 300), ([[1] * 300], [0])))
    done = reduce_file(path, tmp_path / "b.json")
    command = [sys.executable, "-m", "exactlump", "prove", path, done.reduced, done.certificate, "--jobs", jobs]
    command += ["--evidence", tmp_path / "evidence"]
    child = subprocess.Popen(
        [*map(str, command)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while child.poll() is None and not (tmp_path / "evidence").exists():
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode in (0, 3)
    if child.returncode == 3:
        assert (out, err) == ("", "exactlump: interrupted\n")
