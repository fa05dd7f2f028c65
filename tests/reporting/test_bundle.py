# SPDX-License-Identifier: Apache-2.0
"""This file is about bundles: what is in them, that two programs verify them, and that bad ones are refused."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from exactlump import BundleOptions, Network, bound, bundle_files, reduce_file, verify_bundle, write
from exactlump.cli.main import main
from exactlump.errors import CannotWrite, FormatError
from exactlump.reporting import bundle_file
from exactlump.verbs.proving import ProveOptions, prove_files
from exactlump.verdicts import EXIT_CODES
from tests.reporting.test_report import MIXED
from tests.tools import dense_model, save

pytest.importorskip("jinja2", reason="the page in a bundle is written with jinja2")

VERIFIER = Path(__file__).parents[1] / "bundle_verifier.py"


def again(path):
    """The exit code and the words of the other verifier."""
    done = subprocess.run([sys.executable, "-I", VERIFIER, path], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def triple(tmp_path):
    write(MIXED, tmp_path / "big.json")
    done = reduce_file(tmp_path / "big.json", tmp_path / "small.json")
    return tmp_path / "big.json", tmp_path / "small.json", done.certificate


@pytest.fixture
def bundle(triple, tmp_path):
    evidence = tmp_path / "evidence.jsonl"
    prove_files(*triple, ProveOptions(jobs=1, evidence=evidence))
    bundle_files(tmp_path / "out.zip", *triple, BundleOptions(evidence=evidence, report=True))
    return tmp_path / "out.zip"


def members(path):
    with zipfile.ZipFile(path) as file:
        return {entry.filename: file.read(entry) for entry in file.infolist()}


def test_a_bundle_has_all_that_it_takes_and_both_verifiers_accept(triple, bundle, tmp_path):
    found = members(bundle)
    assert [*found] == [
        *("original.json", "reduced.json", "certificate.json", "evidence.jsonl", "report.html", "check.py"),
        *("schemas/certificate.json", "schemas/evidence.json", "README.txt", "SHA256SUMS"),
    ]
    for name, path in zip(found, (*triple, tmp_path / "evidence.jsonl"), strict=False):
        assert found[name] == path.read_bytes()
    verified = verify_bundle(bundle)
    assert verified.verdict == "equivalent"
    assert "byte for byte" in verified.reason
    code, words = again(bundle)
    assert code == 0
    assert words.startswith("equivalent: ")
    assert len(found["README.txt"].splitlines()) < 45


def test_equal_files_give_equal_bytes_whatever_their_names(triple, tmp_path):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    moved = [path.rename(elsewhere / f"{k}.json") for k, path in enumerate(triple)]
    one = bundle_files(tmp_path / "one.zip", *moved, BundleOptions(report=True))
    two = bundle_files(tmp_path / "two.zip", *moved, BundleOptions(report=True))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert one.members == two.members
    assert str(tmp_path).encode() not in (tmp_path / "one.zip").read_bytes()


def test_external_data_comes_along(tmp_path):
    source = save(tmp_path / "big.onnx", dense_model(([[1.0], [2.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])))
    (tmp_path / "w").mkdir()
    loaded = onnx.load(source)
    for tensor in loaded.graph.initializer:  # only raw data can lie outside
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
    onnx.save(loaded, source, save_as_external_data=True, location="w/eights.data", size_threshold=0)
    done = reduce_file(source, tmp_path / "small.onnx")
    bundle_files(tmp_path / "out.zip", source, done.reduced, done.certificate)
    assert [*members(tmp_path / "out.zip")][:3] == ["original/original.onnx", "original/w/eights.data", "reduced.onnx"]
    assert verify_bundle(tmp_path / "out.zip").verdict == "equivalent"
    assert again(tmp_path / "out.zip")[0] == 0


def chained(weight):
    return Network.chain([[[1, 1], [1, -1]], [[1, weight], [-1, -1]]], [[0, 0], [1, 0]])


@pytest.fixture
def pair(tmp_path):
    """Two networks that are 1/2 apart on [0, 1] and decide alike there, in files."""
    places = tmp_path / "a.json", tmp_path / "b.json"
    for place, weight in zip(places, (1, "3/2"), strict=True):
        write(chained(weight), place)
    return places


CLAIMS = [
    ("within", {}, b"How near two neural networks are", b"No output differs by more than the bound"),
    ("within", {"argmax": True}, b"How near two neural networks are", b"Both networks decide alike"),
    ("different", {"epsilon": "1/10"}, b"An input at which two neural networks differ", b"The two networks differ"),
]


@pytest.mark.parametrize(("verdict", "asked", "title", "headline"), CLAIMS)
def test_bounds_and_differences_are_bundled_as_they_are_claimed(pair, tmp_path, verdict, asked, title, headline):
    place = tmp_path / "claim.cert.json"
    assert bound(*pair, (0, 1), certificate=place, **asked).verdict == verdict
    made = bundle_files(tmp_path / "out.zip", *pair, place, BundleOptions(report=True))
    assert made.verdict == verdict
    assert made.members["README.txt"].startswith(title)
    headlines = {sentence for *_, sentence in CLAIMS if sentence in made.members["report.html"]}
    assert headlines == {headline}
    assert verify_bundle(tmp_path / "out.zip").verdict == verdict
    code, words = again(tmp_path / "out.zip")
    assert (code, words.partition(":")[0]) == (EXIT_CODES[verdict], verdict)


@pytest.mark.parametrize(("verdict", "asked"), [claim[:2] for claim in CLAIMS])
def test_a_claim_that_is_no_longer_true_is_not_bundled(pair, tmp_path, verdict, asked):
    place = tmp_path / "claim.cert.json"
    bound(*pair, (0, 1), certificate=place, **asked)
    other = tmp_path / "other.json"
    write(chained(-9), other)
    document = json.loads(place.read_text())
    document["reduced"]["sha256"] = hashlib.sha256(other.read_bytes()).hexdigest()
    place.write_text(json.dumps(document))
    made = bundle_files(tmp_path / "out.zip", pair[0], other, place)
    assert made.verdict == "rejected"
    assert not (tmp_path / "out.zip").exists()


def test_a_false_certificate_is_not_bundled(triple, tmp_path):
    triple[0].write_bytes(triple[0].read_bytes() + b"\n")
    found = bundle_files(tmp_path / "out.zip", *triple)
    assert (found.verdict, found.output, found.members) == ("rejected", None, {})
    assert not (tmp_path / "out.zip").exists()


def test_places_are_not_taken_unasked(triple, tmp_path):
    (tmp_path / "out.zip").write_text("mine")
    with pytest.raises(CannotWrite, match="other content"):
        bundle_files(tmp_path / "out.zip", *triple)
    assert (tmp_path / "out.zip").read_text() == "mine"
    with pytest.raises(FormatError, match=r"expected \.zip"):
        bundle_files(tmp_path / "out.tar", *triple)


# Tampering: whoever changes one member, with and without the sums made to fit.


def rewritten(path, change, *, fit):
    """The bundle with its members changed; `fit`: SHA256SUMS is made to fit."""
    found = members(path)
    change(found)
    if fit:
        sums = (f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in found.items() if n != "SHA256SUMS")
        found["SHA256SUMS"] = "".join(sums).encode()
    path.write_bytes(bundle_file._zip(found))


@pytest.mark.parametrize("name", ["original.json", "reduced.json", "certificate.json", "evidence.jsonl", "check.py"])
def test_a_changed_member_is_rejected_by_its_hash(bundle, name):
    rewritten(bundle, lambda found: found.update({name: found[name] + b"\n"}), fit=False)
    verified = verify_bundle(bundle)
    assert verified.verdict == "rejected"
    assert name in verified.reason
    assert again(bundle)[0] != 0


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("original.json", "rejected"),
        ("reduced.json", "rejected"),
        ("report.html", "unknown"),
        ("check.py", "unknown"),
        ("README.txt", "unknown"),
        ("schemas/evidence.json", "unknown"),
    ],
)
def test_a_changed_member_is_seen_though_its_hash_was_made_to_fit(bundle, name, verdict):
    rewritten(bundle, lambda found: found.update({name: found[name] + b"\n"}), fit=True)
    verified = verify_bundle(bundle)
    assert verified.verdict == verdict
    assert verdict == "rejected" or name in verified.reason


def test_a_member_more_or_one_less_is_seen(bundle, tmp_path):
    rewritten(bundle, lambda found: found.update({"more.txt": b"1"}), fit=False)
    assert verify_bundle(bundle).verdict == "rejected"
    rewritten(bundle, lambda found: None, fit=True)
    verified = verify_bundle(bundle)
    assert (verified.verdict, "more.txt" in verified.reason) == ("unknown", True)
    rewritten(bundle, lambda found: found.pop("check.py"), fit=True)
    with pytest.raises(FormatError, match=r"found no check\.py"):
        verify_bundle(bundle)


def test_nothing_in_a_bundle_is_run(bundle, tmp_path):
    mark = tmp_path / "mark"
    rewritten(bundle, lambda found: found.update({"check.py": f"open({str(mark)!r}, 'w')".encode()}), fit=True)
    assert verify_bundle(bundle).verdict == "unknown"
    assert not mark.exists()


# Hostile zips


NAMES = [
    "../out",
    "/etc/passwd",
    "a/../../b",
    "a//b",
    ".",
    "c:\\x",
    "a\\..\\b",
    "a\nb",
    "x\u202ey",
    "a" * 300,
    "CHECK.py",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_that_lead_out_or_are_not_plain_are_refused(bundle, name):
    rewritten(bundle, lambda found: found.update({name: b"1"}), fit=True)
    with pytest.raises(FormatError):
        verify_bundle(bundle)


def packed(bundle, change):
    """The bundle written once more by zipfile, with what `change` does to each entry and to the file."""
    found, content = members(bundle), io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, member in found.items():
            entry = zipfile.ZipInfo(name)
            change(file, entry, member)
    bundle.write_bytes(content.getvalue())


def test_compressed_members_are_refused(bundle):
    packed(bundle, lambda file, entry, member: file.writestr(entry, member, zipfile.ZIP_DEFLATED))
    with pytest.raises(FormatError, match="a stored file"):
        verify_bundle(bundle)


def test_members_twice_are_refused(bundle):
    def twice(file, entry, member):
        file.writestr(entry, member)
        if entry.filename == "original.json":
            file.writestr(zipfile.ZipInfo(entry.filename), b"{}")

    with pytest.warns(UserWarning, match="Duplicate"):
        packed(bundle, twice)
    with pytest.raises(FormatError, match="two members of one name"):
        verify_bundle(bundle)


def test_another_time_or_order_is_no_equal_rebuild(bundle):
    packed(bundle, lambda file, entry, member: file.writestr(entry, member))
    verified = verify_bundle(bundle)
    assert verified.verdict == "unknown"
    assert "the zip is not what this version would write" in verified.reason


def test_entries_that_overlap_or_lie_are_refused(bundle):
    content = bytearray(bundle.read_bytes())
    end = content.rfind(b"PK\x01\x02", 0, content.rfind(b"PK\x01\x02"))
    content[end + 42 : end + 46] = (0).to_bytes(4, "little")  # its local entry is the first one
    bundle.write_bytes(bytes(content))
    with pytest.raises(FormatError):
        verify_bundle(bundle)


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -30])
def test_what_is_no_zip_is_refused(bundle, cut, capsys):
    bundle.write_bytes(bundle.read_bytes()[:cut])
    with pytest.raises(SystemExit) as end:
        main(["bundle", "--verify", str(bundle)])
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err.startswith("exactlump: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [(), ("a.zip",), ("--verify",), ("--verify", "a.zip", "b.zip"), ("--verify", "--report", "a.zip")]
)
def test_wrong_usage_says_what_was_expected(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["bundle", *arguments])
    assert end.value.code == 2
    assert "expected" in capsys.readouterr().err
