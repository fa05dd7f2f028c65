# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `reduce` of the command line: options in, the verdict and the layers out."""

import sys
from pathlib import Path

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from exactlump.cli.terminal import (
    BATCHNORM,
    EPILOG,
    FORCE,
    MAX_UNPACKED,
    OPAQUE_DOMAIN,
    PATH,
    RAW_NNET,
    SHAPE,
    as_json,
    console_for,
    plain,
    print_json,
    print_notes,
    printable,
)
from exactlump.formats.specification import is_folded
from exactlump.reduction.loop import RULE_SETS
from exactlump.reduction.plans import ENGINES
from exactlump.verbs.reducing import MOST_HALVINGS, FileReduction, reduce_file
from exactlump.verdicts import EXIT_CODES, SCOPE


@click.command("reduce", epilog=EPILOG)
@click.argument("source", metavar="IN", type=PATH)
@click.argument("target", metavar="OUT", type=PATH)
@click.option("--certificate", type=PATH, help="Where the certificate goes. [default: OUT.cert.json]")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="What searches; both find the same. [default: fast for large networks]",
)
@click.option(
    "--weights",
    type=click.Choice(["auto", "float32", "float64", "exact"]),
    default="auto",
    show_default=True,
    help="auto: the file's own type; exact: a .json file of rationals.",
)
@click.option(
    "--rules",
    type=click.Choice(RULE_SETS),
    default="all",
    show_default=True,
    help="all: kinks where these leave fewer neurons; lumping: Definition 6, constants and fused layers alone.",
)
@click.option("--skips", is_flag=True, help="Let layers read any layer below, where that leaves fewer neurons.")
@click.option("--box", nargs=2, metavar="LO HI", help="Exact on this box only: bounds of every input.")
@click.option("--vnnlib", type=PATH, metavar="FILE", help="The same on the input box of a VNN-LIB 1.0 property.")
@click.option(
    "--halvings",
    type=click.IntRange(0, MOST_HALVINGS),
    default=0,
    show_default=True,
    help="How often to halve the box: bounds are better on parts.",
)
@RAW_NNET
@MAX_UNPACKED
@BATCHNORM
@OPAQUE_DOMAIN
@SHAPE
@click.option("--dust", metavar="D", help="Read numbers of an ONNX file that are smaller than D in size as 0.")
@click.option("--activation", metavar="NAME", help="The function between layers of weights: relu, leaky_relu:0.01, ...")
@click.option("--architecture", type=PATH, metavar="FILE", help="Or JSON that lists the layers of weights.")
@click.option(
    "--executor", metavar="SPEC", help="Processes that help the fast engine: processes[:N] or dask://HOST:PORT."
)
@click.option("--fail-if-unchanged", is_flag=True, help="End with 1 where nothing got smaller.")
@FORCE
@as_json
def reduce_verb(
    source: Path,
    target: Path,
    certificate: Path | None,
    engine: str | None,
    weights: str,
    rules: str,
    skips: bool,
    box: tuple[str, str] | None,
    vnnlib: Path | None,
    halvings: int,
    raw_nnet: bool,
    max_unpacked: int,
    batchnorm: str | None,
    opaque_domains: tuple[str, ...],
    shapes: dict[str, tuple[int | None, ...]],
    dust: str | None,
    activation: str | None,
    architecture: Path | None,
    executor: str | None,
    fail_if_unchanged: bool,
    overwrite: bool,
    as_json: bool,
    no_times: bool,
) -> None:
    """Write to OUT a smaller network with the same function as IN, and a certificate of it.

    Formats go by suffix: .onnx, .onnx.gz, .nnet, .json (exact rationals).  `equivalent` is printed only after
    the checker has accepted the files that were written.

    Weights (.safetensors, .pt, .pth) need --activation or --architecture.  The network that they make is first written
    as IN.onnx beside OUT, and the certificate is about that file.
    """
    console = console_for(stderr=True)
    with console.status("") as status:
        done = reduce_file(
            source,
            target,
            certificate,
            weights=weights,
            engine=engine,
            raw_nnet=raw_nnet,
            max_unpacked=max_unpacked,
            batchnorm=batchnorm,
            activation=activation,
            dust=dust,
            architecture=architecture,
            executor=executor,
            overwrite=overwrite,
            rules=rules,
            skips=skips,
            opaque_domains=opaque_domains,
            shapes=shapes,
            box=box,
            vnnlib=vnnlib,
            halvings=halvings,
            listen=lambda words: status.update(plain(words)),
        )
    if as_json:
        print_json(done, no_times)
    else:
        _print(done, source, console)
    if fail_if_unchanged and not done.changed:
        sys.exit(EXIT_CODES["different"])


def _print(done: FileReduction, source: Path, console: Console) -> None:
    """The verdict on stdout; what became of each layer on stderr."""
    before, after = done.reduction.original.neurons, done.reduction.reduced.neurons
    folded = " to the folded specification" if is_folded(done.reduction.original.specification) else ""
    read = f" to {printable(done.specification.name)}" if done.specification else folded
    click.echo(f"{done.verdict}{done.where}{read}: {printable(done.given)}{before} -> {after} hidden neurons, {SCOPE}")
    if done.specification:
        words = f"{source} was read as {done.specification}: the original of the certificate"
        console.print(plain(words), soft_wrap=True)
    print_notes(console, (*done.reduction.original.notes, *done.notes))
    console.print(_layer_table(done))
    console.print(plain(f"{done.reduced} ({done.weights}), certificate {done.certificate}"), soft_wrap=True)


def _layer_table(done: FileReduction) -> Table:
    """One row a layer; columns that are all zero are left out."""
    layers = done.reduction.layers
    names = ("zero", "constant", "unobservable", "merged", "twins", "linear", "copies", "declined")
    counted = [name for name in names if any(getattr(layer, name) for layer in layers)]
    table = Table(box=SIMPLE)
    for name in ("layer", "before", "after", *counted):
        table.add_column(name, justify="left" if name == "layer" else "right", overflow="fold")
    table.add_column("why nothing more was removed", min_width=30)
    for layer in layers:
        counts = [str(getattr(layer, name) or "-") for name in counted]
        table.add_row(plain(layer.name), str(layer.before), str(layer.after), *counts, plain(layer.why_not_more))
    return table
