# SPDX-License-Identifier: Apache-2.0
"""This file is about verifying a bundle a second time: another program, of the standard library alone.

`python -I tests/bundle_verifier.py FILE.zip` reads the zip by hand, entry by entry, compares the hashes, looks at the
form of the certificate, unpacks, and runs the checker of the zip in an empty environment.  It shares nothing with
exactlump/reporting/bundle_file.py.
"""

import hashlib
import json
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path


def entries(content):
    """Name and bytes of each local entry, in order; the zip must be nothing but stored entries and their directory."""
    place = 0
    while content[place : place + 4] == b"PK\x03\x04":
        fields = struct.unpack("<HHHHHIIIHH", content[place + 4 : place + 30])
        _, flags, method, _, _, _, packed, size, length, extra = fields
        assert (flags & 1, method, packed) == (0, 0, size), "a stored entry"
        start = place + 30 + length + extra
        yield content[place + 30 : place + 30 + length].decode(), content[start : start + size]
        place = start + size
    assert content[place : place + 4] == b"PK\x01\x02", "the directory follows"


def main(path):
    """Raise AssertionError for whatever is not right; else print what the checker says."""
    members = dict(entries(Path(path).read_bytes()))
    sums = dict(reversed(line.split("  ", 1)) for line in members["SHA256SUMS"].decode().splitlines())
    assert sums.keys() == members.keys() - {"SHA256SUMS"}, "every member has a hash"
    for name, digest in sums.items():
        assert hashlib.sha256(members[name]).hexdigest() == digest, name
    certificate = json.loads(members["certificate.json"])
    of_a_claim = {"approximate": {"trees"}, "decision": {"trees"}, "different": {"input", "outputs"}}
    keys = {"claim", "format", "original", "producer", "reduced", "relations", "version"}
    assert certificate.keys() == keys | of_a_claim.get(certificate["claim"]["criterion"], set())
    models = []
    for side in ("original", "reduced"):
        entry = certificate[side]
        assert re.fullmatch("[0-9a-f]{64}", entry["sha256"])
        models.append(next(n for n in members if n.endswith(f"{side}.{entry['format']}")))
        assert hashlib.sha256(members[models[-1]]).hexdigest() == entry["sha256"], "the model that is named"
    with tempfile.TemporaryDirectory() as folder:
        for name, member in members.items():
            assert not {"", ".."} & set(name.split("/")), name
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(member)
        command = [sys.executable, "-I", "check.py", *models, "certificate.json"]
        done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)
    print(done.stdout, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
