# SPDX-License-Identifier: Apache-2.0
"""This file is about images as inputs: PNG files of 8 bits, read strictly, a number for each sample.

Grey or red, green, blue; no palette, no alpha, not interlaced: whatever else a file says is refused by name.  Files are
hostile until checked: no more is unpacked than the size in the head asks for.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from exactlump.errors import FormatError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3}  # by colour type
_MOST = 1 << 24  # samples of one image


def read_png(content: bytes) -> tuple[tuple[int, int, int], bytes]:
    """Channels, height and width of an image, and its samples, channel after channel, each row by row.

    Raises FormatError.
    """
    (kind, head), *chunks = _chunks(content) or [(b"", b"")]
    if kind != b"IHDR" or len(head) != 13:
        raise FormatError(f"found the first chunk {kind!r}, expected IHDR")
    width, height, depth, colour, packing, filtering, interlaced = struct.unpack(">IIBBBBB", head)
    if depth != 8 or colour not in _CHANNELS or (packing, filtering, interlaced) != (0, 0, 0):
        found = f"{depth} bits, colour type {colour}, interlacing {interlaced}"
        raise FormatError(f"found {found}, expected 8 bits, grey or RGB, without alpha, palette and interlacing")
    channels = _CHANNELS[colour]
    if not 0 < width * height * channels <= _MOST:
        raise FormatError(f"found {channels} x {height} x {width} samples, expected 1 to {_MOST}")
    packed = b"".join(data for name, data in chunks if name == b"IDAT")
    rows = _unpacked(packed, height * (1 + width * channels))
    samples = b"".join(_rows(rows, width * channels, channels))
    return (channels, height, width), b"".join(samples[c::channels] for c in range(channels))


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Name and data of each chunk, up to IEND."""
    if not content.startswith(_SIGNATURE):
        raise FormatError("found another beginning, expected a PNG file")
    found, place = list[tuple[bytes, bytes]](), len(_SIGNATURE)
    while place + 12 <= len(content):
        size, kind = struct.unpack(">I4s", content[place : place + 8])
        data, check = content[place + 8 : place + 8 + size], content[place + 8 + size : place + 12 + size]
        if len(check) != 4 or struct.unpack(">I", check)[0] != zlib.crc32(kind + data):
            raise FormatError(f"chunk {kind!r}: found another checksum, expected that of its bytes")
        if kind == b"IEND":
            return found
        if kind in (b"IHDR", b"IDAT"):
            found.append((kind, data))
        elif kind == b"tRNS" or not kind[0] & 32:
            raise FormatError(f"found the chunk {kind!r}, which changes what is seen, expected IHDR and IDAT")
        place += 12 + size
    raise FormatError("found no end, expected a chunk IEND")


def _unpacked(packed: bytes, size: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(packed, size + 1)
    except zlib.error as error:
        raise FormatError(f"found no packed rows: {error}") from error
    if len(found) != size or not stream.eof:
        raise FormatError(f"found {len(found)} bytes of rows or more, expected {size}")
    return found


def _rows(content: bytes, size: int, step: int) -> Iterator[bytes]:
    """The rows without their filters; `step` is how many bytes a pixel has."""
    above = bytes(size)
    for start in range(0, len(content), size + 1):
        row = bytearray(content[start + 1 : start + 1 + size])
        if content[start] > 4:
            raise FormatError(f"found the filter {content[start]}, expected 0 to 4")
        for i in range(size):
            left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
            row[i] = row[i] + _guess(content[start], left, above[i], corner) & 255
        above = bytes(row)
        yield above


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        middle = left + up - corner
        return min((left, up, corner), key=lambda each: abs(middle - each))
    return (0, left, up, (left + up) // 2)[kind]


def images_in(folder: Path) -> list[Path]:
    """The images of a folder, by name.  Raises FormatError where there is none."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png")
    if not found:
        raise FormatError("found no image, expected files that end with .png")
    return found
