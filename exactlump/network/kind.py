# SPDX-License-Identifier: Apache-2.0
"""This file is about what every kind of node states, whichever it is; the kinds are in `kinds.py`, `open_kinds.py`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, TypeAlias, TypeVar, get_args

from exactlump.errors import ShapeError
from exactlump.network.activations import IDENTITY, Activation
from exactlump.network.views import View
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Rational, Vector, is_exact, vector


@dataclass(frozen=True, slots=True)
class Largest:
    """What a MaxPool does to each unit: the largest value that its window sees."""

    window: Window

    scales = True
    signed = False

    def __call__(self, y: Rational) -> Rational:
        """A constant image stays what it is."""
        return y

    def scaling(self, c: Rational) -> Rational | None:
        """It commutes with c > 0."""
        return c if c > 0 else None

    def __str__(self) -> str:
        return f"max_pool({'x'.join(map(str, self.window.kernel))})"


Function: TypeAlias = Activation | Largest
HeadKind: TypeAlias = Literal["softmax", "log_softmax", "argmax"]
HEADS: tuple[HeadKind, ...] = get_args(HeadKind)


class Kind(ABC):
    """What every kind of node states.

    A kind that has functions, a bias, factors, constants or a window states that field with `field()`; it is empty in
    all others, so that nobody needs to ask which kind it is.
    word: what it does, in one word for people; "": the name of the kind
    """

    __slots__ = ()
    target: str
    word: ClassVar[str] = ""

    def __post_init__(self) -> None:
        """Weights and vectors may be arrays or lists of numbers of any kind; they are kept as exact ones."""
        weight = getattr(self, "weight", None)
        if weight is not None and not isinstance(weight, Matrix):
            object.__setattr__(self, "weight", Matrix.of(weight))
        for name in ("bias", "factor", "constant"):
            numbers = getattr(self, name, ())
            if not is_exact(numbers):
                object.__setattr__(self, name, vector(numbers))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.reads)} -> {self.target})"

    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """The tensors that the node reads."""

    @property
    @abstractmethod
    def affine(self) -> bool:
        """Whether every unit is its sum (`meaning.parts`), and no more: then the tensor may be derived."""

    @property
    def functions(self) -> tuple[Activation, ...]:
        """The function of each unit, where it is chosen unit by unit."""
        return ()

    @property
    def bias(self) -> Vector:
        """What is added to each unit after weights."""
        return ()

    @property
    def factor(self) -> Vector:
        """What each unit is multiplied by."""
        return ()

    @property
    def constant(self) -> Vector:
        """What is added to each unit."""
        return ()

    @property
    def window(self) -> Window | None:
        """What slides over images."""
        return None

    @property
    def grid(self) -> bool:
        """Whether its units lie along the last axis, and it acts at every position of the others."""
        return False

    @property
    def reorders(self) -> bool:
        """Whether it gives the elements of its source another order or shape, and no more."""
        return False

    @property
    def mixes_all(self) -> bool:
        """Whether no element is a function of one unit: of heads and opaque operators."""
        return False

    @abstractmethod
    def function(self, v: int) -> Function | HeadKind:
        """What is applied to unit v after its sum; of a head its kind, as it is no function of one unit."""

    @abstractmethod
    def renamed(self, target: str, *names: str) -> Self:
        """The node with other names for what it defines and reads."""

    @abstractmethod
    def view(self, views: Sequence[View]) -> View:
        """The view of the target, given those of the sources; ShapeError when the node does not fit them."""

    def keeps_units(self, view: View) -> bool:
        """Whether a reordering leaves every unit of a source of that view as it is; other kinds move none."""
        return True

    def origins(self, units: Sequence[int], view: View) -> Sequence[int]:
        """Where units of the target were in a source of that view: elsewhere only before a reordering of elements."""
        return units

    def restricted(self, units: Sequence[int]) -> Self:
        """The node over some units of its source; kinds with an entry for every unit take those entries."""
        return self

    def divided(self, firsts: Sequence[int], units: Sequence[int | None], divisors: Vector) -> Self:
        """The node over units that are divided by numbers; `firsts` have their functions.

        A unit that is None has a row of its own, which needs no factor and no constant.
        """
        return self.restricted(firsts)

    def demand(self, what: str, found: int, expected: int) -> None:
        """Raise ShapeError where two counts differ."""
        if found != expected:
            raise ShapeError(f"tensor {self.target!r}: found {found} {what}, expected {expected}")


class _Affine(Kind):
    """A kind that applies no function to its sums."""

    __slots__ = ()

    @property
    def affine(self) -> bool:
        return True

    def function(self, v: int) -> Function | HeadKind:
        return IDENTITY


class _Lone(Kind):
    """A kind that reads one tensor."""

    __slots__ = ()
    source: str

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.source,)

    def renamed(self, target: str, *names: str) -> Self:
        (source,) = names
        return _replaced(self, target=target, source=source)


class _Joint(Kind):
    """A kind that reads several tensors."""

    __slots__ = ()
    sources: tuple[str, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        return self.sources

    def renamed(self, target: str, *names: str) -> Self:
        return _replaced(self, target=target, sources=names)


_K = TypeVar("_K", bound=Kind)


def _replaced(node: _K, **changes: Any) -> _K:
    """The node with other values of some fields: every kind is a dataclass."""
    changed: _K = replace(node, **changes)  # type: ignore[type-var]
    return changed
