"""Laws over the grid of a study, for diagnostics to list among their ``summaries``.

    summaries = (WidthLaw("kernel_drift"),)

stores ``kernel_drift_width_exponent`` and its standard error in every study that has three finite
widths or more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ntksim.linalg import fit_exponent, logarithmic_means
from ntksim.types import Array, GridAxis, GridScales, Summary, VariableSpec

LEAST_PLACES = 3
"""Widths, or numbers of points, that a law needs: two are on a line whatever they are."""

_FIT = (
    "least squares through the means over {draws} of the logarithm at each {along}; where a value "
    "is not positive it is left out"
)
_ERROR = (
    "the larger of what the scatter over {draws} at each {along} and what the distances of the "
    "means from the line make of it"
)


@dataclass(frozen=True)
class WidthLaw(Summary):
    """Exponent b of value ~ width^b over the finite widths, with its standard error.

    The line of ``ntksim.linalg.fit_exponent`` through geometric means over seeds; networks of
    different widths are independent draws.
    """

    over: ClassVar[tuple[GridAxis, ...]] = ("width", "seed")

    of: str

    def variables(self, spec: VariableSpec, scales: GridScales) -> Mapping[str, VariableSpec]:
        """Return the exponent and its standard error where there are three finite widths."""
        if np.isfinite(scales.width).sum() < LEAST_PLACES:
            return {}
        return _exponents(self.of, spec, spec.dims, "width", "width", "seeds")

    def summarise(self, values: Array, scales: GridScales) -> Mapping[str, Array]:
        """Fit ``values`` (W, S, …)."""
        finite = np.isfinite(scales.width)
        level, error = logarithmic_means(values[finite])
        return _named(self.of, "width", *_law(scales.width[finite], level, error))


@dataclass(frozen=True)
class SizeLaw(Summary):
    """Exponent b of value ~ n^b over the numbers n of training points of the datasets.

    Datasets of one size are independent draws: the study's datasets should differ in nothing but
    their number of points and their seed.
    """

    over: ClassVar[tuple[GridAxis, ...]] = ("dataset",)

    of: str

    def variables(self, spec: VariableSpec, scales: GridScales) -> Mapping[str, VariableSpec]:
        """Return the exponent and its standard error where there are datasets of three sizes."""
        if len(np.unique(scales.train_points)) < LEAST_PLACES:
            return {}
        along = "number of training points"
        return _exponents(self.of, spec, spec.dims, "train_points", along, "datasets")

    def summarise(self, values: Array, scales: GridScales) -> Mapping[str, Array]:
        """Fit ``values`` (D, …)."""
        sizes = np.unique(scales.train_points)
        draws = [np.flatnonzero(scales.train_points == size) for size in sizes]
        grouped = np.full((len(sizes), max(map(len, draws)), *values.shape[1:]), np.nan)
        for row, own in zip(grouped, draws, strict=True):
            row[: len(own)] = values[own]
        level, error = logarithmic_means(grouped)
        return _named(self.of, "train_points", *_law(sizes, level, error))


@dataclass(frozen=True)
class SeedVariance(Summary):
    """Variance over seeds, averaged over points and outputs, and its exponent in the width.

    ``named`` is what the variance is called. The variance of the sample, with n − 1; its
    logarithm's standard error is that of the jackknife, which leaves out one seed at a time, and
    the exponent is fitted to it as that of a ``WidthLaw``.
    """

    over: ClassVar[tuple[GridAxis, ...]] = ("width", "seed")

    of: str
    named: str

    def variables(self, spec: VariableSpec, scales: GridScales) -> Mapping[str, VariableSpec]:
        """Return the variance where there are three seeds, and at three finite widths its law.

        Raises
        ------
        ValueError
            If the variable is not over time.
        """
        if spec.dims[:1] != ("time",):
            raise ValueError(f"'{self.of}' has the dimensions {spec.dims}; the first must be time")
        if len(scales.seed) < LEAST_PLACES:
            return {}
        variance = VariableSpec(
            ("width", "time"),
            f"variance over seeds of the {spec.long_name}",
            description="of the sample, with n − 1, in the mean over points and outputs; 0 where "
            "all seeds share one computation.",
        )
        if not self._has_law(scales):
            return {self.named: variance}
        law = _exponents(self.named, variance, ("time",), "width", "width", "seeds")
        return {self.named: variance} | law

    def summarise(self, values: Array, scales: GridScales) -> Mapping[str, Array]:
        """Take the variance of ``values`` (W, S, T, …)."""
        variance, error = _variance(values.reshape(*values.shape[:3], -1))
        if not self._has_law(scales):
            return {self.named: variance}
        finite = np.isfinite(scales.width)
        there = variance[finite] > 0
        level = np.where(there, np.log(np.where(there, variance[finite], 1.0)), np.nan)
        law = _law(scales.width[finite], level, error[finite])
        return {self.named: variance, **_named(self.named, "width", *law)}

    def _has_law(self, scales: GridScales) -> bool:
        return int(np.isfinite(scales.width).sum()) >= LEAST_PLACES


def _variance(values: Array) -> tuple[Array, Array]:
    """Return the mean variance over seeds of (W, S, T, points) and its logarithm's error, (W, T).

    A seed of which any point is NaN is left out.
    """
    there = np.asarray(np.isfinite(values).all(axis=-1, keepdims=True))
    count = there.sum(axis=1)[..., 0]
    # From one of them: seeds that agree have a variance of exactly 0.
    first = np.take_along_axis(values, np.argmax(there, axis=1)[:, None], axis=1)
    known = np.where(there, values - first, 0.0)
    mean = known.sum(axis=1) / np.maximum(count, 1)[..., None]
    squares = np.square(np.where(there, known - mean[:, None], 0.0))
    total = squares.sum(axis=1).mean(axis=-1)
    variance = total / np.where(count > 1, count - 1.0, np.nan)
    # Without seed s the sum of squares is smaller by n/(n − 1) of its own square.
    share = count / np.where(count > 2, count - 1.0, np.nan)
    left = total[:, None] - share[:, None] * squares.mean(axis=-1)
    left = left / np.where(count > 2, count - 2.0, np.nan)[:, None]
    usable = there[..., 0] & (left > 0)
    logarithms = np.where(usable, np.log(np.where(usable, left, 1.0)), 0.0)
    number = usable.sum(axis=1)
    centre = logarithms.sum(axis=1) / np.maximum(number, 1)
    deviations = np.where(usable, logarithms - centre[:, None], 0.0)
    factor = np.where(number > 1, (number - 1.0) / np.maximum(number, 1), np.nan)
    return variance, np.sqrt(factor * np.square(deviations).sum(axis=1))


def _law(x: Array, level: Array, error: Array) -> tuple[Array, Array]:
    exponent, standard_error, _ = fit_exponent(x, level, error)
    enough = np.isfinite(level).sum(axis=0) >= LEAST_PLACES
    return np.where(enough, exponent, np.nan), np.where(enough, standard_error, np.nan)


def _named(name: str, along: str, exponent: Array, error: Array) -> dict[str, Array]:
    return {
        f"{name}_{along}_exponent": exponent,
        f"{name}_{along}_exponent_standard_error": error,
    }


def _exponents(
    name: str, spec: VariableSpec, dims: tuple[str, ...], along: str, words: str, draws: str
) -> dict[str, VariableSpec]:
    long_name = f"exponent in the {words} of the {spec.long_name}"
    texts = {"draws": draws, "along": words}
    return {
        f"{name}_{along}_exponent": VariableSpec(
            dims, long_name, description=_FIT.format(**texts) + "."
        ),
        f"{name}_{along}_exponent_standard_error": VariableSpec(
            dims, f"standard error of the {long_name}", description=_ERROR.format(**texts) + "."
        ),
    }
