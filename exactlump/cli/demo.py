# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `demo` of the command line."""

from pathlib import Path

import click

from exactlump.cli.terminal import EPILOG, PATH
from exactlump.verbs.demonstrating import demonstrate


@click.command("demo", epilog=EPILOG)
@click.option("--out", type=PATH, default=Path("out/demo"), show_default=True, help="The folder to write to.")
def demo_verb(out: Path) -> None:
    """Reduce the bundled networks, check every certificate, and show the erratum of Definition 6."""
    demonstrate(out, click.echo)
