# SPDX-License-Identifier: Apache-2.0
"""This file is about opaque operators: those that are taken as given functions, of which nothing else is known.

Two of them with equal signatures and equal sources are equal, and nothing follows from them but that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from exactlump.network.kind import HeadKind, Kind, _Joint
from exactlump.network.views import Shape, View

# Why an operator is opaque that a rule reads.
TAKEN = "the checker has no rule for it"


class Port(NamedTuple):
    """An output of an operator: its name, ONNX's element type (0: unknown), its shape (None: unknown).

    declared: whether the file says so
    other: ONNX's type in its bytes, as it is declared, where that is no tensor
    """

    name: str
    kind: int
    shape: Shape | None
    declared: bool = False
    other: bytes = b""


@dataclass(frozen=True, slots=True)
class Call:
    """One opaque operator as its file has it.

    operator   domain and operator, as "ai.onnx:LSTM"
    place      the node's name, for people
    why        why no rule reads it
    signature  equal for equal functions of equal arguments (docs/certificate-format.md)
    node       the node as the file has it, in its bytes
    arguments  for each of its inputs: the index of a source; the name of a constant; or None, it is left out
    constants  the constants that it reads, by name, in the bytes of ONNX's tensors
    outputs    what it defines: None for an output that is left out
    opset      the version of the operator's domain
    """

    operator: str
    place: str
    why: str
    signature: str
    node: bytes = field(repr=False)
    arguments: tuple[int | str | None, ...] = ()
    constants: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    outputs: tuple[Port | None, ...] = ()
    opset: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Opaque(_Joint):
    """target = an output of a given function of the sources: one unit that is the whole tensor.

    shape  with all axes, as it is declared or follows; see `views.py`
    """

    sources: tuple[str, ...]
    target: str
    call: Call
    output: int
    shape: Shape

    def __repr__(self) -> str:
        return f"Opaque({self.call.operator}: {', '.join(self.sources)} -> {self.target})"

    @property
    def affine(self) -> bool:
        return False

    @property
    def mixes_all(self) -> bool:
        return True

    @property
    def taken(self) -> bool:
        """Whether it was taken for opaque though a rule reads it."""
        return self.call.why == TAKEN

    def function(self, v: int) -> HeadKind:
        """It is no function of one unit."""
        return self.call.operator  # type: ignore[return-value]

    def view(self, views: Sequence[View]) -> View:
        """One unit."""
        self.demand("sources", len(views), 1 + max((i for i in self.call.arguments if isinstance(i, int)), default=-1))
        return View(()) if is_number(self.shape) else View(self.shape, None, open=True)


def is_number(shape: Shape) -> bool:
    """Whether a tensor is a number, or a batch of numbers: its one unit is an element."""
    return not shape or (len(shape) == 1 and not isinstance(shape[0], int) and not str(shape[0]).startswith("??"))


__all__ = ["TAKEN", "Call", "Kind", "Opaque", "Port"]
