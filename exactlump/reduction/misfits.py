# SPDX-License-Identifier: Apache-2.0
"""This file is about misfits: what of the quotient Q cannot be written, and what the next quotient must do without.

Throughout: k a class (unit of Q), v a unit of N.
"""

from dataclasses import dataclass

from exactlump.errors import CannotWrite
from exactlump.numbers.rational import Rational, text
from exactlump.reduction.ancestry import Ancestry


@dataclass(frozen=True, slots=True)
class Misfit:
    """What stood in the way; the next quotient does without it.

    apart     members of classes that cannot be written merged
    unfolded  constants whose sum with a bias cannot be written
    fused     (linear layer, the kept tensor it reads or None): products of weights that cannot be written
    split     members of classes that cannot be written merged below layers that stay fused
    """

    apart: frozenset[tuple[str, int]] = frozenset()
    unfolded: frozenset[tuple[str, int]] = frozenset()
    fused: frozenset[tuple[str, str | None]] = frozenset()
    split: frozenset[tuple[str, int]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.apart or self.unfolded or self.fused)


class Blame:
    """What has been found not to fit so far, and what is to blame for it.

    Every method raises CannotWrite where nothing was done that could be undone.
    """

    def __init__(self, ancestry: Ancestry, dtype: str) -> None:
        self.ancestry, self.dtype = ancestry, dtype
        self.apart: set[tuple[str, int]] = set()
        self.unfolded: set[tuple[str, int]] = set()
        self.fused: set[tuple[str, str | None]] = set()
        self.split: set[tuple[str, int]] = set()

    @property
    def misfit(self) -> Misfit:
        """All of it."""
        return Misfit(frozenset(self.apart), frozenset(self.unfolded), frozenset(self.fused), frozenset(self.split))

    def merged(self, tensor: str, k: int, readers: list[str]) -> None:
        """The weights on a class of several members do not fit: split it, or leave what reads it unfused."""
        fused = {(name, None) for reader in readers for name in self.ancestry.fused_in(reader)}
        self.fused |= fused
        (self.split if fused else self.apart).update((tensor, v) for v in self.ancestry.members[tensor][k])

    def bias(self, tensor: str, k: int, bias: Rational) -> None:
        """A bias does not fit: because of the constants folded into it, or else of the row's scale."""
        if constants := self.ancestry.constants_below(tensor):
            self.unfolded |= constants
        else:
            self.row(tensor, k, None, bias)

    def entry(self, tensor: str, value: Rational) -> None:
        """A factor or a constant does not fit with which a unit is passed on: undo what was done to what it reads."""
        found = False
        for name in self.ancestry.below[tensor]:
            for v, row in enumerate(self.ancestry.rows(name)):
                if row.terms and (row.single is None or row.single[1] != 1):
                    self.apart.add((name, v))
                    found = True
                elif row.constant:
                    self.unfolded.add((name, v))
                    found = True
        if not found:
            raise self._cannot(tensor, 0, value)

    def row(self, tensor: str, k: int, below: str | None, value: Rational) -> None:
        """A weight of a row does not fit: it is a product (fused), or of another scale (merged).

        below: the tensor that it is on; None: it is the bias.
        """
        fused, known = self.ancestry.fused_in(tensor), self.ancestry.members[tensor]
        members = known[k] if k < len(known) else {}
        if fused:
            copyable = below if below is not None and self.ancestry.is_kept(below) else None
            self.fused.update((name, copyable) for name in fused)
        elif len(members) > 1:
            self.apart.update((tensor, v) for v in members)
        elif constants := self.ancestry.constants_below(
            tensor, zeros=True
        ):  # without their columns the step is another
            self.unfolded |= constants
        else:
            raise self._cannot(tensor, k, value)

    def _cannot(self, tensor: str, k: int, value: Rational) -> CannotWrite:
        return CannotWrite(
            f"tensor {tensor!r}, unit {k}: found {text(value)[:60]}, expected a number of type {self.dtype}; "
            "a .json file holds any rational"
        )
