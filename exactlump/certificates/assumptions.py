# SPDX-License-Identifier: Apache-2.0
"""This file is about what a certificate says of opaque operators: which there are, and what is assumed of their outputs."""

from collections import Counter
from collections.abc import Iterable

from exactlump.certificates.certificate import Assumption
from exactlump.lumping.simulations import Simulation
from exactlump.network.kinds import Opaque
from exactlump.network.program import Network
from exactlump.network.sizes import text

# ONNX's names of its element types, by number (onnx.proto, TensorProto.DataType).
_TYPES = (
    "UNDEFINED FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 STRING BOOL FLOAT16 DOUBLE UINT32 UINT64 COMPLEX64 COMPLEX128 "
    "BFLOAT16 FLOAT8E4M3FN FLOAT8E4M3FNUZ FLOAT8E5M2 FLOAT8E5M2FNUZ UINT4 INT4 FLOAT4E2M1"
).split()


def calls(network: Network) -> list[Opaque]:
    """The opaque operators of a network, each by one of its outputs."""
    return list({node.call.node: node for node in network.opaque}.values())


def operators(network: Network) -> dict[str, int]:
    """How many opaque operators there are of each name."""
    return dict(sorted(Counter(node.call.operator for node in calls(network)).items()))


def domains(network: Network) -> tuple[str, ...]:
    """Their domains besides ONNX's own."""
    return tuple(sorted({name.rpartition(":")[0] for name in operators(network)} - {"ai.onnx"}))


def assumptions(networks: Iterable[tuple[str, Network]]) -> tuple[Assumption, ...]:
    """What is assumed of every output of every opaque operator."""
    found: set[Assumption] = set()
    for side, network in networks:
        for node in calls(network):
            for port in node.call.outputs:
                if port is not None:
                    kind = _TYPES[port.kind] if port.kind < len(_TYPES) else str(port.kind)
                    found.add((side, port.name, kind, "?" if port.shape is None else text(port.shape)))
    return tuple(sorted(found))


def without_opaque(network: Network, simulation: Simulation) -> Simulation:
    """The simulation without the outputs of opaque operators, which have no relation of their own."""
    given = {node.target for node in network.opaque}
    return {tensor: relation for tensor, relation in simulation.items() if tensor not in given}
