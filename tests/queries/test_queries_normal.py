# SPDX-License-Identifier: Apache-2.0
"""This file is about normal forms of queries, their boxes, and what is satisfiable without the networks."""

import random

import pytest
import z3

from exactlump.errors import ExactlumpError, FormatError, Undecided, UnsupportedLayer
from exactlump.numbers.rational import ONE, ZERO, rational, text
from exactlump.points.vnnlib import parse, read_box
from exactlump.queries import Comparison, Interval, closed_boxes, disjuncts, free_point, input_boxes, read_query
from exactlump.queries.linear import TooMuch, Work
from exactlump.queries.simplex import Conflict, contradicts, solve
from tests.query_tools import QUERIES, Writer
from tests.tools import DATA, fails

VALID = [path for path in QUERIES if "error" not in path.stem]
HEADER_2 = "(vnnlib-version <2.0>) (declare-network f (declare-input X real [2]) (declare-output Y real [2]))\n"
HEADER_1 = "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real)\n"


def of_file(stem):
    return read_query(next(path for path in QUERIES if path.stem == stem).read_bytes())


def random_values(rng, query):
    return tuple(rational(rng.randint(-6, 6), rng.choice([1, 2, 4, 8, 5])) for _ in range(query.variables))


def speaks_of(query, part):
    """Of the variables of a comparison whether they are inputs."""
    return {query.is_input(v) for v, _ in part.terms}


def random_queries(seed, count, *, assertions=2, depth=3, size=2):
    rng = random.Random(seed)
    for _ in range(count):
        writer = Writer(rng, rng.choice(["1.0", "2.0"]), rng.randint(1, 2), size)
        yield rng, read_query(writer.text(assertions, depth))


# Disjuncts


def test_values_satisfy_a_query_if_and_only_if_they_obey_a_disjunct():
    truths = []
    for rng, query in random_queries(5, 200):
        found = disjuncts(query)
        assert all(part.terms and part.relation in ("<=", "<", "==") for d in found for part in d.comparisons)
        for _ in range(10):
            values = random_values(rng, query)
            truths.append(query.holds(values))
            assert truths[-1] == any(disjunct.holds(values) for disjunct in found)
    assert 0.05 < sum(truths) / len(truths) < 0.95


def test_a_disjunct_is_a_box_and_rows_by_what_they_speak_of():
    kinds = set()
    for rng, query in random_queries(6, 150):
        for disjunct in disjuncts(query):
            rows = (*disjunct.inputs, *disjunct.outputs, *disjunct.mixed)
            kinds |= {name for name in ("box", "inputs", "outputs", "mixed") if getattr(disjunct, name)}
            assert all(speaks_of(query, part) == {True} and len(part.terms) > 1 for part in disjunct.inputs)
            assert all(speaks_of(query, part) == {False} for part in disjunct.outputs)
            assert all(speaks_of(query, part) == {True, False} for part in disjunct.mixed)
            assert [v for v, _ in disjunct.box] == sorted({v for v, _ in disjunct.box})
            for _ in range(4):
                values = random_values(rng, query)
                in_box = all(interval.holds(values[v]) for v, interval in disjunct.box)
                assert disjunct.holds(values) == (in_box and all(row.holds(values) for row in rows))
    assert kinds == {"box", "inputs", "outputs", "mixed"}


def test_the_order_of_disjuncts_is_that_of_the_text():
    query = read_query(
        f"{HEADER_2}(assert (or (<= X[0] 1.0) (<= X[0] 2.0)))(assert (<= X[1] 3.0))(assert (!= Y[0] 4.0))"
    )
    found = [[(part.terms[0], part.bound) for part in disjunct.comparisons] for disjunct in disjuncts(query)]
    low, high = ((2, ONE), rational(4)), ((2, -ONE), rational(-4))
    first, second, third = ((0, ONE), ONE), ((0, ONE), rational(2)), ((1, ONE), rational(3))
    assert found == [[first, third, low], [first, third, high], [second, third, low], [second, third, high]]


def test_bounds_of_one_input_are_one_interval_the_tightest():
    words = "(assert (<= X[0] 1.0))(assert (< X[0] 1.0))(assert (<= X[0] 2.0))(assert (>= (* -2.0 X[0]) -9.0))"
    (disjunct,) = disjuncts(read_query(f"{HEADER_2}{words}(assert (> X[0] 0.0))(assert (>= X[0] 0.0))"))
    assert disjunct.box == ((0, Interval(ZERO, ONE, True, True)),)
    (flat,) = disjuncts(read_query(f"{HEADER_2}(assert (== X[1] 0.5))"))
    assert flat.box == ((1, Interval(rational(1, 2), rational(1, 2))),)


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        (Interval(), (-9, 0, 9), ()),
        (Interval(ZERO, ONE), (0, 1), (-1, 2)),
        (Interval(ZERO, ONE, True, False), (1,), (0,)),
        (Interval(None, ONE, False, True), (0, -9), (1, 2)),
        (Interval(ONE, ZERO), (), (0, 1)),
        (Interval(ONE, ONE, False, True), (), (1,)),
    ],
)
def test_intervals(interval, inside, outside):
    assert all(interval.holds(rational(x)) for x in inside)
    assert not any(interval.holds(rational(x)) for x in outside)
    assert interval.is_empty == (not inside)


