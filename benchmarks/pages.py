# SPDX-License-Identifier: Apache-2.0
"""This file is about the pages for assessors: seven reports of real cases, made, measured, and photographed.

    python -m benchmarks.pages OUT [--data ../shared/data] [--only NAME] [--axe axe.min.js] [--large]

For each case OUT has the models, the answer or the certificate, NAME.html, and, where a Chromium is found, photographs
of it: NAME-screen.png, NAME-dark.png, NAME-phone.png (380 px wide), NAME.pdf and its sheets NAME-sheet-*.png (with
pdftoppm).  What is measured goes to OUT/pages.md: seconds and bytes of the report, whether a second run gives the same
bytes, the width that it needs on a phone, the SHA-256 that its PDF has lost, and what axe-core finds; `--axe` is that
program, which `npm pack axe-core` brings.  `--large` adds 784-2048-2048-10 and a residual network of public data.

Every step is the command line itself, so that whoever reads this can do it by hand.
"""

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.large import make
from exactlump import Network, read, write
from tests.browser import CHROMIUM, Browser
from tests.widening import widen

ROOT = Path(__file__).parents[1]
NETWORKS = ROOT / "exactlump" / "networks"
DATA = ROOT.parent / "shared" / "data"
PHONE = 380


@dataclass(frozen=True)
class Made:
    """What a report is about: the certificate or the answer, and what else the verb is given."""

    subject: Path
    options: tuple[str, ...] = ()


