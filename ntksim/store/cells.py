"""The journal: one atomic file for each finished cell."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

import numpy as np

from ntksim.store.errors import DamagedCell
from ntksim.store.flush import Flusher, sync_folder
from ntksim.store.names import check_variable_name
from ntksim.store.sealed import (
    Header,
    SealBroken,
    read_header,
    read_sealed,
    read_sealed_header,
    read_value,
    write_sealed,
)

Status: TypeAlias = Literal["done", "failed"]

STORABLE = frozenset(
    ["bool", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
"""Types of number that a record can hold."""

_KEY = re.compile(r"[0-9a-f]+")
_RECORD_FILE = re.compile(r"([0-9a-f]+)\.npz")
_TEMPORARY_FILE = re.compile(r"\.[0-9a-f]+\.[0-9]+-[0-9a-f]+\.tmp")


def is_key(text: str) -> bool:
    """Whether a text can be the content key of a cell: lower-case hexadecimal."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True, eq=False)
class CellRecord:
    """A finished cell: its variables, and in ``info`` what JSON can say about it.

    ``info`` may hold ``wall_time`` (seconds), ``note`` (done) or ``error`` (failed), and whatever
    else is worth keeping. Arrays become read-only, contiguous and little-endian, and every NaN the
    same NaN, so that a record that is written, collected and adopted again keeps its bytes.

    Raises
    ------
    ValueError
        If the key is not lower-case hexadecimal, a name cannot be stored, an array is not made of
        plain numbers, or ``info`` is not JSON.
    """

    key: str
    status: Status
    variables: Mapping[str, np.ndarray]
    info: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not is_key(self.key):
            raise ValueError(f"'{self.key}' is not a key: it must be lower-case hexadecimal")
        if self.status not in ("done", "failed"):
            raise ValueError(f"'{self.status}' is not a status of a record: done, failed")
        variables = {}
        for name, value in sorted(self.variables.items()):
            check_variable_name(name)
            variables[name] = _canonical(name, value)
        object.__setattr__(self, "variables", variables)
        try:
            info = json.loads(json.dumps(self.info))
        except (TypeError, ValueError) as error:
            raise ValueError(f"info of cell {self.key} is not JSON: {error}") from None
        object.__setattr__(self, "info", info)

    @property
    def header(self) -> Header:
        """Everything but the values."""
        return Header.describing(self.key, self.status, self.info, self.variables)


def _canonical(name: str, value: object) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.name not in STORABLE:
        raise ValueError(
            f"'{name}' has dtype {array.dtype}; a record holds {', '.join(sorted(STORABLE))}"
        )
    # ascontiguousarray would turn a scalar into an array of one dimension.
    array = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C").view()
    if array.dtype.kind == "f" and (missing := np.isnan(array)).any():
        array = np.where(missing, array.dtype.type(np.nan), array)
    array.setflags(write=False)
    return array


@dataclass(frozen=True)
class Journal:
    """A folder with a file ``<key>.npz`` for each finished cell, written by one process.

    A file is whole or not there, whenever a process dies: it is written under another name and then
    renamed. It carries its own digest, so that a flipped bit is found when it is read, and a file
    that a loss of power has torn before it was flushed to the disk. Files with other names are left
    alone.
    """

    folder: Path

    def write(self, record: CellRecord, flusher: Flusher | None = None) -> None:
        """Store a record, replacing one of the same key.

        With a ``flusher`` it is on the disk soon; without one it is when this returns.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.path(record.key)
        temporary = self.folder / f".{record.key}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
        try:
            with open(temporary, "x+b") as file:
                write_sealed(file, record.header, record.variables)
                if flusher is None:
                    file.flush()
                    os.fsync(file.fileno())
            try:
                os.replace(temporary, target)
            except IsADirectoryError:
                self.set_aside(record.key)
                os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if flusher is None:
            sync_folder(self.folder)
        else:
            flusher.add(target)

    def read(self, key: str) -> CellRecord:
        """Return a record, checked against its digest.

        Raises
        ------
        KeyError
            If there is none of this key.
        DamagedCell
            If the file does not hold what was written.
        """
        header, variables = self.contents(key)
        return CellRecord(key, header.status, variables, header.info)

    def contents(self, key: str) -> tuple[Header, dict[str, np.ndarray]]:
        """Return a record as the header and the values of its file, checked as in ``read``."""
        with self._open(key) as file:
            try:
                header, variables = read_sealed(file)
            except SealBroken as broken:
                raise DamagedCell(key, str(broken)) from None
        self._check(key, header)
        return header, variables

    def header(self, key: str, *, check: bool = False) -> Header:
        """Return everything but the values.

        With ``check`` the file is compared with its digest; without, damage to the values is not
        seen.

        Raises
        ------
        KeyError, DamagedCell
            As ``read`` does.
        """
        with self._open(key) as file:
            try:
                header = read_sealed_header(file) if check else read_header(file)
            except SealBroken as broken:
                raise DamagedCell(key, str(broken)) from None
        self._check(key, header)
        return header

    def status(self, key: str) -> Status:
        """Return the status of a record, as cheaply as ``header``."""
        return self.header(key).status

    def value(self, key: str, name: str) -> np.ndarray:
        """Return one variable, checked, without reading the others.

        Raises
        ------
        KeyError
            If there is no record of this key, or it does not have the variable.
        DamagedCell
            If the variable is not as it was written.
        """
        with self._open(key) as file:
            try:
                return read_value(file, name)
            except SealBroken as broken:
                raise DamagedCell(key, str(broken)) from None

    def keys(self) -> set[str]:
        """Return the keys of all records, damaged ones included."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return set()
        return {match[1] for name in names if (match := _RECORD_FILE.fullmatch(name))}

    def remove(self, key: str) -> None:
        """Delete a record, if there is one."""
        self.path(key).unlink(missing_ok=True)

    def set_aside(self, key: str) -> None:
        """Rename a damaged record, so that its cell counts as not computed and nothing is lost."""
        path = self.path(key)
        os.replace(path, path.with_suffix(".npz.damaged"))
        sync_folder(self.folder)

    def sweep(self) -> int:
        """Delete what killed runs left and return how many files; for the lock's holder."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return 0
        leftovers = [name for name in names if _TEMPORARY_FILE.fullmatch(name)]
        for name in leftovers:
            (self.folder / name).unlink(missing_ok=True)
        return len(leftovers)

    def path(self, key: str) -> Path:
        """Return the file of a key, existing or not."""
        if not is_key(key):
            raise ValueError(f"'{key}' is not a key: it must be lower-case hexadecimal")
        return self.folder / f"{key}.npz"

    def _open(self, key: str) -> IO[bytes]:
        path = self.path(key)
        try:
            # A pipe would be waited for, and a device has no end.
            if not stat.S_ISREG(path.stat().st_mode):
                raise DamagedCell(key, "what is in its place is no regular file")
            return open(path, "rb")
        except FileNotFoundError:
            if path.is_symlink():
                raise DamagedCell(key, "in its place is a link to nothing") from None
            raise KeyError(key) from None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise DamagedCell(key, "in its place is a link to itself") from None

    @staticmethod
    def _check(key: str, header: Header) -> None:
        if header.key != key:
            raise DamagedCell(key, f"the file is that of cell {header.key}")
