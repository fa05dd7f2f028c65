# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `report` of the command line."""

import re
import sys
from pathlib import Path

import click

from exactlump.cli.terminal import EPILOG, FORCE, MAX_UNPACKED, PATH, as_json, print_json, printable
from exactlump.reporting.report_file import ReportOptions, report_file
from exactlump.verdicts import EXIT_CODES


def _image(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Height and width, such as 28x28; a usage error for anything else."""
    if value is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", value)
    if found is None:
        raise click.BadParameter(f"found {value!r:.40}, expected a height and a width, such as 28x28")
    return int(found[1]), int(found[2])


@click.command("report", epilog=EPILOG)
@click.argument("certificate", type=PATH)
@click.option("--evidence", type=PATH, metavar="FILE", help="What `exactlump prove --evidence` wrote.")
@click.option("--original", type=PATH, metavar="FILE", help="[default: found beside the certificate, by its hash]")
@click.option("--reduced", type=PATH, metavar="FILE", help="[default: found beside the certificate, by its hash]")
@click.option(
    "--image", callback=_image, metavar="HxW", help="Height and width of inputs that are images, where no file says so."
)
@click.option("-o", "--output", type=PATH, required=True, help="The HTML file to write.")
@FORCE
@MAX_UNPACKED
@as_json
def report_verb(
    certificate: Path,
    evidence: Path | None,
    original: Path | None,
    reduced: Path | None,
    image: tuple[int, int] | None,
    output: Path,
    overwrite: bool,
    max_unpacked: int,
    as_json: bool,
    no_times: bool,
) -> None:
    """Write a certificate as one HTML page for an assessor: no scripts, and it opens offline.

    CERTIFICATE may also be what `refute --json`, `bound --json` or `compare --json` printed: of an input where two
    networks differ, of a certified bound, or of a question that stayed open.

    `equivalent` only if both model files are at hand and the checker, run once more, accepts them; `unknown` where
    the page only restates the certificate (docs/report.md).
    """
    options = ReportOptions(evidence, original, reduced, max_unpacked, overwrite, image)
    found = report_file(certificate, output, options)
    if as_json:
        print_json(found, no_times)
    else:
        click.echo(f"{found.verdict}: {printable(found.reason)}")
    sys.exit(EXIT_CODES[found.verdict])
