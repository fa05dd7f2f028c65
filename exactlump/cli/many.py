# SPDX-License-Identifier: Apache-2.0
"""This file is about verbs that take folders or a list in place of files: what is asked, and the table of answers."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from exactlump.cli.tables import lines_of
from exactlump.cli.terminal import PATH, print_json, printable
from exactlump.verbs.several import Question, Single, are_folders, ask_all, listed, pairs_of, triples_of
from exactlump.verdicts import EXIT_CODES

LIST = click.option(
    "--list", "list_of", type=PATH, metavar="FILE", help="Lines of paths with commas between, in place of paths here."
)
_ARGUMENTS = {"check": "ORIGINAL, REDUCED, CERTIFICATE", "compare": "A, B"}
_LONGEST = 100  # characters of a reason


def questions(
    verb: str, given: Sequence[Path | None], list_of: Path | None, *, alone: Sequence[Path | None] = ()
) -> list[Question] | None:
    """What folders or a list ask for; None where single files are given.

    alone: options that write one file, which only a single question has.  Raises a usage error, FormatError.
    """
    paths = [path for path in given if path is not None]
    if list_of is not None and paths:
        raise click.UsageError("--list: found paths beside it, expected one of both")
    if list_of is None and len(paths) != len(given):
        raise click.UsageError(f"found {len(paths)} of {_ARGUMENTS[verb]}, expected all, or --list FILE")
    if list_of is None and not are_folders(paths):
        return None
    if any(place is not None for place in alone):
        raise click.UsageError("found a place to write one file, expected none for folders and lists")
    if list_of is not None:
        return listed(list_of, len(given))
    return pairs_of(paths[0], paths[1]) if verb == "compare" else triples_of(paths[0], paths[1], paths[2])


def answered(
    verb: str,
    asked: list[Question],
    ask: Callable[..., Single],
    options: Any,
    as_json: bool,
    no_times: bool,
    listen: Callable[[str], None] = lambda _: None,
    fail_on: Sequence[str] = (),
) -> NoReturn:
    """Ask, and say what was found: the verdict on all, then a table with a line each.  Ends the program.

    fail_on: the verdicts that are no success; none for those that `EXIT_CODES` says.  What has no answer never is one.
    """
    found = ask_all(verb, asked, ask, options, listen)
    if as_json:
        print_json(found, no_times)
    else:
        click.echo(printable(repr(found)))
        rows = [("files", "verdict", "because")]
        rows += [(entry.question.name, entry.verdict, _short(entry.reason)) for entry in found.entries]
        for line in lines_of([[printable(word) for word in row] for row in rows]):
            click.echo(line.rstrip())
    passes = fail_on and not {*fail_on} & {*found.counts} and all(entry.answer is not None for entry in found.entries)
    sys.exit(0 if passes else EXIT_CODES[found.verdict])


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."
