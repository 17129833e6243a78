"""The accessor of trees and datasets, and what it leaves to Dask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.array
import numpy as np
import pytest
import xarray as xr
from ntksim import analysis, open_results


def ntk(data: xr.Dataset | xr.DataTree) -> Any:
    """Return the accessor, which xarray puts there without the types knowing."""
    return data.ntk  # type: ignore[union-attr]


def test_a_dataset_is_its_group_and_its_part_of_the_root(tree: xr.DataTree) -> None:
    datasets = ntk(tree).datasets
    assert list(datasets) == ["points", "digits"]
    digits = ntk(tree).dataset("digits")
    xr.testing.assert_equal(digits.prediction_test, tree["digits"].prediction_test)
    expected = tree.loss_train.sel(dataset="digits", drop=True)
    np.testing.assert_array_equal(digits.loss_train.values, expected.values)
    assert digits.attrs["task"] == "classification"


def test_methods_of_a_dataset_are_the_functions(points: xr.Dataset) -> None:
    own = ntk(points)
    xr.testing.assert_identical(
        own.gap("empirical", "analytic", variable="loss_train", measure="max"),
        analysis.predictor_gap(
            points, "empirical", "analytic", variable_name="loss_train", measure="max"
        ),
    )
    xr.testing.assert_identical(
        own.width_exponent("loss_train"), analysis.width_exponent(points, "loss_train")
    )
    xr.testing.assert_identical(own.bounds("loss_rate"), analysis.bounds(points, "loss_rate"))
    xr.testing.assert_identical(own.spectrum(), analysis.spectrum(points))
    xr.testing.assert_identical(own.cells("done"), analysis.cells(points, "done"))
    xr.testing.assert_identical(own.at_time(1.9), points.sel(time=2))
    xr.testing.assert_identical(own.chosen("analytic"), points.sel(kernel="analytic", drop=True))
    xr.testing.assert_identical(
        own.over_seeds("loss_train", (0.1, 0.9)),
        analysis.over_seeds(points, "loss_train", (0.1, 0.9)),
    )


def test_what_can_be_compared_is_there_for_all_datasets(
    tree: xr.DataTree, points: xr.Dataset
) -> None:
    whole = ntk(tree).over_seeds("loss_train")
    assert whole.sizes["dataset"] == 2
    own = ntk(tree).over_seeds("loss_train", dataset="points")
    part = whole.sel(dataset="points", drop=True)
    np.testing.assert_allclose(own["mean"], part["mean"], rtol=1e-14)
    assert ntk(tree).width_exponent("loss_train").sizes["dataset"] == 2
    assert ntk(tree).bounds().sizes["dataset"] == 2
    assert ntk(tree).gap("empirical", "analytic", variable="loss_train").sizes["dataset"] == 2
    assert ntk(tree).cells().sizes["cell"] == tree.status.size
    xr.testing.assert_identical(ntk(tree).spectrum(dataset="points"), ntk(points).spectrum())
    gap = ntk(tree).gap("empirical", "analytic", dataset="points")
    law = ntk(tree).width_exponent(gap, dataset="points")
    xr.testing.assert_identical(law, ntk(points).width_exponent(gap))


def test_gaps_of_several_datasets_stand_along_dataset(tree: xr.DataTree) -> None:
    gap = ntk(tree).gap("empirical", "analytic", measure="max")
    assert gap.dims[0] == "dataset"
    assert gap.attrs["long_name"] == "largest difference of the output at test points"
    for label in ("points", "digits"):
        own = ntk(tree).gap("empirical", "analytic", dataset=label, measure="max")
        assert own.notnull().any()
        xr.testing.assert_equal(gap.sel(dataset=label, drop=True), own)
    law = ntk(tree).width_exponent(gap)
    assert law.sizes["dataset"] == 2


def test_one_of_several_datasets_is_asked_for(tree: xr.DataTree) -> None:
    named = r"name one of them: points, digits; such as dataset='points'"
    with pytest.raises(analysis.AnalysisError, match=named):
        ntk(tree).gap("empirical", "analytic", measure="difference")
    with pytest.raises(analysis.AnalysisError, match=named):
        ntk(tree).spectrum()
    with pytest.raises(analysis.AnalysisError, match=r"no dataset 'digit'; .*mean 'digits'"):
        ntk(tree).dataset("digit")
    with pytest.raises(analysis.AnalysisError, match="not the root of a store"):
        ntk(xr.DataTree()).dataset()


def test_a_time_is_chosen_in_the_whole_tree(tree: xr.DataTree) -> None:
    early = ntk(tree).at_time([0.9, np.inf])
    for node in early.subtree:
        np.testing.assert_array_equal(node.time, [1, 2])
    xr.testing.assert_equal(
        early["digits"].prediction_test, tree["digits"].prediction_test.sel(time=[1, 2])
    )
    assert ntk(early).dataset("points").sizes["time"] == 2
    assert early.attrs == tree.attrs


def test_study_and_provenance_are_text(tree: xr.DataTree) -> None:
    assert ntk(tree).study == tree.attrs["study_as_written"]
    text = ntk(tree).provenance
    assert text.startswith("study: predictors (Predictors of shallow networks.)\n")
    for line in ("root of random numbers: 0", "plugin builtin: ntksim", f"numpy: {np.__version__}"):
        assert line in text
    assert "dataset digits: classes: 3, 8, source: digits" in text
    with pytest.raises(analysis.AnalysisError, match="no attribute 'study'"):
        ntk(xr.DataTree()).provenance  # noqa: B018
    with pytest.raises(analysis.AnalysisError, match="no attribute 'study_as_written'"):
        ntk(xr.DataTree()).study  # noqa: B018


def test_trees_that_xarray_opened_have_it_too(store: Path, points: xr.Dataset) -> None:
    with xr.open_datatree(store, engine="zarr") as opened:
        found = ntk(opened).gap("empirical", "analytic", dataset="points").load()
    xr.testing.assert_identical(found, ntk(points).gap("empirical", "analytic"))


LAZY: dict[str, Callable[[Any], xr.Dataset | xr.DataArray]] = {
    "gap": lambda own: own.gap("empirical", "analytic", dataset="points"),
    "exponent": lambda own: own.width_exponent("loss_train"),
    "bounds": lambda own: own.bounds(),
    "spectrum": lambda own: own.spectrum(dataset="points"),
    "band": lambda own: own.over_seeds("loss_train"),
    "quantiles": lambda own: own.over_seeds("diverged", (0.1, 0.9)),
    "time": lambda own: own.at_time(1)["points"].to_dataset(),
}


@pytest.mark.parametrize("name", LAZY)
def test_nothing_is_computed_before_it_is_needed(name: str, store: Path, tree: xr.DataTree) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError(f"computed {arguments} {options}")

    with open_results(store, chunks={}) as opened:
        with dask.config.set(scheduler=refuse):  # pyright: ignore[reportPrivateImportUsage]
            lazy = LAZY[name](ntk(opened))
        for array in lazy.data_vars.values() if isinstance(lazy, xr.Dataset) else [lazy]:
            assert isinstance(array.data, dask.array.Array)
        computed = lazy.compute(scheduler="synchronous")
    # Sums in chunks have another order.
    xr.testing.assert_allclose(computed, LAZY[name](ntk(tree)), rtol=1e-12, atol=1e-14)
