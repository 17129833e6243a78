"""Stored results as one dataset for each group of data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from ntksim.plot.errors import PlotError, listing, nearest
from ntksim.plot.families import families
from ntksim.plot.reached import REACHED
from ntksim.store import by_dataset, open_results


def datasets_of(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """Return for each dataset of a store its group merged with its part of the root group.

    Values are read when they are used.

    Raises
    ------
    PlotError
        If the tree is not that of a store.
    """
    study = json.loads(tree.attrs.get("study_resolved", "{}"))
    try:
        found = by_dataset(tree)
    except ValueError as error:
        raise PlotError(str(error)) from None
    return {label: _with_data(_named(data, study), label, study) for label, data in found.items()}


TRAIN_POINTS, DATA_FAMILY = "train_points", "dataset_family"
"""Number of training points, and what data are called that differ in it and in the draw only."""

DEPTH, NETWORK_FAMILY = "architecture_depth", "architecture_family"
"""Coordinates along ``architecture``: depths, and names of networks that differ in it only."""


def _with_data(data: xr.Dataset, label: str, study: Mapping[str, Any]) -> xr.Dataset:
    """Add what a study says of the data: how many they are, of what family, and the start."""
    names = families(study.get("dataset", []), ("train", "seed"))
    points = data.sizes.get("train_point", 0)
    plugins = {entry["label"]: entry["name"] for entry in study.get("dataset", [])}
    data = data.assign_attrs(
        initial_output=study.get("initial_output", "network"),
        dataset_plugin=plugins.get(label, "").split(":")[-1],
    )
    return data.assign({TRAIN_POINTS: points, DATA_FAMILY: names.get(label, "")})


def plugin_name(data: xr.Dataset, axis: str) -> str | None:
    """Return the name of the one plugin on an axis, whatever label the study gave it.

    ``None`` where there are several, or the axis is gone.
    """
    if axis not in data.coords or data[axis].ndim:
        return None
    label = str(data[axis].values)
    return data[axis].attrs.get("plugin_names", {}).get(label, label)


def _named(data: xr.Dataset, study: Mapping[str, Any]) -> xr.Dataset:
    """Add what the resolved study knows: plugins behind labels, and depths of networks."""
    for axis in ("architecture", "kernel", "solver"):
        names = {entry["label"]: entry["name"].split(":")[-1] for entry in study.get(axis, [])}
        attributes = {**data[axis].attrs, "plugin_names": names}
        data = data.assign_coords({axis: data[axis].assign_attrs(attributes)})
    entries = study.get("architecture", [])
    if any(isinstance(entry.get("depth"), int) for entry in entries):
        depth = [entry.get("depth", np.nan) for entry in entries]
        names = list(families(entries, ("depth",)).values())
        data = data.assign_coords(
            {
                DEPTH: ("architecture", np.array(depth, dtype=np.float64)),
                NETWORK_FAMILY: ("architecture", np.array(names, dtype=object)),
            }
        )
    return data


def together(
    datasets: Mapping[str, xr.Dataset], variables: Iterable[str] | None = None
) -> xr.Dataset:
    """Return datasets as one, with ``dataset`` as a dimension.

    ``variables`` of them, or all, with what tells the data apart; where data have fewer points or
    modes than others, the rest is NaN.
    """
    parts = []
    for data in datasets.values():
        names = list(data.data_vars) if variables is None else list(variables)
        names = dict.fromkeys([*names, "y_train", REACHED, TRAIN_POINTS, DATA_FAMILY])
        parts.append(data[[name for name in names if name in data]])
    joined = xr.concat(
        parts,
        "dataset",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="outer",
        combine_attrs="override",
    )
    return joined.assign_coords(dataset=list(datasets))


def read_together(
    store: str | os.PathLike[str] | xr.DataTree, variables: Iterable[str] | None = None
) -> xr.Dataset:
    """Return what a store holds of all its datasets, with ``dataset`` as a dimension.

    That is what pictures compare data in: ``learning_curve``, and ``label_projection`` of true and
    random labels. ``variables`` are those that are needed; without them all are read.

    Raises
    ------
    StoreUnusable
        If there is no store that can be opened.
    """
    tree = store if isinstance(store, xr.DataTree) else open_results(store)
    return together(datasets_of(tree), variables)


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
