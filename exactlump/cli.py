# SPDX-License-Identifier: Apache-2.0
"""This file is about the command line: parsing, the verdict on stdout, talk on stderr.

Each verb is one library call.
"""

import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from exactlump import __version__, demo
from exactlump.errors import ExactlumpError
from exactlump.verbs import (
    DEFAULT_MAX_UNPACKED,
    FileReduction,
    Inspection,
    check_files,
    check_verified,
    export_files,
    inspect_file,
    reduce_file,
    write_lines,
)

EPILOG = (
    "Exit codes: 0 equivalent or valid, 1 different or rejected, 2 usage or bad input, 3 unknown or out of time, "
    "4 unsupported operator or feature, 5 a bug of ours."
)

_PATH = click.Path(path_type=Path)


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="exactlump")
def cli() -> None:
    """Exact lumping of neural networks: smaller networks, the same function, and a certificate."""


@cli.command("reduce", epilog=EPILOG)
@click.argument("source", metavar="IN", type=_PATH)
@click.argument("target", metavar="OUT", type=_PATH)
@click.option("--certificate", type=_PATH, help="Where the certificate goes. [default: OUT.cert.json]")
@click.option("--engine", type=click.Choice(["exact"]), default="exact", show_default=True, help="Which engine finds.")
@click.option(
    "--weights",
    type=click.Choice(["auto", "float32", "float64", "exact"]),
    default="auto",
    show_default=True,
    help="auto: the file's own type; exact: a .json file of rationals.",
)
@click.option("--raw-nnet", is_flag=True, help="Leave out the normalisation in the header of a .nnet file.")
@click.option(
    "--max-unpacked", type=click.IntRange(min=1), default=DEFAULT_MAX_UNPACKED, metavar="BYTES", help="Bound for .gz."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, and nothing else.")
def reduce_verb(
    source: Path,
    target: Path,
    certificate: Path | None,
    engine: str,
    weights: str,
    raw_nnet: bool,
    max_unpacked: int,
    as_json: bool,
) -> None:
    """Write to OUT a smaller network with the same function as IN, and a certificate of it.

    Formats go by suffix: .onnx, .onnx.gz, .nnet, .json (exact rationals).  `equivalent` is printed only after
    the checker has accepted the files that were written.
    """
    console = _console()
    with console.status("") as status:
        done = reduce_file(
            source,
            target,
            certificate,
            weights=weights,
            raw_nnet=raw_nnet,
            max_unpacked=max_unpacked,
            listen=lambda words: status.update(escape(words)),
        )
    if as_json:
        click.echo(json.dumps(_reduce_json(done)))
        return
    before, after = done.reduction.original.neurons, done.reduction.reduced.neurons
    click.echo(f"equivalent: {before} -> {after} hidden neurons")
    _print_notes(console, done.reduction.original.notes)
    console.print(_layer_table(done))
    console.print(
        f"{escape(str(done.reduced))} ({done.weights}), certificate {escape(str(done.certificate))}", soft_wrap=True
    )


def _reduce_json(done: FileReduction) -> dict[str, Any]:
    original, reduced = done.reduction.original, done.reduction.reduced
    return {
        "verdict": "equivalent",
        "neurons": {"before": original.neurons, "after": reduced.neurons},
        "quotient_neurons": done.reduction.quotient.neurons,
        "parameters": {"before": original.parameters, "after": reduced.parameters},
        "nonzeros": {"before": original.nonzeros, "after": reduced.nonzeros},
        "layers": [asdict(layer) for layer in done.reduction.layers],
        "weights": done.weights,
        "notes": list(original.notes),
        "certificate": str(done.certificate),
        "seconds": round(done.seconds, 3),
    }


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
        table.add_row(escape(layer.name), str(layer.before), str(layer.after), *counts, escape(layer.why_not_more))
    return table


@cli.command("check", epilog=EPILOG, context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check_verb(arguments: tuple[str, ...]) -> None:
    """Check a certificate: ORIGINAL REDUCED CERTIFICATE [--json].  The same as python3 -I exactlump/check.py.

    With --verified, the checker that is extracted from the Coq proof then checks it too (`make proofs` builds it).
    """
    if "--verified" in arguments:
        files = [word for word in arguments if word != "--verified"]
        if len(files) != 3:
            raise click.UsageError("--verified goes with ORIGINAL REDUCED CERTIFICATE and nothing else")
        verdict, code = check_verified(*files)
        click.echo(verdict)
        sys.exit(code)
    sys.exit(check_files(arguments))


@cli.command("export", epilog=EPILOG)
@click.argument("original", type=_PATH)
@click.argument("reduced", type=_PATH)
@click.argument("certificate", type=_PATH)
@click.option("-o", "--output", type=_PATH, required=True, help="The file to write.")
def export_verb(original: Path, reduced: Path, certificate: Path, output: Path) -> None:
    """Write the text that the checker extracted from the Coq proof reads (proofs/README.md)."""
    write_lines(output, export_files(original, reduced, certificate))


@cli.command("inspect", epilog=EPILOG)
@click.argument("source", metavar="IN", type=_PATH)
@click.option("--raw-nnet", is_flag=True, help="Leave out the normalisation in the header of a .nnet file.")
@click.option(
    "--max-unpacked", type=click.IntRange(min=1), default=DEFAULT_MAX_UNPACKED, metavar="BYTES", help="Bound for .gz."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, and nothing else.")
def inspect_verb(source: Path, raw_nnet: bool, max_unpacked: int, as_json: bool) -> None:
    """Say what IN holds, layer by layer, and how its neurons are classed by the maximum lumping."""
    found = inspect_file(source, raw_nnet=raw_nnet, max_unpacked=max_unpacked)
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{escape(str(source))}: {found.neurons} hidden neurons, {found.parameters} parameters, {found.dtype}"
    )
    console.print(_inspection_table(found))
    _print_notes(_console(), found.notes)


def _inspection_table(found: Inspection) -> Table:
    headings = ("layer", "neurons", "activation", "non-zero weights", "classes", "dead", "constant", "kept because")
    table = Table(*headings, box=SIMPLE)
    for layer in found.layers:
        row = (
            layer.neurons,
            layer.activation,
            layer.nonzeros,
            layer.classes,
            layer.dead,
            layer.constant,
            layer.kept or "-",
        )
        table.add_row(escape(layer.name), *(escape(str(cell)) for cell in row))
    return table


@cli.command("demo", epilog=EPILOG)
@click.option("--out", type=_PATH, default=Path("out/demo"), show_default=True, help="The folder to write to.")
def demo_verb(out: Path) -> None:
    """Reduce the bundled networks, check every certificate, and show the erratum of Definition 6."""
    demo.run(out, click.echo)


def _print_notes(console: Console, notes: Sequence[str]) -> None:
    for note in notes:
        console.print(f"note: {escape(note)}", soft_wrap=True)


def _console() -> Console:
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() or "COLUMNS" in os.environ else 140)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a verb, and turn every failure into one line on stderr and an exit code."""
    try:
        cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.exit(0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", 3)
    except ExactlumpError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}", 2)
    except MemoryError:
        _fail("out of memory", 3)
    except Exception as error:  # noqa: BLE001  # a bug of ours must not look like a verdict
        _fail(f"internal error, please report: {type(error).__name__}: {error}", 5)


def _fail(message: str, code: int) -> None:
    if os.environ.get("EXACTLUMP_DEBUG") == "1":
        traceback.print_exc()
    line = " ".join(message.split())
    print(f"exactlump: {line}", file=sys.stderr)
    sys.exit(code)
