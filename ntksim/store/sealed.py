"""The file format of a record: an uncompressed ``.npz`` that ends with its own digest.

Its first member is the header as JSON text in bytes, the others are the variables. The comment at
the end of the archive is ``sha256:`` and the digest of every byte before the digest itself. NumPy
reads such a file like any other; nothing in it is pickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Literal

import numpy as np

from ntksim.store.names import check_variable_name

_HEADER = "__record__"
_SEAL = b"sha256:"
_DIGEST_SIZE = 64
_BLOCK = 1 << 20

_ALWAYS = 1 << 26
"""Bytes of a record that are read whatever its header says."""

_OVERHEAD = 1 << 12
"""Bytes of a member beside its values: names twice, headers, directory."""

_LOCAL = struct.Struct("<4s5H3I2H")
"""Local header of a ZIP member: signature, version, flags, method, time, date, CRC-32, sizes, and
the lengths of its name and of its extra field."""

_LOCAL_SIGNATURE = b"PK\x03\x04"

_ZIP64 = struct.Struct("<HHQQ")
"""Extra field with the sizes of a member: tag, length, uncompressed, compressed."""


_TYPE = re.compile(r"\|b1|<f[48]|\|[iu]1|<[iu][248]")
"""Types of plain numbers, which any bytes can be: objects would be pointers of a stranger's."""

_HEX = re.compile(r"[0-9a-f]+")
_MOST_AXES = 32
_MOST_BYTES = 1 << 48


class SealBroken(Exception):  # noqa: N818 - reads as the sentence that it is
    """The file is not what was written."""


