# SPDX-License-Identifier: Apache-2.0
"""This file is about building the page that checks certificates in a browser: python docs/web/build.py OUT

OUT becomes a folder of static files: the page, exactlump/check.py and two files of the lessons as they are, examples
that are made here and now, and Python for browsers (Pyodide), which npm fetches once, at a pinned version whose hash is
compared.  Nothing of it is fetched from elsewhere when the page runs.
"""

import argparse
import base64
import hashlib
import importlib.util
import json
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from exactlump import Network, bound, maximum_lumping, reduce_file, verify, write  # noqa: E402
from exactlump.drawing import draw  # noqa: E402
from exactlump.formats import digest  # noqa: E402

PYODIDE = "314.0.7"
INTEGRITY = "sha512-0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
Z3 = "5.3.3.0"  # the wheel for the platform of this Pyodide
Z3_PLATFORM = "pyemscripten_2026_0_wasm32"
Z3_INTEGRITY = "sha256:9381d9516345f53b21a8f4df243c5d608e9625aac658c3fb3975457bad260f60"
PAGE = ("index.html", "page.css", "page.js", "query.js", "worker.js")
PYTHON = {  # where it stands in the page's own folder of Python, and in the project
    "exactlump/check.py": "exactlump/check.py",
    "examples/microlump.py": "examples/microlump.py",
    "docs/labs/forge.py": "docs/labs/forge.py",
    "bridge.py": "docs/web/bridge.py",
    "standin.py": "docs/web/standin.py",
}
QUERY = """; Is there an input on which g answers more than {0} above f, or more than {0} below it?
(vnnlib-version <2.0>)
(declare-network f
    (declare-input  X real [2])
    (declare-output Y real [1]))
(declare-network g
    (declare-input  U real [2])
    (declare-output V real [1]))
(assert (and (>= X[0] -1.0) (<= X[0] 1.0) (>= X[1] -1.0) (<= X[1] 1.0)))
(assert (== X[0] U[0]))
(assert (== X[1] U[1]))
(assert (or (> V[0] (+ Y[0] {0})) (< V[0] (- Y[0] {0}))))
"""
FIRST = Network.chain([[[1, 2], [3, 6], [2, -1], [0, 0]], [[1, 1, 1, 1]]], [[1, 3, 0, 0], [0]])


class CannotBuild(Exception):
    """Why there is no page: `place: what was found, what was expected`."""


class CannotFetch(CannotBuild):
    """Why something did not come from a registry."""


class Example(NamedTuple):
    """Three files that the page offers: its key in addresses, what it is, in words, and their names."""

    key: str
    title: str
    words: str
    files: tuple[str, str, str]


class Question(NamedTuple):
    """A query that the page offers, likewise: its file, those of its networks by their names, and a certificate."""

    key: str
    title: str
    words: str
    query: str
    networks: dict[str, str]
    certificate: str


def build(out: Path, package: Path | None = None, wheel: Path | None = None) -> tuple[int, str]:
    """Fill a folder, which is emptied first; returns the bytes in it, and what there is to say.

    package  the packed npm package, where somebody has it; else npm fetches it
    wheel    that of Z3, likewise; else pip fetches it, and where it cannot, the page has no lab 3
    Raises CannotBuild.
    """
    if out.exists() and any(out.iterdir()) and not (out / "pyodide").is_dir():
        raise CannotBuild(f"{out}: found a folder with other files, expected an empty one or an older page")
    note = ""
    with tempfile.TemporaryDirectory() as folder:
        packed = _demand_integrity(package or fetch(Path(folder)), INTEGRITY)
        try:
            solver = _demand_integrity(wheel or fetch_z3(Path(folder)), Z3_INTEGRITY)
        except CannotFetch as error:
            solver, note = None, f"without lab 3: {error}"
        shutil.rmtree(out, ignore_errors=True)
        unpack(packed, out / "pyodide")
        if solver is not None:
            shutil.copyfile(solver, out / "z3.whl")
    lay(out)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file()), note


