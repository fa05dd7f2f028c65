# SPDX-License-Identifier: Apache-2.0
"""This file is about the demonstration: the bundled networks reduced and checked, and the erratum of Definition 6."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.errors import CannotWrite, ExactlumpError
from exactlump.lumping.definition import is_lumping
from exactlump.lumping.maximum import Lumping
from exactlump.numbers.rational import ONE, rational, text
from exactlump.reduction.quotient import first_member, quotient
from exactlump.verbs.answers import FileUse, answer
from exactlump.verbs.checking import CHECKER
from exactlump.verbs.reducing import FileReduction, reduce_file

NETWORKS = Path(__file__).parents[1] / "networks"
STORIES = {
    "digits_l1": "a digits classifier trained with an L1 penalty, small weights set to 0",
    "digits_int8": "the same kind of classifier with weights on an 8-bit grid",
    "digits_widened": "a digits classifier with neurons split into twins of ratio 2^k, two layers in a row",
    "tll_small": "a lattice network (minima and maxima of affine functions), as a machine generates them",
}

Echo = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """out: the folder to write to; overwrite: whether files with other content may be replaced."""

    out: Path = Path("out/demo")
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What was shown: a reduction for each bundled network, and the erratum.

    erratum  whether Definition 6 holds as printed and corrected, and what both networks give at 1
    """

    reductions: dict[str, FileReduction]
    erratum: dict[str, Any]
    options: DemoOptions
    seconds: float

    def __repr__(self) -> str:
        return f"{len(self.reductions)} networks reduced into {str(self.options.out)!r}"

    @property
    def verdict(self) -> None:
        """None: each reduction has its own."""

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        files: list[FileUse] = [file for done in self.reductions.values() for file in done.files]
        words = {
            "reductions": {
                name: {
                    "verdict": done.verdict,
                    "neurons": {"before": done.reduction.original.neurons, "after": done.reduction.reduced.neurons},
                    "certificate": str(done.certificate),
                }
                for name, done in self.reductions.items()
            },
            "erratum": self.erratum,
        }
        return answer("demo", words, options=self.options, files=files, seconds=self.seconds, times=times)


def demonstrate(out: Path, echo: Echo = print, *, overwrite: bool = False) -> Demonstration:
    """Reduce every bundled network into the folder `out`, check each certificate in isolation, show the erratum.

    Raises CannotWrite.
    """
    start, reductions = time.perf_counter(), {}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{out}: found {error.strerror}, expected a folder to write in") from error
    for name, story in STORIES.items():
        source, target = NETWORKS / f"{name}.onnx", out / f"{name}.onnx"
        echo(f"{name}: {story}")
        done = reductions[name] = reduce_file(source, target, overwrite=overwrite)
        original, reduced = done.reduction.original, done.reduction.reduced
        echo(f"  {original.neurons} -> {reduced.neurons} hidden neurons")
        echo(f"  {original.nonzeros} -> {reduced.nonzeros} weights that are not zero")
        echo(f"  {_recheck(source, target, done.certificate)}")
    erratum = show_erratum(echo)
    return Demonstration(reductions, erratum, DemoOptions(out, overwrite), time.perf_counter() - start)


def _recheck(source: Path, target: Path, proof: Path) -> str:
    """The first line of the bare checker, run apart from this package."""
    command = [sys.executable, "-I", str(CHECKER), str(source), str(target), str(proof)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ExactlumpError(f"{proof}: found {done.stdout or done.stderr}, expected the checker to accept it")
    return f"python3 -I check.py: {done.stdout.splitlines()[0]}"


def show_erratum(echo: Echo = print) -> dict[str, Any]:
    """Definition 6 as printed accepts a relation whose quotient computes another function; corrected, it does not."""
    network = formats.read(NETWORKS / "erratum.json")
    classes = {"a": ((0, 1),), "v": ((0, 1),)}
    rho = {"a": (rational(2), ONE), "v": (ONE, ONE)}
    literal = is_lumping(network, classes, rho, literal=True)
    corrected = is_lumping(network, classes, rho)
    wrong = quotient(
        network,
        Lumping({"x": ((0,),), **classes, "o": ((0,),)}, {"x": (ONE,), **rho, "o": (ONE,)}, _NONE),
        first_member,
    )
    x = (ONE,)
    ours, theirs = (text(n.evaluate(x)[0][0]) for n in (network, wrong.network))
    echo("erratum: Definition 6 as printed omits 1/rho of the layer below")
    echo("  the network: a1 = relu(x), a2 = relu(2x); v = relu(a1), t = relu(a2); o = v + t")
    echo(f"  is {{a1, a2}}, {{v, t}} a lumping?  as printed: {_YES[literal]}; corrected: {_YES[corrected]}")
    echo(f"  at x = 1 the network gives {ours}, its quotient by the printed definition {theirs}")
    return {"as_printed": literal, "corrected": corrected, "network_at_1": ours, "quotient_at_1": theirs}


_YES = {True: "yes", False: "no"}
_NONE: dict[str, dict[int, object]] = {"x": {}, "a": {}, "v": {}, "o": {}}
