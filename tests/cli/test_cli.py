# SPDX-License-Identifier: Apache-2.0
"""This file is about the command line from outside: words, exit codes, JSON, errors of one line, files left whole."""

import errno
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import exactlump
from exactlump import formats
from exactlump.cli.main import VERBS, cli, main
from exactlump.errors import ExactlumpError, UnsupportedLayer
from exactlump.extraction.verified import Program
from exactlump.formats import files
from exactlump.verbs import demonstrating, reducing, staging
from exactlump.verdicts import SCOPE
from tests.formats.test_formats_bad_input import GOOD, JSON, NNET, ONNX, document
from tests.lumping.test_pieces import widened
from tests.oracle import difference
from tests.strategies import relu_chain
from tests.tools import dense_model, model, node, port, save

ROOT = Path(__file__).parents[2]
CHECKER = Path(exactlump.__file__).with_name("check.py")
SUFFIXES = (".onnx", ".onnx.gz", ".nnet", ".json")
VARIABLES = ("COLUMNS", "EXACTLUMP_DEBUG", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


class Run(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch, tmp_path):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    """The command line in this process."""

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return Run(end.value.code, *capsys.readouterr())

    return call


def start(*arguments, cwd=None, python=(), program=("-m", "exactlump"), **environment):
    """The command line in a process of its own."""
    command = [sys.executable, *python, *program, *map(str, arguments)]
    own = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
    )


def process(*arguments, **options):
    with start(*arguments, **options) as child:
        out, err = child.communicate(timeout=60)
    return Run(child.returncode, out, err)


def bare(*arguments):
    """The checker alone."""
    return process(*arguments, program=(CHECKER,), python=("-I",))


def refused(done, code, *words):
    """One line that has the words, and the exit code: on stdout where it is a verdict, else on stderr."""
    assert done.code == code, done
    said, silent = (done.out, done.err) if code == 4 else (done.err, done.out)
    assert said.startswith("unsupported: " if code == 4 else "exactlump: ")
    assert said.count("\n") == 1
    assert said.endswith("\n")
    assert said[:-1].isprintable()
    assert "internal error" not in said
    for word in words:
        assert str(word) in said
    assert silent == ""
    return done


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def twins(name="r", dtype="float32"):
    """A model x -> two proportional ReLUs -> y."""
    nodes = [
        helper.make_node("Gemm", ["x", "W", "b"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], [name]),
        helper.make_node("Gemm", [name, "V"], ["y"], transB=1),
    ]
    constants = {"W": [[1.0, 2.0], [2.0, 4.0]], "b": [1.0, 2.0], "V": [[1.0, 1.0]]}
    return model(nodes, {"x": [1, 2]}, {"y": [1, 1]}, constants, dtype=dtype)


@pytest.fixture
def small(tmp_path):
    """A file with two proportional neurons, which become one."""
    return save(tmp_path / "in.onnx", twins())


@pytest.fixture(scope="module")
def triple(tmp_path_factory):
    """Original, reduced and certificate, as `reduce` leaves them."""
    folder = tmp_path_factory.mktemp("triple")
    found = reducing.reduce_file(save(folder / "in.onnx", twins()), folder / "out.onnx")
    return folder / "in.onnx", found.reduced, found.certificate


# The program


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option, run):
    assert run(option) == (0, f"{exactlump.__version__}\n", "")


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("verb", [None, "reduce", "check", "inspect", "demo", "export"])
def test_help(verb, option, run):
    done = run(option) if verb is None else run(verb, option)
    assert (done.code, done.err) == (0, "")
    assert "sage:" in done.out
    if verb not in (None, "check"):
        assert "5 a bug of ours" in " ".join(done.out.split())
    if verb is None:
        assert all(f"  {name}  " in done.out for name in ("check", "demo", "inspect", "reduce"))


@pytest.mark.parametrize("verb", VERBS)
def test_what_verbs_and_options_are_for_is_said_whole(verb, run, monkeypatch):
    """In a narrow terminal, too."""
    monkeypatch.setenv("COLUMNS", "60")
    words = " ".join(run("--help").out.split())
    assert VERBS[verb][1] in words
    assert "..." not in words.replace("[ARGS]...", "")
    command = cli.get_command(None, verb)
    assert command.help
    assert [option.name for option in command.params if option.param_type_name == "option" and not option.help] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_verbs(shell):
    done = process(_EXACTLUMP_COMPLETE=f"{shell}_source", COMP_WORDS="exactlump re", COMP_CWORD="1")
    assert (done.code, done.err) == (0, "")
    assert "exactlump" in done.out
    asked = process(
        _EXACTLUMP_COMPLETE=f"{shell}_complete", COMP_WORDS="exactlump re", COMP_CWORD="re" if shell == "fish" else "1"
    )
    assert all(verb in asked.out for verb in ("reduce", "refute", "relax", "report"))
    assert "inspect" not in asked.out


def test_no_arguments_show_the_help_and_are_wrong_usage(run):
    done = run()
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: ")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["shrink"], "'shrink'"),
        (["--frob"], "--frob"),
        (["reduce"], "'IN'"),
        (["reduce", "a.onnx"], "'OUT'"),
        (["reduce", "a.onnx", "b.onnx", "c.onnx"], "c.onnx"),
        (["reduce", "a.onnx", "b.onnx", "--frob"], "--frob"),
        (["reduce", "a.onnx", "b.onnx", "--certificate"], "--certificate"),
        (["reduce", "a.onnx", "b.onnx", "--engine", "magic"], "'magic'"),
        (["reduce", "a.onnx", "b.onnx", "--weights", "float8"], "'float8'"),
        (["reduce", "a.onnx", "b.onnx", "--max-unpacked", "0"], "--max-unpacked"),
        (["reduce", "a.onnx", "b.onnx", "--max-unpacked", "much"], "--max-unpacked"),
        (["inspect"], "'IN'"),
        (["inspect", "a.onnx", "b.onnx"], "b.onnx"),
        (["demo", "out"], "out"),
        *(
            ([verb, *"abc"[:files], "--timeout", seconds], "--timeout")
            for verb, files in (("prove", 3), ("refute", 2), ("bound", 2), ("relax", 1))
            for seconds in ("nan", "inf", "-inf", "-1", "0", "1e9", "1e308", "1e999", "x")
        ),
        (["prove", "a", "b", "c", "--memory", "99999999999999"], "--memory"),
        (["prove", "a", "b", "c", "--jobs", "99999999999999"], "--jobs"),
        (["export", "a.onnx", "b.onnx", "c.json"], "--output"),
        (["check", "--verified", "a.onnx"], "REDUCED"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line(arguments, word, run, tmp_path):
    refused(run(*arguments), 2, word, "-h shows help")
    assert names(tmp_path) == []


@pytest.mark.parametrize("arguments", [[], ["a"], ["a", "b"], ["a", "b", "c", "d"], ["a", "b", "c", "--frob"]], ids=str)
def test_wrong_usage_of_check(arguments, run):
    done = run("check", *arguments)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_the_program_as_a_process(small, tmp_path):
    done = process("reduce", "in.onnx", "out.onnx", cwd=tmp_path)
    assert (done.code, done.out) == (0, f"equivalent: 2 -> 1 hidden neurons, {SCOPE}\n")
    assert done.err.splitlines()[-1] == "out.onnx (float32), certificate out.onnx.cert.json"
    assert "\x1b" not in done.err
    assert process("check", "in.onnx", "out.onnx", "out.onnx.cert.json", cwd=tmp_path).code == 0
    refused(process("inspect", "missing.onnx", cwd=tmp_path), 2, "missing.onnx: cannot be read: No such file")


def test_heavy_packages_are_not_loaded_before_they_are_needed():
    code = (
        "import sys; from exactlump.cli.main import main\n"
        "try: main(['--version'])\n"
        "finally: print(sorted({'onnx', 'z3', 'cvc5', 'onnxruntime', 'torch', 'sklearn'} & set(sys.modules)))"
    )
    assert process(program=("-c", code)).out.splitlines()[1] == "[]"


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="needs pipes that signal")
def test_a_reader_that_leaves_is_no_verdict(triple):
    """Exit code 1 would mean `rejected`."""
    command = [sys.executable, "-m", "exactlump", "check", *map(str, triple)]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == -signal.SIGPIPE
    assert done.stderr == ""