@pytest.mark.parametrize("is_open", [False, True])
def test_of_two_equal_bounds_the_open_one_counts_in_any_order(is_open):
    narrow = Interval().under(ONE, is_open).under(ONE, not is_open).over(ZERO, is_open).over(ZERO, not is_open)
    assert narrow == Interval(ZERO, ONE, True, True)
    assert narrow.under(rational(2), is_open).over(-ONE, is_open) == narrow
    assert narrow.under(rational(1, 2), False).over(rational(1, 4), False) == Interval(rational(1, 4), rational(1, 2))


def test_comparisons_without_variables_are_decided():
    assert disjuncts(of_file("1-constant")) == ()
    true = read_query(f"{HEADER_2}(assert (or (<= X[0] 1.0) (<= (- X[0] X[0]) 0.0) (<= X[1] 1.0)))")
    (disjunct,) = disjuncts(true)
    assert disjunct.comparisons == ()
    half = read_query(f"{HEADER_2}(assert (or (<= X[0] 1.0) (< (- X[0] X[0]) 0.0)))")
    assert len(disjuncts(half)) == 1


def test_a_normal_form_that_is_too_large_is_left_undecided_and_the_query_is_still_one():
    words = "(assert (or (<= X[0] 1.0) (<= X[1] 1.0)))" * 40
    query = read_query(HEADER_2 + words)
    fails(Undecided, 3, lambda: disjuncts(query), "more than 5000000 comparisons")
    fails(Undecided, 3, lambda: free_point(query), "more than 5000000 comparisons")
    assert query.holds((ONE, rational(9), ONE, ONE))
    fails(Undecided, 3, lambda: disjuncts(read_query(HEADER_2 + words[: 41 * 8]), 1000), "more than 1000 comparisons")
    deep = f"{HEADER_2}(assert {'(and (<= X[0] 1.0) (or (<= X[0] 1.0) ' * 3000}(<= X[0] 1.0){'))' * 3000})"
    fails(Undecided, 3, lambda: disjuncts(read_query(deep)), "more than 5000000 comparisons")


# Linear constraints


def random_system(rng, variables, rows):
    system = []
    for _ in range(rows):
        chosen = rng.sample(range(variables), rng.randint(1, min(3, variables)))
        terms = tuple((v, rational(rng.choice([-3, -2, -1, 1, 2, 5]), rng.choice([1, 3]))) for v in sorted(chosen))
        relation = rng.choice(["<=", "<=", "<", "=="])
        system.append(Comparison(terms, relation, rational(rng.randint(-4, 4), rng.choice([1, 2]))))
    return system


def z3_says(parts):
    solver = z3.Solver()
    names = {v: z3.Real(f"v{v}") for part in parts for v, _ in part.terms}
    for part in parts:
        left = z3.Sum([z3.Q(int(c.numerator), int(c.denominator)) * names[v] for v, c in part.terms])
        right = z3.Q(int(part.bound.numerator), int(part.bound.denominator))
        solver.add({"<=": left <= right, "<": left < right, "==": left == right}[part.relation])
    return str(solver.check())


def test_linear_constraints_are_decided_as_z3_decides_them():
    rng, answers = random.Random(7), []
    for _ in range(400):
        variables = rng.randint(1, 6)
        system = random_system(rng, variables, rng.randint(1, 9))
        found = solve(system, Work())
        answers.append(isinstance(found, Conflict))
        assert z3_says(system) == ("unsat" if answers[-1] else "sat")
        if answers[-1]:
            assert contradicts(system, found)
            assert found.multipliers
        else:
            values = [found.get(v, ZERO) for v in range(variables)]
            assert all(part.holds(values) for part in system)
    assert 100 < sum(answers) < 300


def test_a_conflict_that_is_changed_contradicts_no_more():
    system = [
        Comparison(((0, ONE), (1, ONE)), "<=", ONE),
        Comparison(((0, -ONE),), "<", -ONE),
        Comparison(((1, ONE),), "==", ZERO),
    ]
    found = solve(system, Work())
    assert isinstance(found, Conflict)
    assert contradicts(system, found)
    for i, factor in found.multipliers.items():
        assert not contradicts(system, Conflict({**found.multipliers, i: factor + 1}))
        assert not contradicts(system, Conflict({k: c for k, c in found.multipliers.items() if k != i}))
    assert not contradicts([*system[:1], Comparison(((0, -ONE),), "<=", -ONE), system[2]], found)
    assert not contradicts(system, Conflict({}))
    negative = Comparison(((0, ONE),), "<=", ONE), Comparison(((0, ONE),), "<=", rational(2))
    assert not contradicts(negative, Conflict({0: ONE, 1: -ONE}))


