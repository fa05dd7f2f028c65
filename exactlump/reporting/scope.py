# SPDX-License-Identifier: Apache-2.0
"""This file is about what limits a claim of equality: boxes, stated shapes, numbers read as 0, unknown operators.

Whatever a page says of such a claim, it says this beside it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from exactlump.certificates.certificate import EVERYWHERE, Certificate
from exactlump.numbers.rational import text

_MOST_ENDS = 6


def limits(claimed: Certificate) -> tuple[str, ...]:
    """What the claim leaves out, in words, most limiting first; nothing for a claim about every input."""
    return tuple(_limits(claimed))


def _limits(claimed: Certificate) -> Iterator[str]:
    if claimed.domain != EVERYWHERE:
        yield f"only on {domain_words(claimed.domain)}"
    if claimed.shapes:
        several = (f"{name} {_shape(shape)}" for name, shape in claimed.shapes.items())
        yield f"only at inputs of the shapes {', '.join(several)}"
    if claimed.dust is not None:
        yield f"of the original without its numbers below {text(claimed.dust)} in size, which are read as 0"
    if claimed.opaque:
        count = sum(claimed.opaque.values())
        names = ", ".join(f"{name} ({n})" for name, n in claimed.opaque.items())
        yield f"for whatever functions {count} operator{'s' if count > 1 else ''} may be that no rule covers: {names}"


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def domain_words(domain: Mapping[str, Any]) -> str:
    """The boxes of a claim in words: the first one, and how many there are.

    >>> domain_words({"boxes": [{"x": [["0", "1"], ["0", "1"]]}]})
    'the box where each of 2 elements is from 0 to 1'
    >>> domain_words({"boxes": [{"x": [["0", "1"], None]}, {"x": [["1", "2"], None]}]})
    '2 boxes, the first where x[0] is from 0 to 1, x[1] is any number'
    """
    boxes = domain["boxes"]
    ends = [(f"{name}[{i}]", _ends(pair)) for name, pairs in boxes[0].items() for i, pair in enumerate(pairs)]
    if len(ends) > 1 and len({words for _, words in ends}) == 1:
        first = f"each of {len(ends)} elements is {ends[0][1]}"
    else:
        first = ", ".join(f"{name} is {words}" for name, words in ends[:_MOST_ENDS])
        first += f", and {len(ends) - _MOST_ENDS} more" if len(ends) > _MOST_ENDS else ""
    return f"the box where {first}" if len(boxes) == 1 else f"{len(boxes)} boxes, the first where {first}"


def _ends(pair: Any) -> str:
    """An interval in words; ends that are not there are null."""
    if pair is None or pair == [None, None]:
        return "any number"
    low, high = pair
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"from {low} to {high}" if low != high else str(low)