def lay(out: Path) -> None:
    """Put into a folder all that the page is but Pyodide and Z3."""
    for name in PAGE:
        shutil.copyfile(ROOT / "docs" / "web" / name, out / name)
    for name, source in PYTHON.items():
        (out / "python" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, out / "python" / name)
    draw(FIRST, maximum_lumping(FIRST)).save(out / "first.svg")
    (out / "examples").mkdir()
    offered = [example._asdict() for example in examples(out / "examples")]
    asked = [question._asdict() for question in questions(out / "examples")]
    contents = {"examples": offered, "queries": asked, "z3": (out / "z3.whl").exists()}
    (out / "contents.json").write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")


# Python for browsers


def fetch(folder: Path) -> Path:
    """The npm package, packed, as npm brings it into a folder.  Raises CannotFetch."""
    npm = shutil.which("npm")
    if npm is None:
        raise CannotFetch("npm: not found, expected it, to fetch Pyodide once: sudo apt-get install npm")
    limits = ["--silent", "--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    return _fetched([npm, "pack", f"pyodide@{PYODIDE}", *limits], folder, "*.tgz")


def fetch_z3(folder: Path) -> Path:
    """The wheel of Z3 for browsers, as pip brings it into a folder.  Raises CannotFetch."""
    has_pip = importlib.util.find_spec("pip") is not None
    pip = [sys.executable, "-m", "pip"] if has_pip else [*filter(None, [shutil.which("pip3")])]
    if not pip:
        raise CannotFetch("pip: not found, expected it, to fetch Z3 for browsers")
    wanted = ["--no-deps", "--only-binary", ":all:", "--platform", Z3_PLATFORM, f"z3-solver=={Z3}"]
    return _fetched([*pip, "download", "--quiet", "--retries", "1", *wanted], folder, "*.whl")


def _fetched(command: list[str], folder: Path, pattern: str) -> Path:
    """The one file that a command brings into a folder."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        said = done.stderr.strip().split("\n")[-1][:200] or f"it ended with {done.returncode}"
    except subprocess.TimeoutExpired:
        said = "it took more than 300 s"
    found = [*folder.glob(pattern)]
    if len(found) != 1:
        words = " ".join([Path(command[0]).name, *command[1:]])
        raise CannotFetch(f"{words}: found no package ({said}), expected one: is a registry reachable?")
    return found[0]


def _demand_integrity(package: Path, expected: str) -> Path:
    """The package, if it is the one that is meant."""
    digest = hashlib.new(expected[:6], package.read_bytes())
    npm_word = f"sha512-{base64.b64encode(digest.digest()).decode()}"
    found = npm_word if expected.startswith("sha512") else f"sha256:{digest.hexdigest()}"
    if found != expected:
        raise CannotBuild(f"{package.name}: found {found}, expected {expected}")
    return package


def unpack(package: Path, folder: Path) -> None:
    """Of the package, the files that run Python without further packages."""
    folder.mkdir(parents=True)
    with tarfile.open(package) as archive:
        for name in RUNTIME:
            stream = archive.extractfile(f"package/{name}")
            if stream is None:
                raise CannotBuild(f"{package.name}: found no file {name}")
            (folder / name).write_bytes(stream.read())


# Examples


def examples(folder: Path) -> list[Example]:
    """What the page offers to try: made, and reduced or bounded, in a folder."""
    original = folder / "digits_l1.onnx"
    shutil.copyfile(ROOT / "exactlump" / "networks" / original.name, original)
    small, proof = folder / "digits_l1.small.onnx", folder / "digits_l1.small.onnx.cert.json"
    reduce_file(original, small)
    forged, forged_proof = folder / "tampered.small.onnx", folder / "tampered.small.onnx.cert.json"
    tamper(small, proof, forged, forged_proof)
    a, b, far = folder / "a.json", folder / "b.json", folder / "c.json"
    write(Network.chain([[[1]], [[1]]]), a)
    write(Network.chain([[["9/8"]], [[1]]]), b)
    write(Network.chain([[["5/4"]], [[1]]]), far)
    bound(a, b, (-1, 1), certificate=folder / "within.cert.json")
    bound(a, far, (-1, 1), epsilon="1/8", certificate=folder / "different.cert.json")
    return [
        Example(
            "digits_l1",
            "A digit classifier, reduced",
            "384 hidden neurons became 113. Is it the same function?",
            (original.name, small.name, proof.name),
        ),
        Example(
            "tampered",
            "The same, tampered with",
            "One weight of the reduced file was changed in its last bit, and the hashes in the certificate with it.",
            (original.name, forged.name, forged_proof.name),
        ),
        Example(
            "within",
            "A bound",
            "Two small networks that are not equal: how far apart are they on a box?",
            (a.name, b.name, "within.cert.json"),
        ),
        Example(
            "different",
            "A difference",
            "Two small networks, and a certificate that is an input at which they differ.",
            (a.name, far.name, "different.cert.json"),
        ),
    ]


def questions(folder: Path) -> list[Question]:
    """The queries that the page offers, with the certificate of an answer, made in a folder."""
    weights = {"f": 1, "g": "65/64"}
    for name, weight in weights.items():
        write(Network.chain([[[1, 1], [1, -1]], [[weight, 1]]]), folder / f"{name}.json")
    files = {name: f"{name}.json" for name in weights}
    query, other, proof = folder / "apart.vnnlib", folder / "closer.vnnlib", folder / "apart.query.json"
    query.write_text(QUERY.format("0.04"), encoding="utf-8")
    other.write_text(QUERY.format("0.03"), encoding="utf-8")
    found = verify(query, {name: folder / file for name, file in files.items()}, certificate=proof)
    if found.verdict != "unsat":
        raise CannotBuild(f"{query.name}: found {found.verdict}, expected unsat")
    document = json.loads(proof.read_text(encoding="utf-8"))
    document["query"] = hashlib.sha256(other.read_bytes()).hexdigest()
    forged = folder / "closer.query.json"
    forged.write_text(json.dumps(document), encoding="utf-8")
    return [
        Question(
            "query",
            "Two networks, 1/25 apart?",
            "Is there an input on which they differ by more than 0.04? No, says the certificate.",
            query.name,
            files,
            proof.name,
        ),
        Question(
            "forged-query",
            "The same, claimed of 3/100",
            "Somebody wrote 0.03 into the query, and its hash into the certificate. Is that true, too?",
            other.name,
            files,
            forged.name,
        ),
    ]


def tamper(small: Path, proof: Path, forged: Path, forged_proof: Path) -> None:
    """Change the last bit of the first weight that is not 0, and let the certificate name the changed file."""
    import onnx

    model = onnx.load(small)
    (weights,) = [tensor for tensor in model.graph.initializer if tensor.name == "layer1.weight"]
    numbers = list(struct.unpack(f"<{len(weights.raw_data) // 4}I", weights.raw_data))
    first = next(i for i, bits in enumerate(numbers) if bits << 1 & 0xFFFFFFFF)
    numbers[first] ^= 1
    weights.raw_data = struct.pack(f"<{len(numbers)}I", *numbers)
    onnx.save(model, forged)
    document = json.loads(proof.read_text(encoding="utf-8"))
    document["reduced"] |= {"sha256": digest(forged).sha256, "tensors": digest(forged).tensors}
    forged_proof.write_text(json.dumps(document), encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser("build", description="Build the page that checks certificates in a browser.")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--package", type=Path, metavar="TGZ", help=f"the npm package pyodide {PYODIDE}, packed")
    parser.add_argument("--wheel", type=Path, metavar="WHL", help=f"the wheel of z3-solver {Z3} for {Z3_PLATFORM}")
    options = parser.parse_args(argv)
    try:
        size, note = build(options.out, options.package, options.wheel)
    except (CannotBuild, OSError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 2
    if note:
        print(f"build: {note}", file=sys.stderr)
    print(f"{options.out}: {size / 1e6:.1f} MB; to see it at http://127.0.0.1:8000:")
    print(f"python3 -m http.server --bind 127.0.0.1 --directory {options.out} 8000")
    return 0


if __name__ == "__main__":
    sys.exit(main())
