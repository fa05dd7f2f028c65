# SPDX-License-Identifier: Apache-2.0
"""This file is about what must not change by itself: everything that is written about many networks, as hashes.

    python -m benchmarks.outputs OUT.json [--data ../shared/data] [--limit 300] [--jobs 2] [--against BEFORE.json]

The bundled networks and every model file below the folder of real networks are reduced by the command line, each in a
process of its own.  Recorded are the first word of the verdict, the exit code, and the SHA-256 of the network, of the
certificate (its producer left out), of all obligations, and of the text for the extracted checker.  With --against, the
files whose records differ are listed, and the exit code is 1 if there are any.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import exactlump

BUNDLED = Path(exactlump.__file__).parent / "networks"
DATA = Path(__file__).parents[2] / "shared" / "data"
SUFFIXES = (".onnx", ".onnx.gz", ".nnet", ".json")
# Obligations and text of larger networks are left out: gigabytes of them.
MOST_WEIGHTS = 500_000


def models(data):
    """The name and the place of each network, sorted; a file without weights is no network."""
    places = {f"bundled/{path.name}": path for path in sorted(BUNDLED.glob("*.*"))}
    found = sorted(path for path in data.rglob("*") if path.is_file() and path.name.endswith(SUFFIXES))
    return places | {str(path.relative_to(data)): path for path in found}


def sha256(parts):
    """The hash of texts, in order."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part.encode())
    return total.hexdigest()


def exactlump_says(limit, *arguments):
    """The exit code, and the first word of the verdict or of the complaint."""
    command = [sys.executable, "-m", "exactlump", *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return None, f"not done after {limit:g} s"
    words = done.stdout.split(":")[0].split() if done.stdout else done.stderr.strip().split(": ")[-1:]
    return done.returncode, words[0] if words else ""


def record(place, limit):
    """What becomes of one network."""
    with tempfile.TemporaryDirectory() as folder:
        suffix = next(suffix for suffix in reversed(SUFFIXES) if place.name.endswith(suffix))
        target = Path(folder) / f"out{'.onnx' if suffix == '.onnx.gz' else suffix}"
        code, verdict = exactlump_says(limit, "reduce", place, target)
        found = {"exit": code, "verdict": verdict}
        if code == 0:
            proof = target.with_name(f"{target.name}.cert.json")
            document = json.loads(proof.read_text(encoding="utf-8")) | {"producer": ""}
            found["network"] = hashlib.sha256(target.read_bytes()).hexdigest()
            found["certificate"] = sha256([json.dumps(document, sort_keys=True)])
            if place.stat().st_size < 8 * MOST_WEIGHTS:
                found["obligations"] = _obligations(limit, place, target, proof)
                found["text"] = _text(limit, place, target, proof)
    return found


def _obligations(limit, place, target, proof):
    """The hash of what solvers are asked, as a process of its own makes it."""
    return _own_process(limit, "obligations", place, target, proof)


def _text(limit, place, target, proof):
    """The hash of the text for the extracted checker; the exit code where there is none."""
    written = target.with_name("text")
    code, _ = exactlump_says(limit, "export", place, target, proof, "-o", written)
    return hashlib.sha256(written.read_bytes()).hexdigest() if code == 0 else f"exit {code}"


def _own_process(limit, *arguments):
    command = [sys.executable, "-m", "benchmarks.outputs", *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return f"not done after {limit:g} s"
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def print_obligations(place, target, proof):
    """What `record` asks of a process of its own."""
    networks = [exactlump.read(path) for path in (place, target)]
    if sum(network.nonzeros for network in networks) > MOST_WEIGHTS:
        print("too many weights")
        return
    plan = exactlump.Obligations(*networks, exactlump.read_certificate(proof))
    print(sha256(script.text for script in plan.scripts()))


def main():
    """Write the records, and compare them with older ones."""
    if sys.argv[1:2] == ["obligations"]:
        print_obligations(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--limit", type=float, default=300, help="seconds for a step")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--against", type=Path, help="an earlier OUT.json")
    options = parser.parse_args()
    places = models(options.data)
    with ThreadPoolExecutor(options.jobs) as executor:
        records = executor.map(lambda place: record(place, options.limit), places.values())
        found = dict(zip(places, records, strict=True))
    options.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{len(found)} networks, {sum(entry['exit'] == 0 for entry in found.values())} reduced", file=sys.stderr)
    if options.against is not None:
        before = json.loads(options.against.read_text(encoding="utf-8"))
        changed = [name for name in sorted(before | found) if before.get(name) != found.get(name)]
        for name in changed:
            print(f"{name}: {before.get(name)} -> {found.get(name)}")
        sys.exit(bool(changed))


if __name__ == "__main__":
    main()
