# SPDX-License-Identifier: Apache-2.0
"""This file is about running the labs: python docs/labs/run.py [1-5 ...] [--show | --step] [--notebooks FOLDER]

Each block of a lab is run, in order, in a folder of its own that is thrown away; what it prints is compared with what
the page says.  Then its sheet of exercises, as it is, and the answers are checked.  --show prints the blocks and what
they print, --step waits before each, for a class.  --notebooks writes the labs as notebooks for Jupyter.  Ends with 0
when everything is as the pages say.
"""

import argparse
import contextlib
import doctest
import io
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LABS = Path(__file__).resolve().parent
ROOT = LABS.parents[1]
sys.path[:0] = [str(LABS), str(ROOT)]
NUMBERS = ("1", "2", "3", "4", "5")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
# The blocks name files of the project, so a notebook begins by going there.
GO = """import os
from pathlib import Path

os.chdir(next(folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "docs" / "labs").is_dir()))"""


class Cell(NamedTuple):
    """A part of a page: `words`, or a block of `python` or `console`, with what the page says that it prints."""

    kind: str
    text: str
    printed: str | None = None


class Different(Exception):
    """What a block prints is not what the page says."""


def cells(lab: str) -> Iterator[Cell]:
    """The parts of a lab, in order."""
    words = (LABS / f"lab{lab}.md").read_text(encoding="utf-8")
    end, waiting = 0, None
    for match in FENCE.finditer(words):
        between = words[end : match.start()].strip()
        end = match.end()
        if waiting and match[1] == "text" and not between:
            yield waiting._replace(printed=match[2])
            waiting = None
            continue
        yield from (waiting,) if waiting else ()
        yield from (Cell("words", between),) if between else ()
        waiting = Cell(match[1], match[2])
    yield from (waiting,) if waiting else ()
    yield from (Cell("words", rest),) if (rest := words[end:].strip()) else ()


@contextlib.contextmanager
def a_folder() -> Iterator[None]:
    """A new folder, as the current one, that looks like the project's and is thrown away."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("exactlump", "examples", "docs"):
            (Path(folder) / name).symlink_to(ROOT / name, target_is_directory=True)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def run(cell: Cell, namespace: dict[str, object]) -> str:
    """Run a block; returns what it prints."""
    if cell.kind == "python":
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(cell.text, "the lab", "exec"), namespace)
        return printed.getvalue()
    environment = {**os.environ, "COLUMNS": "120", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    found = []
    for command in re.findall(r"^\$ (.*)$", cell.text, re.M):
        _, *words = shlex.split(command)  # all of them are run by Python, this one
        done = subprocess.run(
            [sys.executable, *words], capture_output=True, encoding="utf-8", env=environment, check=False
        )
        found.append(f"$ {command}\n{done.stdout}{done.stderr}")
    return "".join(found)


def demand_same(cell: Cell, printed: str) -> None:
    """Raise Different where a block printed what the page does not say."""
    expected = cell.text if cell.kind == "console" else cell.printed
    flags = doctest.ELLIPSIS if cell.kind == "console" else 0
    if expected is not None and not doctest.OutputChecker().check_output(expected, printed, flags):
        raise Different(f"found\n{printed}expected\n{expected}of\n{cell.text}")


def go_through(lab: str, show: bool = False, step: bool = False) -> int:
    """Run the blocks of a lab; returns how many.  Raises Different."""
    blocks = [cell for cell in cells(lab) if cell.kind in ("python", "console")]
    namespace: dict[str, object] = {"__name__": "__main__"}
    path = list(sys.path)
    with a_folder():
        for cell in blocks:
            if show and cell.kind == "python":
                print("\n" + "".join(f"    {line}" for line in cell.text.splitlines(keepends=True)))
            if step:
                input("    [Enter] ")
            printed = run(cell, namespace)
            if show:
                print(printed, end="")
            demand_same(cell, printed)
    sys.path[:] = path
    return len(blocks)


def right(path: Path, lab: str) -> tuple[int, int]:
    """How many exercises of a sheet are right, and how many there are."""
    import check

    found = check.verdicts(runpy.run_path(str(path)), lab)
    return sum(wrong is None for wrong in found.values()), len(found)


def notebook(lab: str) -> dict[str, object]:
    """A lab as a notebook (nbformat 4.5), with what its blocks print."""
    found = [_code("go", GO, "")]
    for number, cell in enumerate(cells(lab)):
        if cell.kind == "python":
            found.append(_code(f"cell-{number}", cell.text, cell.printed or ""))
        elif cell.kind == "console":
            commands = re.sub(r"^\$ python", "!{sys.executable}", cell.text, flags=re.M)
            kept = [line for line in commands.splitlines() if line.startswith("!")]
            found.append(_code(f"cell-{number}", "\n".join(["import sys", *kept]), ""))
        else:
            words = cell.text if cell.kind == "words" else f"```{cell.kind}\n{cell.text}```"
            words = re.sub(r"\]\((?!https?:|#)", "](../../docs/labs/", words)
            found.append({"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": words})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": found, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _code(name: str, text: str, printed: str) -> dict[str, object]:
    shown = [{"name": "stdout", "output_type": "stream", "text": printed}] if printed else []
    cell = {"cell_type": "code", "execution_count": None, "id": name, "metadata": {}}
    return {**cell, "outputs": shown, "source": text.rstrip("\n")}


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser("run", description="Run the labs, and say whether they are as their pages say.")
    parser.add_argument("labs", nargs="*", metavar="LAB", help="1 to 5; all, if none is given")
    parser.add_argument("--show", action="store_true", help="print each block, and what it prints")
    parser.add_argument("--step", action="store_true", help="the same, and wait for the Enter key before each")
    parser.add_argument("--notebooks", type=Path, metavar="FOLDER", help="write notebooks there, and run nothing")
    options = parser.parse_args(argv)
    labs = options.labs or NUMBERS
    if not {*labs} <= {*NUMBERS}:
        parser.error(f"found lab {' '.join(labs)}, expected 1 to 5")
    if options.notebooks:
        options.notebooks.mkdir(parents=True, exist_ok=True)
        for lab in labs:
            path = options.notebooks / f"lab{lab}.ipynb"
            path.write_text(json.dumps(notebook(lab), indent=1) + "\n", encoding="utf-8")
            print(path)
        return 0
    code = 0
    for lab in labs:
        start = time.perf_counter()
        try:
            blocks = go_through(lab, options.show or options.step, options.step)
        except Different as error:
            print(f"lab {lab}: {error}", file=sys.stderr)
            code = 1
            continue
        sheets = [right(LABS / folder / f"lab{lab}.py", lab) for folder in ("", "answers")]
        (unedited, count), (answered, _) = sheets
        code = code if (unedited, answered) == (0, count) else 1
        print(
            f"lab {lab}: {blocks} blocks print what the page says; exercises: {unedited} of {count} right on the sheet,"
            f" {answered} on the answers; {time.perf_counter() - start:.1f} s"
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
