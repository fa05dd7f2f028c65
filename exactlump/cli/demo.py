# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `demo` of the command line."""

from pathlib import Path

import click

from exactlump.cli.terminal import EPILOG, FORCE, PATH, as_json, print_json
from exactlump.verbs.demonstrating import demonstrate


@click.command("demo", epilog=EPILOG)
@click.option("--out", type=PATH, default=Path("out/demo"), show_default=True, help="The folder to write to.")
@FORCE
@as_json
def demo_verb(out: Path, overwrite: bool, as_json: bool, no_times: bool) -> None:
    """Reduce the bundled networks, check every certificate, and show the erratum of Definition 6."""
    found = demonstrate(out, (lambda _: None) if as_json else click.echo, overwrite=overwrite)
    if as_json:
        print_json(found, no_times)
