# SPDX-License-Identifier: Apache-2.0
"""This file is about what a certificate says of opaque operators: which there are, what is assumed of their outputs."""

from collections import Counter
from collections.abc import Iterable

from exactlump.certificates.certificate import Assumption
from exactlump.lumping.simulations import Simulation
from exactlump.network.kinds import Opaque
from exactlump.network.program import Network
from exactlump.network.sizes import Unknown, shown
from exactlump.network.views import Shape

# ONNX's names of its element types, by number (onnx.proto, TensorProto.DataType).
_TYPES = [
    "?",
    "float",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "double",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
]


def calls(network: Network) -> list[Opaque]:
    """The opaque operators of a network, each by one of its outputs."""
    return list({node.call.node: node for node in network.opaque}.values())


def operators(network: Network) -> dict[str, int]:
    """How many opaque operators there are of each name."""
    return dict(sorted(Counter(node.call.operator for node in calls(network)).items()))


def domains(*networks: Network) -> tuple[str, ...]:
    """Their domains besides ONNX's own, in any of some networks."""
    names = {
        name for network in networks for name in operators(network) if not name.endswith((":Quant", ":BipolarQuant"))
    }
    return tuple(sorted({name.rpartition(":")[0] for name in names} - {"ai.onnx", "ai.onnx.ml"}))


def assumptions(networks: Iterable[tuple[str, Network]]) -> tuple[Assumption, ...]:
    """What is assumed of every output of every opaque operator."""
    found: set[Assumption] = set()
    for side, network in networks:
        for node in calls(network):
            for port in node.call.outputs:
                if port is not None:
                    kind = _TYPES[port.kind] if port.kind < len(_TYPES) else "?"
                    found.add((side, port.name, kind, _shape(port.shape)))
    return tuple(sorted(found))


def _shape(shape: Shape | None) -> str:
    """A shape in words: symbols by the names that the file has for them, other sizes that are not known as `?`."""
    if shape is None:
        return "?"
    return f"[{','.join(shown(size) if isinstance(size, Unknown) else str(size) for size in shape)}]"


def without_opaque(network: Network, simulation: Simulation) -> Simulation:
    """The simulation without the outputs of opaque operators, which have no relation of their own."""
    given = {node.target for node in network.opaque}
    return {tensor: relation for tensor, relation in simulation.items() if tensor not in given}
