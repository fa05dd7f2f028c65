# SPDX-License-Identifier: Apache-2.0
"""This file is about what `exactlump/check.py` reads of a certificate and its two models: each file once.

What is checked, what is hashed and what is written for the proved checker are the same bytes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from exactlump import check


class Reading:
    """Three files, read by the functions of check.py when `read` is called.

    document  the certificate, in its grammar; digest: the SHA-256 of its file
    networks  the original and the reduced one, which know the SHA-256 of their files
    matching  what is to be said of how inputs and outputs are matched
    """

    def __init__(
        self, paths: Sequence[str], max_unpacked: int = check.MAX_UNPACKED, domains: Sequence[str] = ()
    ) -> None:
        self.paths, self.max_unpacked, self.domains = paths, max_unpacked, domains
        self.document: dict[str, Any] = {}
        self.networks: list[check.Network] = []
        self.digest, self.matching = "", ""

    def read(self) -> tuple[dict[str, Any], list[check.Network], str]:
        """What `check.read_all` finds.  Raises `check.Stop`."""
        *models, certificate = self.paths
        with check.about(certificate, check.BROKEN):
            content = check.read_file(certificate, self.max_unpacked)
            self.digest = hashlib.sha256(content).hexdigest()
            self.document = check.read_certificate(content)
        specification, shapes = self.document["claim"]["specification"], check.stated(self.document)
        dust = self.document["claim"].get("dust", check.ZERO)
        for path in models:
            network = check.read_network(path, specification, self.max_unpacked, self.domains, shapes=shapes, dust=dust)
            self.networks.append(network)
        check.check_shapes(shapes, self.networks)
        check.check_dust(dust, self.networks)
        claim = self.document["claim"]
        if claim["criterion"] != "exact" or claim["domain"] != "all reals":
            check.check_classic(self.networks)
        check.check_files(self.document, self.networks)
        self.matching = check.match(self.networks, self.document["claim"].get("match"))
        return self.document, self.networks, self.matching

    def hashes(self) -> Iterator[tuple[str, str]]:
        """The models and the certificate that were read, as far as that went, with their SHA-256."""
        yield from ((path, network.sha256) for path, network in zip(self.paths, self.networks, strict=False))
        if self.digest:
            yield self.paths[-1], self.digest
