# SPDX-License-Identifier: Apache-2.0
"""This file is about `prove` with both solvers on the reductions of real networks: which obligations are discharged.

    python -m benchmarks.prove_all [--limit 60] [--data ../shared/data] [--out benchmarks/results/prove_all.md]

The bundled networks; where the folder of real networks is there, also the twin networks, lattices, ACAS Xu networks
whose hidden neurons are doubled first, and networks on images: one that reduces, and others that are widened first
(tests/widening.py).  Each is reduced, checked, and proved with z3 and, but for images, with cvc5, in one process: CPU
seconds, from the networks in memory to the verdict, scripts and their hashes included.
"""

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import exactlump
from benchmarks.verified import doubled
from exactlump import Obligations, check_files, read_certificate
from exactlump.smt.discharge import Limits
from exactlump.smt.prove import prove
from exactlump.smt.solve import SOLVERS, version
from tests.widening import widen

BUNDLED = sorted((Path(exactlump.__file__).parent / "networks").glob("*.*"))
DATA = Path(__file__).parents[2] / "shared" / "data"
REAL = {
    "lumpable/twin/*.nnet": 27,
    "lumpable/tll/*_[0-3]_[0-3].onnx.gz": 10,
    "acasxu/onnx/ACASXU_run2a_1_[1-5]_*.onnx": 5,
    "acasxu/nnet/ACASXU_run2a_[1-3]_1_*.nnet": 3,
}
IMAGES = (
    "residual_bn/residual_block_clean.onnx",
    "conv/model.onnx",
    "conv/Convnet_maxpool.onnx",
    "conv/Convnet_avgpool.onnx",
    "conv/cnn_max_mninst2.onnx",
    "residual_bn/resnet_2b.onnx",
)


def models(data, folder):
    """The networks, doubled ones written into a folder."""
    yield from BUNDLED
    for pattern, count in REAL.items():
        found = sorted(data.glob(pattern))
        if len(found) != count:
            print(f"{data}/{pattern}: found {len(found)} networks, expected {count}", file=sys.stderr)
        for path in found:
            if pattern.startswith("acasxu"):
                network = doubled(exactlump.read(path))
                path = folder / f"doubled_{path.stem}{'.onnx' if path.suffix == '.onnx' else '.json'}"
                exactlump.write(network, path)
            yield path


def images(data, folder):
    """The networks on images, widened ones written into a folder; the first is as it is."""
    for i, name in enumerate(IMAGES):
        path = data / name
        if not path.exists():
            print(f"{path}: not found", file=sys.stderr)
            continue
        if i:
            network, path = widen(exactlump.read(path)), folder / f"widened_{path.name}"
            exactlump.write(network, path)
        yield path


def cpu(work):
    """CPU seconds of all threads of this process, and the result."""
    start = time.process_time()
    result = work()
    return round(time.process_time() - start, 3), result


def proved(files, solver, limit):
    """What one solver finds, and in how many CPU seconds."""
    claimed = read_certificate(files[2])
    networks = [exactlump.read(path) for path in files[:2]]

    def work():
        plan = Obligations(*networks, claimed)
        with ThreadPoolExecutor(1) as executor:
            return prove(*networks, plan, [solver], executor=executor, limits=Limits(limit))

    seconds, proof = cpu(work)
    return {
        "verdict": proof.verdict,
        "obligations": proof.obligations,
        "discharged": proof.discharged,
        "cpu_s": seconds,
        "open": [finding.json for finding in proof.open],
    }


def measured(path, folder, limit, solvers=SOLVERS):
    """One row: a network reduced, checked and proved."""
    target = folder / f"small{'.onnx' if path.suffix == '.gz' else path.suffix}"
    reduce_s, done = cpu(lambda: exactlump.reduce_file(path, target, overwrite=True))
    files = (path, target, done.certificate)
    check_s, verdict = cpu(lambda: check_files(*files))
    original, reduced = done.reduction.original, done.reduction.reduced
    return {
        "network": path.name,
        "nonzeros": [original.nonzeros, reduced.nonzeros],
        "neurons": [original.neurons, reduced.neurons],
        "reduce_s": reduce_s,
        "check": {"verdict": verdict.verdict, "cpu_s": check_s},
        **{solver: proved(files, solver, limit) for solver in solvers},
    }


