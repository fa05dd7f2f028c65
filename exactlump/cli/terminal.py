# SPDX-License-Identifier: Apache-2.0
"""This file is about talking to people on a terminal: what all verbs of the command line share.

The verdict goes to stdout, talk to stderr.  Names come from files, so nothing is markup and nothing moves a cursor.
"""

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from exactlump.errors import ExactlumpError
from exactlump.formats import files
from exactlump.verdicts import verdict_of

EPILOG = (
    "Exit codes: 0 equivalent or valid, 1 different or rejected, 2 usage or bad input, 3 unknown or out of time, "
    "4 unsupported operator or feature, 5 a bug of ours."
)
PATH = click.Path(path_type=Path)


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
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, and nothing else.")


@contextmanager
def verdict_of_errors(as_json: bool) -> Iterator[None]:
    """Where no equivalence is claimed and none is denied, stdout says so; the error goes on."""
    try:
        yield
    except ExactlumpError as error:
        if verdict := verdict_of(error.exit_code):
            reason = printable(str(error))
            click.echo(json.dumps({"verdict": verdict, "reason": reason}) if as_json else f"{verdict}: {reason}")
        raise


def print_notes(console: Console, notes: Sequence[str]) -> None:
    """Each note on a line of its own."""
    for note in notes:
        console.print(plain(f"note: {note}"), soft_wrap=True)


def console_for(stderr: bool = False) -> Console:
    """A console without colours of its own; wide where it is no terminal."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 140
    return console


def plain(words: str) -> Text:
    """Words for a console, as they are."""
    return Text(printable(words))


def printable(words: str) -> str:
    """Words with what is not printable as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)


BATCHNORM = click.option(
    "--batchnorm",
    type=click.Choice(["float32", "float64", "exact"]),
    help="How scales of batch normalisations are read. [default: rounded to float32; in float64 files to float64]",
)
