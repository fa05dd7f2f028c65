# SPDX-License-Identifier: Apache-2.0
"""This file is about the command line: parsing, the verdict on stdout, talk on stderr.

Each verb is one library call.
"""

import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from exactlump import __version__
from exactlump.cli.prove import prove_verb
from exactlump.cli.refute import refute_verb
from exactlump.cli.relax import relax_verb
from exactlump.cli.terminal import (
    EPILOG,
    PATH,
    printable,
)
from exactlump.errors import ExactlumpError
from exactlump.verbs import demonstrating


@click.group(epilog=EPILOG, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="exactlump")
@click.pass_context
def cli(context: click.Context) -> None:
    """Exact lumping of neural networks: smaller networks, the same function, and a certificate."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        sys.exit(2)


cli.add_command(prove_verb)
cli.add_command(refute_verb)
cli.add_command(relax_verb)


@cli.command("demo", epilog=EPILOG)
@click.option("--out", type=PATH, default=Path("out/demo"), show_default=True, help="The folder to write to.")
def demo_verb(out: Path) -> None:
    """Reduce the bundled networks, check every certificate, and show the erratum of Definition 6."""
    demonstrating.run(out, click.echo)


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