# reduce: what it says


def test_reduce_says_the_verdict_first_and_the_rest_on_stderr(small, run, tmp_path):
    done = run("reduce", "in.onnx", "out.onnx")
    assert (done.code, done.out) == (0, f"equivalent: 2 -> 1 hidden neurons, {SCOPE}\n")
    assert "why nothing more was removed" in done.err
    assert "1 observable neuron" in done.err
    assert "out.onnx (float32), certificate out.onnx.cert.json" in done.err
    assert "\x1b" not in done.err
    assert names(tmp_path) == ["in.onnx", "out.onnx", "out.onnx.cert.json"]
    assert difference(formats.read("in.onnx"), formats.read("out.onnx")) is None


def test_columns_that_are_all_zero_are_left_out(small, run):
    done = run("reduce", "in.onnx", "out.onnx")
    headings = next(line for line in done.err.splitlines() if "before" in line)
    assert headings.split()[:4] == ["layer", "before", "after", "merged"]
    assert "declined" not in headings


COUNTS = ("before", "after", "zero", "constant", "unobservable", "merged", "copies", "declined")


def one_object(done):
    """The one JSON object on stdout."""
    assert done.out.count("\n") == 1
    assert done.out.endswith("}\n")
    found = json.loads(done.out)
    assert isinstance(found, dict)
    return found


def test_json_of_reduce(run, tmp_path):
    formats.write(widened(5), "in.onnx")
    done = run("reduce", "in.onnx", "out.onnx", "--json")
    assert (done.code, done.err) == (0, "")
    found = one_object(done)
    original, reduced = formats.read("in.onnx"), formats.read("out.onnx")
    assert found["verdict"] == "equivalent"
    assert found["neurons"] == {"before": 5, "after": reduced.neurons}
    assert found["parameters"] == {"before": original.parameters, "after": reduced.parameters}
    assert found["nonzeros"] == {"before": original.nonzeros, "after": reduced.nonzeros}
    assert found["weights"] == "float32"
    assert found["certificate"] == "out.onnx.cert.json"
    assert type(found["seconds"]) is float
    assert 0 < found["seconds"] < 60
    (layer,) = found["layers"]
    assert all(type(layer[name]) is int for name in COUNTS)
    assert type(layer["name"]) is type(layer["why_not_more"]) is str
    assert layer["before"] == 5
    assert layer["merged"] == 4
    assert layer["copies"] in (1, 2)
    assert layer["after"] == reduced.neurons == 1 + layer["copies"]
    assert layer["declined"] == layer["zero"] == layer["constant"] == layer["unobservable"] == 0


def test_json_counts_every_kind_of_neuron(run):
    weight, bias = [[1, 0], [2, 0], [0, 0], [0, 0], [0, 1]], [0, 0, -1, 3, 0]
    formats.write(relu_chain((weight, bias), ([[1, 1, 1, 1, 0]], [0])), "in.json")
    (layer,) = one_object(run("reduce", "in.json", "out.json", "--json"))["layers"]
    assert {name: layer[name] for name in COUNTS} == {
        "before": 5,
        "after": 1,
        "zero": 1,
        "constant": 1,
        "unobservable": 1,
        "merged": 1,
        "copies": 0,
        "declined": 0,
    }


def test_layers_without_activation_are_counted(run):
    """Hidden layers count with or without an activation, inputs and outputs do not."""
    save(Path("in.onnx"), model(
        [node("Gemm", "x W", "h"), node("Gemm", "h V", "g"), node("Relu", "g", "r"), node("Gemm", "r U", "y")],
        {"x": [1, 3]},
        {"y": [1, 2]},
        {"W": np.ones((3, 4)), "V": np.eye(4), "U": np.ones((4, 2))},
    ))  # fmt: skip
    found = one_object(run("reduce", "in.onnx", "out.onnx", "--json"))
    assert found["neurons"]["before"] == 8
    assert [layer["before"] for layer in found["layers"]] == [4, 4]
    assert sum(layer["after"] for layer in found["layers"]) == found["neurons"]["after"]


def test_notes_of_the_reader_are_shown(run):
    save(Path("in.onnx"), dense_model(([[1, 2], [3, 4]], [5, 6]), ([[1, 1]], [0]), gemm=False))
    done = run("reduce", "in.onnx", "out.onnx")
    assert "note: " in done.err
    assert one_object(run("reduce", "in.onnx", "out.onnx", "--json"))["notes"]


@pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", "[bold", ":dog:", "a\\[b]", "名前", "a b"])
def test_names_are_printed_as_they_are(name, run):
    save(Path("in.onnx"), twins(name))
    for arguments in (("reduce", "in.onnx", "out.onnx"), ("inspect", "in.onnx")):
        done = run(*arguments)
        assert done.code == 0
        assert f"  {name}  " in done.out + done.err
    assert one_object(run("inspect", "in.onnx", "--json"))["layers"][0]["name"] == name


def test_names_cannot_move_the_cursor(run):
    save(Path("in.onnx"), twins("\x1b[31mred\nx"))
    for arguments in (("reduce", "in.onnx", "out.onnx"), ("inspect", "in.onnx")):
        done = run(*arguments)
        assert done.code == 0
        assert r"\x1b[31mred\nx" in done.out + done.err
        assert "\x1b" not in done.out + done.err
    refused(run("reduce", "in.onnx", "no\x1b[31m/out.onnx"), 2, r"no\x1b[31m")


@pytest.mark.parametrize("folder", ["with blank", "[red]", "ünï 文", "-dash", ":dog:"])
def test_paths_of_any_kind(folder, run, tmp_path):
    (tmp_path / folder).mkdir()
    source = save(tmp_path / folder / "in [bold]1.onnx", twins())
    target = tmp_path / folder / "out [x].onnx"
    done = run("reduce", source, target)
    assert done.code == 0
    assert f"{target} (float32), certificate {target}.cert.json\n" in done.err
    assert run("check", source, target, f"{target}.cert.json").code == 0
    assert str(source) in run("inspect", source).out


def test_names_that_the_output_cannot_encode(tmp_path):
    save(tmp_path / "ï.onnx", twins("名"))
    done = process("inspect", "ï.onnx", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.code == 0
    assert r"\xef.onnx: 2 hidden neurons" in done.out
    assert r"\u540d" in done.out


# reduce: what it writes


@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("source", SUFFIXES)
def test_from_each_format_to_each(source, target, run, tmp_path):
    network = relu_chain(([[1, 2], [2, 4]], [1, 2]), ([[1, 1]], [0]))
    formats.write(network, f"in{source}", dtype="float32" if "onnx" in source else None)
    found = one_object(run("reduce", f"in{source}", f"out{target}", "--json"))
    assert found["neurons"] == {"before": 2, "after": 1}
    expected = {".json": "exact", ".nnet": "decimal"}.get(target, "float32")
    assert found["weights"] == expected
    assert difference(network, formats.read(f"out{target}")) is None
    assert run("check", f"in{source}", f"out{target}", f"out{target}.cert.json").code == 0


@pytest.mark.parametrize(
    ("source", "target", "weights", "written"),
    [
        ("float32", ".onnx", "float32", "float32"),
        ("float32", ".onnx", "float64", "float64"),
        ("float64", ".onnx", "auto", "float64"),
        ("float64", ".onnx", "float32", "float32"),
        ("float16", ".onnx", "auto", "float16"),
        ("float32", ".json", "exact", "exact"),
    ],
)
def test_weights(source, target, weights, written, run):
    save(Path("in.onnx"), twins(dtype=source))
    found = one_object(run("reduce", "in.onnx", f"out{target}", "--weights", weights, "--json"))
    assert found["weights"] == written
    assert formats.read(f"out{target}").dtype == written


@pytest.mark.parametrize(
    ("target", "weights"),
    [(".onnx", "exact"), (".onnx.gz", "exact"), (".nnet", "exact"), (".nnet", "float32"), (".json", "float64")],
)
def test_weights_that_a_format_has_not(target, weights, small, run, tmp_path):
    done = run("reduce", "in.onnx", f"out{target}", "--weights", weights)
    refused(done, 2, f"out{target}: found --weights {weights}, expected ")
    assert names(tmp_path) == ["in.onnx"]


def test_what_would_be_rounded_is_refused(run, tmp_path):
    save(tmp_path / "in.nnet", GOOD.replace("\n5,\n", "\n0.1,\n").encode())
    formats.write(relu_chain(([["1/3"]], [0]), ([[1]], [0])), "third.json")
    refused(run("reduce", "in.nnet", "out.onnx"), 2, "out.onnx")
    refused(run("reduce", "third.json", "out.onnx"), 2, "out.onnx")
    refused(run("reduce", "third.json", "out.nnet"), 2, "out.nnet")
    assert names(tmp_path) == ["in.nnet", "third.json"]
    assert run("reduce", "in.nnet", "out.json").code == run("reduce", "in.nnet", "out.nnet").code == 0
    assert formats.read("out.json").evaluate((1, 1)) == formats.read("in.nnet").evaluate((1, 1))


SCALED = GOOD.replace("\n0,0,0,\n1,1,1,\n", "\n1,2,3,\n4,5,6,\n")


@pytest.mark.parametrize("suffix", [".nnet", ".NNET"])
@pytest.mark.parametrize("target", ["out.nnet", "out.json"])
def test_raw_nnet(suffix, target, run, tmp_path):
    source = save(tmp_path / f"in{suffix}", SCALED.encode())
    for raw, specification in (([], "as stored"), (["--raw-nnet", "--force"], "raw nnet")):
        assert run("reduce", source, target, *raw).code == 0
        claim = json.loads(Path(f"{target}.cert.json").read_text(encoding="utf-8"))["claim"]
        assert claim["specification"] == specification
        read = formats.read(target, raw_nnet=bool(raw))
        assert read.evaluate((1, 1)) == formats.read(source, raw_nnet=bool(raw)).evaluate((1, 1))
        assert specification in run("check", source, target, f"{target}.cert.json").out


@pytest.mark.parametrize("raw", [[], ["--raw-nnet"]], ids=["whole", "raw"])
def test_an_emptied_nnet_file(raw, run):
    layers = "1,2,\n2,4,\n0,\n0,\n0,0,\n0,0,\n1,\n2,\n1,1,\n5,\n"
    save(Path("in.nnet"), f"3,2,1,2,\n2,2,2,1,\n0,\n0,0,\n1,1,\n1,2,3,\n4,5,6,\n{layers}".encode())
    for target in ("out.nnet", "out.json", "out.onnx"):
        assert run("reduce", "in.nnet", target, *raw).out == f"equivalent: 4 -> 0 hidden neurons, {SCOPE}\n"


def test_suffixes_in_capitals(small, run):
    assert one_object(run("reduce", "in.onnx", "OUT.JSON", "--json"))["weights"] == "exact"
    assert run("check", "in.onnx", "OUT.JSON", "OUT.JSON.cert.json").code == 0


def test_the_certificate_may_lie_elsewhere(small, run, tmp_path):
    (tmp_path / "proofs").mkdir()
    found = one_object(run("reduce", "in.onnx", "out.onnx", "--certificate", "proofs/p", "--json"))
    assert found["certificate"] == "proofs/p"
    assert names(tmp_path) == ["in.onnx", "out.onnx", "proofs"]
    assert names(tmp_path / "proofs") == ["p"]
    assert run("check", "in.onnx", "out.onnx", "proofs/p").code == 0


def test_several_outputs(run):
    save(Path("in.onnx"), model(
        [node("Gemm", "x W", "h"), node("Relu", "h", "r"), node("Gemm", "r V", "y"), node("Gemm", "r U", "z")],
        {"x": [1, 2]},
        {"y": [1, 1], "z": [1, 1]},
        {"W": [[1.0, 2], [2, 4]], "V": [[1.0], [1]], "U": [[1.0], [3]]},
    ))  # fmt: skip
    assert run("reduce", "in.onnx", "out.onnx").out == f"equivalent: 2 -> 1 hidden neurons, {SCOPE}\n"
    assert formats.read("out.onnx").outputs == ("y", "z")
    refused(run("reduce", "in.onnx", "out.nnet"), 2, "out.nnet", "one output")


def test_denormal_weights_are_weights(run):
    tiny = float(np.float32(2.0**-149))
    save(Path("in.onnx"), dense_model(([[tiny, 0], [2 * tiny, 0]], [0, 0]), ([[1, 1]], [0])))
    assert run("reduce", "in.onnx", "out.onnx").out == f"equivalent: 2 -> 1 hidden neurons, {SCOPE}\n"
    assert difference(formats.read("in.onnx"), formats.read("out.onnx")) is None


def test_equal_input_gives_equal_bytes_from_everywhere(tmp_path):
    source = tmp_path / "in.onnx"
    formats.write(widened(5), source)
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        cwd, target = (folder, "out.onnx") if seed else (tmp_path, folder / "out.onnx")
        assert process("reduce", source, target, cwd=cwd, PYTHONHASHSEED=str(seed)).code == 0
    for name in ("out.onnx", "out.onnx.cert.json"):
        assert len({(folder / name).read_bytes() for folder in folders}) == 1


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_reducing_again_writes_the_same_files(small, run, tmp_path):
    assert run("reduce", "in.onnx", "out.onnx").code == 0
    before = contents(tmp_path)
    assert run("reduce", "in.onnx", "out.onnx").code == 0
    assert contents(tmp_path) == before


@pytest.mark.parametrize("old", ["out.onnx", "out.onnx.cert.json"])
def test_reduce_replaces_nothing_unasked(old, small, run, tmp_path):
    """Neither the network nor the certificate, and of two files none where one of them must stay."""
    (tmp_path / old).write_bytes(b"old")
    before = contents(tmp_path)
    refused(run("reduce", "in.onnx", "out.onnx"), 2, f"{old}: found a file with other content", "--force")
    assert contents(tmp_path) == before
    assert run("reduce", "in.onnx", "out.onnx", "--force").code == 0
    assert (tmp_path / old).read_bytes() != b"old"


def test_no_verb_replaces_files_unasked(triple, run, tmp_path):
    """The first run writes, the second finds its own bytes; other bytes stay, unless --force is given."""
    save(tmp_path / "a.onnx", twins())
    save(tmp_path / "b.onnx", twins("other"))
    for arguments, written in [
        (["export", *triple, "-o", "text"], "text"),
        (["export", *triple, "--coq", "-o", "text.v"], "text.v"),
        (["refute", "a.onnx", "b.onnx", "--certificate", "proof"], "proof"),
        (["relax", "a.onnx", "--write", "merged.onnx"], "merged.onnx"),
        (["prove", *triple, "--jobs", "1", "--dump-smt", "scripts"], None),
    ]:
        assert [run(*arguments).code for _ in range(2)] == [0, 0], arguments
        path = tmp_path / written if written else min((tmp_path / "scripts").iterdir())
        good = path.read_bytes()
        path.write_bytes(b"old")
        refused(run(*arguments), 2, path.name, "found a file with other content")
        assert path.read_bytes() == b"old"
        assert run(*arguments, "--force").code == 0
        assert path.read_bytes() == good


def test_evidence_is_gone_on_from_and_never_replaced(triple, run, tmp_path):
    arguments = ["prove", *triple, "--jobs", "1", "--evidence", "evidence"]
    assert run(*arguments).code == 0
    first = Path("evidence").read_bytes()
    assert run(*arguments).code == 0
    assert Path("evidence").read_bytes().startswith(first)
    for force in ([], ["--force"]):
        Path("evidence").write_bytes(b"old")
        refused(run(*arguments, *force), 2, "evidence", "expected evidence of an earlier run")
        assert Path("evidence").read_bytes() == b"old"


# Places


def test_places_that_are_no_place(small, run, tmp_path):
    (tmp_path / "dir.onnx").mkdir()
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo("pipe.onnx")
    for arguments, words in [
        (["dir.onnx", "out.onnx"], ["dir.onnx", "regular"]),
        (["pipe.onnx", "out.onnx"], ["pipe.onnx", "regular"]),
        (["in.onnx", "dir.onnx"], ["dir.onnx: found a folder"]),
        (["in.onnx", "pipe.onnx"], ["pipe.onnx: found a folder or a device"]),
        (["in.onnx", "missing/out.onnx"], ["missing/out.onnx: found no folder missing"]),
        (["in.onnx", "file/out.onnx"], ["file/out.onnx: found no folder file"]),
        (["in.onnx", "in.onnx"], ["in.onnx: found the input's own name"]),
        (["in.onnx", "./in.onnx"], ["in.onnx: found the input's own name"]),
        (["in.onnx", f"{'n' * 300}.onnx"], ["too long"]),
        (["in.onnx", "out.onnx", "--certificate", "out.onnx"], ["out.onnx: found the output's own name"]),
        (["in.onnx", "out.onnx", "--certificate", "./out.onnx"], ["out.onnx: found the output's own name"]),
        (["in.onnx", "out.onnx", "--certificate", "in.onnx"], ["in.onnx: found the input's own name"]),
        (["in.onnx", "out.onnx", "--certificate", "dir.onnx"], ["dir.onnx: found a folder"]),
        (["in.onnx", "out.onnx", "--certificate", "missing/p"], ["missing/p: found no folder missing"]),
        (["in.onnx", "out.txt"], ["exactlump: out.txt: suffix: found .txt, expected .onnx"]),
        (["in.onnx", "out"], ["exactlump: out: suffix: found none, expected .onnx"]),
        (["in.onnx", "out.gz"], ["exactlump: out.gz: suffix: found .gz, expected .onnx"]),
        (["file", "out.onnx"], ["exactlump: file: suffix: found none, expected .onnx"]),
    ]:
        refused(run("reduce", *arguments), 2, *words)
    assert names(tmp_path) == ["dir.onnx", "file", "in.onnx", "pipe.onnx"]
    assert small.read_bytes() == twins().SerializeToString()


def test_links_to_the_input_are_the_input(small, run, tmp_path):
    (tmp_path / "soft.onnx").symlink_to("in.onnx")
    (tmp_path / "hard.onnx").hardlink_to("in.onnx")
    (tmp_path / "loop.onnx").symlink_to("loop.onnx")
    for name in ("soft.onnx", "hard.onnx"):
        refused(run("reduce", "in.onnx", name), 2, f"{name}: found the input's own name")
    refused(run("reduce", "loop.onnx", "out.onnx"), 2, "loop.onnx: cannot be read")
    assert run("reduce", "in.onnx", "loop.onnx").code == 0
    assert small.read_bytes() == twins().SerializeToString()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_closed_folder(small, run, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    refused(run("reduce", "in.onnx", "closed/out.onnx"), 2, "closed/out.onnx", "Permission denied")


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device", "some name")


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize(
    ("module", "name"), [(staging.tempfile, "mkdtemp"), (files.os, "fsync"), (files.os, "replace")]
)
def test_a_full_disk(module, name, old, small, run, tmp_path, monkeypatch):
    for path in (tmp_path / "out.onnx", tmp_path / "p"):
        if old:
            path.write_bytes(old)
    monkeypatch.setattr(module, name, full)
    done = run("reduce", "in.onnx", "out.onnx", "--certificate", "p", "--force")
    monkeypatch.undo()
    refused(done, 2, "No space left on device")
    assert "out.onnx: " in done.err or "p: " in done.err
    assert ".exactlump" not in done.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "in.onnx": small.read_bytes(),
        **({"out.onnx": old, "p": old} if old else {}),
    }


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_a_disk_that_fills_later(call, small, run, tmp_path, monkeypatch):
    """Renamed are: the staged model, the staged certificate, the model, the certificate."""
    real, calls = os.replace, []

    def replace(*paths):
        calls.append(paths)
        return full() if len(calls) == call else real(*paths)

    (tmp_path / "out.onnx").write_bytes(b"old")
    monkeypatch.setattr(os, "replace", replace)
    done = run("reduce", "in.onnx", "out.onnx", "--certificate", "p", "--force")
    monkeypatch.undo()
    refused(done, 2, "p: " if call in (2, 4) else "out.onnx: ", "No space left on device")
    assert len(calls) == call
    assert names(tmp_path) == ["in.onnx", "out.onnx"]
    if call < 4:
        assert (tmp_path / "out.onnx").read_bytes() == b"old"


KILLED = """
import os, signal, sys
from exactlump.cli.main import main
real, calls = os.replace, 0
def replace(*paths):
    global calls
    calls += 1
    if calls == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*paths)
os.replace = replace
main(sys.argv[2:])
"""


def bundled(folder):
    """A bundled network, its reduction's bytes, and the arguments that make it."""
    source = shutil.copy(demonstrating.NETWORKS / "digits_widened.onnx", folder / "in.onnx")
    reducing.reduce_file(source, folder / "good.onnx")
    arguments = ("reduce", source, folder / "out.onnx", "--certificate", folder / "p", "--force")
    return (folder / "good.onnx").read_bytes(), arguments


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_a_run_killed_before_a_file_takes_its_name(call, run, tmp_path):
    good, arguments = bundled(tmp_path)
    for name in ("out.onnx", "p"):
        (tmp_path / name).write_bytes(b"old")
    assert process(call, *arguments, program=("-c", KILLED)).code == -signal.SIGKILL
    assert (tmp_path / "out.onnx").read_bytes() == (good if call == 4 else b"old")
    assert (tmp_path / "p").read_bytes() == b"old"
    assert all(name.startswith(".") for name in {*names(tmp_path)} - {*VISIBLE})
    assert run(*arguments).code == 0
    assert (tmp_path / "out.onnx").read_bytes() == good
    assert run("check", *arguments[1:3], tmp_path / "p").code == 0


VISIBLE = ("good.onnx", "good.onnx.cert.json", "in.onnx", "out.onnx", "p")


def test_a_run_killed_at_any_moment(run, tmp_path):
    good, arguments = bundled(tmp_path)
    (tmp_path / "out.onnx").write_bytes(b"old")
    begin = time.perf_counter()
    assert process(*arguments).code == 0
    whole = time.perf_counter() - begin
    for part in (0.2, 0.5, 0.7, 0.8, 0.9):
        (tmp_path / "out.onnx").write_bytes(b"old")
        with start(*arguments) as child:
            time.sleep(part * whole)
            child.kill()
            child.communicate()
        assert (tmp_path / "out.onnx").read_bytes() in (b"old", good)
        assert all(name.startswith(".") for name in {*names(tmp_path)} - {*VISIBLE})
    assert run(*arguments).code == 0
    assert (tmp_path / "out.onnx").read_bytes() == good


# Bad input


CASES = [
    *((".onnx", name, content, 4 if error is UnsupportedLayer else 2) for name, (content, error, *_) in ONNX.items()),
    *((".nnet", name, content, 2) for name, (content, *_) in NNET.items()),
    *((".json", name, content, 2) for name, (content, *_) in JSON.items()),
]


def is_read(path):
    try:
        return bool(formats.read(path))
    except ExactlumpError:
        return False


@pytest.mark.parametrize(
    ("suffix", "content", "code"), [(s, c, code) for s, _, c, code in CASES], ids=[f"{s} {n}" for s, n, *_ in CASES]
)
def test_files_that_break_their_format(suffix, content, code, run, tmp_path):
    """A graph that no rule covers is read with opaque operators, and the checker agrees; all else is refused."""
    if isinstance(content, dict):
        content = json.dumps(content)
    source = save(tmp_path / f"bad{suffix}", content.encode() if isinstance(content, str) else content)
    (tmp_path / "out.onnx").write_bytes(b"old")
    if suffix == ".onnx" and is_read(source):
        done = run("reduce", source, "new.onnx")
        if done.code:
            refused(done, done.code)
        assert done.code in (0, 2, 4), done
        return
    refused(run("reduce", source, "out.onnx"), code, f": {source}: ")
    assert names(tmp_path) == [f"bad{suffix}", "out.onnx"]
    assert Path("out.onnx").read_bytes() == b"old"


def good_file(folder, suffix):
    path = folder / f"good{suffix}"
    formats.write(relu_chain(([[1, 2], [2, 4]], [1, 2]), ([[1, 1]], [0])), path, dtype="float32")
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("verb", ["reduce", "inspect"])
def test_missing_empty_truncated_and_random_files(verb, suffix, run, tmp_path):
    whole = good_file(tmp_path, suffix).read_bytes()
    bad, rest = tmp_path / f"bad{suffix}", ["out.onnx"] if verb == "reduce" else []
    refused(run(verb, bad, *rest), 2, f"{bad}: cannot be read: No such file")
    noise = np.random.default_rng(7).bytes(2000)
    for content in (b"", whole[: len(whole) // 2], whole[:-3], noise):
        bad.write_bytes(content)
        refused(run(verb, bad, *rest), 2, f"exactlump: {bad}: ")
    bad.unlink()
    assert names(tmp_path) == [f"good{suffix}"]


def test_packed_noise(run, tmp_path):
    bad = save(tmp_path / "bad.onnx.gz", gzip.compress(np.random.default_rng(7).bytes(2000)))
    refused(run("inspect", bad), 2, "protobuf")


def claims(suffix):
    """A small file that says it holds 1 GB or more."""
    if suffix == ".onnx.gz":
        return gzip.compress(bytes(1 << 20)) * 1100
    if suffix == ".nnet":
        return GOOD.replace("1,2,2,2,\n2,2,", "2,2,2,400000000,\n2,400000000,2,").encode()
    if suffix == ".json":
        return json.dumps(document(inputs=[{"name": "x", "shape": [10**9]}])).encode()
    made = dense_model(([[1, 2], [3, 4]], [5, 6]))
    made.graph.initializer[0].dims[:] = [2**14, 2**14]
    return made.SerializeToString()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_that_claim_a_gigabyte(suffix, run, tmp_path):
    bad = save(tmp_path / f"bad{suffix}", claims(suffix))
    begin = time.perf_counter()
    refused(run("reduce", bad, "out.onnx"), 2, f"exactlump: {bad}: ")
    assert time.perf_counter() - begin < 20
    assert names(tmp_path) == [f"bad{suffix}"]


@pytest.mark.parametrize("verb", ["reduce", "inspect"])
def test_packed_files_are_bounded(verb, run, tmp_path):
    content = twins().SerializeToString()
    source = save(tmp_path / "in.onnx.gz", gzip.compress(content))
    rest = ["out.onnx"] if verb == "reduce" else []
    refused(run(verb, source, *rest, "--max-unpacked", len(content) - 1), 2, f"more than {len(content) - 1} bytes")
    assert run(verb, source, *rest, "--max-unpacked", len(content)).code == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers(value, run, tmp_path):
    """No rule speaks of them: the operator that has them is a given function."""
    save(tmp_path / "in.onnx", dense_model(([[1, 2], [3, value]], [0, 0]), ([[1, 1]], [0])))
    done = run("reduce", "in.onnx", "out.onnx")
    assert (done.code, done.out.split(", ")[0]) == (0, "equivalent: 1 opaque operator taken as given function (Gemm)")


@pytest.mark.parametrize("as_json", [False, True])
def test_an_unknown_operator_is_named_with_its_node(as_json, run, tmp_path):
    unknown = helper.make_node("RandomNormalLike", ["x"], ["y"], name="buzz")
    save(tmp_path / "in.onnx", model([unknown], {"x": [1, 2]}, [port("y", None)]))
    done = run("reduce", "in.onnx", "out.onnx", *["--json"] * as_json)
    assert done.code == 4
    said = done.err if as_json else done.out
    assert said.startswith(f"{'exactlump' if as_json else 'unsupported'}: in.onnx: RandomNormalLike node ")
    assert said.count("\n") == 1
    assert ("buzz" in said) or ("'y'" in said)
    assert as_json or done.err == ""
    if as_json:
        found = one_object(done)
        assert found["verdict"] == "unsupported"
        assert found["reason"] == found["error"]["message"] == done.err[11:-1]
    assert names(tmp_path) == ["in.onnx"]
    assert "buzz" in run("inspect", "in.onnx").out


@pytest.mark.parametrize("location", ["../w.bin", "/etc/hostname", "missing.bin"])
def test_external_data_that_is_not_in_the_folder(location, run, tmp_path):
    (tmp_path / "w.bin").write_bytes(bytes(100))
    (tmp_path / "model").mkdir()
    made = dense_model(([[1, 2], [3, 4]], [5, 6]))
    weight = made.graph.initializer[0]
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    source = save(tmp_path / "model" / "in.onnx", made)
    refused(run("reduce", source, "out.onnx"), 2, f"{source}: ", "'W1'")
    assert names(tmp_path) == ["model", "w.bin"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prove", "c", "b", "a"], "a: found an ONNX model, expected a certificate; check and prove take ORIGINAL"),
        (["prove", "a", "c", "b"], "b: found an ONNX model, expected a certificate"),
        (["export", "c", "a", "b", "-o", "out"], "b: found an ONNX model, expected a certificate"),
        (["report", "b", "-o", "out"], "b: found an ONNX model, expected a certificate"),
        (["inspect", "c.json"], "found a certificate, which check, prove and report read, expected a network"),
        (["refute", "c.json", "a"], "found a certificate, which check, prove and report read, expected a network"),
        (["inspect", "e.json"], "found evidence of solvers, which report reads, expected a network"),
        (["inspect", "onnx.json"], "found an ONNX model, expected a network of exact numbers"),
        (["inspect", "zip.json"], "found a zip file, such as PyTorch writes, expected a network"),
        (["inspect", "noise.json"], "found binary data, expected a network of exact numbers"),
        (["inspect", "exact.onnx"], "found a network of exact numbers, expected an ONNX model"),
        (["inspect", "packed.onnx"], "found a gzip file, expected an ONNX model"),
        (["inspect", "plain.onnx.gz"], "found an ONNX model, expected a gzip file"),
        (["inspect", "exact.nnet"], "found a network of exact numbers, expected a .nnet file"),
        (["inspect", "nnet.json"], "found a .nnet file, expected a network of exact numbers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_files_that_were_mixed_up_are_called_what_they_are(arguments, words, triple, run, tmp_path):
    """In our words: nothing about codecs, and the verb that reads such a file."""
    model, certificate = triple[0].read_bytes(), triple[2].read_bytes()
    contents = {
        "a": model,
        "b": triple[1].read_bytes(),
        "c": certificate,
        "c.json": certificate,
        "onnx.json": model,
        "plain.onnx.gz": model,
        "packed.onnx": gzip.compress(model),
        "nnet.json": GOOD.encode(),
        "zip.json": b"PK\x03\x04",
        "noise.json": b"\xff\x00\x80",
        "e.json": b'{"format": "exactlump evidence"}\n{}\n',
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    formats.write(relu_chain(([[1]], [0])), "exact.json")
    for name in ("exact.onnx", "exact.nnet"):
        shutil.copy("exact.json", name)
    shutil.copy(triple[0], "a.onnx")
    shutil.copy(triple[1], "b.onnx")
    arguments = [f"{word}.onnx" if arguments[0] == "prove" and word in "ab" else word for word in arguments]
    done = run(*arguments)
    assert done.code == 2
    assert words in done.err.replace(".onnx: found", ": found")
    assert "codec" not in done.err
    assert done.err.count("\n") == 1


# Exit codes


def crash(*_, **__):
    raise ZeroDivisionError("division\nby zero")


@pytest.mark.parametrize("verb", ["reduce", "inspect", "export", "demo"])
def test_a_bug_of_ours_is_no_verdict(verb, triple, run, monkeypatch):
    for name in ("reduce.reduce_file", "inspect.inspect_file", "export.export_to", "demo.demonstrate"):
        monkeypatch.setattr(f"exactlump.cli.{name}", crash)
    arguments = {
        "reduce": [triple[0], "out.onnx"],
        "inspect": [triple[0]],
        "export": [*triple, "-o", "out"],
        "demo": [],
    }
    done = run(verb, *arguments[verb])
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith("exactlump: internal error, please report: ZeroDivisionError: division")
    assert done.err.count("\n") == 1


def test_a_traceback_is_shown_on_demand(run, monkeypatch):
    monkeypatch.setenv("EXACTLUMP_DEBUG", "1")
    done = run("inspect", "missing.onnx")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Traceback")
    assert done.err.splitlines()[-1].startswith("exactlump: missing.onnx: cannot be read")
    monkeypatch.setenv("EXACTLUMP_DEBUG", "0")
    refused(run("inspect", "missing.onnx"), 2)


@pytest.mark.parametrize(("error", "word"), [(MemoryError, "out of memory"), (KeyboardInterrupt, "interrupted")])
def test_what_stops_in_the_middle_is_unknown(error, word, small, run, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise error

    monkeypatch.setattr(reducing.check, "check", stop)
    done = run("reduce", "in.onnx", "out.onnx")
    assert (done.code, done.out) == (3, "")
    assert done.err == f"exactlump: {word}\n"
    assert names(tmp_path) == ["in.onnx"]


@pytest.mark.parametrize(("code", "verdict"), [(1, "rejected"), (2, "malformed"), (3, "unknown"), (4, "unsupported")])
def test_only_what_the_checker_accepts_is_equivalent(code, verdict, small, run, tmp_path, monkeypatch):
    (tmp_path / "out.onnx").write_bytes(b"old")
    answer = SimpleNamespace(verdict=verdict, code=code, exit_code=code, reason="some reason", rule="")
    monkeypatch.setattr(reducing.check, "check", lambda *_, **__: answer)
    done = run("reduce", "in.onnx", "out.onnx")
    assert done.code == (5 if code == 1 else code)
    assert done.out.startswith(f"{verdict}: " if code > 2 else "")
    assert "equivalent" not in done.out
    assert "some reason" in done.out + done.err
    assert (done.out + done.err).count("\n") == 1
    assert names(tmp_path) == ["in.onnx", "out.onnx"]
    assert (tmp_path / "out.onnx").read_bytes() == b"old"


def test_each_error_has_a_code_of_the_list():
    kinds = [ExactlumpError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert {kind.exit_code for kind in kinds} == {2, 3, 4, 5}


# check


def other(path, folder, change):
    """A changed copy of a certificate."""
    words = json.loads(path.read_text(encoding="utf-8"))
    change(words)
    target = folder / "changed.json"
    target.write_text(json.dumps(words), encoding="utf-8")
    return target


def checks(triple, folder):
    """Arguments of `check`, and the exit code that they deserve."""
    original, reduced, proof = triple
    wrong = other(proof, folder, lambda c: c["relations"]["original"]["r"]["rows"].reverse())
    operator = save(folder / "fizz.onnx", model([node("RandomNormalLike", "x", "y")], {"x": [1, 2]}, [port("y", None)]))
    empty = save(folder / "empty.onnx", b"")
    return {
        "valid": ([original, reduced, proof], 0),
        "false": ([original, reduced, wrong], 1),
        "other files": ([original, original, proof], 1),
        "operator": ([operator, reduced, proof], 4),
        "no certificate": ([original, reduced, original], 2),
        "empty network": ([original, empty, proof], 2),
        "missing network": ([folder / "none.onnx", reduced, proof], 2),
        "missing certificate": ([original, reduced, folder / "none"], 2),
        "folder": ([original, reduced, folder], 2),
    }


WORDS = {0: "equivalent", 1: "rejected", 4: "unsupported"}


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize(
    "case",
    [
        "valid",
        "false",
        "other files",
        "operator",
        "no certificate",
        "empty network",
        "missing network",
        "missing certificate",
        "folder",
    ],
)
def test_check_is_the_bare_checker(case, as_json, triple, run, tmp_path):
    arguments, code = checks(triple, tmp_path)[case]
    done = run("check", *arguments, *["--json"] * as_json)
    assert done.code == code
    alone = bare(*arguments, *["--json"] * as_json)
    if code == 2:
        assert alone.out == ""
        assert done.err.count("\n") == 1
        assert "Traceback" not in done.err
        assert done.err.partition(": ")[2] == alone.err.partition(": ")[2]
        assert (one_object(done)["error"]["message"] if as_json else done.out) == (alone.err[7:-1] if as_json else "")
        assert as_json or done == alone
        return
    assert done.err == alone.err == ""
    if as_json:
        found = one_object(done)
        assert found["verdict"] == WORDS[code]
        assert one_object(alone).items() <= found.items()
    else:
        assert done == alone
        assert done.out.split(":")[0] == WORDS[code]


def test_verified_asks_both_checkers(triple, run, monkeypatch, tmp_path):
    """Both must agree; a certificate that `check` rejects does not reach the extracted checker."""
    answers, said = [], [("equivalent", "yes")]

    def ask(program, lines, **limits):
        answers.append(len(list(lines)))
        return said[0]

    monkeypatch.setattr("exactlump.extraction.verified.find_checker", lambda: None)
    monkeypatch.setattr("exactlump.extraction.verified.greet", lambda path: Program(tmp_path, "0" * 64, False))
    monkeypatch.setattr("exactlump.extraction.verified.ask", ask)
    plain = run("check", *triple).out[:-1]
    both = "by check.py, and by the checker extracted from its proof"
    assert run("check", "--verified", *triple) == (0, f"{plain}; {both}\n", "")
    found = one_object(run("check", "--verified", *triple, "--json"))
    assert (found["verdict"], found["options"]["verified"]) == ("equivalent", True)
    proved = {"verdict": "equivalent", "reason": "yes", "proofs": "0" * 64, "sources": False}
    assert found["checkers"] == {"check.py": {"verdict": "equivalent", "reason": plain[12:]}, "proved": proved}
    assert one_object(run("check", *triple, "--json"))["checkers"] is None
    assert len(answers) == 2
    assert min(answers) > 3
    done = run("check", "--verified", triple[0], triple[0], triple[2])
    assert done.code == 1
    assert done.out.endswith("another sha256; the checker extracted from its proof was not asked\n")
    found = one_object(run("check", "--verified", triple[0], triple[0], triple[2], "--json"))
    assert (found["checkers"]["check.py"]["verdict"], found["checkers"]["proved"]["verdict"]) == ("rejected", None)
    assert len(answers) == 2
    for verdict, code in (("rejected", 1), ("unknown", 3), ("unsupported", 4)):
        said[0] = (verdict, "no")
        done = run("check", "--verified", *triple)
        assert done.code == code
        assert done.out.startswith(
            f"{verdict}: the checker extracted from its proof says {verdict}: no; check.py says "
        )


# export, inspect, demo


def test_data_beside_a_model_is_not_written_over(run, tmp_path):
    """Neither by a certificate, nor by the weights of the reduced network, nor by a merged network."""
    made = twins()
    for tensor in made.graph.initializer:
        tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
    onnx.save(made, tmp_path / "in.onnx", save_as_external_data=True, location="w.json", size_threshold=0)
    before = Path("w.json").read_bytes()
    assert run("inspect", "in.onnx").code == 0
    for arguments in (
        ["reduce", "in.onnx", "out.onnx", "--certificate", "w.json"],
        ["reduce", "in.onnx", "w.json"],
        ["refute", "in.onnx", "in.onnx", "--certificate", "w.json"],
        ["bound", "in.onnx", "in.onnx", "--box", "0", "1", "--certificate", "w.json"],
        ["relax", "in.onnx", "--write", "w.json"],
    ):
        refused(run(*arguments), 2, "w.json", "another file")
        assert Path("w.json").read_bytes() == before
    assert run("reduce", "in.onnx", "out.onnx").code == 0
    refused(run("report", "out.onnx.cert.json", "-o", "w.json"), 2, "w.json", "another file")
    assert Path("w.json").read_bytes() == before


def test_export_writes_all_or_nothing(triple, run, tmp_path):
    done = run("export", *triple, "-o", "out.txt")
    assert (done.code, done.out) == (0, "")
    assert Path("out.txt").read_text(encoding="ascii").endswith("\n")
    refused(run("export", *triple, "-o", "missing/out.txt"), 2, "missing/out.txt")
    refused(run("export", *triple, "-o", triple[0]), 2, "another file")
    refused(run("export", *triple[:2], "missing.json", "-o", "other.txt"), 2, "missing.json")
    refused(run("export", *triple[:2], triple[0], "-o", "other.txt"), 2)
    other = Path(triple[2]).read_text(encoding="utf-8").replace('"all reals"', '"only zero"')
    Path("claims.json").write_text(other, encoding="utf-8")
    refused(run("export", *triple[:2], "claims.json", "-o", "other.txt"), 2, "claims.json", "domain")
    Path("claims.json").unlink()
    assert names(tmp_path) == ["out.txt"]


def test_inspect(small, run, tmp_path):
    done = run("inspect", "in.onnx")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "in.onnx: 2 hidden neurons, 9 parameters, float32"
    headings, row = (line.split() for line in done.out.splitlines()[2:5:2])
    assert headings[:3] == ["layer", "neurons", "activation"]
    assert row[:3] == ["r", "2", "relu"]
    assert names(tmp_path) == ["in.onnx"]


def test_json_of_inspect(run):
    weight, bias = [[1, 0], [2, 0], [0, 0], [0, 0]], [0, 0, -1, 3]
    formats.write(relu_chain((weight, bias), ([[1, 1, 1, 1]], [0])), "in.json")
    done = run("inspect", "in.json", "--json")
    assert (done.code, done.err) == (0, "")
    found = one_object(done)
    assert found["neurons"] == 4
    assert found["dtype"] == "exact"
    assert found["inputs"] == {"x": [2]}
    assert list(found["outputs"].values()) == [[1]]
    assert found["notes"] == []
    (layer,) = found["layers"]
    assert (layer["neurons"], layer["activation"], layer["nonzeros"]) == (4, "relu", 2)
    assert (layer["classes"], layer["dead"], layer["constant"], layer["kept"]) == (1, 1, 1, None)


def test_inspect_shows_layers_of_images(run):
    """A convolution's weights are counted as a dense layer's are; two of its three channels are one class."""
    kernels = {"K": np.array([[[[1.0, 0]]], [[[2, 0]]], [[[0, 1]]]]), "W": np.ones((1, 9))}
    nodes = [
        helper.make_node("Conv", ["x", "K"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Gemm", ["f", "W"], ["y"], transB=1),
    ]
    save(Path("in.onnx"), model(nodes, {"x": [1, 1, 3, 2]}, {"y": [1, 1]}, kernels))
    (layer,) = one_object(run("inspect", "in.onnx", "--json"))["layers"]
    assert (layer["neurons"], layer["nonzeros"], layer["classes"]) == (3, 3, 2)


@pytest.mark.parametrize(
    "verb", ["reduce", "inspect", "check", "prove", "export", "report", "refute", "bound", "compare", "relax"]
)
def test_every_verb_bounds_what_it_unpacks(verb, run, tmp_path):
    save(Path("in.onnx"), twins())
    Path("in.onnx.gz").write_bytes(gzip.compress(Path("in.onnx").read_bytes()))
    assert run("reduce", "in.onnx.gz", "out.onnx").code == 0
    triple = ["in.onnx.gz", "out.onnx", "out.onnx.cert.json"]
    words = {
        "reduce": ["in.onnx.gz", "b.onnx"],
        "inspect": triple[:1],
        "relax": triple[:1],
        "refute": triple[:2],
        "bound": [*triple[:2], "--box", "0", "1"],
        "compare": triple[:2],
        "export": [*triple, "-o", "text"],
        "report": [triple[2], "-o", "page"],
    }.get(verb, triple)
    before = names(tmp_path)
    done = run(verb, *words, "--max-unpacked", "100")
    assert done.code == 2
    assert "100" in done.err
    assert names(tmp_path) == before
    assert run(verb, *words).code == 0


def test_inspect_raw_nnet(run, tmp_path):
    save(tmp_path / "in.nnet", SCALED.encode())
    whole, raw = (run("inspect", "in.nnet", *more) for more in ([], ["--raw-nnet"]))
    assert "normalisation is part of the network" in whole.err
    assert "they are constant" not in whole.err
    save(tmp_path / "flat.nnet", SCALED.replace("\n4,5,6,\n", "\n4,5,0,\n").encode())
    assert "range of the outputs is 0: with it, they are constant" in run("inspect", "flat.nnet").err
    (tmp_path / "flat.nnet").unlink()
    assert "normalisation is left out" in raw.err
    assert whole.out == raw.out


def test_demo(run, tmp_path):
    done = run("demo", "--out", "deep/folder")
    assert (done.code, done.err) == (0, "")
    for name in ("digits_l1", "digits_int8", "digits_widened", "tll_small"):
        assert f"{name}: " in done.out
        assert {f"{name}.onnx", f"{name}.onnx.cert.json"} <= {*names(tmp_path / "deep" / "folder")}
    assert done.out.count("python3 -I check.py: equivalent") == 4
    erratum = done.out[done.out.index("erratum: ") :]
    assert "as printed: yes; corrected: no" in erratum
    assert "the network gives 3, its quotient by the printed definition 2" in erratum


def test_demo_runs_twice_and_replaces_nothing_unasked(run, tmp_path):
    assert run("demo").code == run("demo").code == 0
    path = tmp_path / "out" / "demo" / "tll_small.onnx.cert.json"
    good = path.read_bytes()
    path.write_bytes(b"old")
    done = run("demo")
    assert done.code == 2
    assert done.err.startswith("exactlump: out/demo/tll_small.onnx.cert.json: found a file with other content")
    assert path.read_bytes() == b"old"
    assert run("demo", "--force").code == 0
    assert path.read_bytes() == good


def test_demo_has_no_place(run, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for place in ("file", "file/deeper"):
        refused(run("demo", "--out", place), 2, place)
    assert names(tmp_path) == ["file"]
