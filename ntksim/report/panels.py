"""What a report draws: data of its interactive pictures, chosen by what was recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from ntksim.report.encoding import Encoded, encoded

GRID = ("architecture", "width", "kernel", "solver")
"""Axes that a reader chooses from; seeds become a mean and a band."""

MOST_TIMES, MOST_POINTS, MOST_MODES = 41, 101, 256
"""How many are drawn; of more, evenly spaced ones."""

MOST_NUMBERS = 60_000
"""Numbers of one curve; beyond that fewer times and points are drawn."""


@dataclass(frozen=True)
class Choice:
    """An axis of the grid: its name and the labels of its values."""

    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Curve:
    """A quantity on the whole grid: centre and half width of its band.

    The values run over the choices of the panel, its times where it has a slider, and x.
    """

    name: str
    center: Encoded
    spread: Encoded | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """One interactive picture.

    The values of the choice ``lines`` are drawn together, the others are chosen. With ``times``
    a slider chooses the time. ``points`` are marked, such as training targets.
    """

    key: str
    title: str
    caption: str
    x_label: str
    y_label: str
    choices: tuple[Choice, ...]
    lines: str
    x: tuple[float, ...]
    curves: tuple[Curve, ...]
    x_log: bool = False
    y_log: bool = False
    times: tuple[str, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    markers: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


def panels_of(label: str, data: xr.Dataset) -> list[Panel]:
    """Return the pictures that a dataset of a store allows, at most five."""
    return [
        panel
        for make in (_fit, _losses, _spectrum, _projections, _width_scaling)
        for panel in make(label, data)
    ]


def _fit(label: str, data: xr.Dataset) -> Iterator[Panel]:
    """Predictions over the input where that is a line, over the target elsewhere."""
    if "prediction_test" not in data or not data.sizes["test_point"]:
        return
    first = data["prediction_test"].isel(output=0)
    position, x_label = _positions(data)
    if position is None:
        return
    order = np.argsort(position, kind="stable")
    order = order[_spaced(len(order), MOST_POINTS)]
    grid = _grid(first)
    cells = math.prod(len(choice.labels) for choice in grid)
    most = max(2, min(MOST_TIMES, MOST_NUMBERS // max(1, cells * len(order))))
    times = _spaced(data.sizes["time"], most)
    chosen = first.isel(test_point=order, time=times)
    mean, spread = _over_seeds(chosen)
    band = "one standard deviation over seeds" if spread is not None else ""
    if "prediction_variance_test" in data:
        variance = data["prediction_variance_test"].isel(test_point=order, time=times)
        variance = variance.isel(output=0) if "output" in variance.dims else variance
        spread = 2 * (_over_seeds(variance)[0].clip(min=0) ** 0.5).broadcast_like(mean)
        band = "two standard deviations of the Gaussian process"
    by_target = x_label == "target"
    dims = (*GRID, "time", "test_point")
    points: tuple[tuple[float, float], ...] = ()
    if by_target:
        ends = [float(position[order[0]]), float(position[order[-1]])]
        points = tuple((end, end) for end in ends)
    elif data.sizes["train_point"]:
        axis = _varying(data["x_train"].values)
        where = data["x_train"].values.reshape(data.sizes["train_point"], -1)[:, axis or 0]
        targets = data["y_train"].isel(output=0).values
        points = tuple(zip(map(float, where), map(float, targets), strict=True))[:500]
    yield Panel(
        key="fit",
        title=f"{label}: predictions in training",
        caption="Mean of the first output over seeds"
        + (f"; the band is {band}" if band else "")
        + (". On the diagonal a point is predicted right." if by_target else "."),
        x_label=x_label,
        y_label="prediction",
        choices=grid,
        lines=_lines(grid, ("kernel", "solver", "width", "architecture")),
        x=tuple(float(value) for value in position[order]),
        curves=(_curve("prediction", mean, spread, dims),),
        times=tuple(f"{time:.3g}" for time in data["time"].values[times]),
        points=points,
        markers=by_target,
    )


def _losses(label: str, data: xr.Dataset) -> Iterator[Panel]:
    names = [name for name in ("loss_train", "loss_test") if name in data]
    time = data["time"].values
    kept = np.flatnonzero(np.isfinite(time) & (time > 0))
    if not names or not len(kept):
        return
    kept = kept[_spaced(len(kept), 2 * MOST_TIMES)]
    grid = _grid(data[names[0]])
    curves = []
    for name in names:
        mean, spread = _over_seeds(data[name].isel(time=kept))
        curves.append(
            _curve(
                "training" if name == "loss_train" else "test",
                mean,
                spread,
                (*GRID, "time"),
                log=True,
                dashed=name == "loss_test",
            )
        )
    yield Panel(
        key="loss",
        title=f"{label}: loss",
        caption="½ Σ (f − y)²; means over seeds, with bands of one standard deviation.",
        x_label="time of gradient flow",
        y_label="loss",
        choices=grid,
        lines=_lines(grid, ("width", "kernel", "solver", "architecture")),
        x=tuple(float(value) for value in time[kept]),
        curves=tuple(curves),
        x_log=True,
        y_log=True,
    )


def _spectrum(label: str, data: xr.Dataset) -> Iterator[Panel]:
    if "eigenvalue" not in data:
        return
    modes = _spaced(data.sizes["mode"], MOST_MODES)
    mean, spread = _over_seeds(data["eigenvalue"].isel(mode=modes))
    grid = _grid(data["eigenvalue"])
    yield Panel(
        key="spectrum",
        title=f"{label}: spectrum of the tangent kernel",
        caption="Eigenvalues of the training kernel; mode i is learned at rate λᵢ.",
        x_label="mode",
        y_label="eigenvalue",
        choices=grid,
        lines=_lines(grid, ("width", "kernel", "architecture", "solver")),
        x=tuple(float(mode) for mode in modes + 1),
        curves=(_curve("eigenvalue", mean, spread, (*GRID, "mode"), log=True),),
        x_log=len(modes) > 10,
        y_log=True,
    )


def _projections(label: str, data: xr.Dataset) -> Iterator[Panel]:
    if "label_projection" not in data:
        return
    energy = (
        (data["label_projection"] ** 2).sum("output", skipna=False).cumsum("mode", skipna=False)
    )
    share = energy / energy.isel(mode=-1, drop=True)
    modes = _spaced(data.sizes["mode"], MOST_MODES)
    mean, spread = _over_seeds(share.isel(mode=modes))
    grid = _grid(share)
    yield Panel(
        key="projections",
        title=f"{label}: labels along the eigenvectors",
        caption="Share of ‖y‖² in the leading modes; what lies there is learned first.",
        x_label="number of leading modes",
        y_label="share of the labels",
        choices=grid,
        lines=_lines(grid, ("width", "kernel", "architecture", "solver")),
        x=tuple(float(mode) for mode in modes + 1),
        curves=(_curve("share", mean, spread, (*GRID, "mode")),),
        x_log=len(modes) > 10,
    )


def _width_scaling(label: str, data: xr.Dataset) -> Iterator[Panel]:
    """Distance of finite networks from the limit where that was computed, else the last loss."""
    width = data["width"].values
    finite = np.flatnonzero(np.isfinite(width))
    if len(finite) < 2:
        return
    found = _gap_to_limit(data) or _last_loss(data)
    if found is None:
        return
    quantity, title, caption, y_label = found
    choices = tuple(choice for choice in _grid(quantity) if choice.name != "width")
    mean, spread = _over_seeds(quantity.isel(width=finite))
    dims = (*(name for name in GRID if name != "width"), "width")
    yield Panel(
        key="width",
        title=f"{label}: {title}",
        caption=caption,
        x_label="width",
        y_label=y_label,
        choices=choices,
        lines=_lines(choices, ("kernel", "solver", "architecture")),
        x=tuple(float(value) for value in width[finite]),
        curves=(_curve(y_label, mean, spread, dims, log=True),),
        x_log=True,
        y_log=True,
        markers=True,
    )


def _gap_to_limit(data: xr.Dataset) -> tuple[xr.DataArray, str, str, str] | None:
    if "prediction_test" not in data or not np.isinf(data["width"].values).any():
        return None
    last = data["prediction_test"].isel(time=-1)
    # At infinite width every kernel that is there is the limit's own.
    limit = last.sel(width=math.inf).mean(("seed", "kernel"))
    gap = ((last - limit) ** 2).mean(("test_point", "output"), skipna=False) ** 0.5
    if not bool((gap > 0).any()):
        return None
    caption = (
        "Root mean square difference, over test points, from the mean of the infinitely wide "
        "network at the last time."
    )
    return gap, "distance from infinite width", caption, "distance"


def _last_loss(data: xr.Dataset) -> tuple[xr.DataArray, str, str, str] | None:
    for name, kind in (("loss_test", "test"), ("loss_train", "training")):
        if name in data and bool((data[name].isel(time=-1) > 0).any()):
            caption = f"The {kind} loss at the last time, over the width."
            return data[name].isel(time=-1), "loss and width", caption, f"{kind} loss"
    return None


def _positions(data: xr.Dataset) -> tuple[np.ndarray | None, str]:
    """Return where each test point is drawn, and what that is."""
    x = data["x_test"].values
    axis = _varying(np.concatenate([data["x_train"].values, x]))
    if axis is not None:
        return x.reshape(len(x), -1)[:, axis], "input"
    targets = data["y_test"].isel(output=0).values
    return (targets, "target") if np.isfinite(targets).all() else (None, "")


def _varying(x: np.ndarray) -> int | None:
    """Return the one feature that varies, if it is one."""
    flat = x.reshape(len(x), -1)
    axes = np.flatnonzero(np.ptp(flat, axis=0) > 0)
    return int(axes[0]) if len(axes) == 1 else None


def _grid(values: xr.DataArray) -> tuple[Choice, ...]:
    return tuple(
        Choice(name, tuple(_label(value) for value in values[name].values))
        for name in GRID
        if name in values.dims
    )


def _label(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "∞" if math.isinf(value) else f"{value:g}"
    return str(value)


def _lines(choices: Sequence[Choice], preference: Sequence[str]) -> str:
    """Return the first choice of several values that fit into one picture."""
    sizes = {choice.name: len(choice.labels) for choice in choices}
    several = [name for name in preference if 1 < sizes.get(name, 0) <= 8]
    return several[0] if several else choices[0].name


def _over_seeds(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray | None]:
    mean = values.mean("seed")
    if values.sizes["seed"] == 1:
        return mean, None
    with np.errstate(invalid="ignore"):  # infinite values have no spread
        return mean, values.std("seed", ddof=1).compute()


def _curve(
    name: str,
    mean: xr.DataArray,
    spread: xr.DataArray | None,
    dims: tuple[str, ...],
    *,
    log: bool = False,
    dashed: bool = False,
) -> Curve:
    order = [dim for dim in dims if dim in mean.dims]
    return Curve(
        name,
        encoded(mean.transpose(*order).values, log=log),
        None if spread is None else encoded(spread.transpose(*order).values),
        dashed,
    )


def _spaced(count: int, most: int) -> np.ndarray:
    """Return at most ``most`` of the first ``count`` numbers, evenly spaced, both ends in."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.rint(np.linspace(0, count - 1, most)).astype(int))
