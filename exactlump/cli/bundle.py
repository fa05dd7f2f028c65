# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `bundle` of the command line."""

import sys
from pathlib import Path

import click

from exactlump.cli.terminal import EPILOG, FORCE, MAX_UNPACKED, PATH, as_json, print_json, printable
from exactlump.reporting.bundle_file import BundleOptions, bundle_files, verify_bundle
from exactlump.verdicts import EXIT_CODES


@click.command("bundle", epilog=EPILOG)
@click.argument("paths", type=PATH, nargs=-1, metavar="OUT.zip ORIGINAL REDUCED CERTIFICATE")
@click.option("--verify", is_flag=True, help="Verify one zip instead: exactlump bundle --verify FILE.zip")
@click.option("--evidence", type=PATH, metavar="FILE", help="Put in what `exactlump prove --evidence` wrote.")
@click.option("--report", is_flag=True, help="Put in the page of `exactlump report`.")
@FORCE
@MAX_UNPACKED
@as_json
def bundle_verb(
    paths: tuple[Path, ...],
    verify: bool,
    evidence: Path | None,
    report: bool,
    overwrite: bool,
    max_unpacked: int,
    as_json: bool,
    no_times: bool,
) -> None:
    """Write one zip with models, certificate and checker, or verify one.

    It is re-checked with Python alone; equal files give equal bytes. None is written where the checker does not
    accept (docs/bundle.md).
    """
    options = BundleOptions(evidence, report, max_unpacked, overwrite, verify)
    if verify:
        if len(paths) != 1 or evidence is not None or report:
            raise click.UsageError("--verify: expected one zip, and neither --evidence nor --report")
        found = verify_bundle(paths[0], options)
    elif len(paths) != 4:
        raise click.UsageError(f"found {len(paths)} paths, expected four: OUT.zip ORIGINAL REDUCED CERTIFICATE")
    else:
        found = bundle_files(paths[0], paths[1], paths[2], paths[3], options)
    if as_json:
        print_json(found, no_times)
    else:
        click.echo(printable(f"{found.verdict}: {found.reason}"))
        if found.output is not None and not verify:
            click.echo(printable(f"{found.output} ({len(found.members)} members)"), err=True)
    sys.exit(EXIT_CODES[found.verdict])