def line(row):
    """A row of the table; what is not discharged is said in place of the seconds."""
    answers = [row[solver] for solver in SOLVERS if solver in row]
    words = [
        f"{a['cpu_s']:.2f}" if a["verdict"] == "equivalent" else f"{a['verdict']}, {a['discharged']} discharged"
        for a in answers
    ]
    sizes = [f"{before:,} -> {after:,}" for before, after in (row["nonzeros"], row["neurons"])]
    checked = f"{row['check']['cpu_s']:.2f}" if row["check"]["verdict"] == "equivalent" else row["check"]["verdict"]
    cells = (row["network"], *sizes, answers[0]["obligations"], checked, *words)
    return f"| {' | '.join(map(str, cells))} |"


def summary(rows):
    """How many obligations there are, and how many each solver discharged."""
    total = sum(row["z3"]["obligations"] for row in rows)
    words = [
        f"{solver} discharged {sum(row[solver]['discharged'] for row in rows):,} of them "
        f"in {sum(row[solver]['cpu_s'] for row in rows):.1f} CPU seconds"
        for solver in (solver for solver in SOLVERS if solver in rows[0])
    ]
    agreed = sum(row["check"]["verdict"] == "equivalent" for row in rows)
    return f"{len(rows)} networks, {agreed} accepted by `check`; {total:,} obligations: {'; '.join(words)}."


def table(rows):
    """Rows that were put to the same solvers."""
    solvers = [solver for solver in SOLVERS if solver in rows[0]]
    heads = ("network", "weights", "hidden", "obligations", "check, s", *(f"{solver}, s" for solver in solvers))
    return [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *map(line, rows), ""]


def page(rows, machine):
    """The table with what is measured, where and how."""
    flat, seen = ([row for row in rows if (SOLVERS[1] in row) == both] for both in (True, False))
    return "\n".join(
        [
            "# Every reduction, proved with both solvers",
            "",
            f"`{machine['command']}` on {machine['system']}, {machine['versions']};",
            "one run, other work on the machine.",
            "",
            f"Each script has {machine['limit']:g} seconds. Decomposed form. CPU seconds of one process; `prove` from",
            "the networks in memory to the verdict, scripts and their hashes included. weights count biases too, but",
            "no zeros. doubled: each hidden neuron of that network doubled by an exact widening.",
            "",
            summary(flat),
            f"Largest memory of the whole run: {machine['memory']} MiB.",
            "",
            *table(flat),
            *(_images(seen) if seen else ()),
        ]
    )


def _images(rows):
    return [
        "## Networks on images",
        "",
        "hidden: channels and neurons. widened: copies with dyadic ratios, dead, constant and unobservable channels",
        "put into every layer, exactly, in a random order.",
        "",
        summary(rows),
        "",
        *table(rows),
    ]


def main():
    parser = argparse.ArgumentParser(description="prove with both solvers on the reductions of real networks")
    parser.add_argument("--limit", type=float, default=60.0, metavar="S", help="seconds for each script")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, help="a .md file; the same as .json beside it")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for path in models(options.data, Path(folder)):
            rows.append(measured(path, Path(folder), options.limit))
            print(line(rows[-1]), flush=True)
        for path in images(options.data, Path(folder)):
            rows.append(measured(path, Path(folder), options.limit, SOLVERS[:1]))
            print(line(rows[-1]), flush=True)
    machine = {
        "command": " ".join(["python -m benchmarks.prove_all", *sys.argv[1:]]),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": f"Python {platform.python_version()}, {', '.join(f'{s} {version(s)}' for s in SOLVERS)}",
        "limit": options.limit,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if options.out:
        options.out.write_text(page(rows, machine), encoding="utf-8")
        document = json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n"
        options.out.with_suffix(".json").write_text(document, encoding="utf-8")
    sys.exit(any(row[solver]["verdict"] != "equivalent" for row in rows for solver in SOLVERS if solver in row))


if __name__ == "__main__":
    main()