@dataclass(frozen=True)
class Described:
    """Type, shape and SHA-256 of the bytes of a variable."""

    dtype: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def size(self) -> int:
        """Number of bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def describes(self, value: np.ndarray) -> bool:
        """Whether a value has this type, this shape and these bytes."""
        return describe(value) == self


def describe(value: np.ndarray) -> Described:
    """Return what a header says about a variable."""
    digest = hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()
    return Described(value.dtype.str, value.shape, digest)


@dataclass(frozen=True)
class Header:
    """Everything that a record says beside its values."""

    key: str
    status: Literal["done", "failed"]
    info: Mapping[str, Any]
    variables: Mapping[str, Described]

    @classmethod
    def describing(
        cls,
        key: str,
        status: Literal["done", "failed"],
        info: Mapping[str, Any],
        variables: Mapping[str, np.ndarray],
    ) -> Header:
        """Return the header of a record with these variables."""
        return cls(key, status, info, {name: describe(value) for name, value in variables.items()})

    @property
    def text(self) -> str:
        """The header as JSON, the same text for the same record."""
        content = {
            "key": self.key,
            "status": self.status,
            "info": self.info,
            "variables": {
                name: {"dtype": item.dtype, "shape": list(item.shape), "sha256": item.sha256}
                for name, item in self.variables.items()
            },
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str | bytes) -> Header:
        """Return the header that ``text`` describes.

        Raises
        ------
        SealBroken
            If it describes none.
        """
        try:
            content = json.loads(text)
            if content["status"] not in ("done", "failed"):
                raise SealBroken(f"unknown status '{content['status']}'")
            info = content["info"]
            if not isinstance(info, dict) or not _HEX.fullmatch(content["key"]):
                raise SealBroken("its header says nothing of a cell")
            float(info.get("wall_time", 0.0))  # JSON has integers that no float can hold
            return cls(
                content["key"],
                content["status"],
                info,
                {name: _described(name, item) for name, item in content["variables"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SealBroken(f"its header cannot be read ({error})") from None
        except (OverflowError, RecursionError) as error:
            raise SealBroken(f"its header cannot be read ({error})") from None


def _described(name: str, item: Mapping[str, Any]) -> Described:
    """Return what a header says about a variable, if it is one that could have been written."""
    check_variable_name(name)
    dtype, shape, digest = item["dtype"], tuple(item["shape"]), item["sha256"]
    if not _TYPE.fullmatch(dtype):
        raise SealBroken(f"'{name}' is of type {dtype!r:.50}, which is none of plain numbers")
    if len(shape) > _MOST_AXES or not all(type(size) is int and size >= 0 for size in shape):
        raise SealBroken(f"'{name}' has an impossible shape")
    found = Described(dtype, shape, digest)
    if found.size > _MOST_BYTES or not _HEX.fullmatch(digest):
        raise SealBroken(f"'{name}' is described impossibly")
    return found


def write_sealed(file: IO[bytes], header: Header, variables: Mapping[str, np.ndarray]) -> None:
    """Write a record into an empty file that is open for reading and writing."""
    if sum(value.nbytes for value in variables.values()) > _BLOCK:
        _write_sealed(file, header, variables)
        return
    # A small one is made in memory: what an archive writes and seeks would be dozens of calls.
    memory = io.BytesIO()
    _write_sealed(memory, header, variables)
    file.write(memory.getbuffer())


def _write_sealed(file: IO[bytes], header: Header, variables: Mapping[str, np.ndarray]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _write_member(archive, _HEADER, np.frombuffer(header.text.encode("ascii"), dtype=np.uint8))
        for name, value in variables.items():
            _write_member(archive, name, value)
        archive.comment = _SEAL + b"0" * _DIGEST_SIZE
    sealed = file.seek(-_DIGEST_SIZE, io.SEEK_END)
    digest = _digest(file, sealed)
    file.seek(sealed)
    file.write(digest)


def read_sealed(file: IO[bytes]) -> tuple[Header, dict[str, np.ndarray]]:
    """Return the header and the read-only variables of a record whose digest is right."""
    _require_described(file)
    content = _unbroken(file)
    members = _members(io.BytesIO(content))
    header = _header(next(members))
    found = {member.name: member for member in members}
    variables = {}
    for name, described in header.variables.items():
        if name not in found:
            raise SealBroken(f"'{name}' is not in it")
        start = found[name].start_of(described)
        value = np.ndarray(described.shape, described.dtype, buffer=content, offset=start)
        # A member of an archive starts anywhere; compiled kernels want aligned arrays.
        value = np.require(value, requirements="A")
        value.setflags(write=False)
        variables[name] = value
    return header, variables


def read_sealed_header(file: IO[bytes]) -> Header:
    """Return the header alone of a record whose digest is right."""
    _require_described(file)
    _require_digest(file)
    return _header(next(_members(file)))


def read_header(file: IO[bytes]) -> Header:
    """Return the header alone, checked by the CRC-32 of the archive only."""
    return _header(next(_members(file)))


def read_value(file: IO[bytes], name: str) -> np.ndarray:
    """Return one variable alone, checked against its digest in the header."""
    members = _members(file)
    described = _header(next(members)).variables[name]
    for member in members:
        if member.name == name:
            file.seek(member.start_of(described))
            raw = file.read(described.size)
            if hashlib.sha256(raw).hexdigest() != described.sha256:
                break
            return np.ndarray(described.shape, described.dtype, buffer=raw)
    raise SealBroken(f"'{name}' is not in it as it was written")


def _require_described(file: IO[bytes]) -> None:
    """Refuse a file that is longer than what its header describes, before it is read as a whole.

    A file full of holes may be longer than all disks.

    Raises
    ------
    SealBroken
        If it is.
    """
    length = file.seek(0, io.SEEK_END)
    if length <= _ALWAYS:
        return
    header = next(_members(file))
    values = sum(described.size for described in _header(header).variables.values())
    names = len(_header(header).variables)
    if length > values + header.end + _OVERHEAD * (names + 1):
        raise SealBroken(f"it has {length:,} bytes, more than its header describes")


def _require_digest(file: IO[bytes]) -> None:
    """Refuse a file that does not end with its own digest, holding a block of it at a time.

    Raises
    ------
    SealBroken
        If so.
    """
    sealed = file.seek(0, io.SEEK_END) - _DIGEST_SIZE
    file.seek(max(sealed - len(_SEAL), 0))
    end = file.read()
    if sealed < len(_SEAL) or end[: len(_SEAL)] != _SEAL:
        raise SealBroken("it does not end with a digest; the file is cut short or not a record")
    if _digest(file, sealed) != end[len(_SEAL) :]:
        raise SealBroken("its content does not match its digest")


def _unbroken(file: IO[bytes]) -> bytes:
    """Return the content of a file that ends with its own digest."""
    file.seek(0)
    content = file.read()
    sealed = len(content) - _DIGEST_SIZE
    if content[max(sealed - len(_SEAL), 0) : max(sealed, 0)] != _SEAL:
        raise SealBroken("it does not end with a digest; the file is cut short or not a record")
    if hashlib.sha256(memoryview(content)[:sealed]).hexdigest().encode("ascii") != content[sealed:]:
        raise SealBroken("its content does not match its digest")
    return content


@dataclass(frozen=True)
class _Member:
    """A file within the archive: ``content`` is only read for the header."""

    name: str
    end: int
    content: bytes = b""

    def start_of(self, described: Described) -> int:
        """Return where the bytes of a variable begin, which are the last ones."""
        if described.size > self.end:
            raise SealBroken(f"'{self.name}' is shorter than its header says")
        return self.end - described.size


def _members(file: IO[bytes]) -> Iterator[_Member]:
    """Walk over the members, the header first.

    This is a fifth of the work of opening the archive with ``zipfile``, which counts when thousands
    of small records are collected; it understands what ``write_sealed`` writes and nothing more.
    """
    length = file.seek(0, io.SEEK_END)
    position = file.seek(0)
    while (local := file.read(_LOCAL.size))[:4] == _LOCAL_SIGNATURE:
        if len(local) < _LOCAL.size:
            break
        fields = _LOCAL.unpack(local)
        name = file.read(fields[-2])
        extra = file.read(fields[-1])
        if fields[3] != zipfile.ZIP_STORED or len(extra) < _ZIP64.size:
            break
        end = position + _LOCAL.size + fields[-2] + fields[-1] + _ZIP64.unpack_from(extra)[2]
        if end > length or (position == 0 and end > _ALWAYS):
            break
        content = file.read(end - file.tell()) if position == 0 else b""
        if position == 0 and zlib.crc32(content) != fields[6]:
            break
        yield _Member(name.decode("ascii", "replace").removesuffix(".npy"), end, content)
        position = file.seek(end)
    if position == 0:
        raise SealBroken("it does not begin like a record")


def _header(member: _Member) -> Header:
    if member.name != _HEADER or len(member.content) < 10:
        raise SealBroken("it does not begin with a header")
    # In NumPy's format the last two of ten bytes say how much more there is before the values.
    start = 10 + int.from_bytes(member.content[8:10], "little")
    return Header.parse(member.content[start:])


def _write_member(archive: zipfile.ZipFile, name: str, value: np.ndarray) -> None:
    # A ZipInfo made from a name has a fixed date, so that equal records are equal files.
    member = zipfile.ZipInfo(f"{name}.npy")
    with archive.open(member, "w", force_zip64=True) as file:
        np.lib.format.write_array(file, value, allow_pickle=False)


def _digest(file: IO[bytes], size: int) -> bytes:
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(min(size, _BLOCK)):
        digest.update(block)
        size -= len(block)
    return digest.hexdigest().encode("ascii")
