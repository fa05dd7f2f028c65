# SPDX-License-Identifier: Apache-2.0
"""This file is about files and the same files through optimisers: what `refute` answers of each pair.

    python -m benchmarks.optimisers [--tools PYTHON] [--only PATTERN] [--out benchmarks/results/optimisers]

The files are 24 of the designs of `torch_designs.py`, as PyTorch exports them by tracing with a dynamic batch, without
its own folding.  --tools names a Python that has onnxsim, onnxslim and onnxoptimizer, of which those are left out that
it does not have.  An answer `equivalent` has a certificate, which `check.py` has accepted.
"""

import argparse
import contextlib
import io
import logging
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import onnx
import onnxruntime
import torch

import exactlump
from benchmarks.torch_designs import designs

RESULTS = Path(__file__).parent / "results" / "optimisers"
DESIGNS = (
    *("MLP, ReLU", "MLP, SiLU", "MLP, GELU", "MLP, GELU by tanh", "MLP, Softplus", "MLP, Mish"),
    *("MLP, Hardswish and ReLU6", "MLP, BatchNorm1d", "MLP, LayerNorm", "MLP, RMS norm", "MLP, two heads"),
    *("MLP, two inputs", "MLP, residual", "MLP on sequences", "dueling", "SwiGLU", "maxout"),
    *("CNN, view", "CNN, BatchNorm2d", "CNN, residual", "CNN, depthwise", "CNN, zero padding apart"),
    *("CNN, upsampled nearest", "Conv1d, causal"),
)
# What makes the second file, in a Python that has the package: two paths come behind the program.
PROGRAMS = {
    "onnxsim": "import onnx, onnxsim; m, ok = onnxsim.simplify(onnx.load(a)); assert ok; onnx.save(m, b)",
    "onnxslim": "import onnx, onnxslim; onnx.save(onnxslim.slim(onnx.load(a)), b)",
    "onnxoptimizer": "import onnx, onnxoptimizer; onnx.save(onnxoptimizer.optimize(onnx.load(a)), b)",
}
# Operators that optimisers replace by others with rounded numbers, which compute something else.
ROUNDED = {
    "BatchNormalization": "batch normalisation folded",
    "HardSwish": "HardSwish spelled out, with 1/6 as a float32",
}
HEAD = "import sys; a, b = sys.argv[1:]; "


def exported(name: str, path: Path) -> bool:
    """Write the file of a design; whether its exporter does."""
    torch.manual_seed(0)
    module, inputs = designs()[name]()
    names = [f"x{i}" for i in range(len(inputs))]
    how = {"input_names": names, "dynamic_axes": {n: {0: "batch"} for n in names}, "do_constant_folding": False}
    with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(module.eval(), inputs, str(path), dynamo=False, **how)  # type: ignore[arg-type]
    return path.exists()


def by_tools(program: str, tools: str | None) -> Callable[[Path, Path], str]:
    """How a package makes the second file."""

    def make(original: Path, path: Path) -> str:
        if tools is None:
            return "left out"
        words = [tools, "-c", HEAD + program, str(original), str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return "" if path.exists() else f"not made: {(done.stderr.strip().splitlines() or ['?'])[-1][:80]}"

    return make


def by_runtime(original: Path, path: Path) -> str:
    """What onnxruntime saves after its basic optimiser."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(original), options, providers=["CPUExecutionProvider"])
    return ""


def answer(original: Path, path: Path) -> str:
    """What `refute` says of two files."""
    try:
        found = exactlump.refute(original, path, seconds=20)
    except exactlump.ExactlumpError as error:
        return f"refused: {str(error).partition(': ')[2].partition(';')[0][:100]}"
    before, after = ({node.op_type for node in onnx.load(file).graph.node} for file in (original, path))
    gone = ", ".join(words for op, words in ROUNDED.items() if op in before - after)
    return f"{found.verdict}{f' ({gone})' if gone else ''}"


def table(records: dict[str, dict[str, str]], tools: list[str]) -> str:
    """The answers as Markdown, a line for each file."""
    lines = [f"| file | {' | '.join(tools)} |", f"|{'---|' * (1 + len(tools))}"]
    lines += [
        f"| {name} | {' | '.join(found[t].replace('|', ' ') for t in tools)} |" for name, found in records.items()
    ]
    return "\n".join(lines) + "\n"


def summary(records: dict[str, dict[str, str]], seconds: float) -> str:
    """The answers, counted."""
    every = [words.partition(":")[0] for found in records.values() for words in found.values()]
    counts = Counter(word for word in every if word not in ("left out", "not made"))
    words = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return f"{sum(counts.values())} pairs of {len(records)} files: {words}. {seconds:.0f} s of CPU.\n"


def main() -> None:
    """Export, optimise, ask, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", metavar="PYTHON")
    parser.add_argument("--only", default="*", metavar="PATTERN")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    logging.disable()
    makers: dict[str, Callable[[Path, Path], str]] = {
        name: by_tools(program, options.tools) for name, program in PROGRAMS.items()
    }
    makers["onnxruntime, basic"] = by_runtime
    records, start = dict[str, dict[str, str]](), time.process_time()
    for name in DESIGNS:
        if not fnmatch(name, options.only):
            continue
        with tempfile.TemporaryDirectory() as folder:
            original = Path(folder) / "original.onnx"
            exported(name, original)
            records[name] = {}
            for i, (tool, make) in enumerate(makers.items()):
                path = Path(folder) / f"optimised_{i}.onnx"
                records[name][tool] = make(original, path) or answer(original, path)
        print(name, records[name], file=sys.stderr, flush=True)
    versions = f"PyTorch {torch.__version__}, onnxruntime {onnxruntime.__version__}, Python {platform.python_version()}"
    head = f"# Optimisers\n\n`python -m benchmarks.optimisers --tools PYTHON`, {versions}.\n\n"
    said = summary(records, time.process_time() - start)
    options.out.with_suffix(".md").write_text(head + said + "\n" + table(records, [*makers]), encoding="utf-8")
    print(said, end="")


if __name__ == "__main__":
    main()
