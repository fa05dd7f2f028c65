# SPDX-License-Identifier: Apache-2.0
"""This file is about certificates that claim of two ONNX files that they are equal, tensor by tensor: for tests."""

import hashlib
import json

from exactlump import check

SPECIFICATION = "as stored"


def claim(original, reduced, *, domains=(), specification=SPECIFICATION, **changes):
    """A certificate: each tensor with a function is the one of the same name; `changes` replace its fields."""
    networks = [
        check.read_network(str(path), specification, check.MAX_UNPACKED, domains) for path in (original, reduced)
    ]
    ours, theirs = networks
    needed, relations = ours.needed(), {}
    for name, node in ours.nodes.items():
        if name in needed and node.kind in ("activate", "head") and ours.units[name] == theirs.units.get(name):
            relations[name] = {"over": name, "rows": [[v, "1"] for v in range(ours.units[name])]}
    opaque, assumes = check.assumed(networks)
    matching = {
        what: check.matched(getattr(ours, what), getattr(theirs, what), True)[0] for what in ("inputs", "outputs")
    }
    words = {"criterion": "exact", "domain": "all reals", "match": matching, "specification": specification}
    document = {"format": "exactlump certificate", "version": 2, "producer": "by hand", "claim": words}
    document |= {"relations": {"original": relations, "reduced": {}}}
    document |= {"opaque": opaque, "assumes": [list(entry) for entry in assumes]}
    for side, path, network in zip(check.SIDES, (original, reduced), networks, strict=True):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        document[side] = {"format": "onnx", "sha256": sha256, "tensors": network.tensors, "external": network.external}
    return document | changes


def judge(original, reduced, folder, *, domains=(), specification=SPECIFICATION, **changes):
    """What the checker says of two files, with such a certificate."""
    certificate = folder / "claim.cert.json"
    words = claim(original, reduced, domains=domains, specification=specification, **changes)
    certificate.write_text(json.dumps(words))
    return check.check(str(original), str(reduced), str(certificate), domains=domains)
