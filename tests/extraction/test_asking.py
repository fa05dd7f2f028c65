# SPDX-License-Identifier: Apache-2.0
"""This file is about asking the proved checker: wrong, stale and broken programs, and files that change meanwhile.

The programs are shell scripts; what needs the proved checker itself is skipped where it is not built.
"""

import json
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from exactlump import check_files, reduce_file, write
from exactlump.cli.main import main
from exactlump.errors import ExactlumpError, FormatError
from exactlump.extraction.reading import Reading
from exactlump.extraction.texts import texts
from exactlump.extraction.verified import FORMATS, NAME, VERSION, Program, ask, find_checker, greet, hash_of_sources
from exactlump.verdicts import EXIT_CODES
from tests.strategies import relu_chain

PROOFS = Path(__file__).parents[2] / "proofs"
ABOUT = [f"{NAME} {VERSION}", *(f"format {name}" for name in FORMATS), f"proofs {'0' * 64}"]


@pytest.fixture
def forged(tmp_path, monkeypatch):
    """A program that says what the real one says of itself, and then does what a script says; FILE is the text."""

    def make(script, about=ABOUT):
        path = tmp_path / NAME
        words = "\n".join(["#!/bin/sh", f"if [ $1 = --about ]; then printf '%s\\n' {shlex.join(about)}; exit; fi"])
        path.write_text(f'{words}\nwhile [ $# -gt 1 ]; do shift; done\nFILE="$1"\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv("EXACTLUMP_VERIFIED", str(path))
        return Program(path, "0" * 64, False)

    return make


@pytest.fixture
def triple(tmp_path):
    """Two networks and a certificate."""
    network = relu_chain(([[1], [2]], [0, 0]), ([[1, 1]], [0]))
    write(network, tmp_path / "a.json")
    done = reduce_file(tmp_path / "a.json", tmp_path / "b.json")
    return tmp_path / "a.json", tmp_path / "b.json", done.certificate


@pytest.fixture
def text(triple):
    """The lines of their text."""
    reading = Reading([*map(str, triple)])
    reading.read()
    (lines,) = texts(reading)
    return [*lines]


@pytest.fixture
def end(capsys):
    """The exit code, stdout and stderr of a command."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return stop.value.code, *capsys.readouterr()

    return call


# What the header is repeated by, and a verdict before it.
REPEAT = "sed -n '2,/^assumes/p' $FILE | grep -v ^assumes"
YES = f'echo "equivalent: yes"; {REPEAT}; exit 0'


# --- What it says of itself -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ([""], "found '', expected 'exactlump-verified 1'"),
        (["equivalent: yes"], "found 'equivalent: yes', expected 'exactlump-verified 1'"),
        ([f"{NAME} 2", *ABOUT[1:]], "found 'exactlump-verified 2', expected 'exactlump-verified 1'"),
        ([f"{NAME} 1"], "found 'nothing more', expected format exactlump-program 1, format"),
        ([ABOUT[0], ABOUT[1], ABOUT[-1]], "found 'format exactlump-program 1, proofs 000"),
        ([*ABOUT[:2], "format exactlump-refutation 2", *ABOUT[3:]], "found 'format exactlump-program 1, format exactl"),
        ([*ABOUT[:-1], "sources 0"], "sources 0', expected format exactlump-program 1"),
    ],
)
def test_a_program_that_says_something_else_is_refused(forged, triple, end, about, words):
    """One line, exit 2, and it is not asked."""
    program = forged(YES, about)
    with pytest.raises(FormatError) as refused:
        greet(program.path)
    assert words in str(refused.value)
    code, out, err = end("check", "--verified", *triple)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"exactlump: {program.path}: found ")


def test_a_program_that_fails_to_say_what_it_is(forged, triple, monkeypatch):
    """By its exit code, by silence, or by not being a program."""
    program = forged("")
    program.path.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(FormatError, match="found 'exit code 3 and nothing'"):
        greet(program.path)
    program.path.write_text("#!/bin/sh\nsleep 60\n")
    monkeypatch.setattr("exactlump.extraction.verified.PATIENCE", 0.2)
    with pytest.raises(FormatError, match=r"no word on --about within 0\.2 s"):
        greet(program.path)
    program.path.write_bytes(b"\0\1\2")
    with pytest.raises(FormatError, match="found no program that runs"):
        greet(program.path)


def test_sources_beside_it_are_compared(forged, tmp_path):
    """A program that is older than its sources, or from others, is refused; without sources it is not known."""
    program = forged("")
    assert greet(program.path) == program
    for name in ("words.ml", "programs.ml", "bounds.ml", "domains.ml", "driver.ml", "B.v", "A.v"):
        (tmp_path / name).write_text(f"(* {name} *)\n")
    command = "cat A.v B.v bounds.ml domains.ml driver.ml programs.ml words.ml | sha256sum"
    made = subprocess.run(command, shell=True, cwd=tmp_path,
                          env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=True)  # fmt: skip
    digest = made.stdout.split()[0]
    assert hash_of_sources(tmp_path) == digest
    with pytest.raises(FormatError, match=f"other proofs .'000000000000'. than those beside it .{digest[:12]}"):
        greet(program.path)
    fresh = forged("", [*ABOUT[:-1], f"proofs {digest}"])
    assert greet(fresh.path) == Program(fresh.path, digest, True)
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / NAME).symlink_to(fresh.path)
    assert greet(tmp_path / "away" / NAME).compared
    (tmp_path / "A.v").write_text("Axiom all : False.\n")
    with pytest.raises(FormatError, match="`make proofs` builds it again"):
        greet(tmp_path / "away" / NAME)


def test_the_hash_is_the_makefiles(tmp_path):
    """Of the same files in the same order: what `make` writes into the program."""
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    drivers = (PROOFS / f"{name}.ml" for name in ("words", "programs", "bounds", "domains", "driver"))
    for path in [*PROOFS.glob("*.v"), *drivers]:
        shutil.copy(path, tmp_path)
    shutil.copy(PROOFS / "Makefile", tmp_path)
    subprocess.run(["make", "-C", str(tmp_path), "about.ml"], capture_output=True, check=True)
    assert hash_of_sources(tmp_path) in (tmp_path / "about.ml").read_text()


# --- What it answers --------------------------------------------------------------------------------


def test_an_answer_that_repeats_the_text_is_taken(forged, text):
    assert ask(forged(YES), text) == ("equivalent", "yes")
    assert ask(forged(f'echo "rejected: no"; {REPEAT}; exit 1'), text) == ("rejected", "no")
    assert ask(forged('echo "unsupported: new"; exit 4'), text) == ("unsupported", "new")
    assert ask(forged('echo "unknown: out of memory"; exit 3'), text) == ("unknown", "out of memory")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 0", "found exit code 0 and nothing"),
        ("exit 1", "found exit code 1 and nothing"),
        ("echo hello", "found 'hello' and exit code 0"),
        ("echo equivalent: yes; exit 1", "found 'equivalent: yes' and exit code 1"),
        ("echo rejected: no", "found 'rejected: no' and exit code 0"),
        ("echo within: yes", "found 'within: yes' and exit code 0"),
        ("echo different: yes; exit 1", "found 'different: yes' and exit code 1"),
        ("echo line 3: bad >&2; exit 2", "found 'line 3: bad'"),
        ("echo internal >&2; exit 5", "found 'internal', expected a verdict"),
        ("echo equivalent: yes", "about another text, '', expected 'original "),
        (f"echo equivalent: yes; {REPEAT} | head -3", "'', expected 'criterion exact'"),
        (f"echo equivalent: yes; {REPEAT} | sed 's/^original ./original f/; s/f/0/g'", "'original 0"),
        (
            f"echo equivalent: yes; {REPEAT} | sed 's/all reals/the box/'",
            "'domain the box', expected 'domain all reals'",
        ),
        (f"echo equivalent: yes; {REPEAT}; echo assumes nothing", "'assumes nothing', expected ''"),
        (f"echo rejected: no; {REPEAT} | tail -3; exit 1", "expected 'original "),
    ],
)
def test_what_is_no_answer_to_the_text_is_refused(forged, triple, text, end, script, words):
    """Another verdict, another exit code, other hashes, another claim: never `equivalent`, and a bug of somebody."""
    program = forged(script)
    with pytest.raises(ExactlumpError) as refused:
        ask(program, text)
    assert words in str(refused.value)
    code, out, err = end("check", "--verified", *triple)
    assert (code, out) == (5, "")
    assert str(program.path) in err


def test_a_program_that_dies_or_takes_its_time(forged, triple, text, end):
    """`unknown`, with what happened; nothing that it started goes on."""
    assert ask(forged("kill -9 $$"), text) == ("unknown", "it ended before it answered: Killed")
    assert ask(forged("kill -11 $$"), text)[1].startswith("it ended before it answered: Segmentation")
    slow, mark = forged("(sleep 1; echo late >> $(dirname $0)/late) & sleep 60"), triple[0].with_name("late")
    assert ask(slow, text, seconds=0.3) == ("unknown", "found no answer within 0.3 s")
    code, out, _ = end("check", "--verified", "--timeout", "0.3", *triple)
    assert code == 3
    assert out.startswith("unknown: the checker extracted from its proof says unknown: found no answer within 0.3 s; ")
    time.sleep(1.2)
    assert not mark.exists()


def test_a_text_takes_time_too(forged):
    """Writing stops when there is none left."""

    def lines():
        yield "exactlump-program 1"
        while True:
            time.sleep(0.01)
            yield "assumes 0"

    assert ask(forged(YES), lines(), seconds=0.1) == ("unknown", "found no answer within 0.1 s")


def test_jobs_are_handed_on(forged, text):
    program = forged("exit 0")
    program.path.write_text('#!/bin/sh\necho "unknown: $1 $2"; exit 3\n')
    assert ask(program, text, jobs=3) == ("unknown", "--jobs 3")


# --- Files that change ------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_file_that_changes_meanwhile_is_noticed(forged, triple, end, index):
    """What is judged is what was read; the answer is about no other file."""
    forged(f"echo ' ' >> {triple[index]}; {YES}")
    code, out, err = end("check", "--verified", *triple)
    assert (code, out) == (2, "")
    assert err == (
        f"exactlump: {triple[index]}: found another content than was checked, expected a file that nobody changes\n"
    )


def test_a_text_that_changes_meanwhile_is_noticed(forged, text):
    with pytest.raises(FormatError, match="found another text than was written"):
        ask(forged(f"{YES.replace('exit 0', 'echo >> $FILE')}"), text)


def test_every_file_is_read_once(triple, monkeypatch, forged):
    """By the functions of check.py."""
    from exactlump import check

    forged(YES)
    read, paths = check.read_file, []
    monkeypatch.setattr(check, "read_file", lambda path, limit: paths.append(path) or read(path, limit))
    assert check_files(*triple, verified=True).verdict == "equivalent"
    assert sorted(paths) == sorted(map(str, triple))


# --- The checker itself -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built():
    """The proved checker."""
    if not (shutil.which("coqc") and shutil.which("ocamlfind")):
        pytest.skip("Coq or OCaml is not installed (proofs/README.md says what to install)")
    made = subprocess.run(["make", "-C", str(PROOFS), "checker"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]


def test_the_checker_says_what_it_is(built):
    program = greet(find_checker())
    assert program.compared
    assert len(program.proofs) == 64


def test_both_checkers_are_quoted(built, triple, end):
    code, out, err = end("check", "--verified", *triple, "--json")
    found = json.loads(out)
    assert (code, err, found["verdict"]) == (0, "", "equivalent")
    python, proved = found["checkers"]["check.py"], found["checkers"]["proved"]
    assert python["verdict"] == proved["verdict"] == "equivalent"
    assert proved["sources"] is True
    assert found["reason"] == f"{python['reason']}; by check.py, and by the checker extracted from its proof"


def test_the_words_of_matching_are_kept(built, tmp_path, end):
    """Of what is matched by position the answer says so, whoever checks."""
    for path in sorted((Path(__file__).parents[1] / "certificates" / "valid").glob("*match*")):
        files = [path / f"{name}.json" for name in ("original", "reduced", "certificate")]
        plain, both = (end("check", *options, *files)[1].strip() for options in ((), ("--verified",)))
        assert both == f"{plain}; by check.py, and by the checker extracted from its proof"
        assert ("matched: " in both) == ("against" in path.name or "position" in path.name or "some" in path.name)


def test_all_verdicts_have_exit_codes():
    assert {*sum(FORMATS.values(), ())} < {*EXIT_CODES}
