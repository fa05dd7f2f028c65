# SPDX-License-Identifier: Apache-2.0
"""This file is about what `refute` finds and how fast: real pairs, split networks, ACAS Xu boxes, one merged neuron.

    python -m benchmarks.refute [SECTION ...] [--data FOLDER] [--out benchmarks/results/refute.json]

Sections: pairs, decisions, splits, flips, boxes, merged.  Each run replaces the sections that it ran in the JSON file,
and writes the tables beside it as Markdown.  `--data` is the optional folder of real test networks.  Seconds are CPU
time of finding, shortening and confirming; reading files is not counted.
"""

import argparse
import json
import math
import platform
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

import exactlump
from exactlump import Network, rational, refute
from exactlump.smt import monolithic
from exactlump.smt.solve import answers

PAIRS = [
    *(
        (
            f"acasxu/nnet/ACASXU_run2a_1_{i}_batch_2000.nnet",
            f"pairs/acasxu_16bit/ACASXU_run2a_1_{i}_batch_2000_16bit.nnet",
        )
        for i in range(1, 10)
    ),
    ("mnist_fc/mnist-net_256x4.onnx", "pairs/mnist_256x4_retrained/mnist_256x4_2e5.onnx"),
    ("pairs/har_retrained/har.onnx", "pairs/har_retrained/har_2e5.onnx"),
    ("pairs/har_retrained/har.onnx", "pairs/har_retrained/har_1e4.onnx"),
    ("pairs/heloc_retrained/heloc.onnx", "pairs/heloc_retrained/heloc_2e5.onnx"),
    ("pairs/mnist_relu_3_100/mnist_relu_3_100.nnet", "pairs/mnist_relu_3_100/mnist_relu_3_100_16bit.nnet"),
]
ORIGINALS = {
    "a11": "relusplit/acas_1_1.onnx",
    "a27": "relusplit/acas_2_7.onnx",
    "m2": "mnist_fc/mnist-net_256x2.onnx",
    "c": "conv/cifar_base_kw.onnx.gz",
    "x": "conv/Convnet_maxpool.onnx",
}
MERGED = ((4, 8, 8, 2), (8, 16, 16, 2), (64, 128, 128, 10), (784, 512, 512, 10), (784, 1024, 1024, 10))
PROPERTIES = (1, 2, 3, 4, 5, 7, 8, 9, 10)


def timed(work):
    start = time.process_time()
    result = work()
    return result, round(time.process_time() - start, 3)


def row(a, b, limit=60.0, **question):
    """The verdict on two networks as a row of a table."""
    found, seconds = timed(lambda: refute(a, b, seconds=limit, **question))
    entries = found.input or ()
    return {
        "verdict": found.verdict,
        "method": found.method,
        "cpu_seconds": seconds,
        "largest_difference": float(text_to_float(found.gap)) if found.gap else 0.0,
        "entries_not_zero": sum(map(bool, entries)),
        "largest_denominator": max((int(x.denominator) for x in entries), default=0),
        "tried": list(found.tried),
    }


def text_to_float(value):
    return int(value.numerator) / int(value.denominator)


def students(data):
    """Pairs of a student and its mirror, by name."""
    folders = [data / "pairs" / name for name in ("nnequiv_students", "nnequiv_truncated")]
    mirrors = sorted(path for folder in folders for path in folder.glob("*mirror*"))
    return [
        (str(p.with_name(p.name.replace("-mirror", "")).relative_to(data)), str(p.relative_to(data))) for p in mirrors
    ]


def networks(data, *names):
    """The networks; without the normalisation of .nnet where one of them lists more inputs than it has."""
    try:
        return [exactlump.read(data / name) for name in names]
    except exactlump.FormatError:
        return [exactlump.read(data / name, raw_nnet=True) for name in names]


def pairs(data):
    """Are they different at all?"""
    for one, other in [*PAIRS, *students(data)]:
        yield {"a": one, "b": other, **row(*networks(data, one, other))}


def decisions(data):
    """Do decisions differ, for trained pairs?"""
    for one, other in [p for p in PAIRS if "heloc" not in p[0]]:
        yield {"a": one, "b": other, **row(*networks(data, one, other), argmax=True)}


def split_pairs(data):
    for path in sorted((data / "relusplit").glob("*_*.onnx.gz")):
        yield path.name, exactlump.read(data / ORIGINALS[path.name.split("_")[0]]), exactlump.read(path)


def splits(data):
    """Networks that a splitting tool made, against their originals."""
    for name, a, b in split_pairs(data):
        yield {"split": name, **row(a, b, limit=5.0)}


def flips(data):
    """The same, for decisions, 60 seconds each; splits that are exact are left out."""
    for name, a, b in split_pairs(data):
        if "exact" not in name:
            yield {"split": name, **row(a, b, argmax=True)}


