# SPDX-License-Identifier: Apache-2.0
"""This file is about the schemas: all that the program writes obeys them, and what is changed does not.

They are read by the package jsonschema where it is installed, and in any case by a validator of our own, which knows
the words that the schemas use and refuses all others; the two must agree.
"""

import json
import re
from pathlib import Path

import pytest

from exactlump import reduce_file, schemas
from exactlump.certificates import grammar
from exactlump.cli.main import VERBS
from exactlump.errors import ExactlumpError, FormatError
from exactlump.verbs.proving import ProveOptions, prove_files
from tests.cli.test_answers import RUNS, end, folder, one  # noqa: F401  # fixtures

try:
    from jsonschema import Draft202012Validator
except ImportError:
    Draft202012Validator = None

ROOT = Path(__file__).parents[2]
NETWORKS = ROOT / "exactlump" / "networks"
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
WORDS = {"$schema", "$id", "$defs", "title", "description"}


def valid(rule, value, root):
    """Whether a value obeys a rule; a word of the schema that is not known here is a KeyError."""
    if rule is False:
        return False
    if isinstance(value, dict) and not all(_holds(rule, word, value, root) for word in rule.keys() & OBJECTS.keys()):
        return False
    if isinstance(value, list) and not all(_holds(rule, word, value, root) for word in rule.keys() & LISTS.keys()):
        return False
    others = rule.keys() - WORDS - OBJECTS.keys() - LISTS.keys()
    return all(ANY[word](rule, rule[word], value, root) for word in others)


def _holds(rule, word, value, root):
    return {**OBJECTS, **LISTS}[word](rule, rule[word], value, root)


def _has_type(rule, of, value, root):
    if of in ("integer", "number"):
        return type(value) is int or (of == "number" and type(value) is float)
    return isinstance(value, TYPES[of])


def _equal(one, other):
    return type(one) is type(other) and one == other


def _number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


# Word of a schema -> whether it holds: of rules, of what they say, of a value, of the schema.
OBJECTS = {
    "required": lambda rule, of, value, root: all(key in value for key in of),
    "properties": lambda rule, of, value, root: all(valid(of[k], v, root) for k, v in value.items() if k in of),
    "additionalProperties": lambda rule, of, value, root: all(
        valid(of, v, root) for k, v in value.items() if k not in rule.get("properties", {})
    ),
}
LISTS = {
    "minItems": lambda rule, of, value, root: len(value) >= of,
    "prefixItems": lambda rule, of, value, root: all(valid(r, v, root) for r, v in zip(of, value, strict=False)),
    "items": lambda rule, of, value, root: all(valid(of, v, root) for v in value[len(rule.get("prefixItems", ())) :]),
}
ANY = {
    "$ref": lambda rule, of, value, root: valid(root["$defs"][of.removeprefix("#/$defs/")], value, root),
    "type": _has_type,
    "const": lambda rule, of, value, root: _equal(of, value),
    "enum": lambda rule, of, value, root: any(_equal(each, value) for each in of),
    "pattern": lambda rule, of, value, root: not isinstance(value, str) or re.search(of, value) is not None,
    "minimum": lambda rule, of, value, root: not _number(value) or value >= of,
    "maximum": lambda rule, of, value, root: not _number(value) or value <= of,
    "anyOf": lambda rule, of, value, root: any(valid(each, value, root) for each in of),
    "oneOf": lambda rule, of, value, root: sum(valid(each, value, root) for each in of) == 1,
    "allOf": lambda rule, of, value, root: all(valid(each, value, root) for each in of),
    "not": lambda rule, of, value, root: not valid(of, value, root),
    "if": lambda rule, of, value, root: valid(rule["then"] if valid(of, value, root) else rule["else"], value, root),
    "then": lambda rule, of, value, root: True,
    "else": lambda rule, of, value, root: True,
}


def obeys(name, value):
    """Whether a value obeys a schema: by both validators."""
    root = schemas.schema(name)
    ours = valid(root, value, root)
    if Draft202012Validator is not None:
        assert Draft202012Validator(root).is_valid(value) == ours
    return ours


def test_the_schemas_are_schemas_and_say_their_version():
    for name in schemas.NAMES:
        found = schemas.schema(name)
        assert re.fullmatch(rf"urn:exactlump:schema:{name}:\d", found["$id"])
        if Draft202012Validator is not None:
            Draft202012Validator.check_schema(found)
    with pytest.raises(FormatError, match="expected answer, certificate, evidence, query"):
        schemas.schema("../check")


# Answers


