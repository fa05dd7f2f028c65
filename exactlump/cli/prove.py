# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `prove` of the command line: options in, the verdict and what is open out."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from exactlump.cli.terminal import (
    AS_JSON,
    EPILOG,
    MAX_UNPACKED,
    PATH,
    SECONDS,
    console_for,
    plain,
    printable,
    verdict_of_errors,
)
from exactlump.numbers.rational import text
from exactlump.verbs.proving import FileProof, ProveOptions, prove_files
from exactlump.verdicts import EXIT_CODES


@click.command("prove", epilog=EPILOG)
@click.argument("original", type=PATH)
@click.argument("reduced", type=PATH)
@click.argument("certificate", type=PATH)
@click.option("--solver", type=click.Choice(["z3", "cvc5", "all"]), default="z3", show_default=True)
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
@AS_JSON
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
    as_json: bool,
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
    )
    console = console_for(stderr=True)
    with verdict_of_errors(as_json), console.status("") as status:

        def listen(done: int, expected: int) -> None:
            status.update(f"{done} of {expected} answers")

        found = prove_files(original, reduced, certificate, options, listen)
    if as_json:
        click.echo(json.dumps(_prove_json(found, options)))
    else:
        click.echo(f"{found.verdict}: {printable(found.reason)}")
        _print_open(console, found)
    sys.exit(EXIT_CODES[found.verdict])


def _prove_json(found: FileProof, options: ProveOptions) -> dict[str, Any]:
    proof = found.proof
    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "form": options.form,
        "obligations": proof.obligations if proof else 0,
        "solvers": [{"name": name, "version": version} for name, version in proof.solvers] if proof else [],
        "discharged": proof.discharged if proof else 0,
        "reused": proof.reused if proof else 0,
        "refuted": [finding.json for finding in proof.refuted] if proof else [],
        "unknown": [finding.json for finding in proof.unknown] if proof else [],
        "counterexample": _difference_json(found),
        "evidence": str(options.evidence) if options.evidence else None,
        "seconds": round(found.seconds, 3),
    }


def _difference_json(found: FileProof) -> dict[str, Any] | None:
    difference = found.proof.difference if found.proof else None
    if difference is None:
        return None
    flat = {
        name: [text(value) for vector in getattr(difference, name) for value in vector]
        for name in ("inputs", "original", "reduced")
    }
    return {"input": flat["inputs"], "outputs": {"original": flat["original"], "reduced": flat["reduced"]}}


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
    if (difference := _difference_json(found)) is not None:
        console.print(plain(f"the networks differ: {json.dumps(difference)}"), soft_wrap=True)
