# SPDX-License-Identifier: Apache-2.0
"""This file is about the answer to a query: a solution, or for every case why it has none, or neither.

Nothing is `unsat` here yet: `exactlump/check.py` decides whether the proofs show it.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from exactlump.bounding.boxes import outward
from exactlump.bounding.chain import Chain
from exactlump.bounding.program import Program
from exactlump.bounding.relations import Relations
from exactlump.bounding.trees import Tree
from exactlump.errors import NoExactValue, UnsupportedLayer
from exactlump.fast.compiled import available
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational
from exactlump.queries.linear import MAX_WORK, TooMuch, Work
from exactlump.queries.normal import Disjunct, disjuncts
from exactlump.queries.query import Query
from exactlump.queries.simplex import Conflict, solve
from exactlump.verification import programs
from exactlump.verification.boxes import (
    MARGIN,
    BatchedBoxes,
    Boxes,
    CompiledBoxes,
    ExactBoxes,
    Floats,
    RowPass,
    shifted,
)
from exactlump.verification.problems import Problem, Row, choices, places, problem
from exactlump.verification.walks import Walk, replayed
from exactlump.verification.witnesses import Replay, Rows, Solution, Witnesses, finder

Listener = Callable[[str], None]
_LARGE, _SHARE = 50, 0.2  # trees from so many boxes on are searched again, with care for that share of the time left
_NEAR = 1e-3  # how far from refuted, as a share of the scales, the whole box may be to be bounded exactly
_ROUNDS = 4  # how often refused leaves are halved again


@dataclass(frozen=True)
class Pair:
    """One or two networks of a query, and what of one is compared with what of the other."""

    networks: tuple[str, ...]
    relations: Relations


@dataclass(frozen=True)
class Group:
    """Cases with the same coordinates and the same box, which share a tree."""

    cases: tuple[int, ...]
    problems: tuple[Problem, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all cases."""
        return tuple(row for found in self.problems for row in found.rows)

    @property
    def spans(self) -> list[range]:
        """Of each case the numbers of its rows."""
        ends = [0, *itertools.accumulate(len(found.rows) for found in self.problems)]
        return [range(a, b) for a, b in itertools.pairwise(ends)]


@dataclass(frozen=True)
class Shown:
    """A tree for a group of cases, and the number of the pair of networks that it is about."""

    group: Group
    pair: int
    tree: Tree


