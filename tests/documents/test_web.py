# SPDX-License-Identifier: Apache-2.0
"""This file is about the page that checks certificates in a browser: what it is made of, and what it answers.

Whatever it answers is compared with what exactlump/check.py says outside of a browser.
"""

import functools
import hashlib
import http.server
import importlib.util
import itertools
import json
import re
import shutil
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from exactlump import Network, check, read, reduce_file, refute, verify, write
from examples.widen import on_grid, widen
from tests.browser import CHROMIUM, Browser

ROOT = Path(__file__).parents[2]
WEB = ROOT / "docs" / "web"
CHECKER = ROOT / "exactlump" / "check.py"


def module(path):
    """A file of the documents, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = found
    spec.loader.exec_module(found)
    return found


build = module(WEB / "build.py")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page without its runtime."""
    out = tmp_path_factory.mktemp("page")
    build.lay(out)
    return out


def command_line(folder, files):
    """What check.py says in a folder, and the code with which it ends, by a bare Python."""
    command = [sys.executable, "-I", CHECKER, *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip(), done.returncode


# What it is made of


def test_what_is_run_is_what_lies_in_the_project(page):
    assert {name for name in build.PYTHON if name.startswith(("exactlump", "examples", "docs"))} == {
        "exactlump/check.py",
        "examples/microlump.py",
        "docs/labs/forge.py",
    }
    for name, source in build.PYTHON.items():
        assert (page / "python" / name).read_bytes() == (ROOT / source).read_bytes()
    listed = re.search(r"^const MODULES = (\[.*\]);$", (page / "worker.js").read_text(encoding="utf-8"), re.M)
    assert set(json.loads(listed[1])) == set(build.PYTHON)


def test_the_page_names_no_foreign_address(page):
    for name in build.PAGE:
        words = (page / name).read_text(encoding="utf-8")
        assert set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`]*", words)) <= {"http://127.0.0.1:8000"}, name
    words = (page / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in words
    targets = re.findall(r'(?:href|src)="([^"#]+)"', words)
    assert [t for t in targets if not (page / t).is_file() and not t.startswith("pyodide/")] == []


def test_texts_are_never_taken_for_markup():
    for name in ("page.js", "worker.js"):
        words = (WEB / name).read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", words), (
            name
        )


def test_the_examples_are_what_the_page_says_of_them(page):
    said = {}
    for example in json.loads((page / "contents.json").read_text(encoding="utf-8"))["examples"]:
        said[example["key"]] = command_line(page / "examples", example["files"])
    assert said["digits_l1"] == (
        "equivalent: over the reals, for each item of the batch, element types aside, for the networks as stored",
        0,
    )
    assert said["tampered"] == ("rejected: original 'layer1' unit 9: its form is not the claimed multiple", 1)
    assert said["within"] == ("within: 1/8 on [-1, 1], over the reals, for the networks as stored", 0)
    assert said["different"][0].startswith("different: output 0 differs by -1/4")


def question(example):
    """The words of check.py that put a query of the page."""
    named = [word for name, file in example["networks"].items() for word in ("--network", f"{name}={file}")]
    return ["--query", example["query"], *named, example["certificate"]]


def test_the_queries_are_what_the_page_says_of_them(page, asked):
    said = {}
    for example in json.loads((page / "contents.json").read_text(encoding="utf-8"))["queries"]:
        folder, words = page / "examples", question(example)
        said[example["key"]] = command_line(folder, words)
        found, names = asked(["judge", [str(folder), *words]], ["networks", [str(folder), example["query"]]])
        assert (found["line"], found["code"]) == said[example["key"]]
        assert names == {"names": ["f", "g"]}
        networks = {name: folder / file for name, file in example["networks"].items()}
        assert verify(folder / example["query"], networks).verdict == {"query": "unsat"}.get(example["key"], "sat")
    assert said["query"] == (
        "unsat: no inputs satisfy the query (2 cases), over the reals, for the networks as stored",
        0,
    )
    assert said["forged-query"] == ("rejected: tree 0, box 0: its bounds refute no row of some case", 1)


def test_what_is_no_query_is_named(asked, tmp_path):
    (tmp_path / "a.vnnlib").write_text("(assert")
    (tmp_path / "b.vnnlib.gz").write_text("no gzip")
    (tmp_path / "c.vnnlib").write_bytes(b"\xff")
    found = asked(*(["networks", [str(tmp_path), name]] for name in ("a.vnnlib", "b.vnnlib.gz", "c.vnnlib")))
    assert all(set(answer) == {"error"} and answer["error"] for answer in found), found


def test_a_package_with_other_bytes_is_refused(tmp_path, capsys):
    (tmp_path / "other.tgz").write_bytes(b"other")
    assert build.main([str(tmp_path / "out"), "--package", str(tmp_path / "other.tgz")]) == 2
    assert re.fullmatch(r"build: other\.tgz: found sha512-\S+, expected sha512-\S+\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
    with pytest.raises(build.CannotBuild, match=r"other\.tgz: found sha256:\w+, expected sha256:\w+"):
        build._demand_integrity(tmp_path / "other.tgz", build.Z3_INTEGRITY)


def test_without_npm_one_line_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(build.shutil, "which", lambda _: None)
    assert build.main([str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        "build: npm: not found, expected it, to fetch Pyodide once: sudo apt-get install npm\n"
    )


def test_without_z3_the_page_is_built_and_says_so(tmp_path, monkeypatch, capsys):
    def nothing(folder):
        raise build.CannotFetch("pip: not found")

    monkeypatch.setattr(build, "fetch", lambda folder: folder)
    monkeypatch.setattr(build, "fetch_z3", nothing)
    monkeypatch.setattr(build, "unpack", lambda package, folder: folder.mkdir(parents=True))
    monkeypatch.setattr(build, "_demand_integrity", lambda package, expected: package)
    assert build.main([str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err == "build: without lab 3: pip: not found\n"
    assert json.loads((tmp_path / "out" / "contents.json").read_text(encoding="utf-8"))["z3"] is False


def test_a_folder_with_other_files_is_not_emptied(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert build.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"build: {tmp_path}: found a folder with other files")
    assert (tmp_path / "mine.txt").read_text() == "mine"


# What is asked of Python, by a Python without packages

ASKING = "import sys; sys.path.insert(0, sys.argv[1]); import bridge, json\n"
ASKING += "for q, words in json.load(sys.stdin): print(bridge.answer(q, json.dumps(words)))"


def _asking(page, *options):
    def answers(*questions):
        done = subprocess.run(
            [sys.executable, "-I", *options, "-c", ASKING, page / "python"],
            input=json.dumps(questions),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return [json.loads(line) for line in done.stdout.splitlines()]

    return answers


@pytest.fixture
def asked(page):
    """Answers to questions, one after the other, by the standard library alone."""
    return _asking(page, "-S")


@pytest.fixture
def asked_of_all(page):
    """The same where packages are found, such as Z3."""
    return _asking(page)


def test_the_stand_in_writes_what_the_package_writes(page, tmp_path):
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    forge = module(ROOT / "docs" / "labs" / "forge.py")
    forge.forgeries(7, tmp_path / "theirs")
    script = "import sys; sys.path.insert(0, sys.argv[1]); import bridge; bridge.forge.forgeries(7, sys.argv[2])"
    subprocess.run([sys.executable, "-I", "-S", "-c", script, page / "python", tmp_path / "ours"], check=True)
    theirs = {path.name: path.read_bytes() for path in (tmp_path / "theirs").iterdir()}
    assert len(theirs) == 60
    assert {path.name: path.read_bytes() for path in (tmp_path / "ours").iterdir()} == theirs


def test_the_game_is_won_by_one_forgery(asked):
    dealt, *found = asked(["deal", [7]], *(["ask", [n]] for n in range(20)))
    assert dealt["neurons"] == [["1", "2", "1"], ["3", "6", "3"], ["-1", "-2", "-1"], ["1", "1", "0"]]
    assert [n for n, answer in enumerate(found) if answer["fooled"]] == [1]
    assert all(answer["honest"].startswith("rejected: ") for answer in found)
    assert dealt["claims"][1] == "unit 2 is -1 times unit 0"
    assert asked(
        ["deal", [7]], ["values", [1, ["0", "-1/2"]]], ["values", [1, ["0", "0"]]], ["values", [1, ["x", "0"]]]
    )[1:] == [
        {"outputs": [["0"], ["0"]], "differ": False},
        {"outputs": [["4"], ["3"]], "differ": True},
        {"error": "found 'x', expected a number, or a text such as \"1/2\""},
    ]


NETWORK = "[[[[1, 2], [3, 6], [2, -1], [0, 0]], [1, 3, 0, 0]], [[[1, 1, 1, 0.5]], [0]]]"


def test_claims_are_found_and_false_ones_are_wrong(asked):
    right = [[[0, "1"], [0, "3"], [1, "1"], None]]
    found, merged, wrong, kept = asked(
        ["lump", [NETWORK]],
        ["claim", [NETWORK, json.dumps(right)]],
        ["claim", [NETWORK, "[[[0, 1], [0, 2], [1, 1], null]]"]],
        ["claim", [NETWORK, "[[[0, 1], [1, 1], [2, 1], [3, 1]]]"]],
    )
    assert found == {"claims": right}
    assert (merged["right"], merged["sizes"]) == (True, [4, 2])
    assert merged["small"] == [[[["1", "2"], ["2", "-1"]], ["1", "0"]], [[["4", "1"]], ["0"]]]
    assert (wrong["right"], wrong["sizes"]) == (False, [4, 2])
    assert (kept["right"], kept["sizes"]) == (True, [4, 4])


@pytest.mark.parametrize(
    ("network", "claims", "words"),
    [
        ("{", "[]", "network: found no JSON"),
        ("[" * 100_000, "[]", "RecursionError: "),
        ("[]", "[]", "network: expected a list of layers, each [weights, biases]"),
        ("[[[[1], [2]], [1]]]", "[]", "network, layer 1: found 1 biases, expected 2"),
        ("[[[[1]], [1]], [[[1, 2]], [1]]]", "[]", "network, layer 2: found 2 weights a neuron, expected 1"),
        ("[[[[1], [1, 2]], [1, 1]]]", "[]", "network, layer 1: expected a list of weights for each neuron, all of one"),
        ("[[[[NaN]], [1]]]", "[]", "found 'NaN', expected a number"),
        ("[[[[true]], [1]]]", "[]", "found True, expected a number"),
        ('[[[["1/0"]], [1]]]', "[]", "found '1/0', expected a number"),
        (NETWORK, "[]", "claims: expected a list for each of the 1 hidden layers"),
        (NETWORK, "[[null]]", "claims, layer 1: expected a claim for each of its 4 neurons"),
        (NETWORK, "[[null, null, null, 3]]", "claims, layer 1, neuron 3: expected null, or [class, factor]"),
        (NETWORK, "[[[1, 1], [0, 1], null, null]]", "claims, layer 1: found the classes 1, 0, expected 0, 1, ..."),
    ],
)
def test_what_is_typed_wrongly_is_named(asked, network, claims, words):
    (found,) = asked(["claim", [network, claims]])
    assert found["error"].startswith(words)
    assert "\n" not in found["error"]


ERRATUM = "[[[[1],[2]],[0,0]], [[[1,0],[0,1]],[0,0]], [[[1,1]],[0]]]"


def test_z3_says_of_two_networks_what_the_engine_says(asked_of_all):
    chains = [([[[1], [2]], [[1, 1]]], [[0, 0], [0]]), ([[[3]], [[1]]], [[0], [0]]), ([[[1]], [[3]]], [[0], ["1/7"]])]
    chains += [([[[1], [-1]], [[1, -1]]], [[0, 0], [0]]), ([[["1/2"], ["-1/3"]], [[2, -3]]], [[0, 0], [0]])]
    pairs = list(itertools.combinations_with_replacement(chains, 2))
    typed = [[json.dumps([[w, b] for w, b in zip(*chain, strict=True)]) for chain in pair] for pair in pairs]
    found = asked_of_all(*(["solve", words] for words in typed))
    engine = [refute(*(Network.chain(*chain) for chain in pair)).verdict for pair in pairs]
    assert {"equivalent", "different"} == set(engine)
    assert [answer["answer"] for answer in found] == [{"equivalent": "unsat", "different": "sat"}[v] for v in engine]
    for answer, pair in zip(found, pairs, strict=True):
        if answer["answer"] == "sat":
            values = [Network.chain(*chain).evaluate(answer["point"]) for chain in pair]
            assert [[*map(str, y)] for (y,) in values] == answer["outputs"]


def test_z3_finds_what_is_wrong_with_the_definition(asked_of_all):
    wrong, right, other = asked_of_all(
        ["solve", [ERRATUM, "[[[[1]],[0]], [[[1]],[0]], [[[2]],[0]]]"]],
        ["solve", [ERRATUM, "[[[[1]],[0]], [[[1]],[0]], [[[3]],[0]]]"]],
        ["solve", [ERRATUM, "[[[[1, 1]],[0]]]"]],
    )
    assert wrong["answer"] == "sat"
    assert Fraction(wrong["outputs"][0][0]) / Fraction(wrong["outputs"][1][0]) == Fraction(3, 2)
    assert right["answer"] == "unsat"
    assert other["error"] == "found networks of 1 inputs and 1 outputs, and of 2 and 1, expected as many"


def test_options_and_wrong_ones_are_those_of_the_command_line(asked, page):
    files = ["a.json", "b.json", "within.cert.json"]
    folder = str(page / "examples")
    cut, wrong, absent = asked(
        ["judge", [folder, *files, "--max-work", "1"]],
        ["judge", [folder, *files, "--nonsense"]],
        ["judge", [folder, "a.json", "b.json", "no.json"]],
    )
    assert (cut["code"], cut["line"].partition(":")[0]) == (3, "unknown")
    assert (wrong["code"], "--nonsense" in wrong["line"]) == (2, True)
    assert (absent["line"], absent["code"]) == command_line(folder, ["a.json", "b.json", "no.json"])


# In a browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the whole page."""
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    folder = tmp_path_factory.mktemp("site")
    try:
        package = build.fetch(folder)
    except build.CannotFetch as error:
        pytest.skip(str(error))
    _, note = build.build(folder / "web", package)
    (folder / "note").write_text(note)
    return folder / "web"


class Server(http.server.ThreadingHTTPServer):
    """A server of a folder, in a thread, which can be ended."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        self.address = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def end(self):
        self.shutdown()
        self.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def browser(tmp_path_factory, site):
    found = Browser(tmp_path_factory.mktemp("browser"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def served(site):
    found = Server(site)
    yield found
    found.end()


@pytest.fixture
def opened(browser, served):
    """The browser at the page, with Python running; opened once."""
    if browser.value("location.href") != served.address:
        browser.asked.clear()
        browser.open(served.address)
    browser.until(IDLE)
    browser.said.clear()
    return browser


ANSWER = "document.querySelector('#answer').hidden ? null : document.querySelector('#answer').innerText"
TOLD = ANSWER.replace("#answer", "#told")
IDLE = "document.querySelector('#state').dataset.state === 'ready'"


DROP = """{
const dropped = new DataTransfer();
for (const [name, words] of FILES)
  dropped.items.add(new File([words], name));
document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: dropped }));
}"""


def drop(files):
    """A person drops files, given as names and texts, all at once."""
    return DROP.replace("FILES", json.dumps([*map(list, files)]))


def click(browser, selector):
    hide = "document.querySelector('#answer').hidden = document.querySelector('#told').hidden = true"
    browser.value(f"{hide}, document.querySelector({selector!r}).click()")


def answered(browser, place=ANSWER):
    """The first word and the reason on the page."""
    word, reason = [line for line in browser.until(place).split("\n") if line][:2]
    return f"{word}: {reason}"


@pytest.mark.slow
def test_the_page_says_what_the_checker_says_and_needs_nobody_after_it_has_loaded(browser, site, tmp_path):
    served = Server(site)
    browser.said.clear()
    listed, queries = map(json.loads((site / "contents.json").read_text(encoding="utf-8")).get, ("examples", "queries"))
    browser.open(f"{served.address}?try=digits_l1")
    assert answered(browser).startswith("equivalent: over the reals, for each item of the batch")
    shown = browser.value("document.querySelector('#hash').textContent")
    assert shown == hashlib.sha256(CHECKER.read_bytes()).hexdigest()

    served.end()  # from here on, there is nobody to ask
    before = len(browser.asked)
    for example in listed:
        click(browser, f"[data-example={example['key']}]")
        assert answered(browser) == command_line(site / "examples", example["files"])[0]
    for example in queries:
        click(browser, f"[data-example={example['key']}]")
        assert answered(browser, TOLD) == command_line(site / "examples", question(example))[0]
    network = Network.chain([[["1/3", 2], [1, 6]], [[1, 1]]], [[0, 0], [0]])
    hostile = tmp_path / "<img src=x onerror=alert(1)>'$(ls).json"
    write(network, hostile)
    reduce_file(hostile, tmp_path / "small.json")
    own = [hostile, tmp_path / "small.json", tmp_path / "small.json.cert.json"]
    for slot, path in zip(("original", "reduced", "certificate"), own, strict=True):
        browser.put_files(f"[name={slot}]", path)
    click(browser, "#files .main")
    assert answered(browser) == command_line(tmp_path, own)[0]
    assert browser.value("document.querySelectorAll('.slot img').length") == 0
    assert hostile.name in browser.value("document.querySelector('[data-slot=original]').innerText")
    write(
        read(ROOT / "exactlump" / "networks" / "erratum.json"), tmp_path / "beside.onnx", dtype="float32", max_inline=0
    )
    reduce_file(tmp_path / "beside.onnx", tmp_path / "beside.small.onnx")
    names = ("beside.onnx", "beside.small.onnx", "beside.small.onnx.cert.json")
    for slot, name in zip(("original", "reduced", "certificate"), names, strict=True):
        browser.put_files(f"[name={slot}]", tmp_path / name)
    click(browser, "#files .main")
    absent = "malformed: original/beside.onnx: tensor 'h1_weight': external data 'beside.onnx.data': "
    assert answered(browser).startswith(absent)
    browser.put_files("[name=beside]", tmp_path / "beside.onnx.data")
    click(browser, "#files .main")
    assert answered(browser) == command_line(tmp_path, names)[0]
    browser.put_files("[name=certificate]", own[1])
    click(browser, "#files .main")
    assert answered(browser).startswith("malformed: ")
    large = a_large_network(tmp_path)
    for slot, path in zip(("original", "reduced", "certificate"), large, strict=True):
        browser.put_files(f"[name={slot}]", path)
    click(browser, "#files .main")
    assert answered(browser) == command_line(tmp_path, large)[0]
    assert len(browser.asked) == before
    assert browser.said == []


def a_large_network(folder):
    """Nearly 1 MB of weights, of which a good half goes: original, reduced, certificate."""
    rng = np.random.default_rng(0)
    sizes = [64, 240, 220, 10]
    chain = on_grid([(rng.normal(0, 0.2, (n, m)), rng.normal(0, 0.2, n)) for m, n in itertools.pairwise(sizes)])
    weights, biases = zip(*widen(chain, rng), strict=True)
    large = folder / "large.onnx"
    write(Network.chain([w.tolist() for w in weights], [b.tolist() for b in biases]), large, dtype="float32")
    assert 900_000 < large.stat().st_size < 1_100_000
    assert reduce_file(large, folder / "large.small.onnx").reduction.reduced.neurons == 460
    return large, folder / "large.small.onnx", folder / "large.small.onnx.cert.json"


@pytest.mark.slow
def test_the_page_asks_z3(opened, site):
    browser = opened
    if note := (site.parent / "note").read_text():
        pytest.skip(note)
    answer = "document.querySelector('#solved').hidden ? null : document.querySelector('#solved').innerText"
    click(browser, "#solve")
    assert re.match(r"sat\s+They differ: at x1 = \S+ the outputs are \S+ and \S+, computed", browser.until(answer))
    browser.until(IDLE)
    click(browser, "#correct")
    browser.until("document.querySelector('#second').value.includes('[[3]]')")
    click(browser, "#solve")
    assert browser.until(answer).startswith("unsat")
    assert browser.said == []


@pytest.mark.slow
def test_the_page_asks_nobody_else_can_be_stopped_and_plays(opened, served, site, tmp_path):
    browser, address = opened, served.address
    assert {url for url in browser.asked if not url.startswith(("data:", f"blob:{address}", address))} == set()
    assert browser.said == []
    for session in ("page", browser.worker):
        refused = browser.value("fetch('http://192.0.2.1/').then(() => 'sent', () => 'refused')", session)
        assert refused == "refused"
    assert all("Content Security Policy" in words for words in browser.said)
    assert len(browser.said) >= 2

    wide = json.dumps([[[[1] * 200] * 200, [1] * 200]] * 2)
    browser.value(f"document.querySelector('#network').value = {json.dumps(wide)}")
    click(browser, "#lump")
    browser.until("!document.querySelector('#stop').hidden")
    click(browser, "#stop")
    assert browser.until("document.querySelector('#merged .word').textContent") == "stopped"
    browser.until(IDLE)

    browser.value(f"document.querySelector('#network').value = {json.dumps(NETWORK)}")
    click(browser, "#lump")
    browser.until("document.querySelector('#merged .word').textContent === 'right'")
    browser.until(IDLE)
    click(browser, "#deal")
    browser.until("document.querySelectorAll('[data-forgery]').length === 20")
    browser.until(IDLE)
    for number, words in ((0, "Forgery 0: both say no"), (1, "Forgery 1 gets through")):
        click(browser, f'[data-forgery="{number}"]')
        browser.until(f"document.querySelector('#verdicts .word').textContent === {words!r}")
        browser.until(IDLE)
    click(browser, "#point button")
    browser.until("document.querySelector('#point .result').textContent === '4 and 3: they differ. Well done.'")

    browser.value(drop([("a.onnx", "1"), ("z.cert.json", "123"), ("b.onnx", "12")]))
    shown = browser.value("[...document.querySelectorAll('#files .slot .name')].map(name => name.textContent)")
    assert shown == ["b.onnx (2 bytes)", "a.onnx (1 byte)", "z.cert.json (3 bytes)"]
    click(browser, "#swap")
    assert browser.value("document.querySelector('.slot .name').textContent") == "a.onnx (1 byte)"
    names = ("g.json", "apart.query.json", "f.json", "apart.vnnlib")
    browser.value(drop((name, (site / "examples" / name).read_text(encoding="utf-8")) for name in names))
    shown = "[...document.querySelectorAll('[data-part]')].map(part => part.innerText.replaceAll('\\n', ' '))"
    parts = browser.until(f"({shown}).length === 4 && {IDLE} && {shown}")
    assert [re.sub(r" \(.*\)", "", part) for part in parts] == [
        "Query apart.vnnlib",
        "Network f f.json",
        "Network g g.json",
        "Certificate apart.query.json",
    ]
    click(browser, "#question .main")
    assert answered(browser, TOLD).startswith("unsat: no inputs satisfy the query")
    browser.until(IDLE)

    deep = tmp_path / "deep.cert.json"  # ends this Python, and is no verdict
    deep.write_text("[" * 200_000)
    for slot in ("original", "reduced", "certificate"):
        browser.put_files(f"[name={slot}]", deep)
    click(browser, "#files .main")
    assert answered(browser) == "no answer: Python ended: Maximum call stack size exceeded"
    browser.until("document.querySelector('#state').dataset.state === 'loading'")


def test_make_knows_the_page():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\nweb: $(VENV)/core.stamp\n\t@$(BIN)/python docs/web/build.py out/web\n" in makefile
    assert check.__file__ == str(CHECKER)
    assert (
        shutil.which("make") is None
        or "make web " in subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    )