def test_every_verb_has_a_schema():
    (_, verbs) = schemas.schema("answer")["$defs"]["success"]["allOf"]
    described = {verb["properties"]["verb"]["const"] for verb in verbs["oneOf"]}
    assert VERBS.keys() - described == {"supports"}  # which answers in the words of a standard


@pytest.mark.parametrize("verb", RUNS)
def test_answers_obey_their_schema_and_have_no_keys_that_it_does_not_name(verb, folder, end):  # noqa: F811
    for times in ((), ("--no-times",)):
        _, out, _ = end(verb, *RUNS[verb][0], "--json", *times, *(["--force"] if verb in FORCED else []))
        found = one(out)
        assert found["error"] is None
        assert obeys("answer", found)
        defs = schemas.schema("answer")["$defs"]
        assert found.keys() <= {*defs["common"]["properties"], *defs[verb]["properties"]}
        for key in defs[verb]["required"]:
            assert not obeys("answer", {k: v for k, v in found.items() if k != key}), key
        assert not obeys("answer", {**found, "verb": "improve"})
        assert not obeys("answer", {**found, "schema": 2})


FORCED = {"reduce", "prove", "relax", "report", "export", "bundle"}


@pytest.mark.parametrize(
    "arguments",
    [("reduce",), ("check", "none.onnx", "none.onnx", "none.json"), ("reduce", "fizz.onnx", "o.onnx"), ("improve",)],
)
def test_failures_obey_the_schema(arguments, folder, end):  # noqa: F811
    _, out, _ = end(*arguments, "--json")
    found = one(out)
    assert found["error"] is not None
    assert obeys("answer", found)
    assert not obeys("answer", {**found, "error": {"message": "x"}})


# Certificates and evidence


def test_what_the_grammar_takes_obeys_the_schema():
    """And only that: a schema says less than the grammar, so it may take what that refuses."""
    taken = 0
    for path in sorted((ROOT / "tests" / "certificates").rglob("certificate.json")):
        try:
            document = grammar.read(path.read_bytes())
        except ExactlumpError:
            continue
        taken += 1
        assert obeys("certificate", document), path
    assert taken > 50


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A certificate of a bundled network, and its evidence."""
    place = tmp_path_factory.mktemp("schemas")
    done = reduce_file(NETWORKS / "erratum.json", place / "small.json", rules="lumping")
    evidence = place / "evidence.jsonl"
    options = ProveOptions(jobs=1, evidence=evidence)
    prove_files(NETWORKS / "erratum.json", place / "small.json", done.certificate, options)
    return json.loads(done.certificate.read_text()), [json.loads(line) for line in evidence.read_text().splitlines()]


def test_certificates_and_evidence_obey_their_schemas(written):
    certificate, evidence = written
    assert obeys("certificate", certificate)
    assert len(evidence) > 2
    assert all(obeys("evidence", line) for line in evidence)


CHANGES = [
    lambda d: d.update(version=3),
    lambda d: d.update(version="2"),
    lambda d: d.update(more=1),
    lambda d: d.pop("producer"),
    lambda d: d["claim"].pop("match"),
    lambda d: d["claim"].update(domain="[0, 1]"),
    lambda d: d["claim"].update(specification="as I like it"),
    lambda d: d["original"].update(sha256="0" * 63),
    lambda d: d["original"].update(sha256="G" * 64),
    lambda d: d["reduced"].update(format="exe"),
    lambda d: d["relations"]["original"].update(h={"rows": [[0, 1]]}),
    lambda d: d["relations"]["original"].update(h={"rows": [[0, "1.0"]]}),
    lambda d: d["relations"]["original"].update(h={"rows": [[-1, "1"]]}),
    lambda d: d["relations"]["original"].update(h={"rows": [["=", 0]]}),
    lambda d: d["relations"]["original"].update(h={"rows": ["loose"]}),
    lambda d: d["relations"]["original"].update(h={"rows": [{"of": [[0, "1"]]}]}),
    lambda d: d["relations"]["reduced"].update(h={"rows": [], "over": "h"}),
]


@pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
def test_changed_certificates_do_not(written, change):
    document = json.loads(json.dumps(written[0]))
    change(document)
    assert not obeys("certificate", document)
    with pytest.raises(ExactlumpError):
        grammar.read(json.dumps(document).encode())


@pytest.mark.parametrize("key", ["id", "claim", "script", "verdict", "seconds"])
def test_changed_evidence_does_not(written, key):
    line = dict(written[1][1])
    assert not obeys("evidence", {**line, key: None})
    line.pop(key)
    assert not obeys("evidence", line)
