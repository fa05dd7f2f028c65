# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `inspect` of the command line: what a model file holds, layer by layer."""

import sys
from pathlib import Path

import click

from exactlump.cli.tables import lines_of
from exactlump.cli.terminal import (
    BATCHNORM,
    EPILOG,
    MAX_UNPACKED,
    OPAQUE_DOMAIN,
    PATH,
    RAW_NNET,
    SHAPE,
    as_json,
    print_json,
    printable,
)
from exactlump.verbs.inspecting import Inspection, inspect_file


@click.command("inspect", epilog=EPILOG)
@click.argument("source", metavar="IN", type=PATH)
@RAW_NNET
@MAX_UNPACKED
@BATCHNORM
@OPAQUE_DOMAIN
@SHAPE
@click.option("--profile", type=PATH, metavar="FILE", help="Names of operators, one a line: say which others IN has.")
@as_json
def inspect_verb(
    source: Path,
    raw_nnet: bool,
    max_unpacked: int,
    batchnorm: str | None,
    opaque_domains: tuple[str, ...],
    shapes: dict[str, tuple[int | None, ...]],
    profile: Path | None,
    as_json: bool,
    no_times: bool,
) -> None:
    """Say what IN holds, layer by layer, and how its neurons are classed by the maximum lumping."""
    how = {"max_unpacked": max_unpacked, "batchnorm": batchnorm, "shapes": shapes, "profile": profile}
    found = inspect_file(source, raw_nnet=raw_nnet, opaque_domains=opaque_domains, **how)  # type: ignore[arg-type]
    if as_json:
        print_json(found, no_times)
        return
    title = f"{source}: {found.neurons} hidden neurons, {found.parameters} parameters, {found.dtype}"
    rule = "─" if (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf") else "-"
    for line in (printable(title), *lines_of(_rows(found), rule)):
        print(line)
    if found.outside is not None:
        words = ", ".join(f"{name} {count}" for name, count in found.outside.items())
        print(printable(f"outside of the profile: {words or 'no operator'}"))
        for entry in found.broadcasts:
            print(printable(f"broadcasts: {entry['operator']} {entry['place']}: {_shapes(entry['shapes'])}"))
    if found.opaque or found.refused:
        words = ", ".join(f"{name} {count}" for name, count in found.operators.items())
        print(printable(f"operators: {words}"))
    for word, entries in (("opaque", found.opaque), ("refused", found.refused)):
        for entry in entries:
            remedy = f" ({entry['remedy']})" if entry["remedy"] else ""
            print(printable(f"{word}: {entry['operator']} {entry['place']}: {entry['why']}{remedy}"))
    for note in found.notes:
        print(printable(f"note: {note}"), file=sys.stderr)


def _shapes(several: list[list[int | str]]) -> str:
    """Shapes in words.

    >>> _shapes([[1, "n"], [3]])
    '[1, n] and [3]'
    """
    return " and ".join(f"[{', '.join(map(str, shape))}]" for shape in several)


def _rows(found: Inspection) -> list[list[str]]:
    """One row a layer, headings first; the column of reasons is left out where there is none."""
    headings = ["layer", "neurons", "activation", "nonzeros", "classes", "dead", "constant", "kept for"]
    rows = [headings if any(layer.kept for layer in found.layers) else headings[:-1]]
    for layer in found.layers:
        counts = (layer.nonzeros, layer.classes, layer.dead, layer.constant)
        words = (layer.name, layer.neurons, layer.activation, *counts, layer.kept or "-")
        rows.append([printable(str(word)) for word in words[: len(rows[0])]])
    return rows
