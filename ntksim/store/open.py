"""Opens stored results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ntksim.store.announced import require_possible
from ntksim.store.errors import DamagedStore
from ntksim.store.identity import require_store
from ntksim.store.places import Places

if TYPE_CHECKING:
    import xarray

UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    OSError,
    MemoryError,
)
"""What xarray, Zarr and its codecs raise for what is damaged."""


def open_results(
    store: str | os.PathLike[str], *, chunks: int | str | Mapping[str, Any] | None = None
) -> xarray.DataTree:
    """Open a store as a tree of datasets; values are read when they are used.

    The root holds what can be compared between datasets, each child what depends on the points of
    one dataset. This is ``xarray.open_datatree(store, engine="zarr")``, which does as well, with a
    better message where there is no store, and with a look at each chunk before it is decompressed:
    one that would become more than it announces is not read, which is a ``ValueError``.
    ``chunks`` is passed on: with ``"auto"`` or ``{}`` the arrays are those of Dask. A tree that
    stays open while a run replaces the store must be opened again.

    Raises
    ------
    NotAStore, NewerStore, DamagedStore
        If there is nothing that can be opened.
    """
    require_store(store)
    place = Places.of(store).store
    limits = require_possible(place)
    # xarray and zarr take a second to import, and only readers need them.
    import xarray

    from ntksim.store.guarded import GuardedStore

    try:
        # Zarr's own type of store: xarray's hint knows paths only.
        guarded: Any = GuardedStore(place, limits)
        return xarray.open_datatree(guarded, engine="zarr", chunks=chunks, zarr_format=3)
    except UNREADABLE as error:
        raise DamagedStore(f"{place} cannot be read: {error!s:.200}") from error
