# SPDX-License-Identifier: Apache-2.0
"""This file is about the notions of reduction side by side: what each finds on many networks, and what it gets wrong.

    python -m benchmarks.notions [--each 30] [--seed 0] [--out benchmarks/results/notions.md]

bisimulation   Prabhakar's: neurons with equal sums from each class below, and equal biases (rho = 1)
printed        Definition 6 as the paper prints it
corrected      Definition 6 with the factor 1/rho of the layer below
with constants the corrected one, constants folded, what no output depends on dropped: `reduce --rules lumping`
with kinks     twins and neurons of known sign as well (docs/beyond.md): what `exactlump reduce` finds
rank           the rank of each layer's weights and biases, which the paper's Conclusion takes as an estimate; to see
               what it promises, neurons beyond a basis of the rows become the same linear combinations of values
PCA            the components of the values on 200 random inputs from -2 to 2; neurons beyond a basis of
               these values are replaced by their best affine combinations there

The first five are exact: each smaller network is compared with its original at 100 random inputs, in rationals.  Rank
and PCA are computed in float64, and count as wrong where an output is off by more than 1e-6 of its size at one of 200
fresh inputs of that box: the others speak of all reals, PCA of what was seen.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import exactlump
from exactlump import Activate, Dense, Network, maximum_lumping, quotient

BUNDLED = Path(exactlump.__file__).parent / "networks"
NOTIONS = ("bisimulation", "printed", "corrected", "with constants", "with kinks", "rank", "PCA")
Layers = list[tuple[Any, Any]]


# Networks


def rows(rng: random.Random, count: int, width: int) -> list[list[Fraction]]:
    """Random rows of small integers, none of them 0, no two of one direction."""
    found: list[list[Fraction]] = []
    while len(found) < count:
        row = [Fraction(rng.randint(-4, 4)) for _ in range(width)]
        if any(row) and all(np.linalg.matrix_rank(np.array([row, other], float)) == 2 for other in found):
            found.append(row)
    return found


def chain(rng: random.Random, first: list[list[Fraction]], second: list[list[Fraction]]) -> Network:
    """inputs-8-6-2 with these rows, whose last entries are the biases."""
    last = rows(rng, 2, len(second) + 1)
    layers = [first, second, last]
    return Network.chain(
        [[row[:-1] for row in rows] for rows in layers], [[row[-1] for row in rows] for rows in layers]
    )


def with_multiples(rng: random.Random, found: list[list[Fraction]], factors: list[Fraction]) -> list[list[Fraction]]:
    """The rows and multiples of some of them."""
    return found + [[factor * w for w in rng.choice(found)] for factor in factors]


def nothing(rng: random.Random) -> Network:
    """Two layers of random rows."""
    return chain(rng, rows(rng, 8, 4), rows(rng, 6, 9))


def twins(rng: random.Random) -> Network:
    """Three neurons of the first layer equal others."""
    first = with_multiples(rng, rows(rng, 5, 4), [Fraction(1)] * 3)
    return chain(rng, first, rows(rng, 6, 9))


def multiples(rng: random.Random) -> Network:
    """Three neurons of the first layer are multiples of others."""
    factors = [Fraction(rng.randint(2, 5), rng.randint(1, 3)) for _ in range(3)]
    return chain(rng, with_multiples(rng, rows(rng, 5, 4), factors), rows(rng, 6, 9))


def multiples_above(rng: random.Random) -> Network:
    """The first layer has twins with a factor 2 to 5; neurons of the second read one or the other of them."""
    c, base = Fraction(rng.randint(2, 5)), rows(rng, 4, 4)
    first = base + [[c * w for w in row] for row in base]
    above = rows(rng, 4, 5)
    one = [[*row[:4], *[Fraction(0)] * 4, row[4]] for row in above]
    other = [[*[Fraction(0)] * 4, *(w / c for w in row[:4]), row[4]] for row in above[:2]]
    return chain(rng, first, one + other)


def printed_trap(rng: random.Random) -> Network:
    """Neurons of the second layer have the same unweighted sums from classes of multiples; they are not equal."""
    c, base = Fraction(rng.randint(2, 5)), rows(rng, 4, 4)
    first = base + [[c * w for w in row] for row in base]
    above = rows(rng, 4, 5)
    one = [[*row[:4], *[Fraction(0)] * 4, row[4]] for row in above]
    other = [[*[Fraction(0)] * 4, *row[:4], row[4]] for row in above[:2]]
    return chain(rng, first, one + other)


def constants(rng: random.Random) -> Network:
    """Two neurons are constants, one is dead, and nothing reads another one."""
    zero, first = [Fraction(0)] * 3, rows(rng, 5, 4)
    first += [[*zero, Fraction(rng.randint(1, 4))] for _ in range(2)] + [[*zero, Fraction(-1)]]
    second = rows(rng, 6, 9)
    return chain(rng, first, [[Fraction(0), *row[1:]] for row in second])


def sums(rng: random.Random) -> Network:
    """Three neurons are sums of two others before the activation, which no notion may merge."""
    first = rows(rng, 5, 4)
    for _ in range(3):
        a, b = rng.sample(first[:5], 2)
        first.append([p + q for p, q in zip(a, b, strict=True)])
    return chain(rng, first, rows(rng, 6, 9))


def wide(rng: random.Random) -> Network:
    """Eight directions in the plane, without biases: the rank is 2, and nothing merges."""
    first = [[*row, Fraction(0)] for row in rows(rng, 8, 2)]
    return chain(rng, first, rows(rng, 6, 9))


FAMILIES: dict[str, Callable[[random.Random], Network]] = {
    "nothing to find": nothing,
    "equal neurons": twins,
    "multiples": multiples,
    "multiples above multiples": multiples_above,
    "equal unweighted sums": printed_trap,
    "constants, dead, unread": constants,
    "sums of two neurons": sums,
    "eight directions in a plane": wide,
}


def networks(each: int, seed: int) -> Iterator[tuple[str, Network]]:
    """All networks, by family; of the bundled ones those of dense layers and ReLU."""
    rng = random.Random(seed)
    for family, make in FAMILIES.items():
        yield from ((family, make(rng)) for _ in range(each))
    for path in sorted(BUNDLED.iterdir()):
        network = exactlump.read(path)
        if all(isinstance(node, Dense | Activate) for node in network.nodes):
            yield path.name, network


# Notions


def bisimulation(network: Network) -> Network:
    """The quotient by the coarsest relation with equal sums from each class below: rho = 1 throughout."""
    found: dict[str, list[int]] = {port.name: list(range(network.units(port.name))) for port in network.inputs}
    for node in network.nodes:
        if isinstance(node, Activate):
            found[node.target] = found[node.source]
            continue
        assert isinstance(node, Dense)
        keys: dict[Any, int] = {}
        found[node.target] = [
            keys.setdefault(key(node, v, found[node.source]), len(keys)) for v in range(len(node.bias))
        ]
    ends = maximum_lumping(network).classes.keys() - {*network.outputs} - {port.name for port in network.inputs}
    classes = {
        tensor: [[v for v, k in enumerate(found[tensor]) if k == j] for j in {*found[tensor]}] for tensor in ends
    }
    return quotient(network, classes).network


def key(node: Dense, v: int, below: list[int]) -> tuple[Any, ...]:
    """The sums of a neuron's weights from each class below, where they are not 0, and its bias."""
    totals: dict[int, Any] = defaultdict(int)
    for u, w in node.weight.row(v).items():
        totals[below[u]] += w
    return (*sorted((k, total) for k, total in totals.items() if total), ("bias", node.bias[v]))


