# SPDX-License-Identifier: Apache-2.0
"""This file is about what can go wrong: one family of errors, one meaning and one exit code each."""

from exactlump.verdicts import BUG, EXIT_CODES, USAGE


class ExactlumpError(Exception):
    """Something that the caller must hear about; the message is one line: place: what was found, what was expected."""

    exit_code = BUG


class FormatError(ExactlumpError, ValueError):
    """A file that cannot be read, or that breaks the rules of its format."""

    exit_code = USAGE


class WrongType(ExactlumpError, TypeError):
    """A value of a type that a call does not take."""

    exit_code = USAGE


class ShapeError(FormatError):
    """Sizes that do not fit together."""


class CannotWrite(ExactlumpError, ValueError):
    """A network that the asked-for format cannot hold without rounding, or a place that cannot be written."""

    exit_code = USAGE


class UnsupportedLayer(ExactlumpError):
    """An operator or a feature of a format that no rule of this project covers."""

    exit_code = EXIT_CODES["unsupported"]


class NotALumping(ExactlumpError, ValueError):
    """A relation that Definition 6 (corrected) does not allow."""

    exit_code = USAGE


class NoExactValue(ExactlumpError):
    """A value that is not a rational number, such as the sigmoid of 1."""

    exit_code = EXIT_CODES["unsupported"]


class Undecided(ExactlumpError):
    """A question that stays open, as the work exceeds its bound."""

    exit_code = EXIT_CODES["unknown"]
