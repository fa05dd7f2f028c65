# SPDX-License-Identifier: Apache-2.0
"""This file is about what it costs to prove two networks equal: with a certificate, or as a whole without one.

    python -m benchmarks.solvers [--limit 60] [--out benchmarks/results/solvers.md]

Two tables.  First, random 5-w-w-1 ReLU classifiers against their exact lumped copies 5-w/2-w/2-1: seconds of wall time
until a limit is met, after which wider ones are not tried; Marabou's too, where `pip install maraboupy` was done.
Second, dense classifiers 784-n-n-10 with half of their hidden neurons merged: CPU seconds of `prove`, scripts and their
hashes included, in one process per solver.
"""

import argparse
import functools
import platform
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import onnx
from onnx import numpy_helper

import exactlump
from benchmarks import marabou
from benchmarks.scaling import planted
from exactlump import Obligations, check_files, prove_files, read_certificate
from exactlump.smt.prove import prove
from exactlump.smt.solve import version

WIDTHS = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
SIZES = ((784, 64, 64, 10), (784, 128, 128, 10), (784, 256, 256, 10), (784, 512, 512, 10))
STATEMENTS = """\
What each column proves, over the reals and for every input: `check` and `prove`, that the certificate's relation
holds at every node of both networks, hence that the networks are equal (Theorem 1); they need the certificate, which
`reduce` writes. The whole-network columns of Z3 and cvc5 ask whether any input gives different outputs, and need
nothing but the networks. Marabou's columns ask less: whether some output differs by 10^-6, or 10^-3, or more at an
input of [-1, 1]^5, in floats, with its default options; *false witness*: it names an input at which they do not,
evaluated exactly.
"""


def planted_files(folder, sizes, nudge=False):
    """A planted network, its exact quotient and the certificate; or with one weight of the original changed."""
    name = "-".join(map(str, sizes))
    source, target = folder / f"{name}.onnx", folder / f"{name}.json"
    model = planted(sizes)
    onnx.save(model, source)
    done = exactlump.reduce_file(source, target, weights="exact", overwrite=True)
    if nudge:
        tensor = next(t for t in model.graph.initializer if t.name == "w2")
        weight = numpy_helper.to_array(tensor).copy()
        weight[3, 5] += 2.0**-10
        tensor.CopyFrom(numpy_helper.from_array(weight, "w2"))
        onnx.save(model, source)
    return source, target, done.certificate


def seconds(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def race(files, limit, gave_up):
    """One row of the first table; a column whose limit was met is not tried again."""
    columns = {
        "check": lambda: check_files(*files),
        "prove z3": lambda: prove_files(*files, solvers=("z3",)),
        "prove cvc5": lambda: prove_files(*files, solvers=("cvc5",)),
        "z3, whole": lambda: prove_files(*files, solvers=("z3",), form="monolithic", seconds=limit),
        "cvc5, whole": lambda: prove_files(*files, solvers=("cvc5",), form="monolithic", seconds=limit),
    }
    answers = {column: lambda work=work: work().verdict for column, work in columns.items()}
    if marabou.version():
        networks = [exactlump.read(path) for path in files[:2]]
        for exponent in (6, 3):
            epsilon = Fraction(1, 10**exponent)
            ask = functools.partial(marabou.difference, *networks, epsilon, limit)
            answers[f"Marabou, box, 10^-{exponent}"] = ask
    row = {}
    for column, answer in answers.items():
        if column in gave_up:
            row[column] = ""
            continue
        spent, verdict = seconds(answer)
        row[column] = f"{spent:.3f}" if verdict == "equivalent" else verdict
        if verdict == "unknown" or spent > limit:
            gave_up.add(column)
    return row


def layerwise(files, solver, form):
    """CPU seconds of one proof in this process, and the proof."""
    claimed = read_certificate(files[2])
    networks = [exactlump.read(path) for path in files[:2]]
    start = time.process_time()
    with ThreadPoolExecutor(1) as executor:
        proof = prove(*networks, Obligations(*networks, claimed, form), [solver], executor=executor)
    return time.process_time() - start, proof


def table(rows):
    heads = list(rows[0])
    lines = [heads, ["---"] * len(heads), *([str(row[head]) for head in heads] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def first_table(folder, limit):
    gave_up, rows = set(), []
    for width in WIDTHS:
        files = planted_files(folder, (5, width, width, 1))
        rows.append({"w": width, **race(files, limit, gave_up)})
        print(rows[-1], flush=True)
    return rows


def second_table(folder):
    rows = []
    for sizes in SIZES:
        files = planted_files(folder, sizes)
        row = {"network": "-".join(map(str, sizes)), "weights": exactlump.read(files[0]).nonzeros}
        for solver, form in (("z3", "decomposed"), ("z3", "direct"), ("cvc5", "decomposed")):
            spent, proof = layerwise(files, solver, form)
            assert proof.verdict == "equivalent"
            row["obligations"] = proof.obligations
            row[f"{solver}, {form}"] = f"{spent:.2f}"
        rows.append(row)
        print(row, flush=True)
    return rows


def one_wrong(folder):
    """What is refuted when one weight of a live row of the largest network is changed by one unit of its grid."""
    source, target, certificate = planted_files(folder, SIZES[-1], nudge=True)
    claimed = read_certificate(certificate)
    networks = [exactlump.read(path) for path in (source, target)]
    with ThreadPoolExecutor(1) as executor:
        proof = prove(*networks, Obligations(*networks, claimed), executor=executor)
    return proof.obligations, [finding.obligation.claim for finding in proof.open]


def report(options, folder):
    first, second = first_table(folder, options.limit), second_table(folder)
    count, wrong = one_wrong(folder)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    versions = f"Python {platform.python_version()}, z3 {version('z3')}, cvc5 {version('cvc5')}, {platform.machine()}"
    versions += f", maraboupy {marabou.version()}" if marabou.version() else "; Marabou was not installed"
    return f"""# Proving two networks equal

`python -m benchmarks.solvers --limit {options.limit:g}`, one run on a shared machine; {versions}.

## With a certificate, and without

Random 5-w-w-1 ReLU networks against their exact lumped copies 5-w/2-w/2-1. Wall seconds; limit {options.limit:g} s;
empty: not tried, as the width before it was not answered in time.

{STATEMENTS}
{table(first)}

## Growth

Dense 784-n-n-10 with half of the hidden neurons merged, against the exact quotient: CPU seconds of `prove` in one
process, from the networks in memory to the verdict, all scripts and their hashes included. Largest memory of this
program: {memory} MiB.

{table(second)}

One weight of the second layer of 784-512-512-10 changed by 2^-10: {len(wrong)} of {count} obligations refuted:
{"; ".join(wrong)}.
"""


def main():
    parser = argparse.ArgumentParser(description="Seconds to prove two networks equal")
    parser.add_argument("--limit", type=float, default=60.0, metavar="S")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        words = report(options, Path(folder))
    print(words)
    if options.out:
        options.out.write_text(words, encoding="utf-8")


if __name__ == "__main__":
    main()