def test_a_wrong_answer_of_the_simplex_is_seen(monkeypatch):
    system = [Comparison(((0, ONE),), "<=", ONE)]
    monkeypatch.setattr("exactlump.queries.simplex._Simplex.run", lambda self: {0: rational(2)})
    with pytest.raises(ExactlumpError, match="obeys not all"):
        solve(system, Work())
    monkeypatch.setattr("exactlump.queries.simplex._Simplex.run", lambda self: Conflict({0: ONE}))
    with pytest.raises(ExactlumpError, match="is none"):
        solve(system, Work())


def test_linear_constraints_may_be_many_and_their_work_is_bounded():
    equal = [Comparison(((v, ONE), (v + 1, -ONE)), "==", ZERO) for v in range(400)]
    ends = [Comparison(((0, -ONE),), "<", -ONE), Comparison(((400, ONE),), "<=", rational(2))]
    point = solve([*equal, *ends], Work())
    assert not isinstance(point, Conflict)
    assert len(set(map(text, point.values()))) == 1
    assert isinstance(solve([*equal, ends[0], Comparison(((400, ONE),), "<=", ONE)], Work()), Conflict)
    with pytest.raises(TooMuch, match="more than 500 arithmetic operations"):
        solve([*equal, *ends], Work(500))


# Without the networks


def z3_formula(query):
    names = [z3.Real(f"v{v}") for v in range(query.variables)]
    stack = []
    for node in query.formula.nodes:
        if isinstance(node, Comparison):
            left = z3.Sum([z3.Q(int(c.numerator), int(c.denominator)) * names[v] for v, c in node.terms] or [0])
            right = z3.Q(int(node.bound.numerator), int(node.bound.denominator))
            words = {"<=": left <= right, "<": left < right, "==": left == right, "!=": left != right}
            stack.append(words[node.relation])
        else:
            parts = [stack.pop() for _ in range(node.parts)]
            stack.append(z3.And(parts) if node.word == "and" else z3.Or(parts))
    return stack[0]


def test_queries_are_satisfiable_without_the_networks_as_z3_says():
    answers = []
    for _, query in random_queries(8, 150, assertions=4, size=1):
        solver = z3.Solver()
        solver.add(z3_formula(query))
        point = free_point(query)
        answers.append(point is None)
        assert str(solver.check()) == ("unsat" if answers[-1] else "sat")
        assert point is None or query.holds(point)
    assert 15 < sum(answers) < 135


def test_the_known_vacuous_queries_are_seen():
    empty = {path.stem for path in VALID if free_point(read_query(path.read_bytes())) is None}
    assert empty == {"1-constant", "2-vacuous", "2-vacuous-sum"}


def test_a_strict_bound_leaves_no_room_where_a_closed_one_does():
    words = "(assert (<= (+ Y[0] X[0]) 1.0)) (assert (>= X[0] 1.0)) (assert ({} Y[0] 0.0))"
    assert free_point(read_query(HEADER_2 + words.format(">="))) is not None
    assert free_point(read_query(HEADER_2 + words.format(">"))) is None


def test_the_work_of_all_disjuncts_is_bounded_together():
    words = "(assert (or (<= (+ X[0] X[1]) -1.0) (<= (+ X[0] X[1]) -2.0)))(assert (>= (+ X[0] X[1]) 0.0))"
    assert free_point(read_query(HEADER_2 + words)) is None
    fails(Undecided, 3, lambda: free_point(read_query(HEADER_2 + words), most_work=8), "more than 8")


# Boxes


def test_property_6_is_two_boxes():
    found = closed_boxes(of_file("1-boxes"))
    assert found.boxes == (((ZERO, ZERO), (ONE, ONE)), ((rational(2), ZERO), (rational(3), ONE)))
    assert (found.outputs, found.unused) == (2, 1)


def test_the_inputs_are_those_for_which_what_is_said_of_outputs_is_taken_for_true():
    sizes = []
    for rng, query in random_queries(9, 250, assertions=3):
        try:
            boxes = input_boxes(query)
        except UnsupportedLayer:
            continue
        sizes.append(len(boxes))
        for _ in range(6):
            values = random_values(rng, query)
            inside = any(all(interval.holds(values[v]) for v, interval in box) for box in boxes)
            assert inside == taken(query, values)
        assert not any(interval.is_empty for box in boxes for _, interval in box)
    assert len(sizes) > 40
    assert max(sizes) > 1
    assert min(sizes) == 0


