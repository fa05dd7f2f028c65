# SPDX-License-Identifier: Apache-2.0
"""This file is about the verbs `check` and `export` of the command line."""

import sys
from pathlib import Path

import click

from exactlump.cli.terminal import AS_JSON, EPILOG, MAX_UNPACKED, PATH
from exactlump.formats.files import demand_apart
from exactlump.verbs.checking import check_files, check_verified, coq_files, export_files, write_lines


@click.command("check", epilog=EPILOG)
@click.argument("original", type=PATH)
@click.argument("reduced", type=PATH)
@click.argument("certificate", type=PATH)
@click.option("--verified", is_flag=True, help="Ask the checker that is extracted from the Coq proof, too.")
@MAX_UNPACKED
@AS_JSON
def check_verb(
    original: Path, reduced: Path, certificate: Path, verified: bool, max_unpacked: int, as_json: bool
) -> None:
    """Check a certificate, as python3 -I exactlump/check.py ORIGINAL REDUCED CERTIFICATE does by itself.

    `make proofs` builds the checker that --verified asks (proofs/README.md).
    """
    if not verified:
        sys.exit(check_files(original, reduced, certificate, max_unpacked=max_unpacked, as_json=as_json))
    if as_json:
        raise click.UsageError("--verified and --json: expected one of them")
    verdict, code = check_verified(original, reduced, certificate, max_unpacked=max_unpacked)
    click.echo(verdict)
    sys.exit(code)


@click.command("export", epilog=EPILOG)
@click.argument("original", type=PATH)
@click.argument("reduced", type=PATH)
@click.argument("certificate", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="The file to write; NAME.v with --coq.")
@click.option("--coq", "as_coq", is_flag=True, help="Write the theorem NAME_equivalent, for Coq's own kernel.")
@MAX_UNPACKED
def export_verb(
    original: Path, reduced: Path, certificate: Path, output: Path, as_coq: bool, max_unpacked: int
) -> None:
    """Write the text that the checker extracted from the Coq proof reads (proofs/README.md).

    With --coq, a file that coqc checks by itself, for networks of up to 100,000 weights.
    """
    demand_apart(output, (original, reduced, certificate))
    if not as_coq:
        write_lines(output, export_files(original, reduced, certificate, max_unpacked=max_unpacked))
    elif output.suffix == ".v":
        write_lines(output, coq_files(original, reduced, certificate, output.stem, max_unpacked=max_unpacked))
    else:
        raise click.UsageError(f"{output}: found another suffix, expected .v with --coq")
