# SPDX-License-Identifier: Apache-2.0
"""This file is about large networks: CPU seconds and peak memory of whole reductions, and of checking them.

    python -m benchmarks.large [SECTION ...] [--folder DIR] [--out benchmarks/results/large]

Sections: `growth` (784-n-n-10 for four n), `engines` (both engines at n = 1024), `lattice` (public lattice networks, if
../shared/data is there) and `huge` (201 million weights as external data, which needs 1.1 GB in DIR).  Of generated
networks, half of the hidden neurons are power-of-two multiples of the others, and all weights are so coarse that class
sums are float32 numbers.

Each figure is of one process, the command line itself: CPU seconds of all its threads, and the most memory that was
resident, pages of mapped files included.  `reduce` checks what it wrote before it answers; `check` does that again by
itself.  Writes OUT.json and OUT.md; the sections that are not run keep the figures that are there.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

RESULTS = Path("benchmarks/results/large")
LATTICES = Path(__file__).parents[2] / "shared" / "data" / "lumpable" / "tll"
NAMES = ("tllBench_n=2_N=M=40_m=1_instance_4_0.onnx.gz", "tllBench_n=2_N=M=64_m=1_instance_7_0.onnx.gz")
GROWTH = (512, 1024, 1536, 2048)
HUGE = (8192, 8192, 8192, 8192, 10)
BOUND = str(4 << 30)


def make(sizes, path):
    """A classifier whose weights lie beside it, written layer by layer; run in a process of its own."""
    import numpy as np
    from onnx import GraphProto, TensorProto, helper

    random, graph, offset = np.random.default_rng(0), GraphProto(name="planted"), 0
    with open(f"{path}.data", "wb") as data:
        for layer, (columns, units) in enumerate(pairwise(sizes), 1):
            last = layer == len(sizes) - 1
            weight, bias = planted(random, units, columns, merge=not last)
            for name, array in ((f"w{layer}", weight), (f"b{layer}", bias)):
                tensor = graph.initializer.add(name=name, data_type=TensorProto.FLOAT, dims=array.shape)
                tensor.data_location = TensorProto.EXTERNAL
                for key, value in (("location", f"{path.name}.data"), ("offset", offset), ("length", array.nbytes)):
                    tensor.external_data.add(key=key, value=str(value))
                offset += data.write(array.data)
            source, target = "x" if layer == 1 else f"relu{layer - 1}", "y" if last else f"layer{layer}"
            graph.node.append(helper.make_node("Gemm", [source, f"w{layer}", f"b{layer}"], [target], transB=1))
            if not last:
                graph.node.append(helper.make_node("Relu", [target], [f"relu{layer}"]))
    graph.input.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, sizes[0]]))
    graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, sizes[-1]]))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def planted(random, units, columns, merge):
    """Weights and biases on a grid; the second half of the rows are the first half times powers of two, all mixed."""
    import numpy as np

    weight = random.integers(-2047, 2048, (units, columns), np.int16).astype(np.float32)
    weight /= 1024
    bias = random.integers(-2047, 2048, units).astype(np.float32) / 1024
    if merge:
        order, half = random.permutation(units), units // 2
        ratio = np.exp2(random.integers(-3, 4, half)).astype(np.float32)
        for v, w, c in zip(order[:half], order[half:], ratio, strict=True):
            weight[w], bias[w] = weight[v] * c, bias[v] * c
    return weight, bias


def process(*arguments, runs=1):
    """The answer of a command, its CPU seconds, and the most memory it had, in MiB: medians of so many runs."""
    answers, seconds, memory = zip(*(once(*arguments) for _ in range(runs)), strict=True)
    return answers[-1], statistics.median(seconds), statistics.median(memory)


def once(*arguments):
    """One run of a command."""
    # What a child reports includes what this process has; it imports next to nothing.
    child = subprocess.Popen([sys.executable, *map(str, arguments)], stdout=subprocess.PIPE)
    answer = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{arguments}: exit code {child.returncode}")
    return answer, round(used.ru_utime + used.ru_stime, 2), round(used.ru_maxrss / 1024, 1)


def measured(name, source, folder, engine="fast", checks=True, runs=1):
    """One row: reduce, and check by itself."""
    target = folder / "reduced.onnx"
    found = {"network": name, "engine": engine, "file_mib": round(size_of(source) / 2**20, 1)}
    limits = ("--max-unpacked", BOUND)
    command = ("-m", "exactlump", "reduce", source, target, "--engine", engine, "--json", *limits)
    answer, cpu, memory = process(*command, runs=runs)
    report = json.loads(answer)
    assert report["verdict"] == "equivalent"
    found |= {key: report[key] for key in ("neurons", "parameters", "nonzeros")}
    found |= {"reduce_s": cpu, "reduce_mib": memory}
    if checks:
        proof = f"{target}.cert.json"
        checker = Path(__file__).parents[1] / "exactlump" / "check.py"
        answer, cpu, memory = process("-I", checker, source, target, proof, "--json", *limits, runs=runs)
        assert json.loads(answer)["verdict"] == "equivalent"
        found |= {"check_s": cpu, "check_mib": memory, "certificate_mib": round(os.path.getsize(proof) / 2**20, 2)}
    found["sha256"] = {file.name: hashed(file) for file in sorted(folder.glob("reduced.onnx*"))}
    for name in found["sha256"]:
        (folder / name).unlink()
    print(json.dumps(found), file=sys.stderr)
    return found


def hashed(path):
    """The SHA-256 of a file."""
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            total.update(part)
    return total.hexdigest()


def size_of(path):
    """Bytes of a model and of the data beside it."""
    return sum(os.path.getsize(p) for p in (path, Path(f"{path}.data")) if p.exists())


def generated(sizes, folder, *, keep=False, **options):
    """One row of a generated network, whose file may be kept."""
    path = folder / "planted.onnx"
    process("-m", "benchmarks.large", "--make", json.dumps(sizes), "--folder", folder)
    found = measured("-".join(map(str, sizes)), path, folder, **options)
    for file in () if keep else folder.glob("planted.onnx*"):
        file.unlink()
    return found


def growth(folder):
    """Networks of four sizes."""
    return [generated((784, n, n, 10), folder, runs=3) for n in GROWTH]


def engines(folder):
    """Both engines: the command with reading, writing and checking, and `reduce` alone."""
    rows = []
    for engine in ("fast", "exact"):
        rows.append(generated((784, 1024, 1024, 10), folder, engine=engine, checks=False, keep=True))
        answer, _, _ = process("-m", "benchmarks.large", "--time", engine, "--folder", folder)
        rows[-1]["reduce_alone_s"] = json.loads(answer)
    return rows


def timed(path, engine, runs=5):
    """The median of the CPU seconds of `reduce`, of a network that is in memory; run in a process of its own."""
    from exactlump import read, reduce

    network, seconds = read(path), []
    for _ in range(runs):
        start = time.process_time()
        reduce(network, engine=engine)
        seconds.append(time.process_time() - start)
    return round(statistics.median(seconds), 3)


def lattice(folder):
    """Public lattice networks, as they are packed; [] where they are not there."""
    paths = [LATTICES / name for name in NAMES]
    return [measured(path.name.split("_m=")[0], path, folder) for path in paths if path.exists()]


def huge(folder):
    """One network of 201 million weights."""
    return [generated(HUGE, folder)]


SECTIONS = {"growth": growth, "engines": engines, "lattice": lattice, "huge": huge}


def exponent(rows, key):
    """The power of the number of weights that a time grows with, from the first to the last size."""
    first, last = rows[0], rows[-1]
    weights = last["parameters"]["before"] / first["parameters"]["before"]
    return math.log(last[key] / first[key]) / math.log(weights)


def table(rows):
    """The rows in Markdown."""
    lines = [
        "| network | engine | weights | not zero | file, MiB | hidden neurons | reduce, s | reduce, MiB | check, s "
        "| check, MiB | certificate, MiB |",
        "|---" * 11 + "|",
    ]
    for row in rows:
        neurons = f"{row['neurons']['before']} -> {row['neurons']['after']}"
        weights = [f"{row[key]['before']:,}" for key in ("parameters", "nonzeros")]
        times = [row.get(key, "") for key in ("reduce_s", "reduce_mib", "check_s", "check_mib", "certificate_mib")]
        cells = [row["network"], row["engine"], *weights, row["file_mib"], neurons, *times]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def words(found):
    """The report in Markdown."""
    lines = [f"`{found['command']}`: {found['machine']}.", ""]
    lines += ["CPU seconds and peak resident memory of one process each; `reduce` includes a check.", ""]
    for section, rows in ((name, found.get(name, [])) for name in SECTIONS):
        if rows:
            lines += [f"## {section}", "", table(rows), ""]
    if found.get("growth"):
        powers = [f"{exponent(found['growth'][1:], key):.2f} ({key[:-2]})" for key in ("reduce_s", "check_s")]
        lines.append(
            f"`growth`: medians of 3 runs. Time grows with the number of weights to the power {', '.join(powers)},"
        )
        lines.append("from the second to the last size.")
    if found.get("engines"):
        fast, exact = found["engines"]
        alone, whole = (exact[key] / fast[key] for key in ("reduce_alone_s", "reduce_s"))
        times = f"{fast['reduce_alone_s']} and {exact['reduce_alone_s']} s, {alone:.0f} times as long"
        lines.append(f"`exactlump.reduce` alone at n = 1024, fast and exact engine: {times};")
        same = "the same" if fast["sha256"] == exact["sha256"] else "DIFFERENT"
        lines.append(f"the command with reading, writing and checking: {whole:.1f} times as long; {same} bytes.")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description="CPU time and memory of reducing and checking large networks")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], default=[])
    parser.add_argument("--folder", type=Path, help="where networks are written; default: a temporary folder")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--make", help=argparse.SUPPRESS)
    parser.add_argument("--time", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(json.loads(options.make), options.folder / "planted.onnx")
        return
    if options.time:
        print(timed(options.folder / "planted.onnx", options.time))
        return
    names = options.sections or list(SECTIONS)
    raw = options.out.with_suffix(".json")
    found = json.loads(raw.read_text(encoding="utf-8")) if options.sections and raw.exists() else {}
    found["command"] = "python -m benchmarks.large"
    found["machine"] = f"{platform.machine()}, Python {platform.python_version()}"
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name in names:
            found[name] = SECTIONS[name](Path(folder))
    raw.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    options.out.with_suffix(".md").write_text(words(found), encoding="utf-8")


if __name__ == "__main__":
    main()
