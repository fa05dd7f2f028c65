# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `check` of the command line: three files in, the checker's answer out."""

import sys
from pathlib import Path

import click

from exactlump.cli.terminal import EPILOG, MAX_UNPACKED, OPAQUE_DOMAIN, PATH, as_json, print_json
from exactlump.errors import FormatError
from exactlump.verbs.checking import check_files
from exactlump.verdicts import EXIT_CODES


@click.command("check", epilog=EPILOG)
@click.argument("original", type=PATH)
@click.argument("reduced", type=PATH)
@click.argument("certificate", type=PATH)
@click.option("--verified", is_flag=True, help="Ask the checker that is extracted from the Coq proof, too.")
@OPAQUE_DOMAIN
@MAX_UNPACKED
@as_json
def check_verb(
    original: Path,
    reduced: Path,
    certificate: Path,
    verified: bool,
    opaque_domains: tuple[str, ...],
    max_unpacked: int,
    as_json: bool,
    no_times: bool,
) -> None:
    """Check a certificate, as python3 -I exactlump/check.py ORIGINAL REDUCED CERTIFICATE does by itself.

    `make proofs` builds the checker that --verified asks (proofs/README.md).
    """
    try:
        files = original, reduced, certificate
        found = check_files(*files, max_unpacked=max_unpacked, verified=verified, opaque_domains=opaque_domains)
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
