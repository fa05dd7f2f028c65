# SPDX-License-Identifier: Apache-2.0
"""This file is about Markov chains: random ones on trial against the definitions, published ones, and the time taken.

    python -m benchmarks.markov [--chains 2000] [--seed 0] [--out benchmarks/results/markov.md]

The trial is that of `tests/markov_chains.py`, with up to six states, where all partitions can be gone through.  The
published models are those of `examples/queues.py`.
"""

import argparse
import platform
import random
import time
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from exactlump import markov
from exactlump.markov import Chain
from examples.queues import State, polling, tandem
from tests.markov_chains import KINDS, ours, trial

MODELS = {
    **{f"tandem, c = {c}": (tandem, c) for c in (5, 7, 15)},
    **{f"polling, n = {n}": (polling, n) for n in (2, 3, 4, 5, 6)},
}


def trials(chains: int, seed: int) -> tuple[Counter[str], list[str]]:
    """How many chains of each kind were tried, and all faults that were found."""
    rng, tried, faults = random.Random(seed), Counter[str](), list[str]()
    for i in range(chains):
        kind = list(KINDS)[i % len(KINDS)]
        faults += trial(rng, kind, rng.randint(1, 6))
        tried[kind] += 1
    return tried, faults


def row(name: str, chain: Chain, states: list[State]) -> str:
    """A published model: its size, its maxima, an exact probability, CPU seconds."""
    start = time.process_time()
    exact, proportional = markov.maximum_exact(chain), markov.maximum_proportional(chain)
    lumped = time.process_time()
    pi = markov.stationary(chain)
    solved = time.process_time()
    small = markov.stationary(markov.quotient(chain, proportional))
    assert markov.spread(small, proportional) == pi
    again = time.process_time()
    value = observed(name, pi, states)
    digits = f"{float(value):.10f} ({len(str(value.denominator))})"
    rates = sum(map(len, chain.rows)) - sum(u in r for u, r in enumerate(chain.rows))
    times = (lumped - start, solved - lumped, again - solved)
    cells = (name, len(chain), rates, len(exact), len(proportional), digits, *(f"{t:.3f}" for t in times))
    return f"| {' | '.join(map(str, cells))} |"


def observed(name: str, pi: tuple[object, ...], states: list[State]) -> Fraction:
    """P(first queue full), or P(the server polls the first station)."""
    if name.startswith("tandem"):
        most = max(state[0] for state in states)
        return sum((ours(p) for p, state in zip(pi, states, strict=True) if state[0] == most), Fraction(0))
    return sum((ours(p) for p, state in zip(pi, states, strict=True) if state[:2] == (0, 0)), Fraction(0))


def lines(chains: int, seed: int) -> Iterator[str]:
    """The results as Markdown."""
    start = time.process_time()
    tried, faults = trials(chains, seed)
    seconds = time.process_time() - start
    yield "# Markov chains"
    yield ""
    yield f"{sum(tried.values())} random chains and graphs of up to six states, seed {seed}: {len(faults)} faults, in"
    yield f"{seconds:.0f} CPU seconds ({', '.join(f'{n} {kind}' for kind, n in tried.items())}). For each one every"
    yield "partition is decided, the three maxima are compared with all partitions, and the stationary and transient"
    yield "distributions of the chain and of its quotients are compared with other computations and with each other."
    yield ""
    yield from (f"* {fault}" for fault in faults)
    yield f"Published models, Python {platform.python_version()}, {platform.machine()}. Exact and proportional: how"
    yield "many classes the maximum has. Value: P(first queue full) or P(first station polled), an exact rational, with"
    yield "the number of digits of its denominator. The last three columns are CPU seconds."
    yield ""
    yield "| model | states | rates | exact | proportional | value | lumping | stationary | stationary, lumped |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, (make, size) in MODELS.items():
        yield row(name, *make(size))


def main() -> None:
    """Run, print, and write if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = "\n".join(lines(options.chains, options.seed)) + "\n"
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