def run(*arguments: object, ends: tuple[int, ...] = (0,)) -> str:
    """What the command line says on stdout.  Raises SystemExit where it ends in another way."""
    command = [sys.executable, "-m", "exactlump", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode not in ends:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def reduced(source: Path, folder: Path, *options: str) -> Path:
    """The certificate of a file's reduction."""
    target = folder / f"small{source.suffix}"
    run("reduce", source, target, "--force", *options)
    return folder / f"{target.name}.cert.json"


def lumped(folder: Path, _: Path) -> Made:
    """The bundled classifier of digits, with what Z3 says of every obligation."""
    source = folder / "digits_l1.onnx"
    shutil.copy(NETWORKS / source.name, source)
    certificate, evidence = reduced(source, folder), folder / "evidence.jsonl"
    triple = (source, folder / "small.onnx", certificate)
    run("prove", *triple, "--jobs", "1", "--evidence", evidence, "--force", "--no-times", "--json")
    return Made(certificate, ("--evidence", str(evidence)))


def images(folder: Path, data: Path) -> Made:
    """A convolutional classifier of digits, in which redundant channels were planted."""
    source = folder / "convolutional.onnx"
    write(widen(read(data / "conv" / "Convnet_maxpool.onnx"), 0), source, overwrite=True)
    return Made(reduced(source, folder))


def wide(folder: Path, _: Path, sizes: tuple[int, ...] = (784, 512, 512, 10)) -> Made:
    """A wide classifier, half of whose neurons are multiples of others."""
    source = folder / "wide.onnx"
    make(sizes, source)
    return Made(reduced(source, folder))


def bounded(folder: Path, data: Path) -> Made:
    """A controller of aircraft, and the same in 16 bits: how far they are apart on a small box."""
    names = (
        "acasxu/nnet/ACASXU_run2a_1_1_batch_2000.nnet",
        "pairs/acasxu_16bit/ACASXU_run2a_1_1_batch_2000_16bit.nnet",
    )
    places = [Path(shutil.copy(data / name, folder)) for name in names]
    answer = folder / "answer.json"
    options = ("--raw-nnet", "--box", "-0.01", "0.01", "--timeout", "300", "--certificate", folder / "bound.cert.json")
    answer.write_text(run("bound", *places, *options, "--force", "--json", "--no-times", ends=(0, 3)))
    return Made(answer)


def different(folder: Path, data: Path) -> Made:
    """Two classifiers of handwritten digits, one of them trained again: a digit that they read differently."""
    names = ("mnist_fc/mnist_relu_3_50.onnx", "mnist_fc/mnist_relu_9_200.onnx")
    places = [Path(shutil.copy(data / name, folder)) for name in names]
    picture = folder / "digit.csv"
    rows = (data / "mnist_images" / "eran_csv" / "mnist_test.csv").read_text(encoding="utf-8").splitlines()
    picture.write_text(rows[0].partition(",")[2] + "\n")
    answer = folder / "answer.json"
    around = ("--around", picture, "--scale", "1/255", "--radius", "0.15", "--clip", "0", "1")
    options = (*around, "--argmax", "--timeout", "300")
    answer.write_text(run("refute", *places, *options, "--json", "--no-times", ends=(1,)))
    return Made(answer)


def rejected(folder: Path, _: Path) -> Made:
    """A certificate that claims a multiple which is none."""
    source = folder / "digits_widened.onnx"
    shutil.copy(NETWORKS / source.name, source)
    certificate = reduced(source, folder)
    document = json.loads(certificate.read_bytes())
    for relation in document["relations"]["original"].values():
        row = next((row for row in relation["rows"] if isinstance(row, list) and len(row) == 2), None)
        if row is not None:
            row[1] = "7/5"
            break
    certificate.write_text(json.dumps(document, sort_keys=True))
    return Made(certificate, ("--original", str(source), "--reduced", str(folder / "small.onnx")))


def residual(folder: Path, data: Path) -> Made:
    """A residual classifier of photographs, in which redundant channels were planted."""
    source = folder / "residual.onnx"
    write(widen(read(data / "residual_bn" / "resnet_2b.onnx"), 0), source, overwrite=True)
    return Made(reduced(source, folder))


def unchanged(folder: Path, data: Path) -> Made:
    """The same without anything planted: nothing goes."""
    source = folder / "resnet_2b.onnx"
    shutil.copy(data / "residual_bn" / source.name, source)
    return Made(reduced(source, folder))


def kept(folder: Path, _: Path) -> Made:
    """A small network that is drawn whole: the paper's erratum."""
    source = folder / "erratum.json"
    shutil.copy(NETWORKS / source.name, source)
    return Made(reduced(source, folder))


def halved(folder: Path, _: Path) -> Made:
    """Two small networks of two inputs, whose bound needs halvings: the leaves are drawn."""
    for name, weight in (("a", "1"), ("b", "17/16")):
        rows = [[1, -1], [-1, 1], [1, 1], [2, -1]]
        network = Network.chain([rows, [[1, weight, -1, 1], [weight, -1, 1, -1]], [[1, -1], [1, 1]]])
        write(network, folder / f"{name}.json", overwrite=True)
    answer = folder / "answer.json"
    options = ("--box", "-1", "1", "--timeout", "20", "--certificate", folder / "bound.cert.json", "--force")
    answer.write_text(run("bound", folder / "a.json", folder / "b.json", *options, "--json", "--no-times", ends=(0, 3)))
    return Made(answer)


CASES: dict[str, Callable[[Path, Path], Made]] = {
    "lumped": lumped,
    "images": images,
    "wide": wide,
    "bound": bounded,
    "difference": different,
    "rejected": rejected,
    "residual": residual,
    "small": kept,
    "halved": halved,
}


# Looking at a page


def photographs(browser: Browser, page: Path, axe: str | None) -> dict[str, object]:
    """Pictures of a page as it is seen, and what a browser says of it."""
    found: dict[str, object] = {}
    for name, width, dark in (("screen", 1200, False), ("dark", 1200, True), ("phone", PHONE, False)):
        look(browser, page, width, dark)
        if name == "phone":
            found["phone"] = browser.value("document.documentElement.scrollWidth")
        if axe is not None and name != "phone":
            found[f"axe {name}"] = violations(browser, axe)
        shot = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        page.with_name(f"{page.stem}-{name}.png").write_bytes(base64.b64decode(shot["data"]))
    look(browser, page, 1200, False)
    sheets = browser.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
    page.with_suffix(".pdf").write_bytes(base64.b64decode(sheets["data"]))
    return found


def look(browser: Browser, page: Path, width: int, dark: bool) -> None:
    """Open a page as wide as that, on a screen that is dark or is not."""
    metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.call("Emulation.setDeviceMetricsOverride", **metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.call("Emulation.setEmulatedMedia", features=[scheme])
    browser.open(page.as_uri())


def violations(browser: Browser, axe: str) -> list[str]:
    """The serious and critical findings of axe-core, each with where it is."""
    browser.value(f"{axe}; null")
    found = browser.value("axe.run().then(r => JSON.stringify(r.violations))")
    return [
        f"{entry['id']}: {entry['nodes'][0]['target']}"
        for entry in json.loads(str(found))
        if entry["impact"] in ("serious", "critical")
    ]


def lost(page: Path) -> list[str]:
    """The SHA-256 of a page that the text of its PDF has not, whole; long ones may be broken by ends of lines."""
    done = subprocess.run(["pdftotext", "-layout", page.with_suffix(".pdf"), "-"], capture_output=True, check=True)
    raw = subprocess.run(["pdftotext", "-raw", page.with_suffix(".pdf"), "-"], capture_output=True, check=True)
    paper = "".join((done.stdout + raw.stdout).decode("utf-8").split())
    return sorted(hashes(page) - set(re.findall("(?=([0-9a-f]{64}))", paper)))


def hashes(page: Path) -> set[str]:
    """Every SHA-256 that a page shows."""
    return set(re.findall(r"\b[0-9a-f]{64}\b", page.read_text(encoding="utf-8")))


def measured(
    name: str, made: Made, out: Path, browser: Browser | None, axe: str | None
) -> Iterator[tuple[str, object]]:
    """What there is to say of a report, word by word."""
    page, again = out / f"{name}.html", out / f"{name}-again.html"
    start = time.perf_counter()
    run("report", made.subject, *made.options, "-o", page, "--force", ends=(0, 1, 3))
    yield "seconds", round(time.perf_counter() - start, 2)
    run("report", made.subject, *made.options, "-o", again, "--force", ends=(0, 1, 3))
    yield "same bytes", page.read_bytes() == again.read_bytes()
    again.unlink()
    yield "kB", round(page.stat().st_size / 1000)
    yield "SHA-256", len(hashes(page))
    if browser is None:
        return
    yield from photographs(browser, page, axe).items()
    if shutil.which("pdftotext"):
        yield "lost on paper", len(lost(page))
    if shutil.which("pdftoppm"):
        sheets = page.with_name(f"{name}-sheet")
        subprocess.run(["pdftoppm", "-r", "60", "-png", page.with_suffix(".pdf"), sheets], check=True)
        yield "sheets", len(list(out.glob(f"{name}-sheet-*.png")))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--axe", type=Path)
    parser.add_argument("--large", action="store_true")
    asked = parser.parse_args(arguments)
    cases = dict(CASES)
    if asked.large:
        cases |= {"large": lambda folder, data: wide(folder, data, (784, 2048, 2048, 10)), "resnet_2b": unchanged}
    axe = asked.axe.read_text(encoding="utf-8") if asked.axe is not None else None
    asked.out.mkdir(parents=True, exist_ok=True)
    out = asked.out.resolve()
    rows = []
    for name, case in cases.items():
        if asked.only and name not in asked.only:
            continue
        folder = out / name
        folder.mkdir(exist_ok=True)
        made = case(folder, asked.data.resolve())
        profile = out / f"{name}-profile"
        profile.mkdir(exist_ok=True)
        browser = Browser(profile) if CHROMIUM is not None else None
        try:
            rows.append({"page": name, **dict(measured(name, made, out, browser, axe))})
        finally:
            if browser is not None:
                browser.close()
            shutil.rmtree(profile, ignore_errors=True)
        print(json.dumps(rows[-1]), file=sys.stderr)
    (out / "pages.md").write_text(table(rows), encoding="utf-8")
    return 0


def table(rows: list[dict[str, object]]) -> str:
    """The rows in Markdown."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(str(row.get(column, '')) for column in columns)} |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
