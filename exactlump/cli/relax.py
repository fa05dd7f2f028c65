# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `relax` of the command line: options in, the verdict and the regions out."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from exactlump.cli.figures import brief, input_line, outputs_line
from exactlump.cli.terminal import EPILOG, FORCE, MAX_UNPACKED, PATH, RAW_NNET, SECONDS, as_json, print_json, printable
from exactlump.numbers.rational import parse
from exactlump.verbs.relaxing import FileRelaxation, RelaxOptions, relax_file
from exactlump.verdicts import EXIT_CODES

# How many merges, and entries of an input, people are shown.
_MOST_MERGES, _MOST_ENTRIES = 30, 12


@click.command("relax", epilog=EPILOG)
@click.argument("source", metavar="IN", type=PATH)
@click.option("--layer", metavar="NAME", help="One layer, by the name that inspect prints. [default: all]")
@click.option(
    "--terms", type=click.IntRange(1, 4), default=2, show_default=True, help="Neurons that may stand for one."
)
@click.option("--box", nargs=2, metavar="LO HI", help="Bounds of every input, decimals or p/q. [default: none]")
@click.option("--write", type=PATH, metavar="OUT", help="Write the merged network, also where it is wrong.")
@click.option("--literal", is_flag=True, help="The quotient of Definition 6 as printed (docs/erratum.md) instead.")
@click.option(
    "--timeout", type=SECONDS, default=10.0, show_default=True, metavar="S", help="Seconds for each question to Z3."
)
@RAW_NNET
@FORCE
@MAX_UNPACKED
@as_json
def relax_verb(
    source: Path,
    layer: str | None,
    terms: int,
    box: tuple[str, str] | None,
    write: Path | None,
    literal: bool,
    timeout: float,
    raw_nnet: bool,
    overwrite: bool,
    max_unpacked: int,
    as_json: bool,
    no_times: bool,
) -> None:
    """Say which neurons are linear combinations of others, and where replacing them is right (docs/relaxation.md).

    `equivalent` if every merge that is proposed is right on the whole domain; `different` with the regions where they
    are right, and an exact input at which the merged network has other outputs; `unknown` if none is proposed.
    """
    if literal and layer is not None:
        raise click.UsageError("--literal and --layer: expected one of them")
    options = RelaxOptions(
        layer=layer,
        terms=terms,
        seconds=timeout,
        box=box,
        write=write,
        literal=literal,
        raw_nnet=raw_nnet,
        max_unpacked=max_unpacked,
        overwrite=overwrite,
    )
    found = relax_file(source, options)
    if as_json:
        print_json(found, no_times)
    else:
        lines = list(_evidence(found))  # before the verdict: what fails here must not follow one
        click.echo(printable(f"{found.verdict}: {found.reason}"))
        for line in lines:
            click.echo(printable(line), err=True)
    sys.exit(EXIT_CODES[found.verdict])


def _evidence(found: FileRelaxation) -> Iterator[str]:
    """The lines that follow the verdict, for people."""
    words = found.json()
    merges = words["merges"]
    for merge in merges[:_MOST_MERGES]:
        yield from _merge(merge)
    if len(merges) > _MOST_MERGES:
        yield f"and {len(merges) - _MOST_MERGES} more merges (--json lists all)"
    if at := words["counterexample"]:
        yield input_line(found.inputs, [*map(parse, at["input"])])
        for side in ("original", "merged"):
            yield outputs_line(f"outputs of the {side} network", [*map(parse, at["outputs"][side])])
            if at["replayed"]:
                yield f"float32 of the {side} network: {at['replayed'][side][:10]}"
        if at["parts_at"]:
            yield f"the networks part at {at['parts_at']!r}"
    if worst := words["worst"]:
        kind = "largest difference of an output on the box" if worst["largest"] else "largest difference found"
        at = input_line(found.inputs, [*map(parse, worst["input"])])
        yield f"{kind}: {_short(worst['gap'])} at this {at}"
    for note in words["notes"]:
        yield f"note: {note}"
    if words["written"]:
        yield f"merged network: {words['written']}"


def _short(value: str) -> str:
    """A rational as it is when short, else nearly."""
    return brief(parse(value))


def _merge(merge: Mapping[str, Any]) -> Iterator[str]:
    """One merge, and where it is right."""
    head = f"{merge['layer']}: {merge['equation']}"
    if merge["right"] == "everywhere":
        yield f"{head}: right on the whole domain (Z3: {merge['z3']})"
        return
    yield f"{head}: wrong at {_at(merge['point'])}" if merge["point"] else f"{head}: wrong somewhere"
    if merge["offset"]:
        yield f"    wrong by the constant {merge['offset']} everywhere, which the next bias could take away"
    for cell in merge["region"] or ():
        yield f"    right where {cell}"
    if merge["region"] == []:
        yield "    right on no region with interior points"
    if share := merge["share"]:
        part = share.get("exact") or f"about {share['estimate']:.3f}, by {share['samples']} random points"
        yield f"    share of the box where it is right: {part}"
    if merge["worst"]:
        kind = "worst" if merge["worst"]["largest"] else "worst found"
        yield f"    {kind}: {_at(merge['worst'])}"


def _at(point: Mapping[str, Any]) -> str:
    few = len(point["at"]) <= _MOST_ENTRIES
    places = [f"{name} = {value}" for name, value in point["at"].items() if few or value != "0"]
    rest = f", and {len(places) - _MOST_ENTRIES} more" if len(places) > _MOST_ENTRIES else ""
    return f"{', '.join(places[:_MOST_ENTRIES]) or '0 everywhere'}{rest}, by {_short(point['defect'])}"
