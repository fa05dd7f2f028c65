# SPDX-License-Identifier: Apache-2.0
"""This file is about talking to people on a terminal: what all verbs of the command line share.

The verdict goes to stdout, talk to stderr.  Names come from files, so nothing is markup and nothing moves a cursor.
Rich is imported when a table or a progress line is drawn.
"""

import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from exactlump.cli.failing import printable as printable
from exactlump.formats import files
from exactlump.formats.stating import read_stated
from exactlump.verdicts import EXIT_CODES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

EPILOG = (
    "Exit codes: 0 equivalent or valid, 1 different or rejected, 2 usage or bad input, 3 unknown or out of time, "
    "4 unsupported operator or feature, 5 a bug of ours."
)
PATH = click.Path(path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Seconds(click.FloatRange):
    """A limit of time, such as solvers and clocks take: Z3 counts milliseconds in 32 bits."""

    name = "number of seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=4_000_000)

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """The number; a usage error for anything else, nan included."""
        seconds = float(super().convert(value, param, context))
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a valid {self.name}.", param, context)
        return seconds


SECONDS = _Seconds()
# Options that several verbs have.
MAX_UNPACKED = click.option(
    "--max-unpacked",
    type=click.IntRange(min=1),
    default=files.MAX_UNPACKED,
    metavar="BYTES",
    help="The most bytes that a .gz file may unpack to. [default: 512 MiB]",
)
FAIL_ON = click.option(
    "--fail-on",
    type=click.Choice(["different", "unknown"]),
    multiple=True,
    help="End with 0 on any other verdict; may be given twice. [default: both]",
)
FORCE = click.option("--force", "overwrite", is_flag=True, help="Replace files that have other content.")
RAW_NNET = click.option("--raw-nnet", is_flag=True, help="Leave out the normalisation in the header of a .nnet file.")
OPAQUE_DOMAIN = click.option(
    "--opaque-domain",
    "opaque_domains",
    multiple=True,
    metavar="NAME",
    help="Operators of this domain, which no rule reads, are functions of their inputs. Repeatable.",
)
SCALE = click.option(
    "--scale", multiple=True, metavar="S", help="S*(v-M) for each number v in a file of inputs; one, or one a channel."
)
MEAN = click.option("--mean", multiple=True, metavar="M", help="See --scale.")
SHAPE = click.option(
    "--shape",
    "shapes",
    multiple=True,
    metavar="NAME=2x3",
    callback=lambda _context, _option, words: read_stated(words),
    help="The shape of an input whose sizes an ONNX file leaves free; ? for a size that stays as it is. Repeatable.",
)
BATCHNORM = click.option(
    "--batchnorm",
    type=click.Choice(["float32", "float64", "exact"]),
    help="How scales of batch normalisations are read. [default: rounded to float32; in float64 files to float64]",
)


def as_json(command: _Command) -> _Command:
    """The options --json and --no-times, which every verb has."""
    command = click.option(
        "--no-times", is_flag=True, help="With --json: nothing about time, so that equal runs give equal bytes."
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, and nothing else.")(command)


def exit_code(verdict: str, fail_on: Sequence[str]) -> int:
    """The exit code of a verdict; with --fail-on 0 for all that it does not name."""
    return 0 if fail_on and verdict not in fail_on else EXIT_CODES[verdict]


class Answer(Protocol):
    """What a verb found."""

    def json(self, *, times: bool) -> dict[str, Any]:
        """The answer as JSON."""


def print_json(found: Answer, no_times: bool) -> None:
    """The one object of --json."""
    click.echo(json.dumps(found.json(times=not no_times)))


def print_notes(console: "Console", notes: Sequence[str]) -> None:
    """Each note on a line of its own."""
    for note in notes:
        console.print(plain(f"note: {note}"), soft_wrap=True)


def console_for(stderr: bool = False) -> "Console":
    """A console without colours of its own; wide where it is no terminal."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 140
    return console


def plain(words: str) -> "Text":
    """Words for a console, as they are."""
    from rich.text import Text

    return Text(printable(words))
