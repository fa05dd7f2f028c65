# SPDX-License-Identifier: Apache-2.0
"""This file is about the command line: parsing, the verdict on stdout, talk on stderr.

Each verb is one library call.
"""

import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.table import Table

from exactlump import __version__, demo
from exactlump.errors import ExactlumpError
from exactlump.formats.files import demand_apart
from exactlump.formats.specification import is_folded
from exactlump.ports import SCOPE
from exactlump.reduce import ENGINES
from exactlump.refutation.cli_refute import refute_verb
from exactlump.relaxations.cli_relax import relax_verb
from exactlump.reporting.page import write_report
from exactlump.reporting.report import report
from exactlump.reporting.rerun import EXIT_CODES
from exactlump.smt.cli_prove import prove_verb
from exactlump.terminal import (
    AS_JSON,
    EPILOG,
    MAX_UNPACKED,
    PATH,
    console_for,
    plain,
    print_notes,
    printable,
    verdict_of_errors,
)
from exactlump.verbs import (
    FileReduction,
    Inspection,
    check_files,
    check_verified,
    coq_files,
    export_files,
    inspect_file,
    reduce_file,
    write_lines,
)

_BATCHNORM = click.option(
    "--batchnorm",
    type=click.Choice(["float32", "float64", "exact"]),
    help="How scales of batch normalisations are read. [default: rounded to float32; in float64 files to float64]",
)