@dataclass
class Answer:
    """What was found.

    solution   values that satisfy the query
    conflicts  {case: multipliers of its comparisons that add up to a contradiction}
    shown      trees for other cases; `cases`: how many cases there are
    vacuous    whether no networks whatever can satisfy the query
    late       whether time was up
    notes      why some case was not shown
    """

    cases: int = 0
    solution: Solution | None = None
    conflicts: dict[int, dict[int, Rational]] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    vacuous: bool = False
    late: bool = False
    boxes: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether there is a proof for every case."""
        return len(self.conflicts) + sum(len(shown.group.cases) for shown in self.shown) == self.cases

    @property
    def leaves(self) -> int:
        """How many boxes of trees are not halved."""
        return sum(shown.tree.leaves for shown in self.shown)


class Answering:
    """Works on a query of networks, by all their names.

    until  when to stop (time.monotonic)
    """

    def __init__(
        self,
        query: Query,
        networks: Mapping[str, Network],
        until: float,
        *,
        replay: Replay = lambda *_: None,
        seed: int = 0,
        listen: Listener = lambda _: None,
    ) -> None:
        self.query, self.networks, self.until, self.listen = query, networks, until, listen
        self.where, self.answer = places(query), Answer()
        self.finder: Witnesses | None = finder(query, networks, replay, seed)
        if self.finder is None:
            self.answer.notes.append("some network has no gradients: no search for solutions")
        self.programs: dict[int, tuple[Program, Chain | None]] = {}

    def run(self) -> Answer:
        """Look for a solution, then for proofs.  Raises Undecided for a query whose normal form is too large."""
        found = disjuncts(self.query)
        self.answer.cases = len(found)
        self.answer.conflicts = self.contradictions(found)
        self.answer.vacuous = len(self.answer.conflicts) == len(found)
        left = [n for n in range(len(found)) if n not in self.answer.conflicts]
        self.search(found, left)
        if self.answer.solution is None:
            for group in self.groups(found, left):
                if time.monotonic() > self.until:
                    self.answer.late = True
                if self.answer.late or self.answer.solution is not None:
                    break
                self.prove(group)
        return self.answer

    def contradictions(self, found: Sequence[Disjunct]) -> dict[int, dict[int, Rational]]:
        """The cases whose comparisons contradict each other."""
        work, known = Work(MAX_WORK), {}
        try:
            for n, part in enumerate(found):
                if time.monotonic() > self.until:
                    self.answer.late = True
                    break
                outcome = solve(part.comparisons, work)
                if isinstance(outcome, Conflict):
                    known[n] = {i: c for i, c in outcome.multipliers.items() if c}
        except TooMuch:
            self.answer.notes.append("without the networks: too much arithmetic to look at every case")
        return known

    def search(self, found: Sequence[Disjunct], left: Sequence[int]) -> None:
        """Descend for solutions: a short while for each case, then a while longer."""
        if self.finder is None:
            return
        names = [network.name for network in self.query.networks]
        begin = time.monotonic()
        end = begin + 0.15 * (self.until - begin)
        for rounds in (1, 3):
            for n in left:
                if time.monotonic() > end:
                    return
                self.listen(f"descending, case {n + 1} of {len(found)}")
                with _quiet():
                    try:
                        ended = self.finder.descend(problem(self.query, found[n], names), end, rounds)
                    except (UnsupportedLayer, NoExactValue) as error:
                        self.answer.notes.append(f"no search for solutions: {error}")
                        self.finder = None
                        return
                if ended:
                    self.answer.solution = self.finder.best
                    return

    def groups(self, found: Sequence[Disjunct], left: Sequence[int]) -> Iterator[Group]:
        """The cases that can be shown, those with the same box together."""
        known: dict[object, list[tuple[int, Problem]]] = {}
        for n in left:
            options = choices(self.query, found[n])
            if not options:
                self.answer.notes.append(f"case {n + 1}: it compares no outputs of one or two networks")
                continue
            problems = [problem(self.query, found[n], names) for names in options]
            asked = next((one for one in problems if one.unbounded is None), problems[0])
            if asked.unbounded is not None:
                self.answer.notes.append(f"case {n + 1}: {self.query.element(asked.unbounded)} has no bound on a side")
                continue
            known.setdefault(asked.key, []).append((n, asked))
        for entries in known.values():
            yield Group(tuple(n for n, _ in entries), tuple(asked for _, asked in entries))

    def prove(self, group: Group) -> None:
        """Search a tree for a group."""
        try:
            pair, program, chain = self.program(group)
        except UnsupportedLayer as error:
            self.answer.notes.append(f"case {group.cases[0] + 1}: {error}")
            return
        if self.touching(group, program, chain):
            self.shown(group, pair, program, chain, Tree())
            return
        self.listen(f"{len(group.cases)} cases: searching a tree")
        rows = [self.finder.rows(asked) for asked in group.problems] if self.finder is not None else []
        walk = self.walk(group, program, chain, [outward(programs.box_of(group.problems[0]))], rows, MARGIN)
        with _quiet():
            done = walk.run(self.until)
        self.answer.boxes += len(walk.splits)
        if walk.solved and self.finder is not None:
            self.answer.solution = self.finder.best
        elif done:
            self.shown(group, pair, program, chain, self.smaller(group, program, chain, walk.tree))
        elif walk.stuck:
            self.answer.notes.append(f"case {group.cases[0] + 1}: a box that cannot be halved is not decided")
        else:
            self.answer.late = True

    def shown(self, group: Group, pair: int, program: Program, chain: Chain | None, tree: Tree) -> None:
        """Keep a tree."""
        self.programs[len(self.answer.shown)] = program, chain
        self.answer.shown.append(Shown(group, pair, tree))

    def touching(self, group: Group, program: Program, chain: Chain | None) -> bool:
        """Whether exact bounds of the whole box refute what floats leave open by next to nothing, such as that two
        networks with the same function differ."""
        if chain is None:
            return False  # bounds are exact anyway
        box = outward(programs.box_of(group.problems[0]))
        walk = self.walk(group, program, chain, [box], (), MARGIN)
        with _quiet():
            near = -_NEAR < walk.worth(box, None, range(len(group.cases))) < 0.0
        if not near:
            return False
        self.answer.boxes += 1
        return replayed(RowPass(program, group.rows, group.spans), Tree(), box, self.until) == []

    def smaller(self, group: Group, program: Program, chain: Chain | None, tree: Tree) -> Tree:
        """A tree with fewer boxes, if a search that chooses better finds one soon: a box costs the checker far more."""
        if chain is None or len(tree.splits) < _LARGE:
            return tree
        self.listen(f"{len(tree.splits)} boxes: searching fewer")
        walk = self.walk(group, program, chain, [outward(programs.box_of(group.problems[0]))], (), MARGIN)
        now = time.monotonic()
        walk.careful = now + _SHARE * (self.until - now)
        with _quiet():
            done = walk.run(now + 2 * _SHARE * (self.until - now), len(tree.splits))
        self.answer.boxes += len(walk.splits)
        return walk.tree if done else tree

    def program(self, group: Group) -> tuple[int, Program, Chain | None]:
        """The program of a group, its arrays, and the number of its pair."""
        asked = group.problems[0]
        networks = [self.networks[name] for name in asked.networks]
        number = next((n for n, pair in enumerate(self.answer.pairs) if pair.networks == asked.networks), None)
        if number is None:
            relations = programs.relations_of(asked, networks, self.where)
            self.answer.pairs.append(Pair(asked.networks, relations))
            number = len(self.answer.pairs) - 1
        made = programs.builder(asked, networks, self.where, self.answer.pairs[number].relations)
        program = programs.program_of(made, group.rows)
        return number, program, programs.arrays(program)

    def scales(self, group: Group) -> Floats:
        """How large the sums of rows are, about."""
        if self.finder is None:
            return np.ones(len(group.rows))
        finder = self.finder
        return np.concatenate([finder.scales(finder.rows(asked)) for asked in group.problems])

    def walk(
        self,
        group: Group,
        program: Program,
        chain: Chain | None,
        path: Sequence[tuple[Sequence[int], Sequence[int]]],
        rows: Sequence[Rows],
        margin: float,
    ) -> Walk:
        """A search below the last of some boxes."""
        scales = self.scales(group)
        boxes: Boxes
        if chain is None:
            boxes = ExactBoxes(RowPass(program, group.rows, group.spans), scales)
        else:
            kind = CompiledBoxes if available() else BatchedBoxes
            boxes = kind(shifted(chain, group.rows, scales), scales, margin)

        def candidate(case: int, x: Floats) -> bool:
            """Whether a point is near a solution of a case."""
            if self.finder is None or not rows or group.problems[case].left_out:
                return False
            return self.finder.corner(group.problems[case], rows[case], x)

        return Walk(boxes, group.spans, path, candidate)

    def mend(self) -> bool:
        """Replay the trees in the checker's integers, and halve refused leaves again; whether none is refused."""
        for n, shown in enumerate(self.answer.shown):
            program, chain = self.programs[n]
            exact = RowPass(program, shown.group.rows, shown.group.spans)
            box = outward(programs.box_of(shown.group.problems[0]))
            tree = shown.tree
            for attempt in range(_ROUNDS):
                self.listen(f"replaying {len(tree.splits)} boxes")
                refused = replayed(exact, tree, box, self.until)
                if not refused:
                    break
                mended = self.grafted(shown.group, program, chain, tree, refused, box, MARGIN * 1000**attempt)
                if mended is None:
                    return False
                tree = mended
            if refused is None or refused:
                return False
            self.answer.shown[n] = Shown(shown.group, shown.pair, tree)
        return True

    def grafted(
        self,
        group: Group,
        program: Program,
        chain: Chain | None,
        tree: Tree,
        refused: Sequence[int],
        box: tuple[list[int], list[int]],
        margin: float,
    ) -> Tree | None:
        """The tree with other ones in the place of leaves; None where there is no time."""
        listed = list(tree.places(*box))
        for node in sorted(refused, reverse=True):
            place, path = listed[node], list[tuple[list[int], list[int]]]()
            while True:
                path.insert(0, (place.low, place.high))
                if place.parent < 0:
                    break
                place = listed[place.parent]
            walk = self.walk(group, program, chain, path, (), min(margin, 0.5))
            if not walk.run(self.until):
                return None
            tree = tree.grafted(node, walk.tree)
        return tree


def _quiet() -> np.errstate:
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")
