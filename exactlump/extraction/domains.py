# SPDX-License-Identifier: Apache-2.0
"""This file is about the text for two networks that are equal on boxes (proofs/README.md, "The text formats"), made
from what `exactlump/check.py` has read: what rows on the domain say is shown by bounds of the original alone.
"""

import itertools
from collections.abc import Iterator

from exactlump import check
from exactlump.check import Row
from exactlump.extraction.programs import Rows, Side, box_lines, demand_flat, header, pair_lines, words
from exactlump.extraction.reading import Reading

# Binary digits of slopes and of values: finer than check.py's, so that hardly a bound is lost by rounding.
PRECISION = (check.SLOPE + 8, check.VALUE + 24)
# What the text calls rows on the domain.
MODES = {"zero on domain": "silent", "linear on domain": "straight"}


class RowsOnDomain(Rows):
    """Rows of a certificate, those on the domain among them, which only the original has."""

    def row(self, side: Side, tensor: str, v: int, row: Row, over: str, p: int) -> str:
        """The row of one element."""
        if row.kind not in MODES:
            return super().row(side, tensor, v, row, over, p)
        check.hold("domain", side is not self.theirs, f"reduced {tensor!a}: found a row on a domain")
        return MODES[row.kind]


def domain(reading: Reading) -> Iterator[str]:
    """The lines of the text for a certificate that was read: of the criterion `exact`, on boxes.

    Raises `check.Stop` for other claims, and where rows do not fit the networks.
    """
    document, claim = reading.document, reading.document["claim"]
    check.support(claim["domain"] != "all reals", "domain: found all reals, expected boxes")
    demand_flat(reading)
    hashes = {side: network.sha256 for side, network in zip(check.SIDES, reading.networks, strict=True)}
    head = header("exactlump-domain", {**hashes, "certificate": reading.digest}, {**claim, "domain": "the boxes"})
    boxes = box_lines(reading.networks[0], claim["domain"]["boxes"])
    rows = pair_lines(reading.networks, document["relations"], RowsOnDomain)
    return itertools.chain(head, [words("precision", *PRECISION)], boxes, rows, ["end"])
