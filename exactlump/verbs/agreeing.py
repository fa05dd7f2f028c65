# SPDX-License-Identifier: Apache-2.0
"""This file is about operators that the engine reads by a rule and the checker takes for opaque.

The engine may take any operator for opaque: an unknown function of its inputs is what every function is.  So where the
checker understands less of a file, the file is read once more without those rules, and a reduced one is found that both
accept.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from exactlump import check
from exactlump.certificates.certificate import Certificate
from exactlump.errors import ExactlumpError, FormatError, Undecided, UnsupportedLayer
from exactlump.network.program import Network
from exactlump.numbers.rational import text

# How often a file is read once more.
MOST_ROUNDS = 8


class Apart(Exception):
    """A file is to be read once more, with the nodes of some tensors taken for opaque."""

    def __init__(self, tensors: Collection[str]) -> None:
        super().__init__(f"{len(tensors)} tensors")
        self.tensors = frozenset(tensors)


def apart(
    files: Sequence[Path], claim: Certificate, networks: Sequence[Network], room: int, domains: Collection[str]
) -> frozenset[str]:
    """The tensors of two files whose nodes the checker takes for opaque, and the engine does not.

    files, networks: the original and the reduced one; a file that the checker does not read says nothing
    """
    ours = {port.name for network in networks for node in network.opaque for port in node.call.outputs if port}
    theirs = set[str]()
    shapes = {name: list(shape) for name, shape in claim.shapes.items()}
    dust = check.rational(text(claim.dust)) if claim.dust is not None else check.ZERO
    for file in files:
        try:
            read = check.read_network(str(file), claim.specification, room, domains, shapes=shapes, dust=dust)
        except check.Stop:
            continue
        theirs.update(name for given in read.depends() for name in given.outputs.values())
    return frozenset(theirs - ours)


def demand_accepted(source: Path, verdict: check.Verdict) -> None:
    """Raise unless the checker said `equivalent`: it may refuse a file that the engine reads; else one is wrong."""
    if verdict.verdict != "equivalent":
        refusals = (FormatError, Undecided, UnsupportedLayer)
        refusal = next((kind for kind in refusals if kind.exit_code == verdict.code), ExactlumpError)
        if verdict.rule in ("opaque", "assumes"):  # it understands other operators than the engine does
            refusal = UnsupportedLayer
        raise refusal(f"{source}: not accepted by the checker ({verdict.reason}); nothing was written")


def note_of(network: Network) -> tuple[str, ...]:
    """What is to be said of nodes that were taken for opaque though there is a rule."""
    calls = {node.call.node: node.call for node in network.opaque if node.taken}.values()
    if not calls:
        return ()
    names = ", ".join(sorted({call.operator.split(":")[1] for call in calls}))
    many = "s" * (len(calls) != 1)
    return (f"{len(calls)} operator{many} that the checker has no rule for taken as given function{many} ({names})",)