def taken(query, values):
    """The truth of a query at values, with every comparison of outputs alone taken for true."""
    stack = []
    for node in query.formula.nodes:
        if isinstance(node, Comparison):
            stack.append(node.holds(values) or (bool(node.terms) and not any(query.is_input(v) for v, _ in node.terms)))
        else:
            parts = [stack.pop() for _ in range(node.parts)]
            stack.append(all(parts) if node.word == "and" else any(parts))
    return stack[0]


@pytest.mark.parametrize(
    ("words", "kind", "reason"),
    [
        ("(assert (<= X_0 X_1))", UnsupportedLayer, "relates X_0 X_1, expected bounds on inputs"),
        ("(assert (<= X_0 Y_0))", UnsupportedLayer, "relates X_0 Y_0"),
        ("(assert (or (and (<= Y_0 0) (<= (+ X_0 X_1) 0)) (<= X_0 0)))", UnsupportedLayer, "relates X_0 X_1"),
        ("(assert (< X_0 1))", UnsupportedLayer, "input X_0: found a strict bound"),
        ("(assert (<= X_0 -7))", FormatError, "found no input that satisfies"),
        ("(assert (or (<= X_0 -7) (<= 1 0)))", FormatError, "found no input that satisfies"),
    ],
)
def test_inputs_that_are_no_boxes_are_refused(words, kind, reason):
    box = "(assert (and (<= X_0 1) (>= X_0 0) (<= X_1 1) (>= X_1 0)))"
    fails(kind, kind.exit_code, lambda: closed_boxes(read_query(HEADER_1 + box + words)), reason)


def test_a_missing_bound_is_named():
    words = "(assert (<= X_0 1)) (assert (>= X_1 0)) (assert (<= X_1 1))"
    fails(FormatError, 2, lambda: closed_boxes(read_query(HEADER_1 + words)), "input X_0: found no lower bound")
    upper = words.replace("<= X_0", ">= X_0")
    fails(FormatError, 2, lambda: closed_boxes(read_query(HEADER_1 + upper)), "input X_0: found no upper bound")
    fails(UnsupportedLayer, 4, lambda: closed_boxes(of_file("2-two-networks")), "found 2 networks, expected one")


def test_equal_boxes_are_one_and_a_union_may_be_large():
    query = of_file("1-boxes")
    outputs = "(or (and (<= Y[0] 0.0)) (<= Y[1] 0.0))"
    cases = " ".join(f"(and (>= X[0] {k % 3}.0) (<= X[0] {k % 3 + 1}.0) {outputs})" for k in range(90))
    words = f"{HEADER_2}(assert (or {cases}))(assert (and (<= X[1] 1.0) (>= X[1] 0.0)))"
    assert len(disjuncts(read_query(words))) == 180
    assert len(closed_boxes(read_query(words)).boxes) == 3
    assert len(input_boxes(query)) == 2


BOXES = "(assert (>= X_0 -0.1)) (assert (<= X_0 1.5))\n(assert (<= -2e-3 X_1)) (assert (>= 7 X_1))\n"


@pytest.mark.parametrize(
    "words",
    [
        BOXES,
        BOXES + "(assert (and (<= X_0 1) (>= X_0 0)))(assert (<= X_0 1.25))",
        BOXES + "(assert (and (<= X_0 0.5) (>= X_0 0.5) (<= X_1 3) (>= X_1 3)))",
        BOXES + "(assert (>= X_0 (- 0.05)))(check-sat)",
        BOXES + "(assert (<= Y_0 3))(assert (or (and (>= Y_0 1)) (and (<= Y_0 (* 2 Y_0)))))",
        BOXES.replace("X_0", "|X_0|") + "(assert (<= |Y_0| 2))",
    ],
)
def test_boxes_are_those_of_the_reader_of_boxes(words):
    before, after = parse(HEADER_1 + words), closed_boxes(read_query(HEADER_1 + words))
    assert after.boxes == ((before.box.lower, before.box.upper),)
    assert (after.outputs, after.unused) == (before.outputs, before.unused)


@pytest.mark.real
def test_boxes_of_the_real_files_are_those_of_the_reader_of_boxes():
    paths = [path for path in sorted(DATA.rglob("*.vnnlib")) if b"vnnlib-version" not in path.read_bytes()]
    if not paths:
        pytest.skip(f"no real properties in {DATA}")
    unions = 0
    for path in paths:
        after = closed_boxes(read_query(path.read_bytes()))
        try:
            before = read_box(path)
        except UnsupportedLayer:
            unions += 1
            assert len(after.boxes) == 2
            continue
        assert after.boxes == ((before.box.lower, before.box.upper),), path
        assert (after.outputs, after.unused) == (before.outputs, before.unused)
    assert (len(paths), unions) == (17, 1)
