# SPDX-License-Identifier: Apache-2.0
"""This file is about the lemma library: every script in a folder is put to every solver.

    python -m exactlump.smt.lemmas [FOLDER]        (default: proofs/smt of this checkout)

Each `(check-sat)` must be answered as the `(set-info :status ...)` before it says, by each solver that is
installed, and z3 and cvc5 both must be.  Exit code 0 only then; 1 for any other answer, `unknown` included.
"""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from exactlump.errors import ExactlumpError, FormatError
from exactlump.smt.solve import SOLVERS, session

HOME = Path(__file__).parents[2] / "proofs" / "smt"
_STATUS = re.compile(r"^\(set-info :status (sat|unsat)\)$|^\(check-sat\)$", re.M)


@dataclass(frozen=True, slots=True)
class Result:
    """What one solver said to one script: its answers, and those that the script expects."""

    script: str
    solver: str
    expected: tuple[str, ...]
    found: tuple[str, ...]
    seconds: float

    @property
    def right(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.found


def expected(script: str) -> tuple[str, ...]:
    """The answers that a script expects; FormatError unless each check has a status of its own before it."""
    words = [match[1] for match in _STATUS.finditer(script)]
    answers, checks = words[0::2], words[1::2]
    if not answers or None in answers or any(checks) or len(answers) != len(checks):
        raise FormatError("script: found a check without a status before it, or a status without a check")
    return tuple(answers)


def put(path: Path, solver: str, seconds: float = 60.0) -> Result:
    """Let one solver answer one script."""
    script = path.read_text(encoding="ascii")
    wanted = expected(script)
    start = time.perf_counter()
    try:
        found = tuple(session(solver, seconds)(script).split())
    except ExactlumpError as error:
        found = (str(error),)
    return Result(path.name, solver, wanted, found, time.perf_counter() - start)


def put_all(folder: Path, solvers: Sequence[str] = SOLVERS) -> Iterator[Result]:
    """All scripts of a folder, to all solvers; FormatError when there is none."""
    scripts = sorted(folder.glob("*.smt2"))
    if not scripts:
        raise FormatError(f"{folder}: found no .smt2 file")
    for path in scripts:
        for solver in solvers:
            yield put(path, solver)


def main(arguments: Sequence[str]) -> int:
    """The command; returns its exit code."""
    code = 0
    try:
        for result in put_all(Path(arguments[0]) if arguments else HOME):
            word = "ok" if result.right else f"WRONG: found {' '.join(result.found)}, expected"
            print(f"{result.script:40} {result.solver:5} {word} {' '.join(result.expected)} {result.seconds:.2f} s")
            code |= not result.right
    except (ExactlumpError, OSError) as error:
        print(f"exactlump.smt.lemmas: {error}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