def layers_of(network: Network) -> Layers:
    """Weights and biases as float64."""
    found = []
    for node in network.nodes:
        if isinstance(node, Dense):
            weights = np.zeros(node.weight.shape)
            for v in range(len(node.bias)):
                for u, w in node.weight.row(v).items():
                    weights[v, u] = float(Fraction(str(w)))
            found.append((weights, np.array([float(Fraction(str(b))) for b in node.bias])))
    return found


def basis_of(vectors: Any) -> tuple[list[int], Any]:
    """A maximal set of independent rows, greedily, and all rows as combinations of these."""
    scale, chosen = np.abs(vectors).max(initial=0) or 1.0, list[int]()
    rest = vectors / scale
    for _ in range(min(vectors.shape)):
        sizes = np.linalg.norm(rest, axis=1)
        best = int(sizes.argmax())
        if sizes[best] < 1e-9:
            break
        chosen.append(best)
        direction = rest[best] / sizes[best]
        rest = rest - np.outer(rest @ direction, direction)
    if not chosen:
        return [], np.zeros((len(vectors), 0))
    return chosen, np.linalg.lstsq(vectors[chosen].T, vectors.T, rcond=None)[0].T


def forward(layers: Layers, x: Any, replace: Any = None) -> list[Any]:
    """The values of all layers at many inputs; replace: what becomes of the values of a hidden layer."""
    values = []
    for depth, (weights, biases) in enumerate(layers):
        x = x @ weights.T + biases
        if depth < len(layers) - 1:
            x = np.maximum(x, 0)
            x = replace(depth, x) if replace else x
        values.append(x)
    return values


