# SPDX-License-Identifier: Apache-2.0
"""This file is about the texts that the proved checker reads for a certificate, by what the certificate claims."""

from collections.abc import Iterator

from exactlump import check
from exactlump.extraction.bounds import bounds
from exactlump.extraction.programs import program
from exactlump.extraction.reading import Reading
from exactlump.extraction.refutations import certified_refutation, without_rational_values


def texts(reading: Reading) -> Iterator[Iterator[str]]:
    """The lines of each text; what is claimed is shown where all of them are accepted.

    Raises `check.Stop` where the proved checker does not have what the certificate claims.
    """
    criterion = reading.document["claim"]["criterion"]
    if criterion == "approximate":
        return bounds(reading)
    if criterion == "different":
        name = without_rational_values(reading.networks)
        check.support(not name, f"found the function {name}, which may have no rational value")
        return iter([certified_refutation(reading)])
    check.support(criterion == "exact", f"criterion: found {criterion}, expected exact, approximate or different")
    return iter([program(reading)])
