# SPDX-License-Identifier: Apache-2.0
"""This file is about the texts that the proved checker reads for a certificate, by what the certificate claims."""

from collections.abc import Iterator

from exactlump import check
from exactlump.extraction.bounds import bounds
from exactlump.extraction.domains import domain
from exactlump.extraction.images import images
from exactlump.extraction.programs import MAX_PRODUCTS, products, program
from exactlump.extraction.reading import Reading
from exactlump.extraction.refutations import certified_refutation, without_rational_values

# As many products are written out element by element; the proved checker then takes about two seconds.
FEW_PRODUCTS = 1_000_000


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
    return iter([exact(reading)])


def exact(reading: Reading, few: int = FEW_PRODUCTS) -> Iterator[str]:
    """The lines of the text for a certificate of the criterion `exact`: element by element where that is a matter of
    seconds, or where signs are claimed, which the rules for images do not have; else image by image.

    few  the most products that are written out where no signs are claimed
    """
    if reading.document["claim"]["domain"] != "all reals":
        return domain(reading)
    signs = any(row.kind in ("linear", "zero") for row in check.rows_of(reading.document))
    return program(reading) if flat(reading, MAX_PRODUCTS if signs else few) else images(reading)


def flat(reading: Reading, most: int) -> bool:
    """Whether all sizes are numbers, nothing mixes the batch, and there are so many products at most."""
    known = all(not network.given and not network.mixes for network in reading.networks)
    known = known and all(check.known(view.dims) for network in reading.networks for view in network.views.values())
    return known and sum(map(products, reading.networks)) <= most


def others(reading: Reading) -> Iterator[Iterator[str]]:
    """What may be asked where the texts for whole images did not show it: the same element by element."""
    claim = reading.document["claim"]
    if claim["criterion"] == "exact" and claim["domain"] == "all reals":
        if flat(reading, MAX_PRODUCTS) and not flat(reading, FEW_PRODUCTS):
            yield program(reading)
