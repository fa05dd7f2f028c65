# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `compare` of the command line: options in, whatever is true of two networks out."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from exactlump.cli import asking, many, refute
from exactlump.cli.terminal import EPILOG, FAIL_ON, PATH, exit_code, print_json, printable
from exactlump.verbs.comparing import FileComparison, compare_files


@click.command("compare", epilog=EPILOG)
@click.argument("a", type=PATH, required=False)
@click.argument("b", type=PATH, required=False)
@many.LIST
@FAIL_ON
@asking.asking
def compare_verb(
    a: Path | None,
    b: Path | None,
    list_of: Path | None,
    fail_on: tuple[str, ...],
    as_json: bool,
    no_times: bool,
    save_input: Path | None,
    **options: Any,
) -> None:
    """Say whatever is true of two networks: equal, near, or different at an exact input, or `unknown` (docs/bounds.md).

    Without a box only equality and inputs where they differ are looked for. Two folders are compared file by file, by
    name; the verdict on all is the worst.
    """
    chosen = asking.chosen(**options)
    questions = many.questions("compare", (a, b), list_of, alone=(chosen.certificate, save_input))
    with asking.Progress() as listen:
        if questions is not None:

            def ask(one: Path, other: Path) -> FileComparison:
                return compare_files(one, other, chosen)

            many.answered(
                "compare", questions, ask, chosen, as_json, no_times, lambda name: listen(name, 0, 0), fail_on
            )
        found = compare_files(a, b, chosen, listen, (KeyboardInterrupt,))
    asking.saved(found, save_input, options["overwrite"])
    if as_json:
        print_json(found, no_times)
    else:
        lines = _evidence(found)
        click.echo(printable(f"{found.verdict}: {'; '.join(_clauses(found))}"))
        for line in lines:
            click.echo(printable(line), err=True)
    sys.exit(exit_code(found.verdict, fail_on))


def _clauses(found: FileComparison) -> Iterator[str]:
    """What is true of both."""
    if found.bound is None:
        assert found.finding is not None
        yield from refute.clauses(found.finding)
        if found.verdict != "equivalent":
            yield "give --box for a bound"
    elif found.verdict == "different" and found.bound.verdict != "different":
        yield asking.differing(found.bound)
        checked = found.bound.verdict == "within"
        words = f"at most {asking.most(found.bound)} on {found.bound.domain}"
        yield words if checked else asking.unchecked(found.bound)
        yield from asking.spoken(found.bound)
    else:
        yield from asking.clauses(found.bound)


def _evidence(found: FileComparison) -> list[str]:
    """The lines that follow the verdict."""
    if found.bound is None:
        assert found.finding is not None
        return refute.evidence(found.finding)
    return asking.evidence(found.bound)
