# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `reduce` of the command line: options in, the verdict and the layers out."""

from pathlib import Path

import click
from rich.box import SIMPLE
from rich.table import Table

from exactlump.cli.terminal import (
    BATCHNORM,
    EPILOG,
    FORCE,
    MAX_UNPACKED,
    OPAQUE_DOMAIN,
    PATH,
    RAW_NNET,
    as_json,
    console_for,
    plain,
    print_json,
    print_notes,
    printable,
)
from exactlump.formats.specification import is_folded
from exactlump.reduction.plans import ENGINES
from exactlump.verbs.reducing import FileReduction, reduce_file
from exactlump.verdicts import SCOPE


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
@RAW_NNET
@MAX_UNPACKED
@BATCHNORM
@OPAQUE_DOMAIN
@click.option("--architecture", type=PATH, metavar="FILE", help="JSON that lists the layers of a .pt or .pth file.")
@click.option(
    "--executor", metavar="SPEC", help="Processes that help the fast engine: processes[:N] or dask://HOST:PORT."
)
@FORCE
@as_json
def reduce_verb(
    source: Path,
    target: Path,
    certificate: Path | None,
    engine: str | None,
    weights: str,
    raw_nnet: bool,
    max_unpacked: int,
    batchnorm: str | None,
    opaque_domains: tuple[str, ...],
    architecture: Path | None,
    executor: str | None,
    overwrite: bool,
    as_json: bool,
    no_times: bool,
) -> None:
    """Write to OUT a smaller network with the same function as IN, and a certificate of it.

    Formats go by suffix: .onnx, .onnx.gz, .nnet, .json (exact rationals).  `equivalent` is printed only after
    the checker has accepted the files that were written.

    Weights of PyTorch (.pt, .pth) need --architecture.  The network that they make is first written as IN.onnx beside
    OUT, and the certificate is about that file.
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
            architecture=architecture,
            executor=executor,
            overwrite=overwrite,
            opaque_domains=opaque_domains,
            listen=lambda words: status.update(plain(words)),
        )
    if as_json:
        print_json(done, no_times)
        return
    before, after = done.reduction.original.neurons, done.reduction.reduced.neurons
    folded = " to the folded specification" if is_folded(done.reduction.original.specification) else ""
    read = f" to {printable(done.specification.name)}" if done.specification else folded
    click.echo(f"{done.verdict}{read}: {before} -> {after} hidden neurons, {SCOPE}")
    if done.specification:
        words = f"{source} was read as {done.specification}: the original of the certificate"
        console.print(plain(words), soft_wrap=True)
    print_notes(console, (*done.reduction.original.notes, *done.notes))
    console.print(_layer_table(done))
    console.print(plain(f"{done.reduced} ({done.weights}), certificate {done.certificate}"), soft_wrap=True)


def _layer_table(done: FileReduction) -> Table:
    """One row a layer; columns that are all zero are left out."""
    layers = done.reduction.layers
    names = ("zero", "constant", "unobservable", "merged", "copies", "declined")
    counted = [name for name in names if any(getattr(layer, name) for layer in layers)]
    table = Table(box=SIMPLE)
    for name in ("layer", "before", "after", *counted):
        table.add_column(name, justify="left" if name == "layer" else "right", overflow="fold")
    table.add_column("why nothing more was removed", min_width=30)
    for layer in layers:
        counts = [str(getattr(layer, name) or "-") for name in counted]
        table.add_row(plain(layer.name), str(layer.before), str(layer.after), *counts, plain(layer.why_not_more))
    return table
