# SPDX-License-Identifier: Apache-2.0
"""This file is about assertions for the tests of others: that two networks compute the same function.

    from exactlump.testing import assert_equivalent

    def test_export_changes_nothing():
        assert_equivalent(module, "exported.onnx", shape=(1, 28, 28))

It imports no test runner.  Where pytest is, the same is a fixture of that name (exactlump/pytest_plugin.py).
"""

from typing import Any

from exactlump import formats
from exactlump.numbers.rational import text
from exactlump.verbs.naming import element
from exactlump.verbs.refuting import FileFinding, RefuteOptions, refute_files

__all__ = ["assert_equivalent"]
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


def _words(found: FileFinding) -> str:
    """What was found instead."""
    if found.verdict != "different" or found.input is None:
        return f"{found.verdict}: nothing was decided on {found.domain.name} (tried: {', '.join(found.tried)})"
    values = [f"{element(found.inputs, i)} = {text(x)}" for i, x in enumerate(found.input) if x]
    shown = ", ".join(values[:_SHOWN]) + (f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")
    place = shown or "0"
    if found.decisions is not None:
        return f"different: a decides {found.decisions[0]}, b decides {found.decisions[1]} at {place}"
    return f"different: outputs differ by {text(found.gap)} at {place}; more elsewhere is possible"
