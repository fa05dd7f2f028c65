# SPDX-License-Identifier: Apache-2.0
"""This file is about what a file that was not expected probably is, so that people see which argument they mixed up.

Nothing is decided by a guess but the words of an error.
"""

import json
import re

from exactlump.errors import FormatError

# What is expected of a suffix, in the words of a guess.
NETWORKS = {
    "onnx": "an ONNX model",
    "onnx.gz": "a gzip file",
    "nnet": "a .nnet file",
    "json": "a network of exact numbers",
}
CERTIFICATE = "a certificate"
_OURS = {
    "exactlump certificate": CERTIFICATE,
    "exactlump network": NETWORKS["json"],
    "exactlump evidence": "evidence of solvers",
    "exactlump architecture": "an architecture",
}
_VAGUE = "binary data"
_READ_BY = {CERTIFICATE: ", which check, prove and report read", _OURS["exactlump evidence"]: ", which report reads"}


def guess(content: bytes) -> str | None:
    """What a file probably is, by its first bytes and by what it calls itself; None where nothing tells.

    >>> guess(b'{"format": "exactlump certificate"}'), guess(b"hello")
    ('a certificate', None)
    """
    for magic, words in ((b"\x1f\x8b", NETWORKS["onnx.gz"]), (b"PK\x03\x04", "a zip file, such as PyTorch writes")):
        if content.startswith(magic):
            return words
    try:
        start = content.decode("utf-8").lstrip()
    except UnicodeDecodeError:
        return NETWORKS["onnx"] if content.startswith(b"\x08") else _VAGUE
    if "\0" in start:
        return NETWORKS["onnx"] if content.startswith(b"\x08") else _VAGUE
    if start.startswith("{"):
        return _by_name(content)
    if re.match(r"(//[^\n]*\n)*\s*\d+\s*,\s*\d+\s*,", start):
        return NETWORKS["nnet"]
    return "a VNN-LIB property" if re.match(r"(;[^\n]*\n|\s)*\((declare-|assert|vnnlib)", start) else None


def _by_name(content: bytes) -> str | None:
    """What JSON calls itself, or its first line."""
    for part in (content, content.splitlines()[0]):
        try:
            document = json.loads(part)
        except (ValueError, RecursionError):
            continue
        return _OURS.get(str(document.get("format"))) if isinstance(document, dict) else None
    return None


def clearer(error: FormatError, content: bytes, expected: str, hint: str = "") -> FormatError:
    """The error of a reader, or, where the file is something else altogether, one that says what."""
    found = guess(content)
    if found in (None, expected) or (found == _VAGUE and "codec" not in str(error)):
        return error
    return FormatError(f"found {found}{_READ_BY.get(str(found), '')}, expected {expected}{hint}")
