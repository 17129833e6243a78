"""What an HDF5 file may lead to: nothing but itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ntksim import DataError

from ntksim_builtin.datasets.reading.stored_arrays import DAMAGED

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def require_self_contained(path: Path) -> None:
    """Refuse an HDF5 file that takes data from other files.

    Links to other files, raw data in other files and virtual datasets are followed by every HDF5
    library without a word: a file of data could read any other one that its user may read.

    Raises
    ------
    DataError
        If it does so, cannot be opened, or there is nothing to look into it with.
    """
    with path.open("rb") as file:
        # After a user's block of some power of two times 512 bytes, which NetCDF does not have.
        if file.read(len(SIGNATURE)) != SIGNATURE:
            raise DataError(
                f"{path.name} cannot be opened as NetCDF: it is neither classic nor HDF5"
            )
    try:
        import h5py
    except ImportError:
        raise DataError(
            f"{path.name} is a NetCDF 4 file, which needs the packages h5netcdf and h5py: "
            "pip install h5netcdf h5py"
        ) from None
    try:
        with h5py.File(path, "r") as file:
            found = _leads_out(file, h5py)
    except DAMAGED as error:
        raise DataError(f"{path.name} cannot be opened as NetCDF 4: {error}") from None
    if found:
        raise DataError(f"{path.name}: {found}; data must be in the file itself")


def _leads_out(file: Any, h5py: Any) -> str:
    """Say what leads out of an open file, ``""`` if nothing does."""
    waiting, seen = [file], set()
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            place = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(link, h5py.HardLink):
                return f"{place} is a link"
            entry = group[name]
            if isinstance(entry, h5py.Dataset):
                if entry.external:
                    return f"the data of {place} are in another file"
                if entry.is_virtual:
                    return f"{place} is made of other datasets"
            elif isinstance(entry, h5py.Group):
                address = h5py.h5o.get_info(entry.id).addr
                if address not in seen:
                    seen.add(address)
                    waiting.append(entry)
    return ""
