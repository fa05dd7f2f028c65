# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `refute` of the command line: options in, the verdict and its evidence out."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from exactlump.cli.asking import saved
from exactlump.cli.figures import at_least, brief, input_line, outputs_line
from exactlump.cli.terminal import (
    EPILOG,
    FAIL_ON,
    FORCE,
    MAX_UNPACKED,
    MEAN,
    OPAQUE_DOMAIN,
    PATH,
    SCALE,
    SECONDS,
    SHAPE,
    as_json,
    exit_code,
    print_json,
    printable,
)
from exactlump.formats.files import about
from exactlump.formats.specification import AS_STORED
from exactlump.formats.stating import words_of
from exactlump.points.boxes import exact_number
from exactlump.refutation.refute import Finding
from exactlump.verbs.data import scaling_of
from exactlump.verbs.refuting import FileFinding, RefuteOptions, refute_files
from exactlump.verbs.spaces import ends_of
from exactlump.verdicts import SCOPE


@click.command("refute", epilog=EPILOG)
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@click.option("--box", nargs=2, metavar="LO HI", help="Bounds of every input, decimals or p/q. [default: none]")
@click.option("--vnnlib", type=PATH, metavar="FILE", help="The input box of a VNN-LIB 1.0 property, .gz too.")
@click.option("--around", type=PATH, metavar="FILE", help="An input, as bound has it: what is around it.")
@click.option("--radius", metavar="R", help="How far around, in each element.")
@click.option("--clip", nargs=2, metavar="LO HI", help="Bounds of every element, beside --radius.")
@click.option("--inputs", type=PATH, metavar="FILE", help="Inputs that are looked at first.")
@SCALE
@MEAN
@click.option("--maximize", is_flag=True, help="Go on for the largest difference that the time allows; needs a box.")
@click.option("--epsilon", metavar="E", help="Ask whether some output differs by more than E.")
@click.option("--argmax", is_flag=True, help="Ask whether the decision differs, however ties are broken.")
@click.option(
    "--timeout", type=SECONDS, default=60.0, show_default=True, metavar="S", help="Seconds, reading included."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Of the random points."
)
@click.option("--certificate", type=PATH, help="Where to write the certificate, if the exact quotients are the same.")
@click.option("--save-input", type=PATH, metavar="FILE", help="Where to write the input: .npy, .json, or .png to see.")
@click.option(
    "--match",
    type=click.Choice(["name", "position"]),
    help="What of B an input and an output of A is. [default: by name, if both files have the same names]",
)
@OPAQUE_DOMAIN
@SHAPE
@click.option("--raw-nnet", is_flag=True, help="Leave out the normalisation in the headers of .nnet files.")
@FAIL_ON
@FORCE
@MAX_UNPACKED
@as_json
def refute_verb(
    a: Path,
    b: Path,
    box: tuple[str, str] | None,
    vnnlib: Path | None,
    around: Path | None,
    radius: str | None,
    clip: tuple[str, str] | None,
    inputs: Path | None,
    scale: tuple[str, ...],
    mean: tuple[str, ...],
    maximize: bool,
    epsilon: str | None,
    argmax: bool,
    timeout: float,
    seed: int,
    certificate: Path | None,
    save_input: Path | None,
    match: str | None,
    opaque_domains: tuple[str, ...],
    shapes: dict[str, tuple[int | None, ...]],
    raw_nnet: bool,
    fail_on: tuple[str, ...],
    overwrite: bool,
    max_unpacked: int,
    as_json: bool,
    no_times: bool,
) -> None:
    """Find an exact input at which two networks differ, or say `equivalent`, or `unknown` (docs/counterexamples.md).

    The input is found in whatever way, and confirmed in exact arithmetic.
    """
    if box is not None and vnnlib is not None:
        raise click.UsageError("--box and --vnnlib: expected one of them")
    if epsilon is not None and argmax:
        raise click.UsageError("--epsilon and --argmax: expected one of them")
    with about("--epsilon"):
        bound = exact_number(epsilon) if epsilon is not None else None
        options = RefuteOptions(
            box=box,
            vnnlib=vnnlib,
            around=around,
            radius=exact_number(radius) if radius is not None else None,
            clip=ends_of(clip),
            inputs=inputs,
            scaling=scaling_of(scale, mean),
            maximize=maximize,
            epsilon=bound,
            argmax=argmax,
            seconds=timeout,
            seed=seed,
            certificate=certificate,
            match=match,
            raw_nnet=raw_nnet,
            max_unpacked=max_unpacked,
            overwrite=overwrite,
            opaque_domains=opaque_domains,
            shapes=shapes,
        )
    found = refute_files(a, b, options)
    saved(found, save_input, overwrite)
    if as_json:
        print_json(found, no_times)
    else:
        lines = evidence(found)  # before the verdict: what fails here must not follow one
        click.echo(printable(f"{found.verdict}: {'; '.join(clauses(found))}"))
        for line in lines:
            click.echo(printable(line), err=True)
    sys.exit(exit_code(found.verdict, fail_on))


