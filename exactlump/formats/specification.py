# SPDX-License-Identifier: Apache-2.0
"""This file is about specifications: what a file means where it alone does not say (docs/certificate-format.md)."""

from collections.abc import Mapping

AS_STORED, RAW_NNET = "as stored", "raw nnet"
# How batch normalisations are read: with scales rounded to a float type, or with the square roots themselves.
BATCHNORM: Mapping[str, str] = {
    "float32": "batch normalisation folded, scales in float32",
    "float64": "batch normalisation folded, scales in float64",
    "exact": "batch normalisation exact",
}
SPECIFICATIONS = (AS_STORED, RAW_NNET, *BATCHNORM.values())


def batchnorm_of(specification: str) -> str | None:
    """How a specification has batch normalisations read; None when it says nothing about them."""
    return next((way for way, words in BATCHNORM.items() if words == specification), None)


def is_folded(specification: str) -> bool:
    """Whether numbers of the file were rounded."""
    return batchnorm_of(specification) in ("float32", "float64")
