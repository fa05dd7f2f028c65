# SPDX-License-Identifier: Apache-2.0
"""This file is about the certificate of two files whose networks have a common quotient."""

from exactlump import formats
from exactlump.certificates.assumptions import assumptions, domains, operators, without_opaque
from exactlump.certificates.certificate import Certificate
from exactlump.network.program import Network
from exactlump.refutation.refute import Finding
from exactlump.verbs.pairs import Pair


def certificate_of_pair(pair: Pair, networks: tuple[Network, Network], found: Finding, room: int) -> Certificate:
    """The certificate, in the names of the files; room: the most bytes that a file may unpack to."""
    assert found.common is not None
    original, reduced = (formats.digest(path, max_unpacked=room) for path in pair.paths)
    return Certificate(
        pair.specification,
        original,
        reduced,
        without_opaque(networks[0], found.common.forward),
        without_opaque(networks[1], found.common.backward),
        found.matching,
        operators(networks[0]),
        domains(*networks),
        assumptions(zip(("original", "reduced"), networks, strict=True)),
    )
