"""The accessor ``.ntk`` of trees and datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xarray as xr
from numpy.typing import ArrayLike

from ntksim.analysis.bounds import bounds
from ntksim.analysis.cells import cells
from ntksim.analysis.choice import AnalysisError, Choice, at_time, chosen, nearest
from ntksim.analysis.gap import Measure, predictor_gap
from ntksim.analysis.seeds import Band, over_seeds
from ntksim.analysis.spectra import spectrum
from ntksim.analysis.text import provenance_text, study_text
from ntksim.analysis.widths import width_exponent
from ntksim.store import by_dataset


@xr.register_dataset_accessor("ntk")
class DatasetAccessor:
    """Analysis of one dataset of a store, ``tree.ntk.dataset()``, or of any part of it.

    Every method is the function of ``ntksim.analysis`` that it names, with this dataset as data.
    """

    def __init__(self, data: xr.Dataset) -> None:
        self._data = data

    def at_time(self, time: ArrayLike, tolerance: float | None = None) -> xr.Dataset:
        """Return the results at the stored times nearest to those given; see ``at_time``."""
        return at_time(self._data, time, tolerance)

    def chosen(self, choice: Choice) -> xr.Dataset:
        """Return the position that a choice names; see ``chosen``."""
        return chosen(self._data, choice)

    def gap(
        self,
        one: Choice,
        other: Choice,
        *,
        variable: str = "prediction_test",
        measure: Measure = "rms",
    ) -> xr.DataArray:
        """Return how far two predictors are apart; see ``predictor_gap``."""
        return predictor_gap(self._data, one, other, variable_name=variable, measure=measure)

    def width_exponent(self, quantity: str | xr.DataArray) -> xr.Dataset:
        """Fit a power law of the width; see ``width_exponent``."""
        return width_exponent(self._data, quantity)

    def bounds(
        self,
        measured: str = "loss_train",
        *,
        lower: Sequence[str] = (),
        upper: Sequence[str] = (),
    ) -> xr.Dataset:
        """Return a measured variable with its bounds; see ``bounds``."""
        return bounds(self._data, measured, lower=lower, upper=upper)

    def spectrum(self) -> xr.Dataset:
        """Return eigenvalues, time constants and shares of the labels; see ``spectrum``."""
        return spectrum(self._data)

    def over_seeds(self, name: str, band: Band = "std") -> xr.Dataset:
        """Return mean and band over seeds; see ``over_seeds``."""
        return over_seeds(self._data, name, band)

    def cells(self, status: str | None = None) -> xr.Dataset:
        """Return a table of the cells; see ``cells``."""
        return cells(self._data, status)


@xr.register_datatree_accessor("ntk")
class TreeAccessor:
    """Analysis of a whole store.

    Where a method takes ``dataset``, it is the label of one. It can be left out where the store has
    one only, and where everything asked for can be compared between datasets: then the result has
    all of them, along ``dataset``.
    """

    def __init__(self, tree: xr.DataTree) -> None:
        self._tree = tree

    @property
    def datasets(self) -> dict[str, xr.Dataset]:
        """What the store holds of each dataset, by label: its group and its part of the root."""
        try:
            return by_dataset(self._tree)
        except ValueError as error:
            raise AnalysisError(str(error)) from None

    def dataset(self, label: str | None = None) -> xr.Dataset:
        """Return what the store holds of one dataset, by default the only one.

        Raises
        ------
        AnalysisError
            If there is no such dataset, or several and none is named.
        """
        found = self.datasets
        if label is None and len(found) == 1:
            return next(iter(found.values()))
        if label is None:
            raise AnalysisError(
                f"the store has several datasets, name one of them: {', '.join(found)}; such as "
                f"dataset={next(iter(found))!r}"
            )
        if label not in found:
            raise AnalysisError(
                f"there is no dataset '{label}'; the store has {', '.join(found)}"
                f"{nearest(label, found)}"
            )
        return found[label]

    @property
    def study(self) -> str:
        """The study as it was written, in YAML."""
        return study_text(self._tree.to_dataset())

    @property
    def provenance(self) -> str:
        """Versions, plugins, seeds and data that the numbers came from, line by line."""
        return provenance_text(self._tree.to_dataset())

    def at_time(self, time: ArrayLike, tolerance: float | None = None) -> xr.DataTree:
        """Return the tree at the stored times nearest to those given; see ``at_time``."""
        groups: dict[str, Any] = {
            path: at_time(node.to_dataset(), time, tolerance)
            for path, node in self._tree.subtree_with_keys
        }
        return xr.DataTree.from_dict(groups)

    def gap(
        self,
        one: Choice,
        other: Choice,
        *,
        dataset: str | None = None,
        variable: str = "prediction_test",
        measure: Measure = "rms",
    ) -> xr.DataArray:
        """Return how far two predictors are apart; see ``predictor_gap``.

        Of several datasets, the gaps stand along ``dataset``. With ``measure="difference"`` they
        have points, which are others in every dataset, and one is to be named.
        """
        root = self._tree.to_dataset()
        found = {label: data for label, data in self.datasets.items() if variable in data}
        if dataset is None and len(found) > 1 and variable not in root and measure != "difference":
            gaps = [
                predictor_gap(data, one, other, variable_name=variable, measure=measure)
                for data in found.values()
            ]
            joined = xr.concat(
                gaps, "dataset", coords="minimal", compat="override", combine_attrs="override"
            )
            return joined.assign_coords(dataset=root["dataset"].sel(dataset=list(found)))
        data = self._holding([variable], dataset)
        return predictor_gap(data, one, other, variable_name=variable, measure=measure)

    def width_exponent(
        self, quantity: str | xr.DataArray, *, dataset: str | None = None
    ) -> xr.Dataset:
        """Fit a power law of the width; see ``width_exponent``."""
        names = [quantity] if isinstance(quantity, str) else []
        return width_exponent(self._holding(names, dataset), quantity)

    def bounds(
        self,
        measured: str = "loss_train",
        *,
        dataset: str | None = None,
        lower: Sequence[str] = (),
        upper: Sequence[str] = (),
    ) -> xr.Dataset:
        """Return a measured variable with its bounds; see ``bounds``."""
        data = self._holding([measured, *lower, *upper], dataset)
        return bounds(data, measured, lower=lower, upper=upper)

    def spectrum(self, *, dataset: str | None = None) -> xr.Dataset:
        """Return eigenvalues, time constants and shares of the labels; see ``spectrum``."""
        return spectrum(self.dataset(dataset))

    def over_seeds(
        self, name: str, band: Band = "std", *, dataset: str | None = None
    ) -> xr.Dataset:
        """Return mean and band over seeds; see ``over_seeds``."""
        return over_seeds(self._holding([name], dataset), name, band)

    def cells(self, status: str | None = None) -> xr.Dataset:
        """Return a table of the cells of all datasets; see ``cells``."""
        return cells(self._tree.to_dataset(), status)

    def _holding(self, names: Sequence[str], dataset: str | None) -> xr.Dataset:
        """Return the dataset that is asked for, or all where the root has every variable."""
        root = self._tree.to_dataset()
        is_one = dataset is not None or len(self.datasets) == 1
        if not is_one and all(name in root.data_vars for name in names):
            return root
        return self.dataset(dataset)
