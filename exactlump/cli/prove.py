# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `prove` of the command line: options in, the verdict and what is open out."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from exactlump.cli.terminal import (
    EPILOG,
    FORCE,
    MAX_UNPACKED,
    PATH,
    SECONDS,
    as_json,
    console_for,
    plain,
    print_json,
    printable,
)
from exactlump.verbs.proving import FileProof, ProveOptions, prove_files
from exactlump.verdicts import EXIT_CODES


@click.command("prove", epilog=EPILOG)
@click.argument("original", type=PATH)
@click.argument("reduced", type=PATH)
@click.argument("certificate", type=PATH)
@click.option(
    "--solver",
    type=click.Choice(["z3", "cvc5", "all"]),
    default="z3",
    show_default=True,
    help="Who is asked; cvc5 is an extra: pip install 'exactlump[cvc5]'.",
)
@click.option(
    "--form",
    type=click.Choice(["direct", "decomposed"]),
    default="decomposed",
    show_default=True,
    help="Activations as if-then-else, or linear identities and one scaling law for each activation.",
)
@click.option("--monolithic", is_flag=True, help="Ask about the whole networks at once: for small ones.")
@click.option("--dump-smt", "dump", type=PATH, metavar="DIR", help="Write the scripts that the solvers read.")
@click.option("--evidence", type=PATH, metavar="FILE", help="What is found, line by line; a later run goes on from it.")
@click.option("--jobs", type=click.IntRange(1, 1024), help="Processes. [default: one a core]")
@click.option("--timeout", type=SECONDS, metavar="S", help="Seconds for each script.")
@click.option("--memory", type=click.IntRange(1, 2**30), metavar="MIB", help="Memory for each process.")
@MAX_UNPACKED
@FORCE
@as_json
def prove_verb(
    original: Path,
    reduced: Path,
    certificate: Path,
    solver: str,
    form: str,
    monolithic: bool,
    dump: Path | None,
    evidence: Path | None,
    jobs: int | None,
    timeout: float | None,
    memory: int | None,
    max_unpacked: int,
    overwrite: bool,
    as_json: bool,
    no_times: bool,
) -> None:
    """Let SMT solvers decide whether a certificate holds: an obligation for each row that it claims.

    `equivalent` only if every obligation is discharged by every solver asked (docs/obligations.md).
    """
    options = ProveOptions(
        solvers=("z3", "cvc5") if solver == "all" else (solver,),
        form="monolithic" if monolithic else form,
        jobs=jobs,
        seconds=timeout,
        memory=memory * 2**20 if memory else None,
        dump=dump,
        evidence=evidence,
        max_unpacked=max_unpacked,
        overwrite=overwrite,
    )
    console = console_for(stderr=True)
    with console.status("") as status:

        def listen(done: int, expected: int) -> None:
            status.update(f"{done} of {expected} answers")

        found = prove_files(original, reduced, certificate, options, listen)
    if as_json:
        print_json(found, no_times)
    else:
        click.echo(f"{found.verdict}: {printable(found.reason)}")
        _print_open(console, found)
    sys.exit(EXIT_CODES[found.verdict])


def _print_open(console: Console, found: FileProof, most: int = 5) -> None:
    """The first findings that are not discharged, and a point at which the networks differ."""
    if found.proof is None:
        return
    for finding in found.proof.open[:most]:
        words = finding.json
        at = ", ".join(f"{name} = {value}" for name, value in list(words.get("values", {}).items())[:most])
        why = f"false at {at or 'zero'}" if finding.values else finding.reason
        console.print(plain(f"{finding.solver}: {finding.verdict}: {finding.obligation.claim}: {why}"), soft_wrap=True)
    if len(found.proof.open) > most:
        console.print(f"and {len(found.proof.open) - most} more")
    if (difference := found.counterexample) is not None:
        console.print(plain(f"the networks differ: {json.dumps(difference)}"), soft_wrap=True)
