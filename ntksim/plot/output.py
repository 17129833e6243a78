"""Writes pictures to files."""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.figure import Figure

from ntksim.plot.errors import PlotError, listing, nearest
from ntksim.plot.style import OUTPUT, look

FORMATS = ("png", "pdf", "svg")

_METADATA = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


def check_format(path: str | os.PathLike[str]) -> str:
    """Return the format that the name of a file asks for.

    Raises
    ------
    PlotError
        If it is none that is written.
    """
    name = Path(path).name
    suffix = Path(path).suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        raise PlotError(
            f"'{name}' does not end in a format that is written: {listing(FORMATS)}"
            f"{nearest(suffix, FORMATS)}"
        )
    return suffix


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: float | None = None) -> None:
    """Write a picture; text stays text, and the same picture gives the same bytes.

    ``dpi`` are the pixels per inch of a PNG, 200 if it is not given.

    Raises
    ------
    PlotError
        If the name of the file does not end in ``.png``, ``.pdf`` or ``.svg``.
    OSError
        If it cannot be written.
    """
    form = check_format(path)
    with look({**OUTPUT, **({} if dpi is None else {"savefig.dpi": dpi})}):
        figure.savefig(path, format=form, metadata=_METADATA[form])
