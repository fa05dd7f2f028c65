# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `inspect` of the command line: what a model file holds, layer by layer."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from exactlump.cli.terminal import (
    BATCHNORM,
    EPILOG,
    MAX_UNPACKED,
    PATH,
    RAW_NNET,
    as_json,
    console_for,
    plain,
    print_json,
    print_notes,
)
from exactlump.verbs.inspecting import Inspection, inspect_file

if TYPE_CHECKING:
    from rich.table import Table


@click.command("inspect", epilog=EPILOG)
@click.argument("source", metavar="IN", type=PATH)
@RAW_NNET
@MAX_UNPACKED
@BATCHNORM
@as_json
def inspect_verb(
    source: Path, raw_nnet: bool, max_unpacked: int, batchnorm: str | None, as_json: bool, no_times: bool
) -> None:
    """Say what IN holds, layer by layer, and how its neurons are classed by the maximum lumping."""
    found = inspect_file(source, raw_nnet=raw_nnet, max_unpacked=max_unpacked, batchnorm=batchnorm)
    if as_json:
        print_json(found, no_times)
        return
    console = console_for()
    title = f"{source}: {found.neurons} hidden neurons, {found.parameters} parameters, {found.dtype}"
    console.print(plain(title), soft_wrap=True)
    console.print(_inspection_table(found))
    print_notes(console_for(stderr=True), found.notes)


def _inspection_table(found: Inspection) -> "Table":
    """One row a layer; the column of reasons is left out where there is none."""
    from rich.box import SIMPLE
    from rich.table import Table

    headings = ["neurons", "activation", "nonzeros", "classes", "dead", "constant"]
    if any(layer.kept for layer in found.layers):
        headings.append("kept for")
    table = Table(box=SIMPLE)
    table.add_column("layer", overflow="fold")
    for heading in headings:
        table.add_column(heading, min_width=len(heading), overflow="fold")
    for layer in found.layers:
        counts = (layer.nonzeros, layer.classes, layer.dead, layer.constant)
        words = (layer.name, layer.neurons, layer.activation, *counts, layer.kept or "-")
        table.add_row(*(plain(str(word)) for word in words[: len(headings) + 1]))
    return table
