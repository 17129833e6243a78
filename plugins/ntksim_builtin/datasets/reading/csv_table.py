"""Columns of comma-separated files."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from ntksim import DataError

from ntksim_builtin.datasets.reading.stored_arrays import require

MOST_CHARACTERS = 1 << 24
"""Characters of a line: more than any table has, and less than memory."""


def read_csv(
    path: Path, columns: Sequence[str] | None, text: Collection[str], limit: int
) -> dict[str, np.ndarray[Any, Any]]:
    """Read columns (rows,) of a table whose first line names them; all of them for ``None``.

    Those in ``text`` are read as words, the others as numbers. A table announces no size: reading
    stops as soon as it exceeds ``limit`` bytes.

    Raises
    ------
    DataError
        If a column is missing, a row has more or fewer fields than the first, a field is no
        number, or the table is too large; the message says in which line and column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(_lines(stream, path.name), strict=True)
            header = [name.strip() for name in next(reader, [])]
            if not header or not all(header) or len(set(header)) < len(header):
                raise DataError(
                    f"{path.name} must name every column once in its first line, which is {header}"
                )
            wanted = header if columns is None else columns
            require(wanted, header, f"{path.name} has no column")
            rows = ((reader.line_num, row) for row in reader if row)
            table = _Table(path.name, header, wanted, text)
            return table.read(rows, limit)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} cannot be read as UTF-8 text: {error}") from None
    except csv.Error as error:
        raise DataError(f"{path.name} is not a well-formed .csv file: {error}") from None


def _lines(stream: TextIO, file: str) -> Iterator[str]:
    """Yield lines, none of which may be so long that it is not one of a table.

    Raises
    ------
    DataError
        If one is.
    """
    while line := stream.readline(MOST_CHARACTERS):
        if len(line) == MOST_CHARACTERS:
            raise DataError(f"{file} has a line of more than {MOST_CHARACTERS:,} characters")
        yield line


class _Table:
    """Columns that grow row by row."""

    def __init__(
        self, file: str, header: Sequence[str], wanted: Sequence[str], text: Collection[str]
    ) -> None:
        self.file = file
        self.fields = len(header)
        self.numbers = {
            name: (header.index(name), array("d")) for name in wanted if name not in text
        }
        self.words: dict[str, tuple[int, list[str]]] = {
            name: (header.index(name), []) for name in wanted if name in text
        }

    def read(
        self, rows: Iterable[tuple[int, list[str]]], limit: int
    ) -> dict[str, np.ndarray[Any, Any]]:
        columns = len(self.numbers) + len(self.words)
        for count, (line, row) in enumerate(rows, start=1):
            if len(row) != self.fields:
                raise DataError(
                    f"{self.file}, line {line}: {len(row)} fields where the first line names "
                    f"{self.fields} columns"
                )
            if 8 * columns * count > limit:
                raise DataError(
                    f"{self.file} takes more than max_gigabytes: {limit / 1e9:g} as float64"
                )
            self._add(line, row)
        for name, (_, values) in self.words.items():
            longest = max(map(len, values), default=0)
            # An array of words has room for the longest one everywhere.
            if 4 * longest * len(values) > limit:
                raise DataError(
                    f"{self.file}, column '{name}': {len(values):,} words of up to {longest:,} "
                    f"characters take more than max_gigabytes: {limit / 1e9:g}"
                )
        return {
            **{name: np.array(values) for name, (_, values) in self.numbers.items()},
            **{name: np.array(values, dtype=str) for name, (_, values) in self.words.items()},
        }

    def _add(self, line: int, row: list[str]) -> None:
        for name, (position, values) in self.numbers.items():
            try:
                values.append(float(row[position]))
            except ValueError:
                raise DataError(
                    f"{self.file}, line {line}, column '{name}': {row[position]!r} is not a number"
                ) from None
        for position, words in self.words.values():
            words.append(row[position].strip())
