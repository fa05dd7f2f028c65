# SPDX-License-Identifier: Apache-2.0
"""This file is about assertions for the tests of others: that two networks compute the same function, or nearly.

    from exactlump.testing import assert_equivalent, assert_within

    def test_export_changes_nothing():
        assert_equivalent(module, "exported.onnx", shape=(1, 28, 28))

    def test_rounding_changes_little():
        assert_within("trained.onnx", "rounded.onnx", box=(0, 1), epsilon="1/100")

It imports no test runner.  Where pytest is, both are fixtures of that name (exactlump/pytest_plugin.py).
"""

from typing import Any

from exactlump import formats
from exactlump.numbers.rational import Vector, text
from exactlump.verbs.bounded import bound
from exactlump.verbs.bounding import FileBound
from exactlump.verbs.naming import Input, element
from exactlump.verbs.refuting import FileFinding, RefuteOptions, refute_files

__all__ = ["assert_equivalent", "assert_within"]
_SHOWN = 8


def assert_equivalent(
    a: Any, b: Any, *, shape: Any = None, box: Any = None, argmax: bool = False, seconds: float = 60.0
) -> FileFinding:
    """Two networks compute the same outputs: over the reals, at every input of the box, each item of a batch by itself.

    a, b     whatever `exactlump.read` takes: paths, modules of PyTorch, ONNX models, `Network`s
    shape    of one input, for modules whose layers do not say it
    box      as `refute` has it: (0, 1), two arrays; None: all reals
    argmax   whether decisions are compared, not outputs
    seconds  the search ends then, and a question that is open fails, too
    Raises AssertionError with an exact input where they differ, and where nothing was decided; errors as `refute`.

    >>> from exactlump import Network
    >>> one, two, other = (Network.chain([[[w]], [[v]]]) for w, v in ((1, 2), (2, 1), (1, 3)))
    >>> assert_equivalent(one, two).verdict
    'equivalent'
    >>> assert_equivalent(one, other)
    Traceback (most recent call last):
        ...
    AssertionError: different: outputs differ by 1 at x[0] = 1; more elsewhere is possible
    """
    pair = [formats.read(model, shape=shape) if shape is not None else model for model in (a, b)]
    found = refute_files(pair[0], pair[1], RefuteOptions(box=box, argmax=argmax, seconds=seconds))
    if found.verdict != "equivalent":
        raise AssertionError(_words(found))
    return found


def assert_within(
    a: Any,
    b: Any,
    box: Any,
    epsilon: Any,
    *,
    shape: Any = None,
    metric: str = "max",
    rounding: str | None = None,
    seconds: float = 60.0,
) -> FileBound:
    """No output of two networks differs by more than epsilon on a box: over the reals, as the checker confirmed.

    a, b      as `assert_equivalent` has them
    box       of the inputs, as `bound` has it: (0, 1), two arrays
    epsilon   a number, or a text such as "1/100"; of the metrics per-output and margins a list, too
    shape     of one input, for modules whose layers do not say it
    metric    of what: max, per-output, l1 or margins (docs/bounds.md)
    rounding  None: over the reals; "float32": as machines with float32 compute it, too
    seconds   the search ends then, and what is open fails, too
    Raises AssertionError with an exact input where some output differs by more, and with the best bound that is known
    where nothing was shown; errors as `bound`.

    >>> from exactlump import Network
    >>> one, other = (Network.chain([[[w]], [[1]]]) for w in (1, "9/8"))
    >>> assert_within(one, other, (0, 1), "1/8").verdict
    'within'
    >>> assert_within(one, other, (0, 1), "1/9")
    Traceback (most recent call last):
        ...
    AssertionError: different: outputs differ by 1/8 at x[0] = 1; more elsewhere is possible
    """
    pair = [formats.read(model, shape=shape) if shape is not None else model for model in (a, b)]
    found = bound(pair[0], pair[1], box, epsilon=epsilon, metric=metric, rounding=rounding, seconds=seconds)
    if found.verdict == "different" and found.input is not None and found.gap is not None:
        raise AssertionError(_differ(text(found.gap), found.inputs, found.input))
    if found.verdict != "within":
        most = f"at most {text(found.most)}, not checked" if found.most is not None else "no bound is known"
        raise AssertionError(f"{found.verdict}: at least {text(found.least)}, {most}, on {found.domain}")
    return found


def _words(found: FileFinding) -> str:
    """What was found instead."""
    if found.verdict != "different" or found.input is None:
        return f"{found.verdict}: nothing was decided on {found.domain.name} (tried: {', '.join(found.tried)})"
    if found.decisions is not None:
        place = _place(found.inputs, found.input)
        return f"different: a decides {found.decisions[0]}, b decides {found.decisions[1]} at {place}"
    return _differ(text(found.gap), found.inputs, found.input)


def _differ(gap: str, inputs: tuple[Input, ...], x: Vector) -> str:
    return f"different: outputs differ by {gap} at {_place(inputs, x)}; more elsewhere is possible"


def _place(inputs: tuple[Input, ...], x: Vector) -> str:
    """An input in words: its first elements that are not 0."""
    values = [f"{element(inputs, i)} = {text(value)}" for i, value in enumerate(x) if value]
    shown = ", ".join(values[:_SHOWN]) + (f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")
    return shown or "0"
