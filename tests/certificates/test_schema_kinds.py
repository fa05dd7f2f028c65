# SPDX-License-Identifier: Apache-2.0
"""This file is about schemas of certificates of every kind: equality with its limits, bounds, decisions, queries.

Each is written by the verb that writes such certificates, and what is changed in it in any one place is refused.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from exactlump import Network, bound, check_files, reduce_file, refute, verify, write
from tests.certificates.test_schemas import obeys
from tests.tools import model, node, save


def pair(*networks, kind="json"):
    names = f"a.{kind}", f"b.{kind}"
    for name, network in zip(names, networks, strict=True):
        write(network if kind == "json" else replace(network, dtype="float32"), name)
    return *names, "c.json"


def outputs(*weights):
    return (Network.chain([[[1, 0], [0, 1]], [[w, 1], [1, 0]]]) for w in weights)


def of_bound(**options):
    def make():
        a, b, certificate = pair(*outputs(1, "9/8"), kind="onnx" if options.get("rounding") else "json")
        found = bound(a, b, (-1, 1), certificate=certificate, **options)
        return a, b, found.certificate

    return make


def of_a_difference():
    a, b, certificate = pair(*outputs(1, 2))
    return a, b, bound(a, b, (-1, 1), epsilon=0, certificate=certificate).certificate


def of_decisions():
    one, other = (Network.chain([[[1], [w]]], [[5, 0]]) for w in (1, 2))
    a, b, certificate = pair(one, other)
    return a, b, bound(a, b, (0, 1), argmax=True, certificate=certificate).certificate


def of_equality():
    a, b, certificate = pair(*(Network.chain([[[1], [2]], w]) for w in ([[4, 2]], [[2, 3]])))
    return a, b, refute(a, b, certificate=certificate).certificate


def on_a_box():
    write(Network.chain([[[1, 1], [1, -1]], [[1, 1]]]), "a.json")
    return "a.json", "b.json", reduce_file("a.json", "b.json", box=(2, 3)).certificate


def with_dust():
    weights = {"W": [[1.0, 2.0], [2.0, 4.0]], "V": [[1.0, 1e-30]]}
    nodes = [node("Gemm", "x W", "h", transB=1), node("Relu", "h", "r"), node("Gemm", "r V", "y", transB=1)]
    save(Path("a.onnx"), model(nodes, {"x": [1, 2]}, {"y": [1, 1]}, weights))
    return "a.onnx", "b.onnx", reduce_file("a.onnx", "b.onnx", dust="1e-20").certificate


def with_shapes():
    nodes = [node("Conv", "x W", "c"), node("Relu", "c", "r"), node("GlobalAveragePool", "r", "y")]
    weights = {"W": [[[[1.0]]], [[[2.0]]]]}
    save(Path("a.onnx"), model(nodes, {"x": [1, 1, None, None]}, {"y": [1, 2, 1, 1]}, weights))
    done = reduce_file("a.onnx", "b.onnx", shapes={"x": (None, 1, 4, 4)})
    return "a.onnx", "b.onnx", done.certificate


def with_opaque_operators():
    nodes = [node("Gemm", "x W", "h", transB=1), node("Hardmax", "h", "y")]
    save(Path("a.onnx"), model(nodes, {"x": [1, 2]}, {"y": [1, 2]}, {"W": [[1.0, 2.0], [2.0, 4.0]]}))
    return "a.onnx", "b.onnx", reduce_file("a.onnx", "b.onnx").certificate


KINDS = {
    "max": of_bound(),
    "per-output": of_bound(metric="per-output"),
    "l1": of_bound(metric="l1", epsilon=1),
    "margins": of_bound(metric="margins"),
    "float32": of_bound(rounding="float32"),
    "different": of_a_difference,
    "decision": of_decisions,
    "equality": of_equality,
    "box": on_a_box,
    "dust": with_dust,
    "shapes": with_shapes,
    "opaque": with_opaque_operators,
}


@pytest.mark.parametrize("kind", KINDS)
def test_certificates_of_every_kind_obey_the_schema_and_changed_ones_do_not(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    *files, certificate = KINDS[kind]()
    assert check_files(*files, certificate).verdict in ("equivalent", "within", "different")
    document = json.loads(certificate.read_bytes())
    assert obeys("certificate", document)
    assert not obeys("query", document)
    for key in document:
        assert not obeys("certificate", {**document, key: 1}), key
        optional = key in ("opaque", "assumes", "trees", "input", "outputs")
        assert optional or not obeys("certificate", {k: v for k, v in document.items() if k != key}), key
    for key in document["claim"].keys() - {"index"}:
        assert not obeys("certificate", {**document, "claim": {**document["claim"], key: 1}}), key
    assert not obeys("certificate", {**document, "claim": {**document["claim"], "more": 1}})


QUERY = """
(declare-const X_0 Real)
(declare-const Y_0 Real)
(assert (>= X_0 0))
(assert (<= X_0 1))
(assert (or (and (>= Y_0 11)) (and (>= X_0 3))))
"""


def test_certificates_of_queries_obey_theirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Network.chain([[[1], [-1]], [[1, 2]]]), "a.json")
    (tmp_path / "query.vnnlib").write_text(QUERY)
    found = verify("query.vnnlib", "a.json", certificate="proof.json")
    assert found.verdict == "unsat"
    document = json.loads((tmp_path / "proof.json").read_bytes())
    kinds = {("multipliers" in proof) for proof in document["proofs"]}
    assert kinds == {True, False}
    assert obeys("query", document)
    assert not obeys("certificate", document)
    for key in document:
        assert not obeys("query", {**document, key: 5}), key
        assert not obeys("query", {k: v for k, v in document.items() if k != key}), key
    for proof in document["proofs"]:
        for key in proof:
            assert not obeys("query", {**document, "proofs": [{k: v for k, v in proof.items() if k != key}]}), key
    assert not obeys("query", {**document, "query": "0" * 63})
