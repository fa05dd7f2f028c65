# SPDX-License-Identifier: Apache-2.0
"""This file is about the synthetic layer: neurons overwritten by linear combinations of others, and their pruning.

Everything here is exact.  Weights lie on a grid of 2^-10 (the synthetic layer) or 2^-12 (the layer above it),
coefficients on one of 2^-4; float64 adds such numbers without rounding, and `in_float32` refuses what float32 would
round.

Throughout: weight[v][u] is the edge u -> v of the synthetic layer, above[z][v] the edge v -> z;
t = sum r_i v_i for the overwritten neuron t, fixed neurons v_i and coefficients r_i.
"""

from dataclasses import dataclass

import numpy as np

FIXED_GRID, COEFFICIENT_GRID, ABOVE_GRID = 2.0**-10, 2.0**-4, 2.0**-12
LARGEST_COEFFICIENT = 8  # in units of the grid: coefficients are 1/16 to 1/2


@dataclass(frozen=True, slots=True)
class Arm:
    """How a synthetic layer is made.

    weights, biases  of the fixed neurons: "trained" (any sign), or "one sign" (absolute values)
    coefficients     "positive", or "signed": at least one positive and one negative
    """

    name: str
    weights: str
    biases: str
    coefficients: str


PROPORTIONAL = Arm("proportional", "trained", "trained", "positive")
ONE_SIGN = Arm("one sign", "one sign", "one sign", "positive")
FREE_BIASES = Arm("one sign, biases as trained", "one sign", "trained", "positive")
ONE_SIGN_SIGNED = Arm("one sign, signed coefficients", "one sign", "one sign", "signed")
MIXED = Arm("mixed signs", "trained", "trained", "positive")
MIXED_SIGNED = Arm("mixed signs, signed coefficients", "trained", "trained", "signed")
ARMS = (ONE_SIGN, FREE_BIASES, ONE_SIGN_SIGNED, MIXED, MIXED_SIGNED)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which neurons are kept, and what each other neuron is: (t, ((v, r), ...)), in the order of their pruning."""

    kept: tuple[int, ...]
    combinations: tuple[tuple[int, tuple[tuple[int, float], ...]], ...]


def draw_plan(units, kept, terms, coefficients, seed):
    """A plan drawn by the seed: the same kept neurons and order for all arms of that seed."""
    random = np.random.default_rng(seed)
    order = random.permutation(units).tolist()
    fixed, others = sorted(order[:kept]), order[kept:]
    combinations = []
    for t in others:
        chosen = random.choice(fixed, terms, replace=False).tolist()
        ratios = random.integers(1, LARGEST_COEFFICIENT + 1, terms) * COEFFICIENT_GRID
        if coefficients == "signed":
            ratios[random.permutation(terms)[: random.integers(1, terms)]] *= -1
        combinations.append((t, tuple(zip(chosen, ratios.tolist(), strict=True))))
    return Plan(tuple(fixed), tuple(combinations))


def overwrite(weight, bias, arm, plan):
    """The synthetic layer: fixed rows rounded to their grid (their signs as the arm says), the others combined."""
    rows = on_grid(np.column_stack([weight, bias]), FIXED_GRID)
    if arm.weights == "one sign":
        rows[:, :-1] = np.abs(rows[:, :-1])
    if arm.biases == "one sign":
        rows[:, -1] = np.abs(rows[:, -1])
    for t, terms in plan.combinations:
        rows[t] = sum(r * rows[v] for v, r in terms)
    rows = in_float32(rows)
    return rows[:, :-1], rows[:, -1]


def prune(weight, bias, above, plan, count):
    """The first `count` combinations of the plan pruned: r_i * above[z][t] is added to above[z][v_i], and t deleted.

    With one term this is Example 3 of the paper (its rho is r); with more it is the relaxation at the end of Section 4.
    """
    above = above.astype(np.float64)
    gone = []
    for t, terms in plan.combinations[:count]:
        for v, r in terms:
            above[:, v] += r * above[:, t]
        gone.append(t)
    left = np.delete(np.arange(len(bias)), gone)
    return weight[left], bias[left], in_float32(above[:, left])


def is_exact_by_signs(weight, bias, plan, count):
    """Whether the first `count` combinations are exact on all inputs >= 0, because no pre-activation changes its sign.

    Rows with weights and biases >= 0 (or all <= 0) and coefficients >= 0: then both sides of
    ReLU(sum r_i y_i) = sum r_i ReLU(y_i) are the sum itself (or zero).  One term with r > 0 is exact in any case.
    """

    def steady(terms):
        rows = np.column_stack([weight, bias])[[v for v, _ in terms]]
        return len(terms) == 1 or (rows >= 0).all() or (rows <= 0).all()

    return all(min(r for _, r in terms) >= 0 and steady(terms) for _, terms in plan.combinations[:count])


def on_grid(array, grid):
    """The nearest multiples of a power of two."""
    return np.round(array.astype(np.float64) / grid) * grid


def in_float32(array):
    """The same numbers in float32; ValueError where float32 would round one."""
    small = array.astype(np.float32)
    if not (small == array).all():
        raise ValueError(f"found {array[small != array][0]!r}, expected numbers that float32 holds")
    return small
