# SPDX-License-Identifier: Apache-2.0
"""This file is about images as inputs: PNG files mean what they mean to others, and bad ones are refused.

The other road is Matplotlib's reader.
"""

import random
import struct
import zlib

import numpy as np
import pytest

from exactlump import Network, write
from exactlump.cli.main import main
from exactlump.errors import FormatError, ShapeError
from exactlump.numbers.rational import rational
from exactlump.verbs.data import Scaling, files_of, read_inputs, scaling_of
from exactlump.verbs.images import read_png

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(grid, filters=None, colour=None, depth=8, interlaced=0, more=b""):
    """A PNG file of an array of height, width and channels, its rows filtered as is asked."""
    height, width, channels = grid.shape
    rows, above = [], [0] * (width * channels)
    for i in range(height):
        row = [int(v) for v in grid[i].reshape(-1)]
        kind = filters[i] if filters else 0
        rows.append(bytes([kind, *filtered(kind, row, above, channels)]))
        above = row
    colour = {1: 0, 3: 2}[channels] if colour is None else colour
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return SIGNATURE + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")


def filtered(kind, row, above, step):
    """As the standard defines it, from the sending side."""
    for i, value in enumerate(row):
        a, c = (row[i - step], above[i - step]) if i >= step else (0, 0)
        b = above[i]
        p = a + b - c
        paeth = a if abs(p - a) <= min(abs(p - b), abs(p - c)) else b if abs(p - b) <= abs(p - c) else c
        yield (value - (0, a, b, (a + b) // 2, paeth)[kind]) % 256


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("seed", range(12))
def test_images_are_read_as_another_reader_reads_them(channels, seed, tmp_path):
    image = pytest.importorskip("matplotlib.image")
    draw = random.Random(seed)
    height, width = draw.randint(1, 9), draw.randint(1, 9)
    grid = np.random.default_rng(seed).integers(0, 256, (height, width, channels))
    content = png(grid, [draw.randrange(5) for _ in range(height)], more=chunk(b"tEXt", b"x"))
    (tmp_path / "x.png").write_bytes(content)
    shape, samples = read_png(content)
    assert shape == (channels, height, width)
    assert [*samples] == [int(v) for v in np.moveaxis(grid, -1, 0).reshape(-1)]
    other = np.rint(image.imread(tmp_path / "x.png") * 255).astype(int).reshape(height, width, channels)
    assert [*samples] == [int(v) for v in np.moveaxis(other, -1, 0).reshape(-1)]


def head(width, height):
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


GRID = np.arange(12).reshape(2, 2, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "another beginning"),
        (SIGNATURE, "no end"),
        (SIGNATURE + chunk(b"IEND", b""), "expected IHDR"),
        (png(GRID)[:-1], "checksum|no end"),
        (png(GRID).replace(b"IHDR", b"IHDr"), "checksum"),
        (png(GRID, depth=16), "16 bits"),
        (png(GRID, colour=3), "colour type 3"),
        (png(GRID, colour=6), "colour type 6"),
        (png(GRID, interlaced=1), "interlacing 1"),
        (png(GRID, more=chunk(b"tRNS", b"\0\0")), "tRNS"),
        (png(GRID, more=chunk(b"ABCD", b"")), "ABCD"),
        (
            SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 0, 0, 0, 0)) + chunk(b"IEND", b""),
            "samples",
        ),
        (
            SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)) + chunk(b"IEND", b""),
            "bytes of rows",
        ),
    ],
)
def test_what_is_no_such_image_is_refused(content, words):
    with pytest.raises(FormatError, match=words):
        read_png(content)


def test_no_more_is_unpacked_than_the_head_asks_for():
    bomb = zlib.compress(bytes(50_000_000), 9)
    content = head(2, 2) + chunk(b"IDAT", bomb) + chunk(b"IEND", b"")
    with pytest.raises(FormatError, match="found 7 bytes of rows or more, expected 6"):
        read_png(content)


def test_a_folder_of_images_is_a_set_of_inputs(tmp_path):
    for name, shift in (("b.png", 1), ("a.png", 0)):
        (tmp_path / name).write_bytes(png(GRID + shift))
    (tmp_path / "notes.txt").write_text("no image")
    first, second = read_inputs(tmp_path, 12)
    assert first == (0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11)
    assert second == tuple(v + 1 for v in first)
    assert [path.name for path in files_of(tmp_path)] == ["a.png", "b.png"]
    assert files_of([1, 2]) == []
    with pytest.raises(ShapeError, match=r"a\.png: found 12 numbers"):
        read_inputs(tmp_path, 8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="found no image"):
        read_inputs(tmp_path / "empty", 8)


def test_numbers_are_scaled_exactly():
    x = tuple(map(rational, range(6)))
    assert scaling_of((), ()).of(x) == x
    assert scaling_of(("1/255",), ()).of(x) == tuple(v / 255 for v in x)
    means = scaling_of(("2",), ("1", "0.5", "0")).of(x)
    assert means == (-2, 0, 3, 5, 8, 10)
    assert Scaling((rational(1), rational(3)), (rational(1),)).of(x) == (-1, 0, 1, 6, 9, 12)
    with pytest.raises(ShapeError, match="4 channels"):
        scaling_of(("1",) * 4, ()).of(x)
    with pytest.raises(FormatError, match="2 and 3 numbers"):
        scaling_of(("1", "2"), ("1", "2", "3"))
    with pytest.raises(FormatError, match="scale and mean"):
        scaling_of(("x",), ())


def test_decisions_at_a_folder_of_images(tmp_path, monkeypatch, capsys):
    """From end to end: the share of images at which both decide alike, and each file in the answer."""
    monkeypatch.chdir(tmp_path)
    write(Network.chain([[[1, 0, 0, 0], [0, 0, 0, 1]]]), "a.json")
    write(Network.chain([[["9/8", 0, 0, 0], [0, 0, 0, 1]]]), "b.json")
    (tmp_path / "images").mkdir()
    for i, pixels in enumerate(([255, 0, 0, 0], [0, 0, 0, 255], [96, 0, 0, 100])):
        (tmp_path / "images" / f"{i}.png").write_bytes(png(np.array(pixels).reshape(2, 2, 1)))
    command = ["bound", "a.json", "b.json", "--box", "0", "1", "--argmax", "--inputs", "images", "--scale", "1/255"]
    with pytest.raises(SystemExit):
        main(command)
    assert "at 2 of 3 inputs" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*command, "--json"])
    out = capsys.readouterr().out
    assert all(f'"images/{i}.png"' in out for i in range(3))
    assert '"scale": ["1/255"]' in out
