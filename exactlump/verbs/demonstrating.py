# SPDX-License-Identifier: Apache-2.0
"""This file is about the demonstration: the bundled networks reduced and checked, and the erratum of Definition 6."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from exactlump import formats
from exactlump.errors import CannotWrite, ExactlumpError
from exactlump.lumping.definition import is_lumping
from exactlump.lumping.maximum import Lumping
from exactlump.numbers.rational import ONE, rational, text
from exactlump.reduction.quotient import first_member, quotient
from exactlump.verbs.checking import CHECKER
from exactlump.verbs.reducing import reduce_file

NETWORKS = Path(__file__).parents[1] / "networks"
STORIES = {
    "digits_l1": "a digits classifier trained with an L1 penalty, small weights set to 0",
    "digits_int8": "the same kind of classifier with weights on an 8-bit grid",
    "digits_widened": "a digits classifier with neurons split into twins of ratio 2^k, two layers in a row",
    "tll_small": "a lattice network (minima and maxima of affine functions), as a machine generates them",
}

Echo = Callable[[str], object]


def demonstrate(out: Path, echo: Echo = print) -> None:
    """Reduce every bundled network into the folder `out`, check each certificate in isolation, show the erratum."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{out}: found {error.strerror}, expected a folder to write in") from error
    for name, story in STORIES.items():
        source, target = NETWORKS / f"{name}.onnx", out / f"{name}.onnx"
        echo(f"{name}: {story}")
        done = reduce_file(source, target)
        original, reduced = done.reduction.original, done.reduction.reduced
        echo(f"  {original.neurons} -> {reduced.neurons} hidden neurons")
        echo(f"  {original.nonzeros} -> {reduced.nonzeros} weights that are not zero")
        echo(f"  {_recheck(source, target, done.certificate)}")
    show_erratum(echo)


def _recheck(source: Path, target: Path, proof: Path) -> str:
    """The first line of the bare checker, run apart from this package."""
    command = [sys.executable, "-I", str(CHECKER), str(source), str(target), str(proof)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ExactlumpError(f"{proof}: found {done.stdout or done.stderr}, expected the checker to accept it")
    return f"python3 -I check.py: {done.stdout.splitlines()[0]}"


def show_erratum(echo: Echo = print) -> None:
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


_YES = {True: "yes", False: "no"}
_NONE: dict[str, dict[int, object]] = {"x": {}, "a": {}, "v": {}, "o": {}}
