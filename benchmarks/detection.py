# SPDX-License-Identifier: Apache-2.0
"""This file is about the cost of finding proportional rows: CPU time against reading the matrix once.

    python -m benchmarks.detection [--runs 5] [--largest 8192] [--out benchmarks/results/detection]

All times are CPU times of the calling thread; what is compared is run in turn, so that a ratio is taken within one run,
and medians are reported.  Writes OUT.json (all raw times), OUT.md (tables) and OUT.svg (time against size).
"""

import argparse
import json
import math
import platform
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

from exactlump import Activate, Dense, Matrix, Network, Port, maximum_lumping, proportional_classes, rational, relu


def dense(n, dtype=np.float32, seed=0):
    """Random rows with 16 significant bits."""
    rows = np.random.default_rng(seed).standard_normal((n, n)).astype(np.float32)
    return (rows.view(np.uint32) & np.uint32(0xFFFFFF00)).view(np.float32).astype(dtype)


def multiples(n, dtype=np.float32, seed=0):
    """Odd numbers below 256 times powers of two, as a column."""
    random = np.random.default_rng(seed)
    return ((2 * random.integers(0, 128, n) + 1) * np.exp2(random.integers(-3, 4, n))).astype(dtype)[:, None]


def half_merged(n, dtype=np.float32):
    """Half of the rows are multiples of the others, in random order."""
    rows = dense(n, dtype)
    rows[n // 2 :] = rows[: n // 2] * multiples(n // 2, dtype)
    return np.random.default_rng(1).permutation(rows)


def hard_layers(n, dtype):
    """(name, rows): layers that are hard for methods which look at few columns, or compare pairs."""
    random = np.random.default_rng(2)
    tiny, huge = (-149, 120) if dtype is np.float32 else (-1074, 1000)
    rows = half_merged(n, dtype)
    rows[:, : n - n // 8] = 0
    yield "zero prefix", rows
    yield "90 % sparse", half_merged(n, dtype) * (random.random((n, n)) < 0.1)
    same = dense(n, dtype)[:1] * multiples(n, dtype)
    yield "all the same", same
    last = same.copy()
    last[:, -1] = random.standard_normal(n)
    yield "all but the last column", last
    ulp = same.copy()
    ulp[:, -1] = np.nextafter(ulp[:, -1], dtype(np.inf))
    yield "last column one ulp off", ulp
    yield "subnormal", np.ldexp(random.integers(-9, 10, (1, n)) * multiples(n).round() + 0.0, tiny + 3).astype(dtype)
    wide = np.ldexp(random.integers(1, 99, (1, n)).astype(float), random.integers(tiny + 9, huge - 24, (1, n)))
    yield "huge exponents", (wide * np.exp2(random.integers(-8, 9, (n, 1)))).astype(dtype)
    rounded = (dense(n, dtype)[:1] * (1 + random.random((n, 1)))).astype(dtype)
    rounded[:, -8:] = random.standard_normal((n, 8))
    yield "rounded multiples", rounded


def chain(*layers):
    """A network of dense layers with ReLU between them, without biases."""
    nodes, source = [], "x"
    for i, matrix in enumerate(layers):
        zeros = (rational(0),) * len(matrix)
        nodes.append(Dense(source, f"d{i}", Matrix.from_floats(matrix), zeros))
        nodes.append(Activate(f"d{i}", f"r{i}", (relu,) * len(matrix)))
        source = f"r{i}"
    nodes.append(Dense(source, "y", Matrix.from_floats(np.ones((1, len(layers[-1])), np.float32)), (rational(0),)))
    return Network((Port("x", (layers[0].shape[1],)),), tuple(nodes), ("y",), "float32")


def above_a_merge(n):
    """A layer of n neurons, half of them merged, over n neurons of which half are merged."""
    random = np.random.default_rng(3)
    below = random.integers(1, 2**12, (n, 8)).astype(np.float32)
    below[n // 2 :] = below[: n // 2] * multiples(n // 2)
    return chain(below, half_merged(n))


def hashed_rows(rows):
    """Equal rows only: a dictionary of the bytes of each row."""
    return len({row.tobytes() for row in rows})


def timed(calls, runs):
    """{name: CPU milliseconds of each run}; all calls in turn, once before to warm up."""
    for call in calls.values():
        call()
    times = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            start = time.thread_time()
            call()
            times[name].append(1000 * (time.thread_time() - start))
    return times


def memory(call, rows):
    """Peak of what is allocated during a call, in percent of the matrix."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(100 * peak / rows.nbytes, 1)


def row(layer, rows, calls, runs):
    """One measured layer: raw times, medians as multiples of W.sum(), and memory of the first call."""
    times = timed({"W.sum()": rows.sum, **calls}, runs)
    base = statistics.median(times["W.sum()"])
    found = {"layer": layer, "n": len(rows), "dtype": str(rows.dtype), "sum_ms": round(base, 3)}
    found["ratios"] = {name: round(statistics.median(times[name]) / base, 2) for name in calls}
    found["memory_percent"] = memory(next(iter(calls.values())), rows)
    found["times_ms"] = {name: [round(t, 3) for t in some] for name, some in times.items()}
    print(found["layer"], found["n"], found["dtype"], found["ratios"], f"{found['memory_percent']} %", file=sys.stderr)
    return found


def kernels(rows):
    """The two kernels on a matrix; without numba both are the first."""
    return {
        "NumPy": lambda: proportional_classes(rows, compiled=False),
        "numba": lambda: proportional_classes(rows),
    }


def measured(runs, largest):
    """All rows of the tables."""
    found = {"methods": [], "hard": [], "networks": [], "growth": []}
    for n in (1024, 4096):
        rows = half_merged(n)
        others = {"W.copy()": rows.copy, "rows hashed": lambda r=rows: hashed_rows(r)}
        others["np.unique(axis=0)"] = lambda r=rows: np.unique(r, axis=0)
        found["methods"].append(row("half merged", rows, {**kernels(rows), **others}, runs))
        found["methods"].append(row("nothing to merge", dense(n), kernels(dense(n)), runs))
    for dtype in (np.float32, np.float64):
        rows = half_merged(4096, dtype)
        found["hard"].append(row("half merged", rows, kernels(rows), runs))
        for name, rows in hard_layers(4096, dtype):
            found["hard"].append(row(name, rows, kernels(rows), runs))
    for n in (1024, 4096):
        rows, network = half_merged(n), above_a_merge(n)
        found["networks"].append(
            row(
                "two layers, the second above a merge",
                rows,
                {"fast": lambda w=network: maximum_lumping(w, engine="fast")},
                runs,
            )
        )
    rows = half_merged(1024)
    network = chain(rows)
    engines = {name: lambda name=name: maximum_lumping(network, engine=name) for name in ("fast", "exact")}
    found["networks"].append(row("one layer", rows, {**engines, **kernels(rows)}, runs))
    for n in (2**i for i in range(9, largest.bit_length())):
        rows = half_merged(n)
        found["growth"].append(row("half merged", rows, kernels(rows), runs))
    return found


def table(rows):
    """A table in Markdown: multiples of W.sum()."""
    names = list(dict.fromkeys(name for entry in rows for name in entry["ratios"]))
    lines = [f"| layer | n | type | W.sum(), ms | {' | '.join(names)} | memory, % |", "|---" * (len(names) + 5) + "|"]
    for entry in rows:
        ratios = [f"{entry['ratios'][name]:.1f}x" if name in entry["ratios"] else "" for name in names]
        cells = [entry["layer"], entry["n"], entry["dtype"], f"{entry['sum_ms']:.2f}", *ratios, entry["memory_percent"]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def exponent(growth, name):
    """The power of the number of weights that time grows with, between the second and the last size."""
    sizes = [(entry["n"] ** 2, entry["ratios"][name] * entry["sum_ms"]) for entry in growth[1:]]
    return math.log(sizes[-1][1] / sizes[0][1]) / math.log(sizes[-1][0] / sizes[0][0])


def plot(growth):
    """Milliseconds against the number of weights, both logarithmic, as SVG."""
    names = {"W.sum()": "#888", "NumPy": "#1f5fa8", "numba": "#b5432c"}
    points = {
        name: [(entry["n"] ** 2, statistics.median(entry["times_ms"][name])) for entry in growth] for name in names
    }
    every = [point for some in points.values() for point in some]
    low, high = (tuple(math.log10(f(p[i] for p in every)) for i in (0, 1)) for f in (min, max))

    def place(x, y):
        across = 60 + 480 * (math.log10(x) - low[0]) / (high[0] - low[0])
        return f"{across:.1f},{300 - 260 * (math.log10(y) - low[1]) / (high[1] - low[1]):.1f}"

    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 340" font-family="sans-serif" font-size="13">']
    lines.append('<rect width="640" height="340" fill="#fff"/>')
    for name, colour in names.items():
        path = " ".join(place(*point) for point in points[name])
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = place(*points[name][-1]).split(",")
        lines.append(f'<text x="{float(x) + 6}" y="{y}" fill="{colour}">{name}</text>')
    for entry in growth:
        x = place(entry["n"] ** 2, 10 ** low[1]).split(",")[0]
        lines.append(f'<text x="{x}" y="320" text-anchor="middle">{entry["n"]}²</text>')
    for power in range(math.ceil(low[1]), math.floor(high[1]) + 1):
        y = place(10 ** low[0], 10.0**power).split(",")[1]
        lines.append(f'<text x="8" y="{y}">{10.0**power:g} ms</text>')
        lines.append(f'<line x1="60" x2="540" y1="{y}" y2="{y}" stroke="#ddd"/>')
    return "\n".join([*lines, "</svg>", ""])


def with_numba():
    """Load numba, which the engine does by itself for huge matrices only; without it both columns are the same."""
    try:
        import numba
    except ImportError:
        return "numba not installed"
    return f"numba {numba.__version__}"


def main():
    parser = argparse.ArgumentParser(description="CPU time of finding proportional rows, against W.sum()")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--largest", type=int, default=8192)
    parser.add_argument(
        "--out", type=Path, metavar="benchmarks/results/detection", help="the results, without a suffix"
    )
    options = parser.parse_args()
    compiler = with_numba()
    found = measured(options.runs, options.largest)
    command = " ".join(["python -m benchmarks.detection", *sys.argv[1:]])
    machine = f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}, {compiler}"
    engines = found["networks"][-1]["ratios"]
    words = [f"`{command}`: {machine}. Medians of {options.runs} runs, CPU time, as multiples of `W.sum()`.", ""]
    for title, name in (("Methods", "methods"), ("Hard layers", "hard"), ("Engines", "networks"), ("Growth", "growth")):
        words += [f"## {title}", "", table(found[name]), ""]
    words.append(f"One layer of 1024 neurons: the exact engine takes {engines['exact'] / engines['fast']:.0f} times as")
    words.append(
        f"long as the fast engine, and {engines['exact'] / engines['NumPy']:.0f} times as long as the kernel alone."
    )
    words.append("Time grows with the number of weights to the power")
    words.append(f"{exponent(found['growth'], 'NumPy'):.2f} (NumPy), {exponent(found['growth'], 'numba'):.2f} (numba).")
    print("\n".join(words))
    if options.out is None:
        return
    options.out.with_suffix(".md").write_text("\n".join(words) + "\n", encoding="utf-8")
    options.out.with_suffix(".svg").write_text(plot(found["growth"]), encoding="utf-8")
    content = {"command": command, "machine": machine, **found}
    options.out.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
