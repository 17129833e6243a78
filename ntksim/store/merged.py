"""The root group and the group of a dataset as one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray


def by_dataset(tree: xarray.DataTree) -> dict[str, xarray.Dataset]:
    """Return for each dataset of a store its group merged with its part of the root group.

    Keys are the labels of the datasets, in the order of the study; attributes are those of the
    group. Values are read when they are used.

    Raises
    ------
    ValueError
        If the tree is not that of a store.
    """
    root = tree.to_dataset()
    if "datasets" not in root.attrs:
        raise ValueError("the tree has no attribute 'datasets': it is not the root of a store")
    labels = [str(label) for label in root["dataset"].values]
    found = {}
    for entry in json.loads(root.attrs["datasets"]):
        group = tree[entry["group"]].to_dataset()
        group = group.drop_dims("dataset", errors="ignore").drop_vars("dataset", errors="ignore")
        shared = root.isel(dataset=labels.index(entry["label"]), drop=True).data_vars
        found[entry["label"]] = group.assign({str(name): own for name, own in shared.items()})
    return found