def estimated(layers: Layers, seed: int, by: str) -> tuple[int, bool]:
    """How many neurons rank or PCA leave, and whether what they promise is wrong at a fresh input."""
    rng = np.random.default_rng(seed)
    seen, fresh = rng.uniform(-2, 2, (2, 200, layers[0][0].shape[1]))
    plans, values = [], forward(layers, seen)
    for depth, (weights, biases) in enumerate(layers[:-1]):
        if by == "rank":
            plans.append((*basis_of(np.column_stack([weights, biases])), 0.0))
        else:
            mean = values[depth].mean(axis=0)
            chosen, combinations = basis_of((values[depth] - mean).T)
            plans.append((chosen, combinations, mean - combinations @ mean[chosen]))

    def replace(depth: int, x: Any) -> Any:
        chosen, combinations, constant = plans[depth]
        return x[:, chosen] @ combinations.T + constant

    right, promised = forward(layers, fresh)[-1], forward(layers, fresh, replace)[-1]
    off = np.abs(right - promised).max() > 1e-6 * max(np.abs(right).max(), 1.0)
    return sum(len(chosen) for chosen, *_ in plans), bool(off)


def differ(network: Network, small: Network, seed: int) -> bool:
    """Whether the outputs differ at one of 100 random inputs, exactly."""
    shape = (100, network.units(network.inputs[0].name))
    points = np.random.default_rng(seed).integers(-32, 33, shape) / 16
    return bool((exactlump.evaluate(network, points) != exactlump.evaluate(small, points)).any())


def judged(network: Network, seed: int) -> dict[str, tuple[int, bool]]:
    """For each notion: how many hidden neurons are left, and whether the function is another one."""
    layers = layers_of(network)
    printed, corrected = (maximum_lumping(network, literal=literal) for literal in (True, False))
    exact = {
        "bisimulation": bisimulation(network),
        "printed": quotient(network, printed, representative="first").network,
        "corrected": quotient(network, corrected).network,
        "with constants": exactlump.reduce(network, rules="lumping").quotient,
        "with kinks": exactlump.reduce(network).quotient,
    }
    found = {notion: (small.neurons, differ(network, small, seed)) for notion, small in exact.items()}
    return found | {by: estimated(layers, seed, by) for by in ("rank", "PCA")}


# The table


def lines(each: int, seed: int) -> Iterator[str]:
    """The results as Markdown."""
    results: dict[str, list[tuple[int, dict[str, tuple[int, bool]]]]] = defaultdict(list)
    for number, (family, network) in enumerate(networks(each, seed)):
        results[family].append((network.neurons, judged(network, seed + number)))
    count = sum(map(len, results.values()))
    yield "# Notions of reduction"
    yield ""
    yield f"{count} networks, seed {seed}. Each cell: hidden neurons that are left, in all; in brackets, on how many"
    yield "of the networks the function is another one. `python -m benchmarks.notions -h` says what each notion is."
    yield "Rank and PCA are estimates; the brackets say on how many networks what they promise is not so, as seen at"
    yield "200 inputs."
    yield ""
    yield f"| networks | files | neurons | {' | '.join(NOTIONS)} |"
    yield f"|---|---|---|{'---|' * len(NOTIONS)}"
    for family, found in results.items():
        cells = [cell([judgement[notion] for _, judgement in found]) for notion in NOTIONS]
        yield f"| {family} | {len(found)} | {sum(n for n, _ in found)} | {' | '.join(cells)} |"
    yield ""
    wrong = {n: sum(j[n][1] for found in results.values() for _, j in found) for n in NOTIONS}
    yield f"Wrong in all: {', '.join(f'{notion} {n}' for notion, n in wrong.items())}, of {count}."


def cell(found: list[tuple[int, bool]]) -> str:
    """What is left, and how often that is wrong."""
    wrong = sum(is_wrong for _, is_wrong in found)
    return f"{sum(left for left, _ in found)}" + (f" ({wrong} wrong)" if wrong else "")


def main() -> None:
    """Run, print, and write if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=30, help="networks of each random family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = "\n".join(lines(options.each, options.seed)) + "\n"
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
