# SPDX-License-Identifier: Apache-2.0
"""This file is about what is compared with what: rows for the units of N and N' over the classes of N'.

A row of N is a definition (any one gives sound bounds); a row of N' is a fact, which the checker proves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from exactlump.errors import FormatError
from exactlump.network.activations import Activation
from exactlump.numbers.rational import ONE, ZERO, Rational, text


@dataclass(frozen=True, slots=True)
class Constant:
    """A unit that is (or is compared with) a number."""

    value: Rational = ZERO


@dataclass(frozen=True, slots=True)
class Multiple:
    """A unit that is (or is compared with) a factor times a class."""

    of: int
    factor: Rational

    def ratio(self, function: Activation | None) -> Rational:
        """The c that the function takes to the factor.  Raises FormatError where there is none."""
        if function is None:
            return self.factor
        for c in (abs(self.factor), -abs(self.factor)):
            if c and function.scaling(c) == self.factor:
                return c
        raise FormatError(f"relation: found the factor {text(self.factor)}, to which {function} takes nothing")


@dataclass(frozen=True, slots=True)
class Twin:
    """A unit of N' whose function is applied to minus c times what that of a class is applied to (docs/activations.md):
    it is factor * class + L * (what its function is applied to)."""

    of: int
    factor: Rational


Row: TypeAlias = Constant | Multiple | Twin


@dataclass(frozen=True, slots=True)
class Relations:
    """ours: for tensors of N, the tensor of N' and rows over its classes; theirs: for tensors of N', rows over its own
    classes.  Tensors that are not named are compared unit by unit, or have every unit as its own class."""

    ours: Mapping[str, tuple[str | None, Sequence[Row]]]
    theirs: Mapping[str, Sequence[Row]]

    def over(self, name: str) -> str | None:
        """The tensor of N' over whose classes the rows of a tensor of N are; None where no row names a class."""
        over, rows = self.ours[name]
        return over if any(not isinstance(row, Constant) for row in rows) else None

    def json(self) -> dict[str, Any]:
        """As a certificate has it."""
        over = {name: self.over(name) for name in self.ours}
        return {
            "original": {
                name: {**({"over": over[name]} if over[name] is not None else {}), "rows": [*map(row_json, rows)]}
                for name, (_, rows) in self.ours.items()
            },
            "reduced": {name: {"rows": [row_json(row) for row in rows]} for name, rows in self.theirs.items()},
        }


def row_json(row: Row) -> Any:
    """A row as a certificate has it."""
    if isinstance(row, Constant):
        return {"of": [], "plus": text(row.value)} if row.value else None
    listed = [row.of, text(row.factor)]
    return {"twin": listed} if isinstance(row, Twin) else listed


def twin_law(function: Activation | None) -> Rational:
    """The L with sigma(y) - sigma(-y) = L * y for all y.  Raises FormatError for functions without one."""
    if function is not None:
        if function.slope is not None:
            return ONE + function.slope
        bent = function.name in ("at_most", "thresholded_relu") and not function.parameters[0]
        if bent or function.name in ("gelu", "gelu_tanh", "silu", "softplus", "log_sigmoid", "hard_swish"):
            return ONE
    raise FormatError(f"relation: found twins of {function}, expected a function with sigma(y) - sigma(-y) = L*y")


def references(rows: Sequence[Row], functions: Sequence[Activation | None]) -> list[tuple[int, Rational]]:
    """The leader of each class, and its ratio c.  Raises FormatError unless the classes are 0, 1, ..."""
    found: dict[int, tuple[int, Rational]] = {}
    for v, row in enumerate(rows):
        if isinstance(row, Multiple) and row.of not in found:
            found[row.of] = v, row.ratio(functions[v])
    if sorted(found) != list(range(len(found))):
        raise FormatError(f"relation: found the classes {sorted(found)}, expected 0, 1, ...")
    return [found[k] for k in range(len(found))]
