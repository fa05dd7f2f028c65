# SPDX-License-Identifier: Apache-2.0
"""This file is about checking the sheets of the labs: python docs/labs/check.py SHEET

A sheet's name begins with its lab: lab1.py, lab1-ada.py.  It is run as Python, so use your own.  Each check computes
with what you filled in; none holds the answer.  Ends with 0 when all are right.
"""

import itertools
import json
import re
import runpy
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import forge  # noqa: E402

from exactlump import Network, is_lumping, maximum_lumping, prove_files, quotient, reduce_file, write  # noqa: E402


class NotYet(Exception):
    """What is wrong with an answer."""


def demand(holds, words):
    if not holds:
        raise NotYet(words)


def number(value):
    try:
        return Fraction(value)
    except (TypeError, ValueError, ZeroDivisionError):
        raise NotYet(f"found {value!r:.40}, expected a number, or a text such as '1/2'") from None


def point(value, size, low=None, high=None):
    demand(isinstance(value, list | tuple) and len(value) == size, f"found {value!r:.40}, expected {size} numbers")
    found = [number(x) for x in value]
    demand(low is None or all(low <= x <= high for x in found), f"found a point outside of [{low}, {high}]")
    return found


def relu(y):
    return max(y, Fraction(0))


# Lab 1


def multiples_1(multiples):
    """By definition: same direction, positive factor, for all that are not 0; and nobody is left out."""
    rows = [[1, 0, 2], [2, 0, 4], [0, 0, 0], [-1, 0, -2], [Fraction(1, 2), 0, 1]]
    demand(isinstance(multiples, dict) and 0 in multiples, "found no dictionary with neuron 0")
    for v, c in multiples.items():
        demand(v in range(5), f"found neuron {v!r:.10}, expected 0 to 4")
        demand(number(c) > 0, f"neuron {v}: relu lets positive factors through, and found {c}")
        demand(rows[v] == [number(c) * w for w in rows[0]], f"neuron {v}: its row is not {c} times that of neuron 0")
    network = Network.chain([rows, [[1] * 5]])
    (largest,) = (members for members in maximum_lumping(network).classes["h1"] if len(members) > 1)
    demand(len(multiples) >= len(largest), "somebody of the class is missing")


def weight_2(weight):
    rows = [[1, 0, 2], [2, 0, 4], [0, 0, 0], [-1, 0, -2], [Fraction(1, 2), 0, 1]]
    for x in itertools.product(range(-2, 3), repeat=3):
        values = [relu(sum(Fraction(w) * y for w, y in zip(row, x, strict=True))) for row in rows]
        full = sum(w * v for w, v in zip((1, 1, 1, 1, 2), values, strict=True))
        small = number(weight) * values[0] + values[3]
        demand(full == small, f"at x = {x} the output is {full}, and {small} in the smaller network")


def layers_3(first, second):
    try:
        network = Network.chain([first, second, [[1, 1]]])
        demand([network.units("h1"), network.units("h2"), network.units("x")] == [2, 2, 1], "found another shape")
    except NotYet:
        raise
    except Exception as error:  # noqa: BLE001  # whatever a sheet may hold
        raise NotYet(f"found no network 1-2-2-1 ({error})") from None
    (p, q), (r, s) = ((number(w) for w in row) for row in second)
    demand(p * s != q * r, "the rows of layer 2 are multiples of each other")
    lumping = maximum_lumping(network)
    demand(lumping.classes["h2"] == ((0, 1),), "the two neurons of layer 2 are not merged")
    one, other = lumping.rho["h2"]
    ratio = Fraction(str(one)) / Fraction(str(other))
    demand(ratio in (5, Fraction(1, 5)), f"one is {max(ratio, 1 / ratio)} times the other, expected 5 times")


# Lab 2


def number_1(found):
    with tempfile.TemporaryDirectory() as folder:
        demand(found == forge.accepted(7, folder), "the planted checker does not accept that one")


def point_2(where):
    """The forged networks differ there; which forgery it is, is computed."""
    x = point(where, 2)
    with tempfile.TemporaryDirectory() as folder:
        forgery = forge.forgeries(7, folder)[forge.accepted(7, folder)]
    value = [relu(w[0] * x[0] + w[1] * x[1] + b) for w, b in zip(forge.HIDDEN, forge.BIASES, strict=True)]
    demand(value[forgery.v] != number(forgery.factor) * value[forgery.u], "there the claimed row holds")


def entry_3(activation, factor):
    demand(activation == "relu", f"{activation!r:.20}: its entry is right, or its factors pass as they should")
    c = number(factor)
    demand(c != 0, "0 is refused by the wrong entry, too")
    demand(any(relu(c * y) != c * relu(y) for y in (-1, 1)), f"relu lets {c} through, and rightly so")


# Lab 3


