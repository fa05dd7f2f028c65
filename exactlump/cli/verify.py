# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `verify` of the command line, in the words of the VNN-LIB standard.

The first line on stdout is sat, unsat, unknown or timed-out, then comes the assignment; everything else is on stderr.
"""

import os
import sys
from pathlib import Path

import click

from exactlump.cli.terminal import FORCE, MAX_UNPACKED, PATH, SECONDS, as_json, print_json, printable
from exactlump.verbs.verifying import FileAnswer, VerifyOptions, verify_files
from exactlump.verdicts import EXIT_CODES

_EPILOG = "Exit codes: 0 sat or unsat, 2 usage or bad input, 3 unknown or timed-out, 4 unsupported, 5 a bug of ours."


@click.command("verify", epilog=_EPILOG)
@click.argument("query", type=PATH)
@click.option("--network", "networks", multiple=True, metavar="NAME=FILE", help="A network that the query declares.")
@click.option(
    "--timeout", type=SECONDS, default=60.0, show_default=True, metavar="S", help="Seconds, all checks included."
)
@click.option("--serialise-assignments", type=PATH, metavar="DIR", help="Write the assignment there, as ONNX tensors.")
@click.option("--element-type", type=click.Choice(["real"]), help="Read a query about floats over the reals.")
@click.option("--certificate", type=PATH, metavar="OUT", help="Where to write the certificate, if unsat.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random points.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes of the check. [default: all cores]")
@FORCE
@MAX_UNPACKED
@as_json
def verify_verb(
    query: Path,
    networks: tuple[str, ...],
    timeout: float,
    serialise_assignments: Path | None,
    element_type: str | None,
    certificate: Path | None,
    seed: int,
    jobs: int | None,
    overwrite: bool,
    max_unpacked: int,
    as_json: bool,
    no_times: bool,
) -> None:
    """Say whether some inputs satisfy a VNN-LIB query, over the reals (docs/vnnlib.md).

    `unsat` is printed only after the independent checker has accepted a certificate of it.
    """
    options = VerifyOptions(
        _files(networks),
        timeout,
        element_type,
        certificate,
        serialise_assignments,
        seed,
        jobs or os.cpu_count() or 1,
        max_unpacked,
        overwrite,
    )
    talk = not as_json and sys.stderr.isatty()
    found = verify_files(query, options, _say if talk else lambda _: None)
    if as_json:
        print_json(found, no_times)
    else:
        assignment = "" if serialise_assignments else found.assignment  # before the verdict: it may fail
        click.echo(found.verdict)
        click.echo(assignment, nl=False)
        for line in _evidence(found):
            click.echo(printable(line), err=True)
    sys.exit(EXIT_CODES[found.verdict])


def _files(words: tuple[str, ...]) -> dict[str, Path]:
    """The files by name."""
    found: dict[str, Path] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or not name or not path:
            raise click.UsageError(f"--network {word!r}: expected NAME=FILE")
        if name in found:
            raise click.UsageError(f"--network {name}: found two files, expected one")
        found[name] = Path(path)
    return found


def _say(words: str) -> None:
    click.echo(printable(words), err=True)


def _evidence(found: FileAnswer) -> list[str]:
    """What is said on stderr."""
    lines = [f"note: {note}" for note in found.notes]
    if found.verdict == "sat":
        kind = "float32 numbers" if found.in_floats else "rationals that are no float32 numbers"
        lines.append(f"the inputs are {kind}; the query holds exactly")
        if found.replayed is not None:
            lines.append(f"it {'holds' if found.replayed else 'does not hold'} in float32 as onnxruntime computes, too")
    if found.checked is not None:
        lines.append(f"checked in {found.checked.seconds:.1f} s: {found.checked.verdict}: {found.checked.reason}")
    if found.leaves:
        lines.append(f"{found.leaves} leaves, a certificate of {found.size} bytes")
    if found.certificate is not None:
        lines.append(f"certificate: {found.certificate}")
    return lines
