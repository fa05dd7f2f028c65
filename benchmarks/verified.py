# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker that is extracted from its proof: how much of what check.py accepts it accepts.

    python -m benchmarks.verified [--data FOLDER] [--only WORDS] [--out benchmarks/results/verified.md]

Every network is reduced, and its certificate put to both checkers: the bundled networks, the certificates of the tests,
random networks and images as the tests make them, some on a box, planted classifiers and convolutions; of a folder with
public models, evenly many of each of its folders, and ACAS Xu on the boxes of two properties.  Of other ACAS Xu
networks the hidden neurons are doubled first.
"""

import argparse
import os
import platform
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from onnx import TensorProto, helper, save

import exactlump
from benchmarks.scaling import planted
from exactlump import Activate, Dense, Matrix, Shift, rational
from exactlump.extraction.verified import find_checker
from tests.certificates import test_tampering
from tests.image_networks import image_network

BUNDLED = sorted((Path(exactlump.__file__).parent / "networks").glob("*.*"))
FIXED = sorted((Path(__file__).parents[1] / "tests" / "certificates" / "valid").iterdir())
PLANTED = ((784, 256, 256, 10), (784, 1024, 1024, 10))
# Sides of an image and channels of its convolutions: 6, 2 and 834 million products in both networks.
IMAGES = ((32, (16, 32)), (64, (4, 8)))
BOXES = 40  # random networks on a box
LARGEST, EACH = 400_000, 4  # bytes of a public model, and how many of a folder
SETS = "| set | networks | not reduced | check.py accepts | the proved checker accepts | check.py, s | both, s |"
LARGE = "| network | weights | hidden neurons | check.py, s | text, MB | export, s | proved checker, s |"


def doubled(network):
    """The same function with each hidden neuron and its double, read with 1/2 and 1/4 of the neuron's weights."""
    dense = [node for node in network.nodes if isinstance(node, Dense)]
    hidden = {node.target for node, _ in pairwise(dense)}
    nodes, below = [], None
    twice = rational(2)
    for node in network.nodes:
        above = node.source in hidden or node.target in hidden
        if isinstance(node, Dense):
            node = _doubled_dense(node, below, node.target in hidden)
            below = len(node.bias) // 2
        elif above and isinstance(node, Shift):
            node = replace(node, constant=node.constant + tuple(twice * c for c in node.constant))
        elif above and isinstance(node, Activate):
            node = replace(node, functions=node.functions * 2)
        elif above:
            raise TypeError(f"tensor {node.target!r}: found {type(node).__name__} above a hidden layer")
        if above and not isinstance(node, Dense):
            hidden.add(node.target)
        nodes.append(node)
    return replace(network, nodes=tuple(nodes))


def _doubled_dense(node, below, hidden):
    """A Dense node over a layer of `below` neurons that is doubled (None: over one that is not)."""
    rows = [node.weight.row(v) for v in range(len(node.bias))]
    if below is not None:
        rows = [{**{u: w / 2 for u, w in r.items()}, **{u + below: w / 4 for u, w in r.items()}} for r in rows]
    bias = list(node.bias)
    if hidden:
        rows += [{u: 2 * w for u, w in row.items()} for row in rows]
        bias += [2 * b for b in bias]
    columns = node.weight.shape[1] * (2 if below is not None else 1)
    return replace(node, weight=Matrix.from_rows(rows, columns), bias=tuple(bias))


class Triple(NamedTuple):
    """Two models and a certificate."""

    original: Path
    reduced: Path
    certificate: Path


def reduced(path: Path, folder: Path, **options: Any) -> Triple | None:
    """A model and what it is reduced to, by options of `reduce_file`; None where it cannot be read or reduced."""
    target = folder / f"small_{path.name}".removesuffix(".gz")
    try:
        done = exactlump.reduce_file(path, target, overwrite=True, **options)
    except exactlump.ExactlumpError:
        return None
    return Triple(path, target, done.certificate)