def printed_1(merged, right):
    network = Network.chain([[[1], [2]], [[1, 0], [0, 1]], [[1, 1]]])
    wrong = quotient(network, {"h1": [[0, 1]], "h2": [[0, 1]]}, {"h1": [2, 1]}, representative=max).network
    for found, of, what in ((merged, wrong, "merged"), (right, network, "right")):
        demand(number(found) == Fraction(str(of.evaluate([1])[0][0])), f"{what}: found another output at x = 1")


def _two(c):
    c = str(number(c))
    network = Network.chain([[[1], [4]], [[1, 1], [3, c]], [[1, 1]]])
    classes, rho = {"h1": [[0, 1]], "h2": [[0, 1]]}, {"h1": [4, 1], "h2": [1, 1]}
    return is_lumping(network, classes, rho, literal=True), is_lumping(network, classes, rho)


def printed_2(c):
    printed, corrected = _two(c)
    demand(printed, "the printed definition does not hold")
    demand(not corrected, "the corrected definition holds, too")


def equal_3(c):
    demand(_two(c)[1], "v and t are not equal")


# Lab 4


def largest_1(largest, corner):
    x, y = point(corner, 2, 0, 1)
    gap = relu(x + y / 100) - relu(x)
    demand(gap == number(largest), f"at that corner the outputs differ by {gap}")
    corners = itertools.product((0, 1), repeat=2)
    demand(gap == max(relu(a + Fraction(b, 100)) - relu(Fraction(a)) for a, b in corners), "another corner has more")


def decides_2(where):
    x, y = point(where, 2, 0, 1)
    demand(relu(y + x / 10) > relu(x), "the first network does not decide 1 there")
    demand(relu(x) > relu(y), "the pruned network does not decide 0 there")


def no_sum_3(where):
    x, y = point(where, 2)
    demand(relu(x + y) != relu(x) + relu(y), "there it is the sum")


# Lab 5


def half_1(where):
    (x,) = point([where], 1, 0, 1)
    demand(relu(1000 * x - 999) == Fraction(1, 2), f"there they differ by {relu(1000 * x - 999)}")


def part_2(k):
    demand(isinstance(k, int) and k > 0, "expected a positive integer")
    demand(1 - Fraction(k - 1, k) == Fraction(1, 10**6), f"with k = {k} the part has length {1 - Fraction(k - 1, k)}")


def rows_3(count):
    with tempfile.TemporaryDirectory() as folder:
        big, small, evidence = (Path(folder) / name for name in ("big.json", "small.json", "evidence.jsonl"))
        write(Network.chain([[[1, 2], [3, 6], [0, 0]], [[1, 1, 1]]], [[1, 3, -1], [0]]), big)
        done = reduce_file(big, small)
        prove_files(big, small, done.certificate, jobs=1, evidence=evidence)
        lines = [json.loads(line) for line in evidence.read_text(encoding="utf-8").splitlines()]
    units = {line["id"] for line in lines if line.get("id", "").startswith("original h1 ")}
    demand(count == len(units), "another number of lines is about them")


EXERCISES = {
    "1.1": (multiples_1, ("multiples",)),
    "1.2": (weight_2, ("weight",)),
    "1.3": (layers_3, ("first", "second")),
    "2.1": (number_1, ("number",)),
    "2.2": (point_2, ("point",)),
    "2.3": (entry_3, ("activation", "factor")),
    "3.1": (printed_1, ("merged", "right")),
    "3.2": (printed_2, ("printed_only",)),
    "3.3": (equal_3, ("equal",)),
    "4.1": (largest_1, ("largest", "corner")),
    "4.2": (decides_2, ("decides_otherwise",)),
    "4.3": (no_sum_3, ("no_sum",)),
    "5.1": (half_1, ("half",)),
    "5.2": (part_2, ("k",)),
    "5.3": (rows_3, ("rows",)),
}


def verdicts(sheet, lab):
    """{exercise: None where it is right, else what is wrong} of a sheet's names."""
    found = {}
    for exercise, (check, names) in EXERCISES.items():
        if exercise.startswith(f"{lab}."):
            values = [sheet.get(name, ...) for name in names]
            try:
                demand(all(value is not ... for value in values), "nothing filled in")
                check(*values)
                found[exercise] = None
            except NotYet as wrong:
                found[exercise] = str(wrong)
    return found


def main(path):
    lab = re.match(r"lab([1-5])", Path(path).name)
    if lab is None:
        print(f"{path}: found another name, expected lab1.py to lab5.py", file=sys.stderr)
        return 2
    found = verdicts(runpy.run_path(path), lab[1])
    for exercise, wrong in found.items():
        print(f"{exercise}: {'right' if wrong is None else f'not yet: {wrong}'}")
    right = sum(wrong is None for wrong in found.values())
    print(f"{right} of {len(found)} right")
    return 0 if right == len(found) else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected one sheet: python docs/labs/check.py docs/labs/lab1.py")
    sys.exit(main(sys.argv[1]))
