# SPDX-License-Identifier: Apache-2.0
"""This file is about the text of a query: its bytes as text, and errors that name line and column."""

from exactlump.errors import FormatError, Undecided, UnsupportedLayer

MAX_BYTES = 64 << 20
_SHOWN = 40


class Text:
    """A text in which places are offsets; errors about a place begin with its line and column, both from 1."""

    def __init__(self, content: str) -> None:
        self.content = content

    def malformed(self, at: int, message: str) -> FormatError:
        """The error about a place."""
        return FormatError(self._placed(at, message))

    def unsupported(self, at: int, message: str) -> UnsupportedLayer:
        """The error about a place."""
        return UnsupportedLayer(self._placed(at, message))

    def too_much(self, at: int, message: str) -> Undecided:
        """The error about a place."""
        return Undecided(self._placed(at, message))

    def _placed(self, at: int, message: str) -> str:
        line = self.content.count("\n", 0, at) + 1
        column = at - self.content.rfind("\n", 0, at)
        return f"line {line}, column {column}: {message}"


def decoded(content: bytes | str, most: int = MAX_BYTES) -> str:
    """The text of a query's bytes.

    Raises FormatError for more than `most` bytes, for bytes that are no UTF-8, and for a carriage return without a
    line feed: there a comment could hide what follows.
    """
    if len(content) > most:
        raise FormatError(f"found {len(content)} bytes, expected at most {most}")
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"found bytes that are no UTF-8 at {error.start}") from error
    content = content.replace("\r\n", "\n")
    alone = content.find("\r")
    if alone >= 0:
        raise Text(content).malformed(alone, "found a carriage return alone, expected a line feed after it")
    return content


def shown(word: str) -> str:
    """The beginning of a word, in quotes, on one line."""
    return repr(word if len(word) <= _SHOWN else word[:_SHOWN] + "...")
