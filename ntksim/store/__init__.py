"""The store: a journal of finished cells, collected into one labelled Zarr tree.

Importing this needs neither xarray nor zarr; ``ntksim.store.collect``, ``ntksim.store.adopt`` and
``ntksim.store.verify`` are imported by those who write or check a store.
"""

from ntksim.store.cells import CellRecord, Journal
from ntksim.store.errors import (
    DamagedCell,
    DamagedStore,
    ForeignFiles,
    NewerStore,
    NotAStore,
    StoreError,
    StoreInUse,
    StoreUnusable,
)
from ntksim.store.identity import StoreIdentity, belongs_to
from ntksim.store.layout import CellIndex, NotApplicable, StorePlan
from ntksim.store.lock import writer_lock
from ntksim.store.merged import by_dataset
from ntksim.store.open import open_results
from ntksim.store.places import Places

__all__ = [
    "CellIndex",
    "CellRecord",
    "DamagedCell",
    "DamagedStore",
    "ForeignFiles",
    "Journal",
    "NewerStore",
    "NotAStore",
    "NotApplicable",
    "Places",
    "StoreError",
    "StoreIdentity",
    "StoreInUse",
    "StorePlan",
    "StoreUnusable",
    "belongs_to",
    "by_dataset",
    "open_results",
    "writer_lock",
]
