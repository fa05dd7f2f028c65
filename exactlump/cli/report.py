# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `report` of the command line."""

import sys
from pathlib import Path

import click

from exactlump.cli.terminal import EPILOG, FORCE, MAX_UNPACKED, PATH, as_json, print_json, printable
from exactlump.reporting.report_file import ReportOptions, report_file
from exactlump.verdicts import EXIT_CODES


@click.command("report", epilog=EPILOG)
@click.argument("certificate", type=PATH)
@click.option("--evidence", type=PATH, metavar="FILE", help="What `exactlump prove --evidence` wrote.")
@click.option("--original", type=PATH, metavar="FILE", help="[default: found beside the certificate, by its hash]")
@click.option("--reduced", type=PATH, metavar="FILE", help="[default: found beside the certificate, by its hash]")
@click.option("-o", "--output", type=PATH, required=True, help="The HTML file to write.")
@FORCE
@MAX_UNPACKED
@as_json
def report_verb(
    certificate: Path,
    evidence: Path | None,
    original: Path | None,
    reduced: Path | None,
    output: Path,
    overwrite: bool,
    max_unpacked: int,
    as_json: bool,
    no_times: bool,
) -> None:
    """Write a certificate as one HTML page for an assessor: no scripts, and it opens offline.

    CERTIFICATE may also be what `refute --json` printed of an input where two networks differ, or what `bound --json`
    or `compare --json` printed of a certified bound.

    `equivalent` only if both model files are at hand and the checker, run once more, accepts them; `unknown` where
    the page only restates the certificate (docs/report.md).
    """
    options = ReportOptions(evidence, original, reduced, max_unpacked, overwrite)
    found = report_file(certificate, output, options)
    if as_json:
        print_json(found, no_times)
    else:
        click.echo(f"{found.verdict}: {printable(found.reason)}")
    sys.exit(EXIT_CODES[found.verdict])