def convolutions(side, channels):
    """A model with convolutions of which every second channel is twice the one before."""
    rng, nodes, constants, source, below = random.Random(side), [], [], "x", 3
    for n, units in enumerate(channels):
        rows = [[rng.randint(-8, 8) / 16 for _ in range(9 * below)] for _ in range(units)]
        rows[1::2] = [[2 * w for w in row] for row in rows[::2]]
        made = helper.make_tensor(f"w{n}", TensorProto.FLOAT, [units, below, 3, 3], [w for row in rows for w in row])
        constants.append(made)
        nodes.append(helper.make_node("Conv", [source, f"w{n}"], [f"c{n}"], kernel_shape=[3, 3], pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"c{n}"], [f"r{n}"]))
        source, below = f"r{n}", units
    last = [rng.randint(-8, 8) / 16 for _ in range(10 * below)]
    constants.append(helper.make_tensor("w", TensorProto.FLOAT, [below, 10], last))
    nodes.append(helper.make_node("GlobalAveragePool", [source], ["g"]))
    nodes.append(helper.make_node("Flatten", ["g"], ["f"]))
    nodes.append(helper.make_node("MatMul", ["f", "w"], ["y"]))
    ports = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])]
    ends = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])]
    graph = helper.make_graph(nodes, "convolutions", ports, ends, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def public(data: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Models of a folder, a few of each of its folders, with the name of the first of these."""
    models = sorted(path for path in data.rglob("*") if re.search(r"\.(nnet|onnx|onnx\.gz)$", path.name))
    for parent in sorted({path.parent for path in models}):
        found = [path for path in models if path.parent == parent and path.stat().st_size <= LARGEST]
        step = max(len(found) / EACH, 1)
        for path in [found[int(i * step)] for i in range(min(EACH, len(found)))]:
            if path.name.startswith("ACASXU") and path.suffix == ".onnx":
                wide = folder / f"doubled_{path.name}"
                exactlump.write(doubled(exactlump.read(path)), wide, overwrite=True)
                path = wide
            yield path.relative_to(data).parts[0] if path.is_relative_to(data) else "acasxu", path


def cases(folder: Path, data: Path | None, only: str) -> Iterator[tuple[str, Triple | None]]:
    """Sets by name, and what is in them; `only`: a pattern for the names."""
    for name, reduce in models(folder, data):
        if re.search(only, name):
            yield name, reduce()


def models(folder: Path, data: Path | None) -> Iterator[tuple[str, Callable[[], Triple | None]]]:
    """Sets by name, and what makes each of what is in them."""
    for path in BUNDLED:
        yield "bundled networks", partial(reduced, path, folder)
    for path in FIXED:
        triple = Triple(*(path / f"{name}.json" for name in ("original", "reduced", "certificate")))
        yield "certificates of the tests", partial(lambda found: found, triple)
    rng = random.Random(1)
    for name, make, count in (
        ("random chains", lambda i: test_tampering.planted(rng), 100),
        ("random images", image_network, 60),
    ):
        for i in range(count):
            path = folder / f"random{i}.json"
            exactlump.write(make(i), path, overwrite=True)
            yield name, partial(reduced, path, folder)
    for _ in range(BOXES):
        path = folder / "random.json"
        exactlump.write(test_tampering.planted(rng), path, overwrite=True)
        yield "random chains on a box", partial(reduced, path, folder, box=("-1/4", "1/4"))
    for name, path in large(folder):
        yield name, partial(reduced, path, folder)
    for path in sorted(data.glob("acasxu/onnx/*.onnx"))[::10] if data else ():
        for name in ("prop_3", "prop_4"):
            property_ = path.parents[1] / "vnnlib" / f"{name}.vnnlib"
            yield f"public: acasxu on the box of {name}", partial(reduced, path, folder, vnnlib=property_)
    for name, path in public(data, folder) if data else ():
        yield f"public: {name}", partial(reduced, path, folder)


def large(folder: Path) -> Iterator[tuple[str, Path]]:
    """The models of the second table."""
    for sizes in PLANTED:
        path = folder / f"planted_{'-'.join(map(str, sizes))}.onnx"
        save(planted(sizes), path)
        yield "planted classifiers", path
    for side, channels in IMAGES:
        path = folder / f"convolutions_{side}_{'-'.join(map(str, channels))}.onnx"
        save(convolutions(side, channels), path)
        yield "convolutions", path


def timed(work):
    """Seconds, and what it gave."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def table(folder: Path, data: Path | None, only: str = "") -> Iterator[str]:
    """The first table, and what was not accepted."""
    counts, seconds, others = Counter(), Counter(), list[str]()
    for name, triple in cases(folder, data, only):
        counts[name, "networks"] += 1
        if triple is None:
            counts[name, "not reduced"] += 1
            continue
        alone, found = timed(lambda: exactlump.check_files(*triple))  # noqa: B023
        both, proved = timed(lambda: exactlump.check_files(*triple, verified=True))  # noqa: B023
        seconds[name, "alone"], seconds[name, "both"] = seconds[name, "alone"] + alone, seconds[name, "both"] + both
        counts[name, "python"] += found.verdict == "equivalent"
        counts[name, "proved"] += proved.verdict == "equivalent"
        if found.verdict == "equivalent" != proved.verdict:
            others.append(f"- {triple.original.name}: {proved.verdict}: {proved.proved.reason}")
    yield from (SETS, "|---" * 7 + "|")
    names = list(dict.fromkeys(name for name, _ in counts))
    for name in [*names, "all"]:
        total = [
            sum(counts[other, key] for other in names if name in (other, "all"))
            for key in ("networks", "not reduced", "python", "proved")
        ]
        times = [sum(seconds[other, key] for other in names if name in (other, "all")) for key in ("alone", "both")]
        yield f"| {' | '.join(map(str, [name, *total, *(f'{s:.1f}' for s in times)]))} |"
    yield from ["", "Not accepted:", *others] if others else ["", "Nothing that check.py accepts was not accepted."]


def one_by_one(folder: Path) -> Iterator[str]:
    """The second table: export and proved checker as processes."""
    yield from (LARGE, "|---" * 7 + "|")
    for path in [*BUNDLED, *(path for _, path in large(folder))]:
        triple = reduced(path, folder)
        before, after = exactlump.read(triple.original), exactlump.read(triple.reduced)
        alone, _ = timed(lambda: exactlump.check_files(*triple))  # noqa: B023
        text = folder / "text"
        export = ["-m", "exactlump", "export", *map(str, triple), "-o", str(text), "--force"]
        seconds, _ = timed(lambda: subprocess.run([sys.executable, *export], check=True))  # noqa: B023
        proved, done = timed(lambda: subprocess.check_output([find_checker(), text], text=True))  # noqa: B023
        assert done.startswith("equivalent")
        words = [path.name, f"{before.nonzeros:,} + {after.nonzeros:,}", f"{before.neurons} -> {after.neurons}"]
        words += [f"{alone:.1f}", f"{text.stat().st_size / 1e6:.1f}", f"{seconds:.1f}", f"{proved:.1f}"]
        yield f"| {' | '.join(words)} |"


def main():
    parser = argparse.ArgumentParser(description="what the proved checker accepts of what check.py accepts")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--data", type=Path, help="a folder with public models")
    parser.add_argument("--only", default="", help="a pattern for the names of sets: these alone, and one table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rest = [] if options.only else ["", *one_by_one(Path(name))]
        lines = [*table(Path(name), options.data, options.only), *rest]
    print("\n".join(lines))
    if options.out:
        options.out.write_text(page(lines, options), encoding="utf-8")


def page(lines, options):
    """The tables with what is measured, where and how."""
    given = " --data FOLDER" * bool(options.data) + f" --only '{options.only}'" * bool(options.only)
    command = f"python -m benchmarks.verified --out benchmarks/results/verified.md{given}"
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    spent = sum(one.ru_utime + one.ru_stime for one in used)
    return "\n".join(
        [
            "# The extracted checker: what it accepts, and times",
            "",
            f"`{command}` on {system}; one run, wall clock, other work on the machine; {spent:.0f} s of CPU in all.",
            "",
            "check.py, both: `check_files` without and with `verified=True`, all of it included.",
            f"public: at most {EACH} models of each folder, of at most {LARGEST:,} bytes.",
            "not reduced: operators that no rule covers, or numbers that are none.",
            "",
            "weights: weights and biases that are not zero, of both networks.",
            "export: `exactlump export`, with start; proved checker: `exactlump-verified` on that text.",
            "doubled: each hidden neuron of that network doubled by an exact widening.",
            "convolutions_S_A-B: an image of 3 by S by S, 3 by 3 kernels to A and then B channels.",
            "",
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    main()
