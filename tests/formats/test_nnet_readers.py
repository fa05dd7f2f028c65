# SPDX-License-Identifier: Apache-2.0
"""This file is about .nnet files that their known readers read differently: neither of ours reads one.

Three readers of others are modelled, by how they are known to cut lines and read words: one in Python, in text mode,
which drops what follows the last comma of a line; one in C++, which takes numbers by their place; and one in C, with a
buffer for a line.  What the engine and the checker accept, all of these must read as they do, if they read it at all.
"""

import itertools
import math
import random
import re
from fractions import Fraction

import pytest

from exactlump import check, read
from exactlump.cli.main import main
from exactlump.errors import ExactlumpError, FormatError
from exactlump.network.kinds import Activate, Dense
from exactlump.numbers.rational import fraction, rational
from tests.checker.test_check import evaluate as evaluate_checked
from tests.tools import fails, number, save

GOOD = "// c\n2,2,1,2,\n2,2,1,\n0,\n-1,-2,\n1,2,\n3,4,5,\n2,4,8,\n1,-2,\n3,4,\n5,\n-6,\n7,8,\n9,\n"
LONGER = "-1,-2,\n1,2,\n3,4,5,\n2,4,8,", "-1,-2,0,\n1,2,0,\n3,4,0,5,\n2,4,1,8,"
BUFFER = 10_240


# The readers of others


def prefix(word):
    """The number that a word begins with, as C has it."""
    match = re.match(r"[ \t\r]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", word)
    return match[0] if match else "0"


def stod(word):
    """As std::stod, and 0 for what it throws at: numbers beyond float64, and numbers that are not normal."""
    value = float(prefix(word))
    return value if math.isfinite(value) and abs(value) >= 2.0**-1022 else 0.0


def stoi(word):
    """The integer that a word begins with."""
    return int(re.match(r"[ \t\r]*[+-]?[0-9]+", word)[0])


def tokens(words, count):
    """The first words; where there are fewer, the last one stays."""
    return [words[min(i, len(words) - 1)] for i in range(count)]