@click.group(epilog=EPILOG, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="exactlump")
@click.pass_context
def cli(context: click.Context) -> None:
    """Exact lumping of neural networks: smaller networks, the same function, and a certificate."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        sys.exit(2)


@cli.command("reduce", epilog=EPILOG)
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
@click.option("--raw-nnet", is_flag=True, help="Leave out the normalisation in the header of a .nnet file.")
@MAX_UNPACKED
@_BATCHNORM
@click.option("--architecture", type=PATH, metavar="FILE", help="JSON that lists the layers of a .pt or .pth file.")
@click.option(
    "--executor", metavar="SPEC", help="Processes that help the fast engine: processes[:N] or dask://HOST:PORT."
)
@AS_JSON
def reduce_verb(
    source: Path,
    target: Path,
    certificate: Path | None,
    engine: str | None,
    weights: str,
    raw_nnet: bool,
    max_unpacked: int,
    batchnorm: str | None,
    architecture: Path | None,
    executor: str | None,
    as_json: bool,
) -> None:
    """Write to OUT a smaller network with the same function as IN, and a certificate of it.

    Formats go by suffix: .onnx, .onnx.gz, .nnet, .json (exact rationals).  `equivalent` is printed only after
    the checker has accepted the files that were written.

    Weights of PyTorch (.pt, .pth) need --architecture.  The network that they make is first written as IN.onnx beside
    OUT, and the certificate is about that file.
    """
    console = console_for(stderr=True)
    with verdict_of_errors(as_json), console.status("") as status:
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
            listen=lambda words: status.update(plain(words)),
        )
    if as_json:
        click.echo(json.dumps(_reduce_json(done)))
        return
    before, after = done.reduction.original.neurons, done.reduction.reduced.neurons
    folded = " to the folded specification" if is_folded(done.reduction.original.specification) else ""
    read = f" to {printable(done.specification.name)}" if done.specification else folded
    click.echo(f"equivalent{read}: {before} -> {after} hidden neurons, {SCOPE}")
    if done.specification:
        words = f"{source} was read as {done.specification}: the original of the certificate"
        console.print(plain(words), soft_wrap=True)
    print_notes(console, (*done.reduction.original.notes, *done.notes))
    console.print(_layer_table(done))
    console.print(plain(f"{done.reduced} ({done.weights}), certificate {done.certificate}"), soft_wrap=True)


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
        "notes": [*original.notes, *done.notes],
        "specification": original.specification,
        "original": str(done.specification) if done.specification else None,
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
        table.add_row(plain(layer.name), str(layer.before), str(layer.after), *counts, plain(layer.why_not_more))
    return table


@cli.command("check", epilog=EPILOG)
@click.argument("original", type=PATH)
@click.argument("reduced", type=PATH)
@click.argument("certificate", type=PATH)
@click.option("--verified", is_flag=True, help="Ask the checker that is extracted from the Coq proof, too.")
@MAX_UNPACKED
@AS_JSON
def check_verb(
    original: Path, reduced: Path, certificate: Path, verified: bool, max_unpacked: int, as_json: bool
) -> None:
    """Check a certificate, as python3 -I exactlump/check.py ORIGINAL REDUCED CERTIFICATE does by itself.

    `make proofs` builds the checker that --verified asks (proofs/README.md).
    """
    if not verified:
        sys.exit(check_files(original, reduced, certificate, max_unpacked=max_unpacked, as_json=as_json))
    if as_json:
        raise click.UsageError("--verified and --json: expected one of them")
    verdict, code = check_verified(original, reduced, certificate, max_unpacked=max_unpacked)
    click.echo(verdict)
    sys.exit(code)


@cli.command("export", epilog=EPILOG)
@click.argument("original", type=PATH)
@click.argument("reduced", type=PATH)
@click.argument("certificate", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="The file to write; NAME.v with --coq.")
@click.option("--coq", "as_coq", is_flag=True, help="Write the theorem NAME_equivalent, for Coq's own kernel.")
@MAX_UNPACKED
def export_verb(
    original: Path, reduced: Path, certificate: Path, output: Path, as_coq: bool, max_unpacked: int
) -> None:
    """Write the text that the checker extracted from the Coq proof reads (proofs/README.md).

    With --coq, a file that coqc checks by itself, for networks of up to 100,000 weights.
    """
    demand_apart(output, (original, reduced, certificate))
    if not as_coq:
        write_lines(output, export_files(original, reduced, certificate, max_unpacked=max_unpacked))
    elif output.suffix == ".v":
        write_lines(output, coq_files(original, reduced, certificate, output.stem, max_unpacked=max_unpacked))
    else:
        raise click.UsageError(f"{output}: found another suffix, expected .v with --coq")


@cli.command("report", epilog=EPILOG)
@click.argument("certificate", type=PATH)
@click.option("--evidence", type=PATH, metavar="FILE", help="What `exactlump prove --evidence` wrote.")
@click.option("--original", type=PATH, metavar="FILE", help="[default: found beside the certificate, by its hash]")
@click.option("--reduced", type=PATH, metavar="FILE", help="[default: found beside the certificate, by its hash]")
@click.option("-o", "--output", type=PATH, required=True, help="The HTML file to write.")
@MAX_UNPACKED
def report_verb(
    certificate: Path,
    evidence: Path | None,
    original: Path | None,
    reduced: Path | None,
    output: Path,
    max_unpacked: int,
) -> None:
    """Write a certificate as one HTML page for an assessor: no scripts, and it opens offline.

    `equivalent` only if both model files are at hand and the checker, run once more, accepts them; `unknown` where
    the page only restates the certificate (docs/report.md).
    """
    with verdict_of_errors(False):
        found = report(certificate, evidence=evidence, original=original, reduced=reduced, max_unpacked=max_unpacked)
        write_report(found, output)
    click.echo(f"{found.verdict}: {printable(found.reason)}")
    sys.exit(EXIT_CODES[found.verdict])


cli.add_command(prove_verb)
cli.add_command(refute_verb)
cli.add_command(relax_verb)


@cli.command("inspect", epilog=EPILOG)
@click.argument("source", metavar="IN", type=PATH)
@click.option("--raw-nnet", is_flag=True, help="Leave out the normalisation in the header of a .nnet file.")
@MAX_UNPACKED
@_BATCHNORM
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


@cli.command("demo", epilog=EPILOG)
@click.option("--out", type=PATH, default=Path("out/demo"), show_default=True, help="The folder to write to.")
def demo_verb(out: Path) -> None:
    """Reduce the bundled networks, check every certificate, and show the erratum of Definition 6."""
    demo.run(out, click.echo)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a verb, and turn every failure into one line on stderr and an exit code."""
    if arguments is None:
        _prepare_process()
    try:
        cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.exit(0)
    except click.ClickException as error:
        _fail(f"{error.format_message()} (-h shows help)", 2)
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
    print(f"exactlump: {printable(message)}", file=sys.stderr)
    sys.exit(code)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _prepare_process() -> None:
    """Behave in a pipe as other programs do; a name that the output cannot encode is shown in ASCII.

    SIGTERM is an interruption, so that no process and no folder of ours is left.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # else click would end with 1, which means `different`
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
