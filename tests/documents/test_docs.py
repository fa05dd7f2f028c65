# SPDX-License-Identifier: Apache-2.0
"""This file is about the documents: their blocks run, their links lead somewhere, their names and counts are true.

A `python` block is run; a `text` block right after it is what it prints.  In a `console` block, `$ exactlump ...`
and `$ python...` are run, and what follows is stdout and stderr together; there, `...` stands for anything.
All blocks of a page are run in order, in one namespace and one temporary folder that looks like the project's.
"""

import contextlib
import doctest
import importlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import rooms

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OURS = ("erratum", "tutorial", "trust", "architecture", "paper-to-code", "certificate-format")
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
# Pages whose links are checked, and whose blocks are not run.
OTHERS = [page for folder in ("proofs", "benchmarks") for page in sorted((ROOT / folder).rglob("*.md"))]
OTHERS += [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    kind: str
    text: str
    line: int
    expected: str | None


def blocks(page):
    words = page.read_text(encoding="utf-8")
    found = list(FENCE.finditer(words))
    for i, match in enumerate(found):
        after = found[i + 1] if i + 1 < len(found) else None
        joined = after is not None and after[1] == "text" and not words[match.end() : after.start()].strip()
        yield Block(match[1], match[2], words.count("\n", 0, match.start()) + 2, after[2] if joined else None)


def prose(page):
    """The page without its blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def same(expected, found):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(expected.strip() + "\n", found.strip() + "\n", flags)


def run_python(page, block, namespace):
    # The empty lines let a traceback name the line of the page.
    code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)
    if block.expected is not None:
        assert printed.getvalue() == block.expected, f"{page.name}, line {block.line}"


def run_console(page, block):
    commands = re.split(r"^\$ ", block.text, flags=re.M)
    assert not commands[0].strip(), f"{page.name}, line {block.line}: a console block begins with a command"
    for entry in commands[1:]:
        command, _, expected = entry.partition("\n")
        name, *arguments = shlex.split(command, comments=True)
        if name == "exactlump":
            arguments = ["-m", "exactlump", *arguments]
        elif name not in ("python", "python3"):
            continue
        environment = {**os.environ, "COLUMNS": "120", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=environment,
            check=False,
        )
        assert same(expected, done.stdout), f"{page.name}: $ {command}\nexpected\n{expected}\nfound\n{done.stdout}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder where the project's own folders are at hand."""
    for name in ("exactlump", "examples", "docs"):
        (tmp_path / name).symlink_to(ROOT / name, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_runs_and_prints_what_the_page_says(page, folder):
    namespace = {"__name__": "__main__"}
    for block in blocks(page):
        if block.kind == "python":
            run_python(page, block, namespace)
        elif block.kind == "console":
            run_console(page, block)


def test_the_runner_sees_wrong_output(folder):
    with pytest.raises(AssertionError):
        run_console(ROOT / "README.md", Block("console", "$ python -c 'print(1)'\n2\n", 1, None))
    with pytest.raises(AssertionError):
        run_python(ROOT / "README.md", Block("python", "print(1)", 1, "2\n"), {})
    run_console(ROOT / "README.md", Block("console", "$ python -c 'print(1)'\n1\n", 1, None))


def test_there_are_blocks_to_run():
    kinds = {page.name: [block.kind for block in blocks(page)] for page in PAGES}
    assert kinds["tutorial.md"].count("python") >= 10
    assert kinds["erratum.md"].count("python") >= 6
    assert "console" in kinds["README.md"]
    assert {page.stem for page in PAGES} >= {"README", *OURS}


def test_every_block_says_what_it_is():
    known = {"python", "text", "console", "json", "sh", "make"}
    assert [(page.name, b.line) for page in PAGES for b in blocks(page) if b.kind not in known] == []


# Links


def slug(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page):
    words = prose(page)
    named = re.findall(r'<a (?:id|name)="([^"]+)">', words)
    return {*named, *(slug(heading) for heading in re.findall(r"^#+ (.+)$", words, re.M))}


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{page.name}: {target}"
        assert other == ROOT or ROOT in other.parents, f"{page.name}: {target} is outside the project"
        if anchor:
            assert anchor in anchors(other), f"{page.name}: {target}"


def test_files_that_the_sources_name_exist():
    """Docstrings and comments name documents by path, sometimes with a heading or a bold word: docs/x.md, "word"."""
    for source in [*sorted((ROOT / "exactlump").rglob("*.py")), *sorted((ROOT / "examples").glob("*.py"))]:
        words = source.read_text(encoding="utf-8")
        for path, word in re.findall(r'(?<![\w/])(docs/[\w-]+\.md)(?:, "([\w-]+)")?', words):
            page = ROOT / path
            assert page.exists(), f"{source.name}: {path}"
            assert not word or word in anchors(page) or f"**{word}**" in prose(page), f"{source.name}: {path}, {word}"


# Names and counts


def exists(dotted):
    """Whether `a.b.c` is a module of the package, or something in one."""
    parts = ["exactlump", *dotted.split(".")]
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            fields = getattr(found, "__dataclass_fields__", {})
            if not hasattr(found, part) and part not in fields:
                return False
            found = getattr(found, part, None)
        return length > 1
    return False


def test_names_are_looked_up():
    assert exists("lumping.maximum.maximum_lumping")
    assert exists("lumping.simulations.Relation.rows")
    assert not exists("lumping.maximum.minimum_lumping")
    assert not exists("nowhere.at_all")


def tokens(page):
    return re.findall(r"`([^`\n]+)`", prose(page))


def test_names_in_paper_to_code_exist():
    found = [t for t in tokens(ROOT / "docs" / "paper-to-code.md") if re.fullmatch(r"[a-z_]+(\.\w+)+", t)]
    code = [t for t in found if not t.endswith((".py", ".md"))]
    assert len(code) > 20
    assert [t for t in code if not exists(t)] == []


def test_the_architecture_lists_the_rooms_as_they_are():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = page.split(rooms.BEGIN)[1].split(rooms.END)[0]
    assert listed.count("| `") > 100
    assert listed == rooms.listed(), "python -m tests.rooms"


def test_tests_named_in_the_documents_exist():
    named = [(page, t) for page in PAGES for t in tokens(page) if re.match(r"(tests/(\w+/)?)?test_\w+\.py", t)]
    assert len(named) > 10
    for page, token in named:
        path, _, test = token.removeprefix("tests/").partition("::")
        source = ROOT / "tests" / path
        assert source.exists(), f"{page.name}: {token}"
        assert not test or f"def {test}(" in source.read_text(encoding="utf-8"), f"{page.name}: {token}"


def test_the_stated_size_of_the_checker_is_true():
    stated = re.search(
        r"`exactlump/check\.py` has ([\d,]+) lines", (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    )
    lines = (ROOT / "exactlump" / "check.py").read_text(encoding="utf-8").count("\n")
    assert stated, "docs/trust.md states the size of the checker"
    assert int(stated[1].replace(",", "")) == lines
