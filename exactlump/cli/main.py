# SPDX-License-Identifier: Apache-2.0
"""This file is about the command line as a whole: which verbs there are, and how every failure ends.

Each verb is one library call; its module is imported when the verb is used.
"""

import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from exactlump.cli.failing import fail
from exactlump.cli.terminal import EPILOG
from exactlump.errors import ExactlumpError
from exactlump.verdicts import BUG, EXIT_CODES, USAGE
from exactlump.version import VERSION

# Verb -> the module below exactlump.cli that has it, as `<verb>_verb`, and what it does.
VERBS = {
    "reduce": ("reduce", "Write a smaller network with the same function, and a certificate."),
    "check": ("check", "Check a certificate."),
    "prove": ("prove", "Let SMT solvers decide whether a certificate holds."),
    "refute": ("refute", "Find an exact input at which two networks differ."),
    "bound": ("bound", "Say how far apart two networks can be on a box."),
    "compare": ("compare", "Say whatever is true of two networks: equal, near, different, or unknown."),
    "verify": ("verify", "Say whether some inputs satisfy a VNN-LIB query."),
    "supports": ("supports", "Say what queries and networks `verify` takes."),
    "relax": ("relax", "Say where linear combinations of neurons may stand for others."),
    "inspect": ("inspect", "Say what a model file holds, layer by layer."),
    "report": ("report", "Write a certificate as one page for an assessor."),
    "bundle": ("bundle", "Write or verify one zip with models, certificate and checker."),
    "export": ("export", "Write the text that the extracted checker reads."),
    "demo": ("demo", "Reduce and check the bundled networks, and show the erratum."),
}
# What shells set to ask for completions (README, "Install").
_COMPLETE = "_EXACTLUMP_COMPLETE"


class Verbs(click.Group):
    """The verbs in the order of VERBS, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One verb; None where there is none of that name."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"exactlump.cli.{VERBS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_verb")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """All verbs with what they do, whole, without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, words) for verb, (_, words) in VERBS.items()])


@click.group(
    cls=Verbs, epilog=EPILOG, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(VERSION, "-V", "--version", message="%(version)s", help="Show the version.")
@click.version_option(VERSION, "--name", message="exactlump", help="Show the name of the program.")
@click.pass_context
def cli(context: click.Context) -> None:
    """Exact lumping of neural networks: smaller networks, the same function, and a certificate."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        sys.exit(USAGE)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a verb, and turn every failure into one line and an exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        _prepare_process()
    try:
        sys.exit(_run(words))
    except click.ClickException as error:
        fail(f"{error.format_message()} (-h shows help)", USAGE, words)
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted", EXIT_CODES["unknown"], words)
    except ExactlumpError as error:
        fail(str(error), error.exit_code, words, judged=True)
    except OSError as error:
        fail(f"{error.filename or 'file'}: {error.strerror or error}", USAGE, words)
    except MemoryError:
        fail("out of memory", EXIT_CODES["unknown"], words)
    except Exception as error:  # noqa: BLE001  # a bug of ours must not look like a verdict
        fail(f"internal error, please report: {type(error).__name__}: {error}", BUG, words)


def _run(words: list[str]) -> int:
    """Parse the command line and run the verb; the exit code, unless the verb ends the program with its own."""
    if instruction := os.environ.get(_COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "exactlump", _COMPLETE, instruction)
    try:
        with cli.make_context("exactlump", words) as context:
            cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _prepare_process() -> None:
    """Behave in a pipe as other programs do; a name that the output cannot encode is shown in ASCII.

    SIGTERM is an interruption, so that no process and no folder of ours is left.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # else Python would end with 1, which means `different`
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