def clauses(found: FileFinding) -> Iterator[str]:
    """What the verdict means; then what it speaks of, and how files are read and matched, where that is to be said."""
    yield _clause(found)
    if found.verdict == "equivalent":
        yield SCOPE
    if found.options.shapes:
        yield f"only at inputs of the shapes {words_of(found.options.shapes)}"
    if found.specification != AS_STORED:
        yield found.specification
    if found.finding.matching.words:
        yield found.finding.matching.words


def _clause(found: FileFinding) -> str:
    """What the verdict means, in one clause."""
    finding, domain = found.finding, found.domain.name
    if finding.verdict == "different":
        return f"{_difference(found)} ({finding.method})"
    if finding.verdict == "equivalent":
        ways = {
            "same bytes": "the files are the same",
            "one point": f"as evaluated at the only point of {domain}",
            "kinks": "both have the same normal form over kinks, as the checker confirmed",
            "quotient": "both have the same exact quotient, as the checker confirmed",
            "one hidden layer": "kinks and affine parts agree (one hidden layer)",
            "solver": f"Z3 finds no input for the question on {domain}",
        }
        return ways[finding.method]
    return f"nothing found on {domain} for: {found.question}"


def _difference(found: FileFinding) -> str:
    """What differs at the input that was found; which says nothing of other inputs."""
    if found.decisions is not None:
        one, other = found.decisions
        return f"the decisions differ at this input: a decides {one}, b decides {other}"
    size = f"at least {at_least(found.gap)}" if found.off else brief(found.gap)
    return f"the outputs differ at this input by {size}; more elsewhere is possible"


def evidence(found: FileFinding) -> list[str]:
    """The lines that follow the verdict, for people."""
    finding = found.finding
    lines = [f"question: {found.question}  domain: {found.domain.name}"]
    if finding.input is not None and finding.outputs is not None:
        lines.append(input_line(found.inputs, finding.input))
        lines += [outputs_line(f"outputs of {side}", y) for side, y in zip("ab", finding.outputs, strict=True)]
        if found.replayed:
            lines += [f"float32 of {side}: {values[:10]}" for side, values in zip("ab", found.replayed, strict=True)]
    lines += [found.proved.words] if found.verdict == "different" and found.proved.words else []
    lines += _parting(finding)
    lines += [f"tried: {words}" for words in finding.tried]
    lines += [f"note: {words}" for words in found.notes]
    if found.certificate:
        lines.append(f"certificate: {found.certificate}")
    return lines


def _parting(finding: Finding) -> list[str]:
    at = finding.parting
    if at is None:
        return []
    values = " and ".join(map(brief, at.values))
    return [f"the networks part at {at.a!r} and {at.b!r}, unit {at.unit}: {values}"]
