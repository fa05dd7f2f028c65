# SPDX-License-Identifier: Apache-2.0
"""This file is about the command line as a whole: which verbs there are, and how every failure ends.

Each verb is one library call; its module is imported when the verb is used.
"""

import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence

import click

from exactlump.cli.terminal import EPILOG, printable
from exactlump.errors import ExactlumpError
from exactlump.verdicts import BUG, EXIT_CODES, USAGE
from exactlump.version import VERSION

# Verb -> the module below exactlump.cli that has it, as `<verb>_verb`, and what it does.
VERBS = {
    "reduce": ("reduce", "Write a smaller network with the same function, and a certificate."),
    "check": ("check", "Check a certificate."),
    "prove": ("prove", "Let SMT solvers decide whether a certificate holds."),
    "refute": ("refute", "Find an exact input at which two networks differ."),
    "relax": ("relax", "Say where linear combinations of neurons may stand for others."),
    "inspect": ("inspect", "Say what a model file holds, layer by layer."),
    "report": ("report", "Write a certificate as one page for an assessor."),
    "export": ("check", "Write the text that the extracted checker reads."),
    "demo": ("demo", "Reduce and check the bundled networks, and show the erratum."),
}


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
@click.version_option(VERSION, "-V", "--version", prog_name="exactlump")
@click.pass_context
def cli(context: click.Context) -> None:
    """Exact lumping of neural networks: smaller networks, the same function, and a certificate."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        sys.exit(USAGE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a verb, and turn every failure into one line on stderr and an exit code."""
    if arguments is None:
        _prepare_process()
    try:
        cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.exit(0)
    except click.ClickException as error:
        _fail(f"{error.format_message()} (-h shows help)", USAGE)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", EXIT_CODES["unknown"])
    except ExactlumpError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}", USAGE)
    except MemoryError:
        _fail("out of memory", EXIT_CODES["unknown"])
    except Exception as error:  # noqa: BLE001  # a bug of ours must not look like a verdict
        _fail(f"internal error, please report: {type(error).__name__}: {error}", BUG)


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