def in_python(data):
    """Text mode ends lines at carriage returns too; what follows a line's last comma is dropped."""
    rows = iter(data.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    row = next(rows)
    while row.startswith("//"):
        row = next(rows)

    def numbers(row):
        return [float(word) for word in row.strip().split(",")[:-1]]

    def weights(row, count):
        found = numbers(row)
        if len(found) not in (1, count):
            raise ValueError
        return found if len(found) == count else found * count  # as NumPy assigns one number to a row

    layers, inputs, _, _ = (int(word) for word in row.strip().split(",")[:-1])
    sizes = [int(word) for word in next(rows).strip().split(",")[:-1]]
    for _ in range(3):
        next(rows)
    means, ranges = numbers(next(rows)), numbers(next(rows))
    body = []
    for below, units in ((sizes[layer], sizes[layer + 1]) for layer in range(layers)):
        matrix = [weights(next(rows), below) for _ in range(units)]
        body.append((matrix, [float(next(rows).strip().split(",")[0]) for _ in range(units)]))
    return means[:inputs], means[-1], ranges[:inputs], ranges[-1], body


def by_place(rows, words):
    """Numbers by their place in a line, whatever follows them."""
    rows = iter(rows)
    row = next(rows)
    while "//" in row:
        row = next(rows)
    layers, inputs, _, _ = map(stoi, tokens(words(row), 4))
    sizes = [*map(stoi, tokens(words(next(rows)), layers + 1))]
    for _ in range(3):
        next(rows)
    means, ranges = ([*map(stod, tokens(words(next(rows)), inputs + 1))] for _ in range(2))
    body = []
    for below, units in itertools.pairwise(sizes):
        matrix = [[*map(stod, tokens(words(next(rows)), below))] for _ in range(units)]
        body.append((matrix, [stod(words(next(rows))[0]) for _ in range(units)]))
    return means[:inputs], means[inputs], ranges[:inputs], ranges[inputs], body


def in_cpp(data):
    """Lines end at newlines only."""
    return by_place(data.decode().split("\n"), lambda row: row.split(","))


def in_c(data):
    """Lines come in pieces that fit the buffer; empty words do not count."""
    rows = [row[i : i + BUFFER - 1] for row in data.decode().split("\n") for i in range(0, len(row) + 1, BUFFER - 1)]
    return by_place(rows, lambda row: [word for word in row.split(",") if word])


OTHERS = (in_python, in_cpp, in_c)
FAILS = (ValueError, IndexError, StopIteration, RuntimeError, TypeError, OverflowError)


def of_others(data):
    """What each of them reads, as far as it reads anything."""
    found = []
    for reader in OTHERS:
        try:
            found.append(reader(data))
        except FAILS:
            continue
    return found


# Ours


def of_engine(path, *, raw=False):
    """What the engine reads, as the others would say it; None where it refuses the file."""
    try:
        network = read(path, raw_nnet=raw)
    except FormatError:
        return None
    layers = [node for node in network.nodes if isinstance(node, Dense)]
    body = [
        ([[number(node.weight.row(v).get(u, 0)) for u in range(node.weight.shape[1])] for v in range(len(node.bias))],
         [number(b) for b in node.bias])
        for node in layers
    ]  # fmt: skip
    assert [type(node) for node in network.nodes].count(Activate) == len(layers) - 1
    if raw:
        return body
    shift, scale, last, mean = network.nodes[0], network.nodes[1], network.nodes[-2], network.nodes[-1]
    means, ranges = [number(-c) for c in shift.constant], [number(1 / f) for f in scale.factor]
    return means, number(mean.constant[0]), ranges, number(last.factor[0]), body


def of_checker(path, *, raw=False):
    """The network as the checker reads it; None where it refuses the file."""
    try:
        return check.read_network(str(path), "raw nnet" if raw else "as stored", check.MAX_UNPACKED)
    except check.Stop as error:
        return None if error.verdict == "malformed" else error


def agree(path, *, raw=False):
    """Both of ours refuse a file, or read one network, which is what all others read; whether it was read."""
    found, checked = of_engine(path, raw=raw), of_checker(path, raw=raw)
    assert (found is None) == (checked is None), path.read_bytes()
    if found is None:
        return False
    network = read(path, raw_nnet=raw)
    for seed in range(3):
        rng = random.Random(seed)
        x = [Fraction(rng.randint(-9, 9), 4) for _ in range(network.units("input"))]
        (y,) = network.evaluate([rational(value) for value in x])
        assert evaluate_checked(checked, x) == [[Fraction(*fraction(value)) for value in y]]
    for other in of_others(path.read_bytes()):
        assert (other[-1] if raw else other) == found, path.read_bytes()
    return True


KINDS = {
    "blank lines before the bounds": GOOD.replace("0,\n-1", "0,\n\n\n\n-1"),
    "a line of blanks": GOOD.replace("\n7,8", "\n \t\n7,8"),
    "a blank line between comments": GOOD.replace("// c\n", "// c\n\n// d\n"),
    "a comment after the header": GOOD.replace("\n1,-2", "\n// 9,9,\n1,-2"),
    "a comment within a line": GOOD.replace("2,2,1,2,\n", "2,2,1,2,// c\n"),
    "a network behind a carriage return": f"// c\r{GOOD[5:].replace('9', '8')}".replace("\n", "\r") + GOOD,
    "a carriage return at the end of one line": GOOD.replace("9,\n", "9,\r\n"),
    "a carriage return instead of one newline": GOOD.replace("\n3,4,5", "\r3,4,5"),
    "carriage returns at all ends, and one within": GOOD.replace("c", "\rc").replace("\n", "\r\n"),
    "a carriage return at the end of the file": GOOD.removesuffix("\n") + "\r",
    "longer means and ranges": GOOD.replace("3,4,5,", "3,4,0,5,").replace("2,4,8,", "2,4,1,8,"),
    "longer means and ranges, with bounds": GOOD.replace(*LONGER),
    "means without the last comma": GOOD.replace("3,4,5,", "3,4,5"),
    "ranges without the last comma": GOOD.replace("2,4,8,", "2,4,8"),
    "weights without the last comma": GOOD.replace("7,8,", "7,8"),
    "a number beyond float64": GOOD.replace("9,\n", "9e400,\n"),
    "a number below float64": GOOD.replace("9,\n", "9e-400,\n"),
    "a number of which float64 has a part": GOOD.replace("9,\n", "9e-310,\n"),
    "an absurd exponent": GOOD.replace("9,\n", "9e-9999,\n"),
    "a size with an exponent": GOOD.replace("2,2,1,2,\n2,2,1,", "2,2,1,2,\n2,2e0,1,"),
    "a comment longer than a buffer": f"// {'c' * (BUFFER - 4)}2,2,1,2,\n{GOOD[5:]}",
    "a blank that is no blank in C": GOOD.replace("7,8", "\u00a07,8"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_what_readers_read_differently_is_refused_by_both_of_ours(name, tmp_path):
    path = save(tmp_path / "m.nnet", KINDS[name].encode())
    assert KINDS[name] != GOOD
    with pytest.raises(ExactlumpError) as refused:
        read(path)
    assert (type(refused.value), str(refused.value).count("\n")) == (FormatError, 0)
    assert not agree(path)


# Kinds of which no two modelled readers read two networks: one fails, or all are careful.
HARMLESS = {
    "a carriage return at the end of one line",
    "carriage returns at all ends, and one within",
    "a carriage return at the end of the file",
    "a blank line between comments",
    "a size with an exponent",
    "a comment within a line",
}


@pytest.mark.parametrize("name", sorted(KINDS.keys() - HARMLESS))
def test_they_are_read_differently(name):
    """By two readers, or as another network than the file without the fault."""
    found = [*of_others(KINDS[name].encode()), *of_others(GOOD.encode())]
    assert any(one != found[-1] for one in found)


def test_the_readers_read_the_good_file_alike(tmp_path):
    assert len(of_others(GOOD.encode())) == len(OTHERS)
    for text in (GOOD, GOOD.replace("\n", "\r\n"), f"// {'c' * 1990}\n{GOOD}", GOOD + "\n\n", GOOD.replace(",", " ,")):
        assert agree(save(tmp_path / "m.nnet", text.encode()))


def test_what_is_left_out_may_be_read_differently(tmp_path):
    """Without the normalisation, means and ranges of more inputs say nothing."""
    path = save(tmp_path / "m.nnet", KINDS["longer means and ranges, with bounds"].encode())
    assert agree(path, raw=True)
    fails(FormatError, 2, lambda: read(path), "line 5", "--raw-nnet")
    with pytest.raises(SystemExit) as end:
        main(["reduce", "--raw-nnet", str(path), str(tmp_path / "small.nnet")])
    assert end.value.code == 0
    assert (tmp_path / "small.nnet").read_text().split("\n")[4:8] == path.read_text().split("\n")[4:8]
    assert agree(tmp_path / "small.nnet", raw=True)
    assert not agree(tmp_path / "small.nnet")


def test_random_changes_are_read_alike_or_refused(tmp_path):
    """Pieces that matter to some reader, put in, taken out and exchanged at random."""
    pieces = ["\n", "\r", "\r\n", "//", ",", " ", "\t", "0", "-", ".5", "e5", "e-400", "e400", "1e0", "\n//\n", "9,"]
    rng, read_so_far, path = random.Random(5), 0, tmp_path / "m.nnet"
    for _ in range(3000):
        text = GOOD if rng.random() < 0.7 else GOOD.replace("\n", "\r\n")
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice([*pieces, ""]) + text[at + rng.choice([0, 0, 1, 2]) :]
        read_so_far += agree(save(path, text.encode()), raw=rng.random() < 0.3)
    assert read_so_far > 300
