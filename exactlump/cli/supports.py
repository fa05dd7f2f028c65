# SPDX-License-Identifier: Apache-2.0
"""This file is about the verb `supports` of the command line: what queries and networks `verify` takes.

The questions and the words of the answers are those of the VNN-LIB standard.
"""

from collections.abc import Iterable, Sequence

import click

# Question -> the lines of its answer.
ANSWERS: dict[str, Sequence[str]] = {
    "--vnnlib-versions": ("1.0", "2.0"),
    "--onnx-element-types": ("real",),
    "--hidden-node-theories": ("NH",),
    "--multiple-input-output-theories": ("MIO",),
    "--multiple-network-theories": ("SNET", "MENET", "MINET", "MNET"),
    "--multiple-node-comparison-theories": ("MNC",),
    "--arithmetic-complexity-theories": ("LIN",),
    "--optimised-disjunctive-reasoning": ("true",),
    "--serialise-assignments": ("true",),
}
QUESTIONS = ("--onnx-opset-versions", "--onnx-operators", *ANSWERS)


def lines_of(question: str) -> Iterable[str]:
    """The lines of an answer."""
    if question in ANSWERS:
        return ANSWERS[question]
    from exactlump.verbs.checking import bounded_operators, opsets

    return map(str, opsets()) if question == "--onnx-opset-versions" else bounded_operators()


@click.command("supports")
@click.option("--onnx-opset-versions", "asked", flag_value="--onnx-opset-versions", help="The first and the last.")
@click.option("--onnx-operators", "asked", flag_value="--onnx-operators", help="Operators of networks.")
@click.option("--vnnlib-versions", "asked", flag_value="--vnnlib-versions", help="The first and the last.")
@click.option("--onnx-element-types", "asked", flag_value="--onnx-element-types", help="What answers are sound for.")
@click.option(
    "--hidden-node-theories", "asked", flag_value="--hidden-node-theories", help="NH: queries do not name hidden nodes."
)
@click.option(
    "--multiple-input-output-theories",
    "asked",
    flag_value="--multiple-input-output-theories",
    help="MIO: several inputs and outputs.",
)
@click.option(
    "--multiple-network-theories",
    "asked",
    flag_value="--multiple-network-theories",
    help="One network, equal, isomorphic and any others.",
)
@click.option(
    "--multiple-node-comparison-theories",
    "asked",
    flag_value="--multiple-node-comparison-theories",
    help="MNC: comparisons of several nodes.",
)
@click.option(
    "--arithmetic-complexity-theories",
    "asked",
    flag_value="--arithmetic-complexity-theories",
    help="LIN: linear arithmetic.",
)
@click.option(
    "--optimised-disjunctive-reasoning",
    "asked",
    flag_value="--optimised-disjunctive-reasoning",
    help="Whether cases share their work.",
)
@click.option(
    "--serialise-assignments",
    "asked",
    flag_value="--serialise-assignments",
    help="Whether assignments are written as tensors.",
)
def supports_verb(asked: str | None) -> None:
    """Say what queries and networks `verify` takes, in the words of the VNN-LIB standard."""
    if asked is None:
        raise click.UsageError(f"expected one of {', '.join(QUESTIONS)}")
    for line in lines_of(asked):
        click.echo(line)