def boxes(data):
    """The largest differences found on the boxes of properties, growing with time: lower bounds."""
    for i in range(1, 10):
        one, other = PAIRS[i - 1]
        a, b = (exactlump.read(data / name, raw_nnet=True) for name in (one, other))
        for number in PROPERTIES:
            box = data / "acasxu" / "vnnlib" / f"prop_{number}.vnnlib"
            yield {"network": f"1_{i}", "property": number, "curve": curve(a, b, box)}


def curve(a, b, box, budget=1.5):
    """[CPU seconds, exact difference as text] each time a larger difference was found."""
    start, found, epsilon = time.process_time(), [], rational(0)
    while (left := budget - (time.process_time() - start)) > 0.05:
        finding = refute(a, b, epsilon=epsilon, vnnlib=box, seconds=2 * left, shorten=False)
        if finding.verdict != "different":
            break
        epsilon = finding.gap
        found.append([round(time.process_time() - start, 3), text_to_float(epsilon), str(epsilon)[:60]])
    return found


def merged_pair(sizes, bias, seed=0):
    """A random network whose last neuron of the first layer is a combination of two others, and the same without it.

    Its outgoing weights go to the two, as if the combination held after the activation.
    """
    draw = np.random.default_rng(seed)
    weights = [
        np.round(draw.standard_normal((n, m)) * 1024) / 1024 / 2.0 ** round(math.log2(m) / 2)
        for m, n in pairwise(sizes)
    ]
    weights[0][-1] = 2 * weights[0][0] + 3 * weights[0][1]
    biases = [np.zeros(n) for n in sizes[1:]]
    biases[1][:] = bias
    less = [w.copy() for w in weights]
    less[1][:, 0] += 2 * less[1][:, -1]
    less[1][:, 1] += 3 * less[1][:, -1]
    less[0], less[1] = less[0][:-1], less[1][:, :-1]
    return chain(weights, biases), chain(less, [biases[0][:-1], *biases[1:]])


def chain(weights, biases):
    assert all((w.astype(np.float32) == w).all() for w in weights)
    return Network.chain([w.astype(np.float32) for w in weights], biases, dtype="float32")


def merged(data, limit=20.0):
    """One merged neuron: `refute`, and Z3 on both whole networks until it gives up."""
    gave_up = False
    for sizes in MERGED:
        for bias in (0, -8, -64):
            a, b = merged_pair(sizes, bias)
            entry = {"sizes": "-".join(map(str, sizes)), "bias": bias, **row(a, b)}
            if not gave_up and bias == 0:
                entry["z3"], entry["z3_cpu_seconds"] = timed(lambda a=a, b=b: plain_z3(a, b, limit))
                gave_up = entry["z3"] != "sat"
            yield entry


def plain_z3(a, b, seconds):
    (script,) = monolithic.Monolithic(a, b).scripts()
    (answer,) = answers(
        "z3", script.preamble, [f"(push 1)\n{script.obligations[0].assertion}\n(check-sat)\n"], (), seconds
    )
    return answer.word


SECTIONS = {f.__name__: f for f in (pairs, decisions, splits, flips, boxes, merged)}


def table(rows):
    """A Markdown table of a section."""
    if rows and "curve" in rows[0]:
        rows = [{**{k: v for k, v in r.items() if k != "curve"}, **ends(r["curve"])} for r in rows]
    keys = [k for k in dict.fromkeys(k for r in rows for k in r) if k != "tried"]
    lines = [f"| {' | '.join(keys)} |", f"|{'---|' * len(keys)}"]
    lines += [f"| {' | '.join(shown(r.get(k, '-')) for k in keys)} |" for r in rows]
    return lines


def ends(points):
    """The first and the largest difference of a curve, and when they were found."""
    if not points:
        return {"first": "-", "largest": "-", "steps": 0, "cpu_seconds": "-"}
    return {"first": points[0][1], "largest": points[-1][1], "steps": len(points), "cpu_seconds": points[-1][0]}


def shown(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def markdown(found):
    lines = ["# Refuting: results", "", f"{found['machine']}. Raw numbers: `refute.json`. CPU seconds.", ""]
    for name, rows in found["sections"].items():
        lines += [f"## {name}", "", SECTIONS[name].__doc__.splitlines()[0], "", *table(rows), ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], help="default: all")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "refute.json")
    options = parser.parse_args()
    found = json.loads(options.out.read_text()) if options.out.exists() else {"sections": {}}
    found["machine"] = f"Python {platform.python_version()}, {platform.machine()}, {time.strftime('%Y-%m-%d')}"
    for name in options.sections or SECTIONS:
        rows = found["sections"][name] = []
        for entry in SECTIONS[name](options.data):
            rows.append(entry)
            print(name, {k: v for k, v in entry.items() if k not in ("tried", "curve")}, flush=True)
        options.out.write_text(json.dumps(found, indent=1) + "\n")
        options.out.with_suffix(".md").write_text(markdown(found))


if __name__ == "__main__":
    main()
