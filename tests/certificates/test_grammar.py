# SPDX-License-Identifier: Apache-2.0
"""This file is about the grammar of certificates: `prove` and the checker refuse the same documents."""

import json
import random

import pytest

from exactlump import check, reduce_file, write
from exactlump.certificates.certificate import read_certificate
from exactlump.errors import ExactlumpError
from tests.smt.test_obligations import TWINS


@pytest.fixture(scope="module")
def triple(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grammar")
    write(TWINS, folder / "a.json")
    done = reduce_file(folder / "a.json", folder / "b.json")
    return [folder / "a.json", done.reduced, done.certificate]


def readable(triple, content, tmp_path):
    """What `prove` says of the bytes before it looks at any model file, and what the checker does."""
    path = tmp_path / "c.json"
    path.write_bytes(content)
    checked = check.check(str(triple[0]), str(triple[1]), str(path)).verdict
    try:
        read_certificate(path)
    except ExactlumpError as error:
        return {2: "malformed", 4: "unsupported"}[error.exit_code], checked
    return "read", checked if checked in ("malformed", "unsupported") else "read"


ODD = [
    None,
    True,
    False,
    0,
    1,
    -1,
    10**15,
    10**16,
    1.5,
    "",
    "1",
    "2/4",
    "-0",
    "1/1",
    "free",
    "0" * 64,
    [],
    {},
    [0, "1"],
]
ODD += [["=", 0, "1"], ["=", True, "1"], {"of": [], "plus": "1"}, {"of": [[0, "2"]], "plus": "0"}, "onnx", "json"]
ODD += [
    {"of": [[0, "1"], [0, "1"]], "plus": "0"},
    {"of": [[1, "1"], [0, "1"]], "plus": "0"},
    "batch normalisation exact",
]
ODD += [{"of": [[0, "0"], [1, "1"]], "plus": "0"}, {"w": "0" * 64}, {"w": "0" * 63}, {"w": 1}, {"t": {"rows": [None]}}]


def places(value, path=()):
    """The ways to everything in a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def test_both_readers_refuse_the_same_documents(triple, tmp_path):
    words, rng, seen = triple[2].read_text(), random.Random(2), set()
    ways = [way for way in places(json.loads(words)) if way]
    for way in ways:
        for odd in (*ODD, KeyError):
            document = inner = json.loads(words)
            for key in way[:-1]:
                inner = inner[key]
            if odd is KeyError:
                del inner[way[-1]]
            else:
                inner[way[-1]] = odd
            if rng.random() < 0.05:
                document["more"] = odd if odd is not KeyError else 0
            found = readable(triple, json.dumps(document).encode(), tmp_path)
            assert found[0] == found[1], (way, odd)
            seen.add((found[0], way[0]))
    assert len(seen) > 12


@pytest.mark.parametrize(
    "change",
    [
        lambda words: words.replace('"version":2', '"version":2,"version":2'),
        lambda words: words.replace('"version":2', '"version":2.0'),
        lambda words: words.replace('"version":2', '"version":NaN'),
        lambda words: words.replace('"version":2', '"version":-1'),
        lambda words: "\ufeff" + words,
        lambda words: words + "{}",
        lambda words: "[" * 100_000,
        lambda words: "",
    ],
)
def test_texts_that_are_no_certificates(triple, tmp_path, change):
    words = change(triple[2].read_text())
    assert words != triple[2].read_text()
    assert readable(triple, words.encode(), tmp_path) == ("malformed",) * 2


def test_what_is_no_utf_8_is_refused(triple, tmp_path):
    content = triple[2].read_bytes().replace(b'"producer":"exact', b'"producer":"\xffexact')
    assert readable(triple, content, tmp_path) == ("malformed",) * 2


@pytest.mark.parametrize("digits", [10_000, 10_001])
def test_numbers_have_a_length(triple, tmp_path, digits):
    words = triple[2].read_text().replace('[0,"2"]', f'[0,"{"1" * digits}"]')
    assert readable(triple, words.encode(), tmp_path) == ("read" if digits == 10_000 else "malformed",) * 2
