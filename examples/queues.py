# SPDX-License-Identifier: Apache-2.0
"""This file is about two published queueing models as chains, written from their descriptions.

`tandem`: an M/Cox2/1 queue in front of an M/M/1 queue, both of capacity c (Hermanns, Meyer-Kayser and Siegle 1999).
`polling`: one server that goes around n stations and serves those that wait (Ibe and Trivedi 1990).  Both are among
the case studies of the model checker PRISM, which states how many states and transitions they have.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from exactlump import rational
from exactlump.markov import Chain

State: TypeAlias = tuple[Any, ...]
# The rates at which a state is left, each with where it leads.
Moves: TypeAlias = Iterator[tuple[Any, State]]


def tandem(c: int) -> tuple[Chain, list[State]]:
    """The chain, and its states (customers in the first queue, phase of its server, customers in the second queue)."""

    def moves(state: State) -> Moves:
        first, phase, second = state
        if first < c:
            yield rational(4 * c), (first + 1, phase, second)
        if first and phase == 1:
            yield rational("1/5"), (first, 2, second)
        if first and second < c:
            yield rational("9/5" if phase == 1 else "2"), (first - 1, 1, second + 1)
        if second:
            yield rational(4), (first, phase, second - 1)

    return _explored((0, 1, 0), moves)


def polling(n: int) -> tuple[Chain, list[State]]:
    """The chain, and its states (station of the server, whether it serves, which stations wait)."""

    def moves(state: State) -> Moves:
        at, serving, waiting = state
        onward = (at + 1) % n
        for i in range(n):
            if not waiting[i]:
                yield rational(1, n), (at, serving, _with(waiting, i, 1))
        if serving:
            yield rational(1), (onward, 0, _with(waiting, at, 0))
        else:
            yield rational(200), (at, 1, waiting) if waiting[at] else (onward, 0, waiting)

    return _explored((0, 0, (0,) * n), moves)


def _with(word: tuple[int, ...], i: int, value: int) -> tuple[int, ...]:
    return (*word[:i], value, *word[i + 1 :])


def _explored(start: State, moves: Callable[[State], Moves]) -> tuple[Chain, list[State]]:
    """The states that can be reached from the first one, in the order in which they are found."""
    states, names, rates = [start], {start: str(start)}, {}
    for state in states:
        for rate, target in moves(state):
            if target not in names:
                states.append(target)
                names[target] = str(target)
            edge = names[state], names[target]
            rates[edge] = rates.get(edge, 0) + rate
    return Chain.from_edges(rates, names.values()), states
