# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `bound` of the command line: options in, the verdict and both numbers out."""

import sys
from pathlib import Path
from typing import Any

import click

from exactlump.cli.asking import Progress, asking, chosen, clauses, evidence, saved
from exactlump.cli.terminal import EPILOG, PATH, print_json, printable
from exactlump.verbs.bounded import bound_files
from exactlump.verdicts import EXIT_CODES


@click.command("bound", epilog=EPILOG)
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@asking
def bound_verb(a: Path, b: Path, as_json: bool, no_times: bool, save_input: Path | None, **options: Any) -> None:
    """Say how far apart the outputs of two networks can be on a box (docs/bounds.md).

    `within` is said after the checker has accepted a certificate, `different` with an exact input.  An interruption
    gives the best that is known.
    """
    with Progress() as listen:
        found = bound_files(a, b, chosen(**options), listen, (KeyboardInterrupt,))
    saved(found, save_input, options["overwrite"])
    if as_json:
        print_json(found, no_times)
    else:
        lines = evidence(found)  # before the verdict: what fails here must not follow one
        click.echo(printable(f"{found.verdict}: {'; '.join(clauses(found))}"))
        for line in lines:
            click.echo(printable(line), err=True)
    sys.exit(EXIT_CODES[found.verdict])
