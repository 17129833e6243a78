"""Stored results as one dataset for each group of data."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from ntksim.plot.errors import PlotError, listing, nearest
from ntksim.store import open_results


def datasets_of(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """Return for each dataset of a store its group merged with its part of the root group.

    Values are read when they are used.

    Raises
    ------
    PlotError
        If the tree is not that of a store.
    """
    root = tree.to_dataset()
    study = json.loads(root.attrs.get("study_resolved", "{}"))
    if "datasets" not in root.attrs:
        raise PlotError("the tree has no attribute 'datasets': it is not the root of a store")
    found = {}
    for entry in json.loads(root.attrs["datasets"]):
        label = entry["label"]
        group = tree[entry["group"]].to_dataset()
        group = group.drop_dims("dataset", errors="ignore").drop_vars("dataset", errors="ignore")
        at = [str(value) for value in root["dataset"].values].index(label)
        shared = root.isel(dataset=at, drop=True).data_vars
        data = group.assign({str(name): values for name, values in shared.items()})
        found[label] = _named(data, study)
    return found


def plugin_name(data: xr.Dataset, axis: str) -> str | None:
    """Return the name of the one plugin on an axis, whatever label the study gave it.

    ``None`` where there are several, or the axis is gone.
    """
    if axis not in data.coords or data[axis].ndim:
        return None
    label = str(data[axis].values)
    return data[axis].attrs.get("plugin_names", {}).get(label, label)


def _named(data: xr.Dataset, study: Mapping[str, Any]) -> xr.Dataset:
    """Add what the resolved study knows: plugins behind labels, and selected parameters."""
    for axis in ("architecture", "kernel", "solver"):
        names = {entry["label"]: entry["name"].split(":")[-1] for entry in study.get(axis, [])}
        attributes = {**data[axis].attrs, "plugin_names": names}
        data = data.assign_coords({axis: data[axis].assign_attrs(attributes)})
    for entry in study.get("record", []):
        chosen = entry.get("select")
        if isinstance(chosen, list) and len(chosen) == data.sizes.get("parameter"):
            data = data.assign_coords(parameter_name=("parameter", np.array(chosen, dtype=object)))
    return data


def read_dataset(
    store: str | os.PathLike[str] | xr.DataTree, dataset: str | None = None
) -> xr.Dataset:
    """Return what a store holds of one dataset: what every function of ``ntksim.plot`` takes.

    Parameters
    ----------
    store
        Path of a store, or its tree as ``ntksim.open_results`` returns it.
    dataset
        Label of the dataset; not needed where there is one.

    Raises
    ------
    PlotError
        If there is no such dataset, or several and none is named.
    StoreUnusable
        If there is no store that can be opened.
    """
    found = datasets_of(store if isinstance(store, xr.DataTree) else open_results(store))
    if dataset is None and len(found) == 1:
        return next(iter(found.values()))
    if dataset is None:
        raise PlotError(f"the store has several datasets, name one of them: {listing(found)}")
    if dataset not in found:
        raise PlotError(
            f"there is no dataset '{dataset}'; the store has {listing(found)}"
            f"{nearest(dataset, found)}"
        )
    return found[dataset]
