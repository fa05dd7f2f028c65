# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `inspect` of the command line: what a model file holds, layer by layer."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.box import SIMPLE
from rich.table import Table

from exactlump.cli.terminal import AS_JSON, BATCHNORM, EPILOG, MAX_UNPACKED, PATH, console_for, plain, print_notes
from exactlump.verbs.inspecting import Inspection, inspect_file


@click.command("inspect", epilog=EPILOG)
@click.argument("source", metavar="IN", type=PATH)
@click.option("--raw-nnet", is_flag=True, help="Leave out the normalisation in the header of a .nnet file.")
@MAX_UNPACKED
@BATCHNORM
@AS_JSON
def inspect_verb(source: Path, raw_nnet: bool, max_unpacked: int, batchnorm: str | None, as_json: bool) -> None:
    """Say what IN holds, layer by layer, and how its neurons are classed by the maximum lumping."""
    found = inspect_file(source, raw_nnet=raw_nnet, max_unpacked=max_unpacked, batchnorm=batchnorm)
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    console = console_for()
    title = f"{source}: {found.neurons} hidden neurons, {found.parameters} parameters, {found.dtype}"
    console.print(plain(title), soft_wrap=True)
    console.print(_inspection_table(found))
    print_notes(console_for(stderr=True), found.notes)


def _inspection_table(found: Inspection) -> Table:
    """One row a layer; the column of reasons is left out where there is none."""
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
