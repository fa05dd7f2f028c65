# SPDX-License-Identifier: Apache-2.0
"""This file is about sizes that are not known: products of a positive number and of symbols, such as 2*N*T."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Unknown:
    """factor * the product of the symbols, which are sorted; equal when these are."""

    factor: int
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "*".join([*([str(self.factor)] if self.factor != 1 or not self.names else []), *self.names])

    __repr__ = __str__

    def times(self, other: "Size") -> "Unknown":
        """The product with a size."""
        other = other if isinstance(other, Unknown) else Unknown(other)
        return Unknown(self.factor * other.factor, tuple(sorted((*self.names, *other.names))))

    def over(self, other: "Size") -> "Size | None":
        """The quotient by a size; None where that is no product."""
        other = other if isinstance(other, Unknown) else Unknown(other)
        left = list(self.names)
        for name in other.names:
            if name not in left:
                return None
            left.remove(name)
        factor, rest = divmod(self.factor, other.factor)
        return None if rest else plain(Unknown(factor, tuple(left)))

    @classmethod
    def product(cls, sizes: "Iterable[Size]") -> "Unknown":
        """The product of sizes."""
        total = cls(1)
        for size in sizes:
            total = total.times(size)
        return total


Size: TypeAlias = int | Unknown
Sizes: TypeAlias = tuple[Size, ...]


def symbol(name: str) -> Unknown:
    """The size that a symbol stands for."""
    return Unknown(1, (name,))


def plain(size: Unknown) -> Size:
    """The size as a number, where it is one."""
    return size if size.names else size.factor


def text(sizes: Sizes) -> str:
    """Sizes in brackets.

    >>> text((symbol("N"), 3))
    '[N,3]'
    """
    return f"[{','.join(map(str, sizes))}]"


def shown(size: Unknown) -> str:
    """An unknown size by its names in the file; "?" where it has none there.

    A symbol that no input has is its name, "?", and the tensor's name; one without a name, and one that follows from
    others, begins with "?".
    """
    names = [name.split("?")[0] for name in size.names]
    return str(Unknown(size.factor, tuple(names))) if all(names) else "?"
