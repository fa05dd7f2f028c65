# SPDX-License-Identifier: Apache-2.0
"""This file is about how reduction and the checker grow with a network: CPU seconds against weights.

    python -m benchmarks.scaling [--runs 5] [--out benchmarks/results/scaling.json] [MODEL ...]

Random dense classifiers 784-n-n-10 in float32, half of the hidden neurons power-of-two multiples of others, and any
model files that are named.  Each run reads, reduces, writes and checks in one process; medians are reported,
and the exponent of the growth between the smallest and the largest generated network.
"""

import argparse
import json
import math
import platform
import resource
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

import exactlump

SIZES = ((784, 32, 32, 10), (784, 64, 64, 10), (784, 128, 128, 10), (784, 256, 256, 10), (784, 512, 512, 10))
DEEP = (784, 256, 256, 256, 256, 10)


def planted(sizes, seed=0):
    """A float32 classifier in which every second hidden neuron is a power-of-two multiple of the one before."""
    random = np.random.default_rng(seed)
    nodes, constants, source = [], [], "x"
    for layer, (columns, units) in enumerate(pairwise(sizes), 1):
        last = layer == len(sizes) - 1
        # On a grid of 2^-10, so that the sums above a merge are floats again.
        weight = (np.round(random.standard_normal((units, columns)) * 1024) / 1024).astype(np.float32)
        bias = (np.round(random.standard_normal(units) * 1024) / 1024).astype(np.float32)
        if not last:
            ratio = np.exp2(random.integers(-3, 4, units // 2)).astype(np.float32)
            weight[1::2], bias[1::2] = weight[0::2] * ratio[:, None], bias[0::2] * ratio
        target = "y" if last else f"layer{layer}"
        constants += [numpy_helper.from_array(weight, f"w{layer}"), numpy_helper.from_array(bias, f"b{layer}")]
        nodes.append(helper.make_node("Gemm", [source, f"w{layer}", f"b{layer}"], [target], transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [target], [f"relu{layer}"]))
            source = f"relu{layer}"
    ports = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, s]) for n, s in (("x", sizes[0]), ("y", sizes[-1]))
    ]
    graph = helper.make_graph(nodes, "planted", ports[:1], ports[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def measured(path, runs):
    """One row of the table: medians of CPU seconds over the runs."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "small.onnx"
        whole, checking = [], []
        for _ in range(runs):
            start = time.process_time()
            done = exactlump.reduce_file(path, target)
            whole.append(time.process_time() - start)
            start = time.process_time()
            assert exactlump.check_files(path, target, done.certificate).verdict == "equivalent"
            checking.append(time.process_time() - start)
    original, reduced = done.reduction.original, done.reduction.reduced
    return {
        "network": Path(path).name,
        "parameters": original.parameters,
        "nonzeros": original.nonzeros,
        "neurons": [original.neurons, reduced.neurons],
        "reduce_and_check_s": round(statistics.median(whole), 3),
        "check_s": round(statistics.median(checking), 3),
        "runs": [round(t, 3) for t in whole],
    }


def main():
    parser = argparse.ArgumentParser(description="CPU seconds of reduce and check against the number of weights")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("models", nargs="*", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for sizes in (*SIZES, DEEP):
            path = Path(folder) / f"{'-'.join(map(str, sizes))}.onnx"
            save(planted(sizes), path)
            rows.append(measured(path, options.runs))
    rows += [measured(path, options.runs) for path in options.models]
    first, last = rows[0], rows[len(SIZES) - 1]
    exponent = math.log(last["reduce_and_check_s"] / first["reduce_and_check_s"]) / math.log(
        last["nonzeros"] / first["nonzeros"]
    )
    for row in rows:
        before, after = row["neurons"]
        seconds = f"{row['reduce_and_check_s']} | {row['check_s']}"
        print(f"| {row['network']} | {row['nonzeros']} | {before} -> {after} | {seconds} |")
    print(f"exponent {exponent:.2f}, peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    if options.out:
        command = " ".join(["python -m benchmarks.scaling", *sys.argv[1:]])
        machine = {"python": platform.python_version(), "machine": platform.machine(), "command": command}
        options.out.write_text(
            json.dumps({"machine": machine, "exponent": round(exponent, 3), "rows": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
