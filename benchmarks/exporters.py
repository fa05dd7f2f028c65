# SPDX-License-Identifier: Apache-2.0
"""This file is about what PyTorch's exporters write: small designs, both exporters, a dynamic batch; what is read.

    python -m benchmarks.exporters [--only PATTERN] [--out benchmarks/results/exporters]

Each design of `torch_designs.py` is exported by `torch.onnx.export`, by tracing (TorchScript) and by its newer exporter
(dynamo; needs onnxscript), reduced, its certificate checked by `check.py` alone, and run in onnxruntime beside the
original.  Affine layers are convolutions and matrix products with constant weights in the exported file.
"""

import argparse
import contextlib
import io
import json
import logging
import platform
import sys
import tempfile
import warnings
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import onnx
import torch

import exactlump
from benchmarks.packages import affine_layers, differ
from benchmarks.torch_designs import Design, Of, designs

RESULTS = Path(__file__).parent / "results" / "exporters"
EXPORTERS = {"TorchScript": False, "dynamo": True}


def exported(design: Design, path: Path, dynamo: bool) -> str:
    """Write the ONNX file of a design whose batch is free; why not, where the exporter fails."""
    module, inputs = design
    names = [f"x{i}" for i in range(len(inputs))]
    free = tuple({0: torch.export.Dim("batch") if dynamo else "batch"} for _ in inputs)
    how: dict[str, Any] = {"dynamic_axes": dict(zip(names, free, strict=True))}
    if dynamo:
        how = {"dynamic_shapes": (free,) if isinstance(module, Of) else free}
    try:
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
            torch.onnx.export(module.eval(), inputs, str(path), input_names=names, dynamo=dynamo, **how)
    except Exception as error:  # noqa: BLE001 whatever an exporter raises
        return f"not exported: {(str(error).splitlines() or [type(error).__name__])[0][:80]}"
    return ""


def record(design: Design, dynamo: bool, folder: Path) -> dict[str, Any]:
    """All about one design and one exporter."""
    path, target = folder / "in.onnx", folder / "out.onnx"
    if why := exported(design, path, dynamo):
        return {"exported": False, "why": why}
    found: dict[str, Any] = {"exported": True, "opset": onnx.load(path).opset_import[0].version}
    try:
        done = exactlump.reduce_file(path, target, overwrite=True)
    except exactlump.ExactlumpError as error:
        return {**found, "why": str(error).replace(f"{path}: ", "")}
    verdict = exactlump.check_files(path, done.reduced, done.certificate).verdict
    understood, affine, opaque = affine_layers(path)
    return {
        **found,
        "checked": verdict == "equivalent",
        "before": done.reduction.original.neurons,
        "after": done.reduction.reduced.neurons,
        "understood": understood,
        "affine": affine,
        "opaque": opaque,
        "runs": differ(path, target),
    }


def table(records: dict[str, dict[str, Any]]) -> str:
    """The records as Markdown."""
    lines = ["| design | exporter | units | affine layers understood | opaque | difference in float32 |"]
    lines.append("|---|---|---|---|---|---|")
    for key, r in records.items():
        name, exporter = key.rsplit("/", 1)
        if "why" in r:
            lines.append(f"| {name} | {exporter} | {r['why'][:160].replace('|', ' ')} | | | |")
            continue
        opaque = ", ".join(f"{count} {op.split(':')[-1]}" for op, count in sorted(r["opaque"].items()))
        cells = (f"{r['before']} -> {r['after']}", f"{r['understood']} of {r['affine']}", opaque, r["runs"])
        lines.append(f"| {name} | {exporter} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def summary(records: dict[str, dict[str, Any]]) -> str:
    """The records in a sentence."""
    files = [r for r in records.values() if r["exported"]]
    done = [r for r in files if "why" not in r]
    understood, affine = (sum(r[key] for r in done) for key in ("understood", "affine"))
    far = sum(not r["runs"][:1].isdigit() or float(r["runs"]) > 1e-4 for r in done)
    return (
        f"{len(records)} exports of {len({key.rsplit('/', 1)[0] for key in records})} designs, of which {len(files)} "
        f"gave a file: {len(done)} reduced, {sum(r['checked'] for r in done)} with a certificate that the checker "
        f"accepts. Of {affine} affine layers in those, {understood} are understood. {far} of the written files do not "
        "run, or differ by more than 1e-4 of the largest output.\n"
    )


def main() -> None:
    """Export, reduce, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="*", metavar="PATTERN")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    logging.disable()
    records = dict[str, dict[str, Any]]()
    for name, make in designs().items():
        for exporter, dynamo in EXPORTERS.items():
            key = f"{name}/{exporter}"
            if fnmatch(key, options.only):
                torch.manual_seed(0)
                with tempfile.TemporaryDirectory() as folder:
                    records[key] = record(make(), dynamo, Path(folder))
                print(key, records[key], file=sys.stderr, flush=True)
    versions = f"PyTorch {torch.__version__}, Python {platform.python_version()}"
    head = f"`python -m benchmarks.exporters`, {versions}.\n\n"
    options.out.with_suffix(".json").write_text(json.dumps(records, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    options.out.with_suffix(".md").write_text(head + summary(records) + "\n" + table(records), encoding="utf-8")
    print(summary(records), end="")


if __name__ == "__main__":
    main()
