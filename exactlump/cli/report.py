# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `report` of the command line."""

import sys
from pathlib import Path

import click

from exactlump.cli.terminal import EPILOG, MAX_UNPACKED, PATH, printable, verdict_of_errors
from exactlump.reporting.page import write_report
from exactlump.reporting.report import report
from exactlump.verdicts import EXIT_CODES


@click.command("report", epilog=EPILOG)
@click.argument("certificate", type=PATH)
@click.option("--evidence", type=PATH, metavar="FILE", help="What `exactlump prove --evidence` wrote.")
@click.option("--original", type=PATH, metavar="FILE", help="[default: found beside the certificate, by its hash]")
@click.option("--reduced", type=PATH, metavar="FILE", help="[default: found beside the certificate, by its hash]")
@click.option("-o", "--output", type=PATH, required=True, help="The HTML file to write.")
@MAX_UNPACKED
def report_verb(
    certificate: Path,
    evidence: Path | None,
    original: Path | None,
    reduced: Path | None,
    output: Path,
    max_unpacked: int,
) -> None:
    """Write a certificate as one HTML page for an assessor: no scripts, and it opens offline.

    `equivalent` only if both model files are at hand and the checker, run once more, accepts them; `unknown` where
    the page only restates the certificate (docs/report.md).
    """
    with verdict_of_errors(False):
        found = report(certificate, evidence=evidence, original=original, reduced=reduced, max_unpacked=max_unpacked)
        write_report(found, output)
    click.echo(f"{found.verdict}: {printable(found.reason)}")
    sys.exit(EXIT_CODES[found.verdict])
