# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump bundle` as a library call: all that an assessor needs, in one zip file.

The zip holds both models, the certificate, what was given besides, the checker, the schemas, a page of instructions and
the SHA-256 of everything.  Its members are stored, in a fixed order, without times: equal files give equal bytes on
every machine.  Whoever verifies one builds it again from its own members, and compares.
"""

import hashlib
import io
import os
import tempfile
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from exactlump import formats, schemas
from exactlump.certificates.certificate import read_certificate
from exactlump.errors import FormatError
from exactlump.formats.files import ModelFile, about, companions, demand_apart, read_bytes, write_atomically
from exactlump.reporting.certified import models_of
from exactlump.reporting.page import render
from exactlump.reporting.report_file import ReportOptions, read_report
from exactlump.reporting.scope import limits
from exactlump.verbs.answers import FileUse, answer, file_read, file_written
from exactlump.verbs.checking import CHECKER
from exactlump.verbs.rechecking import run_check
from exactlump.verdicts import EXIT_CODES

CERTIFICATE, EVIDENCE, REPORT, SUMS, README = (
    "certificate.json",
    "evidence.jsonl",
    "report.html",
    "SHA256SUMS",
    "README.txt",
)
MOST_MEMBERS = 10_000
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_TEXT = """\
{title}, with all that is needed to check it.

{original}
    the original network
{reduced}
    the {second} network
certificate.json
    {what}; docs/certificate-format.md has its meaning, schemas/certificate.json its form
check.py
    checks it: one file, the standard library of Python 3.11 or newer, nothing else
{others}SHA256SUMS
    the SHA-256 of all of these

To check that nothing was changed on the way, and then the claim:

    sha256sum --check SHA256SUMS
    python3 -I check.py {original} {reduced} certificate.json

{ends}
That the hashes are right says that this is the bundle that somebody made; compare the SHA-256 of the zip file itself
with what its maker told you by another way.

{claim}
Not claimed: {limits}that the original network is right or fit for a purpose; compliance with a standard.

