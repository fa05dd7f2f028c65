# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `export` of the command line."""

from pathlib import Path

import click

from exactlump.cli.terminal import EPILOG, FORCE, MAX_UNPACKED, PATH, as_json, print_json
from exactlump.verbs.exporting import ExportOptions, export_to


@click.command("export", epilog=EPILOG)
@click.argument("original", type=PATH)
@click.argument("reduced", type=PATH)
@click.argument("certificate", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="The file to write; NAME.v with --coq.")
@click.option("--coq", is_flag=True, help="Write the theorem NAME_equivalent, for Coq's own kernel.")
@FORCE
@MAX_UNPACKED
@as_json
def export_verb(
    original: Path,
    reduced: Path,
    certificate: Path,
    output: Path,
    coq: bool,
    overwrite: bool,
    max_unpacked: int,
    as_json: bool,
    no_times: bool,
) -> None:
    """Write the text that the checker extracted from the Coq proof reads (proofs/README.md).

    With --coq, a file that coqc checks by itself, for networks of up to 100,000 weights.
    """
    options = ExportOptions(coq=coq, max_unpacked=max_unpacked, overwrite=overwrite)
    found = export_to(original, reduced, certificate, output, options)
    if as_json:
        print_json(found, no_times)
