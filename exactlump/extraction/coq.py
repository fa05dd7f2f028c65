# SPDX-License-Identifier: Apache-2.0
"""This file is about the text for the extracted checker, written as a theorem that Coq's own kernel checks.

The checker runs inside Coq, so that no extraction, no OCaml and no parser of ours needs to be believed.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from exactlump.errors import CannotWrite

# Coq reads about 5,000 numbers a second.
MAX_WEIGHTS = 100_000

_FUNCTIONS = {"relu": "Leaky 0 1", "identity": "Leaky 1 1", "abs": "Leaky (-1) 1"}
_LINES = ";\n   "
_HEADS = {"none": "None", "softmax": "(Some Softmax)", "log_softmax": "(Some LogSoftmax)"}

_PREAMBLE = """\
From Coq Require Import List Reals ZArith.
From Exactlump Require Import Network Numbers Meaning Checker Main.
Import ListNotations.
Local Open Scope Z_scope.

Fixpoint from (u : N) (weights : list Z) : list (N * Z) :=
  match weights with [] => [] | w :: rest => (u, w) :: from (N.succ u) rest end."""

_THEOREMS = """\
Lemma {name}_accepted : check {name}_original {name}_reduced {name}_certificate = true.
Proof. vm_cast_no_check (eq_refl true). Qed.

Theorem {name}_equivalent : forall x : list Rationals, length x = inputs {name}_original ->
  eval rational_meaning {name}_original x = eval rational_meaning {name}_reduced x.
Proof. exact (accepted_networks_are_equal_rationally _ _ _ {name}_accepted). Qed.

Theorem {name}_equivalent_over_the_reals (erf : R -> R) (erf_0 : erf 0%R = 0%R) :
  forall x : list R, length x = inputs {name}_original ->
  @eval Reals (real_meaning erf erf_0) {name}_original x = @eval Reals (real_meaning erf erf_0) {name}_reduced x.
Proof. exact (accepted_networks_are_equal _ _ _ {name}_accepted erf erf_0). Qed.

Print Assumptions {name}_equivalent."""


def coq(lines: Iterable[str], name: str) -> Iterator[str]:
    """The lines of a Coq file with the theorem `{name}_equivalent`, of a text of export.py.

    Raises CannotWrite when the name is none of Coq's, or the networks have more than `MAX_WEIGHTS` weights.
    """
    if not (name.isascii() and name.isidentifier()):
        raise CannotWrite(f"{name}.v: found a name that Coq does not take, expected letters, digits and _")
    words = _Words(lines)
    words.skip(2)
    yield "(* This file is about one theorem: two networks compute the same function, as `exactlump export` says. *)"
    yield _PREAMBLE
    for _ in range(2):
        yield from _network(words, name)
    yield from _quotient(words, name)
    for _ in range(2):
        yield from _half(words, name)
    yield f"\nDefinition {name}_certificate := Certificate {name}_quotient {name}_half_original {name}_half_reduced.\n"
    yield _THEOREMS.format(name=name)


class _Words:
    """The words of a text, read one after the other; the weights among them are counted."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.rest = chain.from_iterable(line.split() for line in lines)
        self.weights = 0

    def next(self) -> str:
        return next(self.rest)

    def skip(self, count: int) -> None:
        for _ in range(count):
            self.next()

    def number(self) -> str:
        """An integer as Coq reads it."""
        word = self.next()
        return f"({word})" if word[0] == "-" else word

    def times(self, read: Callable[[], str]) -> str:
        """A list with its length in front."""
        return _list(read() for _ in range(int(self.next())))

    def edges(self, width: int) -> str:
        how = self.next()
        count = width if how == "all" else int(how)
        self.weights += count
        if self.weights > MAX_WEIGHTS:
            raise CannotWrite(
                f"weights: found more than {MAX_WEIGHTS} in all, expected fewer: `check --verified` has no limit"
            )
        if how == "all":
            return f"(from 0 {_list(self.number() for _ in range(count))})"
        return _list(f"({self.next()}%N, {self.number()})" for _ in range(count))


def _list(items: Iterable[str], between: str = "; ") -> str:
    return f"[{between.join(items)}]"


def _network(words: _Words, name: str) -> Iterator[str]:
    """A network, its keyword not read yet."""
    words.skip(1)
    yield from _rest_of_network(words, f"{name}_{words.next()}")


def _rest_of_network(words: _Words, name: str) -> Iterator[str]:
    words.skip(1)
    width = inputs = int(words.next())
    words.skip(1)
    layers = []
    for number in range(int(words.next())):
        words.skip(1)
        size, denominator = int(words.next()), words.next()
        layers.append(f"{name}_{number}")
        yield f"\nDefinition {layers[-1]} := Layer {denominator}"
        yield f"  {_list((_neuron(words, width) for _ in range(size)), _LINES)}."
        width = size
    words.skip(1)
    yield f"\nDefinition {name} := Network {inputs} {_list(layers)} {_HEADS[words.next()]}."


def _neuron(words: _Words, width: int) -> str:
    function = words.next()
    if function == "leaky":
        function = f"Leaky {words.number()} {words.number()}"
    bias = words.number()
    sigma = _FUNCTIONS.get(function) or (function if function[0] == "L" else f"Named {function.capitalize()}")
    return f"Neuron {words.edges(width)} {bias} ({sigma})"


def _quotient(words: _Words, name: str) -> Iterator[str]:
    words.skip(2)
    following = words.next()
    if following == "=":
        words.skip(1)
        yield f"\nDefinition {name}_quotient := {name}_reduced."
    else:
        words.rest = chain([following], words.rest)
        yield from _rest_of_network(words, f"{name}_quotient")


def _half(words: _Words, name: str) -> Iterator[str]:
    words.skip(1)
    half = f"{name}_half_{words.next()}"
    words.skip(1)
    steps = _list((_step(words) for _ in range(int(words.next()))), _LINES)
    yield f"\nDefinition {half} : list step :=\n  {steps}."


def _step(words: _Words) -> str:
    kind = words.next()
    if kind == "derived":
        return "Derived"
    unit, scales = words.next(), ""
    if kind == "anchored":
        words.skip(1)
        scales = f" {words.times(words.number)}"
    words.skip(1)
    return f"{kind.capitalize()} {unit}{scales} {words.times(lambda: _row(words))}"


def _row(words: _Words) -> str:
    kind = words.next()
    if kind in ("class", "same"):
        return f"{kind.capitalize()} {words.next()}%N {words.number()}"
    if kind == "sum":
        terms = words.times(lambda: f"({words.next()}%N, {words.number()})")
        return f"Sum {terms} {words.number()}"
    return f"{kind.capitalize()} {words.number()}"