With exactlump installed, `exactlump bundle --verify THIS.zip` does both, and builds the zip again, byte for byte.
"""
_ROUNDING = "that a machine rounds both alike; "
_HOLDS = """\
The second command prints "{word}" and ends with {code} if the certificate holds, and with 1 and "rejected" if it is
false or about other files."""
_LIMITED = """\
Claimed: over the real numbers both networks compute the same outputs, each item of the batch by itself, element types
aside; within these limits, beyond which nothing is claimed:
"""
# What a bundle is of, by the verdict of the checker.
_WORDS = {
    "equivalent": {
        "title": "An exact reduction of a neural network",
        "second": "reduced",
        "what": "says of each unit what it is made of",
        "claim": "Claimed: over the real numbers, at every input, both networks compute the same outputs, each item of "
        "the batch by\nitself, element types aside.",
        "limits": _ROUNDING + "that the reduced network is the smallest one;\n",
    },
    "within": {
        "title": "How near two neural networks are on a domain",
        "second": "other",
        "what": "says how far apart on which inputs, and what shows it",
        "claim": "Claimed: what the second command prints, on the domain that it names, and nowhere else.",
        "limits": _ROUNDING + "anything outside of that domain;\n",
    },
    "different": {
        "title": "An input at which two neural networks differ",
        "second": "other",
        "what": "has the input, and both outputs, as exact numbers",
        "claim": "Claimed: at that input the outputs differ, over the real numbers.",
        "limits": "how much they differ elsewhere; ",
    },
}


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """How to bundle.

    evidence      what `prove` found, a file
    report        whether the page for an assessor is put in
    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    overwrite     whether a file with other content may be replaced
    verify        whether a zip is verified, not written
    """

    evidence: Path | None = None
    report: bool = False
    max_unpacked: int = formats.MAX_UNPACKED
    overwrite: bool = False
    verify: bool = False


DEFAULTS = BundleOptions()


@dataclass(frozen=True, slots=True)
class FileBundle:
    """A bundle that was written or verified; the verdict is the checker's.

    output   the zip; None where the checker did not accept, so that none was written
    members  names of the members, with their bytes
    """

    verdict: str
    reason: str
    output: Path | None
    members: Mapping[str, bytes]
    files: tuple[FileUse, ...]
    options: BundleOptions
    seconds: float

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        members = [
            {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in self.members.items()
        ]
        output = str(self.output) if self.output is not None else None
        words = {"verdict": self.verdict, "reason": self.reason, "output": output, "members": members}
        return answer("bundle", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


def bundle_files(
    output: str | os.PathLike[str],
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate: str | os.PathLike[str],
    options: BundleOptions = DEFAULTS,
) -> FileBundle:
    """Write a zip with two models, their certificate, and what it takes to check it; only if the checker accepts.

    The certificate may be of equality, of a bound, of decisions, or of an input at which both differ.
    Raises FormatError for files that cannot be read and for evidence about other files, CannotWrite.
    """
    start = time.perf_counter()
    output, places = Path(output), (Path(original), Path(reduced), Path(certificate))
    if output.suffix != ".zip":
        raise FormatError(f"{output}: found another suffix, expected .zip")
    claimed = models_of(places[2])
    beside = [data for place, entry in zip(places, claimed, strict=False) for data in companions(place, entry)]
    demand_apart(output, (*places, *beside, options.evidence))
    checked = run_check(*places, options.max_unpacked)
    members: Mapping[str, bytes] = {}
    if checked.verdict in _WORDS:
        members = _members(claimed, checked.verdict, places, options)
        write_atomically(output, _zip(members), overwrite=options.overwrite)
    read = [file_read(role, place) for role, place in zip(("original", "reduced", "certificate"), places, strict=True)]
    read += [file_read("external data", place) for place in beside] if members else []
    read += [file_read("evidence", options.evidence)] if options.evidence is not None else []
    written = [file_written("bundle", output)] if members else []
    return FileBundle(
        verdict=checked.verdict,
        reason=checked.reason,
        output=output if members else None,
        members=members,
        files=(*read, *written),
        options=options,
        seconds=time.perf_counter() - start,
    )


def verify_bundle(path: str | os.PathLike[str], options: BundleOptions = DEFAULTS) -> FileBundle:
    """Verify a zip: its form, its hashes, the claim by this program's own checker, and that it can be built again.

    The checker's verdict only if all of that holds; "rejected" where a hash or the certificate does not; "unknown"
    where some member is not what this version writes.  Nothing in the zip is run.
    Raises FormatError for what is no such bundle.
    """
    start, path = time.perf_counter(), Path(path)
    with about(path):
        content = read_bytes(path)
        members = _unzipped(content)
        claimed_files = _demanded(members)
    wrong = _wrong_sums(members)
    if wrong:
        verdict, reason = "rejected", f"{SUMS}: {', '.join(wrong)[:200]}: another SHA-256"
    else:
        verdict, reason = _verified(content, members, claimed_files, options)
    return FileBundle(
        verdict=verdict,
        reason=reason,
        output=path,
        members=members,
        files=(file_read("bundle", path),),
        options=options,
        seconds=time.perf_counter() - start,
    )


# What is put in


Models: TypeAlias = tuple[ModelFile, ModelFile]


def _names(claimed: Models) -> tuple[str, str]:
    """The names of both models: in folders of their own where they keep data beside them."""
    found = []
    for side, entry in zip(("original", "reduced"), claimed, strict=True):
        found.append(f"{side}/{side}.{entry.format}" if entry.external else f"{side}.{entry.format}")
    return found[0], found[1]


def _members(
    claimed: Models, verdict: str, places: tuple[Path, Path, Path], options: BundleOptions
) -> dict[str, bytes]:
    """All members, in the order of the zip; the verdict is what the checker said."""
    names = _names(claimed)
    found: dict[str, bytes] = {}
    for name, place, entry in zip(names, places, claimed, strict=False):
        found[name] = read_bytes(place)
        found |= {name: read_bytes(data) for name, data in _data(name, place, entry).items()}
    found[CERTIFICATE] = read_bytes(places[2])
    if options.evidence is not None:
        found[EVIDENCE] = read_bytes(options.evidence)
    if options.report:
        found[REPORT] = _page(found, names, options)
    found["check.py"] = CHECKER.read_bytes()
    found |= {f"schemas/{name}.json": schemas.path_of(name).read_bytes() for name in ("certificate", "evidence")}
    others = "".join(
        f"{name}\n    {words}\n"
        for name, words in ((EVIDENCE, "what SMT solvers found"), (REPORT, "a page that says all this at length"))
        if name in found
    )
    ends = _HOLDS.format(word=verdict, code=EXIT_CODES[verdict])
    about_it = dict(_WORDS[verdict])
    if verdict == "equivalent" and (limiting := limits(read_certificate(places[2]))):
        about_it["claim"] = _LIMITED + "\n".join(f"  * {ascii(words)[1:-1]}" for words in limiting)
    text = _TEXT.format(original=names[0], reduced=names[1], others=others, ends=ends, **about_it)
    found[README] = text.encode()
    sums = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in found.items())
    return {**found, SUMS: "".join(sums).encode()}


def _data(name: str, place: Path, entry: ModelFile) -> dict[str, Path]:
    """The files of external data, by their names in the zip."""
    folder = PurePosixPath(name).parent
    return {_safe(str(folder / location)): place.parent / location for location in entry.external}


def _page(members: Mapping[str, bytes], names: tuple[str, str], options: BundleOptions) -> bytes:
    """The report on the members, under their names in the zip."""
    with tempfile.TemporaryDirectory(prefix="exactlump-") as folder:
        place = Path(folder)
        _put(members, place)
        evidence = place / EVIDENCE if EVIDENCE in members else None
        asked = ReportOptions(evidence, place / names[0], place / names[1], options.max_unpacked)
        return render(read_report(place / CERTIFICATE, asked)).encode()


def _put(members: Mapping[str, bytes], folder: Path) -> None:
    for name, content in members.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def _zip(members: Mapping[str, bytes]) -> bytes:
    """The bytes of a zip: stored, in this order, of 1980, so that nothing but the members decides them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        for name, member in members.items():
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            file.writestr(entry, member)
    return content.getvalue()


