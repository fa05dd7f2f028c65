# SPDX-License-Identifier: Apache-2.0
"""This file is about the certificate of a reduction whose files are written."""

from dataclasses import replace
from pathlib import Path

from exactlump import formats
from exactlump.certificates.assumptions import assumptions, domains, operators, without_opaque
from exactlump.certificates.certificate import Certificate
from exactlump.network.kinds import Dense
from exactlump.network.ports import match
from exactlump.network.program import Network
from exactlump.reduction.loop import Reduction


def certificate_of(reduction: Reduction, source: Path, staged: Path, raw: bool, room: int) -> Certificate:
    """The certificate; its tensors have the names that the files give them.

    raw: whether the normalisation of .nnet files is left out; room: the most bytes that a file may unpack to
    """
    names: dict[str | None, str] = {}
    if formats.format_of(staged) == "nnet":
        read = formats.read(staged, raw_nnet=raw)
        names = dict(zip(_landmarks(reduction.reduced), _landmarks(read), strict=True))
    forward = without_opaque(reduction.original, reduction.forward)
    backward = without_opaque(reduction.reduced, reduction.backward)
    sides: list[tuple[str, Network]] = []
    if reduction.original.opaque:
        given = {node.target for node in reduction.reduced.opaque if node.taken}
        read = formats.read(staged, opaque_domains=domains(reduction.original), given=given)
        sides = [("original", reduction.original), ("reduced", read)]
    return Certificate(
        reduction.original.specification,
        formats.digest(source, max_unpacked=room),
        formats.digest(staged, max_unpacked=room),
        {tensor: replace(r, over=names.get(r.over, r.over)) for tensor, r in forward.items()},
        {names.get(tensor, tensor): r for tensor, r in backward.items()},
        match(reduction.original, reduction.reduced)[1],
        operators(reduction.original),
        domains(reduction.original),
        assumptions(sides),
    )


def _landmarks(network: Network) -> list[str]:
    """The tensors that both a chain of layers and the .nnet file of it have, in order; the outputs last."""
    layers = [node.target for node in network.nodes if isinstance(node, Dense) or node.functions]
    return [*(port.name for port in network.inputs), *layers, *network.outputs]
