# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `check` of the command line: three files in, the checker's answer out."""

import sys
from pathlib import Path

import click

from exactlump.cli import many
from exactlump.cli.terminal import EPILOG, FORCE, MAX_UNPACKED, OPAQUE_DOMAIN, PATH, SECONDS, as_json, print_json
from exactlump.errors import FormatError
from exactlump.verbs.checking import CheckOptions, FileCheck, check_with
from exactlump.verdicts import EXIT_CODES


@click.command("check", epilog=EPILOG)
@click.argument("original", type=PATH, required=False)
@click.argument("reduced", type=PATH, required=False)
@click.argument("certificate", type=PATH, required=False)
@many.LIST
@click.option("--verified", is_flag=True, help="Ask the checker that is extracted from the Coq proof, too.")
@click.option("--timeout", type=SECONDS, metavar="S", help="Seconds for that one. [default: as long as it takes]")
@click.option(
    "--jobs", type=click.IntRange(1, 999), default=1, show_default=True, metavar="N", help="Processes for bounds."
)
@click.option("--statement", type=PATH, metavar="FILE", help="Where to write an in-toto Statement of the answer.")
@FORCE
@OPAQUE_DOMAIN
@MAX_UNPACKED
@as_json
def check_verb(
    original: Path | None,
    reduced: Path | None,
    certificate: Path | None,
    list_of: Path | None,
    verified: bool,
    timeout: float | None,
    jobs: int,
    statement: Path | None,
    overwrite: bool,
    opaque_domains: tuple[str, ...],
    max_unpacked: int,
    as_json: bool,
    no_times: bool,
) -> None:
    """Check a certificate, as python3 -I exactlump/check.py ORIGINAL REDUCED CERTIFICATE does by itself.

    Three folders are checked file by file, by name, a certificate being NAME.cert.json; the verdict on all is the
    worst. `make proofs` builds the checker that --verified asks (proofs/README.md).
    """
    options = CheckOptions(max_unpacked, verified, timeout, jobs, opaque_domains)
    questions = many.questions("check", (original, reduced, certificate), list_of, alone=(statement,))
    if questions is not None:

        def ask(one: Path, other: Path, claimed: Path) -> FileCheck:
            return check_with(one, other, claimed, options)

        many.answered("check", questions, ask, options, as_json, no_times)
    assert original is not None
    assert reduced is not None
    assert certificate is not None
    try:
        found = check_with(original, reduced, certificate, options)
        if statement is not None:
            from exactlump.verbs.statement import with_statement

            found = with_statement(found, statement, overwrite=overwrite)
    except FormatError as error:
        if as_json or verified:
            raise
        click.echo(f"check: {error}", err=True)
        sys.exit(error.exit_code)
    if as_json:
        print_json(found, no_times)
    else:
        click.echo(f"{found.verdict}: {found.reason}")
    sys.exit(EXIT_CODES[found.verdict])