# What is taken out


def _safe(name: str) -> str:
    """A name below the folder where the zip is unpacked, and a plain one.  Raises FormatError."""
    parts = name.split("/")
    plain = name.isprintable() and not set(name) & set('\\:*?"<>|')
    if not plain or len(name) > 200 or any(part in ("", ".", "..") for part in parts):
        raise FormatError(f"found a member named {name!r:.80}, expected a plain relative name")
    return name


def _unzipped(content: bytes) -> dict[str, bytes]:
    """The members of a zip, which must be stored; so they are together no larger than the zip itself."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            entries = file.infolist()
            if len(entries) > MOST_MEMBERS:
                raise FormatError(f"found {len(entries)} members, expected at most {MOST_MEMBERS}")
            for entry in entries:
                _safe(entry.orig_filename)
                if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or entry.is_dir():
                    raise FormatError(f"{entry.filename!r:.80}: found another kind of member, expected a stored file")
                if entry.file_size != entry.compress_size:
                    raise FormatError(f"{entry.filename!r:.80}: found two sizes, expected one")
            names = [entry.filename for entry in entries]
            if len({name.casefold() for name in names}) != len(names):
                raise FormatError("found two members of one name, expected each once")
            if sum(entry.file_size for entry in entries) > len(content):
                raise FormatError("found members that overlap, expected each by itself")
            return {entry.filename: file.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"found no zip that can be read ({error}), expected a bundle") from error


def _demanded(members: Mapping[str, bytes]) -> Models:
    """The models as the certificate names them, where all members are there that a bundle has.  Raises FormatError."""
    missing = [name for name in (CERTIFICATE, "check.py", SUMS, README) if name not in members]
    if missing:
        raise FormatError(f"found no {missing[0]}, expected a bundle")
    with tempfile.TemporaryDirectory(prefix="exactlump-") as folder:
        place = Path(folder) / CERTIFICATE
        place.write_bytes(members[CERTIFICATE])
        with about(CERTIFICATE):
            claimed = models_of(place)
    missing = [name for name in _names(claimed) if name not in members]
    if missing:
        raise FormatError(f"found no {missing[0]}, expected the model that the certificate names")
    return claimed


def _wrong_sums(members: Mapping[str, bytes]) -> list[str]:
    """The members that SHA256SUMS does not name by their hashes, and the names that it has and the zip has not."""
    lines = members[SUMS].decode("utf-8", "replace").splitlines()
    stated = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {name: hashlib.sha256(content).hexdigest() for name, content in members.items() if name != SUMS}
    return sorted(name for name in stated.keys() | found.keys() if stated.get(name) != found.get(name))


def _verified(content: bytes, members: Mapping[str, bytes], claimed: Models, options: BundleOptions) -> tuple[str, str]:
    """The verdict of this program's own checker on the members, and whether the same zip comes of them."""
    with tempfile.TemporaryDirectory(prefix="exactlump-") as folder:
        place = Path(folder)
        _put(members, place)
        one, other = _names(claimed)
        places = (place / one, place / other, place / CERTIFICATE)
        checked = run_check(*places, options.max_unpacked)
        if checked.verdict not in _WORDS:
            return checked.verdict, checked.reason
        evidence = place / EVIDENCE if EVIDENCE in members else None
        asked = BundleOptions(evidence, REPORT in members, options.max_unpacked)
        again = _members(claimed, checked.verdict, places, asked)
    other_members = sorted(name for name in members.keys() | again.keys() if members.get(name) != again.get(name))
    other_members = [name for name in other_members if name != SUMS or len(other_members) == 1]
    if other_members:
        names = ", ".join(other_members)[:200]
        return "unknown", f"the models are what the certificate says, but this version would write otherwise: {names}"
    if _zip(again) != content:
        return "unknown", "the members are right, but the zip is not what this version would write of them"
    return checked.verdict, f"{checked.reason}; every hash is right, and the zip was built again, byte for byte"
