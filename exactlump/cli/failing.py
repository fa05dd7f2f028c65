# SPDX-License-Identifier: Apache-2.0
"""This file is about how a run ends that has no answer: one line for people, one object for programs, an exit code.

A failure that amounts to a verdict, `unknown` or `unsupported`, is said on stdout, where scripts read verdicts; every
other one on stderr.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from exactlump.verdicts import verdict_of

# Verbs whose first line is a verdict.
# `verify` has words of its own.
JUDGING = ("reduce", "check", "prove", "refute", "bound", "compare", "relax", "report", "bundle")


def fail(message: str, exit_code: int, arguments: Sequence[str], *, judged: bool = False) -> NoReturn:
    """End the program.

    arguments  those of the command line, which say what verb it was and whether JSON was asked for
    judged     whether the message says of networks or files what was found, which makes it the reason of a verdict
    """
    if os.environ.get("EXACTLUMP_DEBUG") == "1":
        traceback.print_exc()
    words = printable(message)
    verb = next((word for word in arguments if not word.startswith("-")), None)
    verdict = verdict_of(exit_code) if judged and verb in JUDGING else None
    if wants_json(arguments):
        import json

        from exactlump.verbs.answers import failure

        print(json.dumps(failure(verb, words, exit_code)))
    elif verdict is not None:
        print(f"{verdict}: {words}")
    if verdict is None or wants_json(arguments):
        print(f"exactlump: {words}", file=sys.stderr)
    sys.exit(exit_code)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether --json is among the options."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def printable(words: str) -> str:
    """Words with what is not printable as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)
