"""Where in the spectrum of the kernel the labels are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from ntksim.plot.curves import as_lines, canvas, draw_spread
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.loss import loss
from ntksim.plot.kinds.spectrum import set_mode_axis, spectrum
from ntksim.plot.legend import add_legend, style_entry
from ntksim.plot.scales import log_limits, set_log
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import NEUTRAL, THEORY, Palette


def label_projection(
    data: xr.Dataset,
    /,
    *,
    quantity: Literal["cumulative", "magnitude"] = "cumulative",
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw how the energy of the labels is spread over the eigenvectors of the kernel.

    With c = Vᵀy: ``cumulative`` is Σ_{i≤k} ‖c_i‖² / Σ_i ‖c_i‖² over k, ``magnitude`` is ‖c_i‖ over
    i, the norm taken over outputs. Dashed is what labels without any structure have in expectation:
    k/n, and ‖y‖/√n. The data may have a dimension ``dataset``, to compare true with random labels.

    Raises
    ------
    PlotError
        If no projection was recorded, or more lines are asked for than can be told apart.
    """
    if not matching(data, ["label_projection"]):
        raise PlotError(
            "no label_projection was recorded; a study records it with `record: [spectrum]`"
        )
    palette = palette or Palette()
    data = data.assign(energy=_energy(data))
    with canvas(ax) as ax:
        band: list[Patch] = []
        curves = []
        for member in as_lines(data, ["energy"]):
            energy = member.data["energy"].dropna("mode", how="all")
            total, count = energy.sum("mode"), energy.sizes["mode"]
            index = np.arange(1.0, count + 1)
            if quantity == "cumulative":
                spread = over_seeds(energy.cumsum("mode") / total)
                flat, style = index / count, {}
            else:
                spread = over_seeds(energy**0.5)
                flat = np.full(count, np.sqrt(float(total.mean()) / count))
                style = {"marker": ".", "linestyle": "none", "markersize": _size(count)}
            label = member.label or "labels"
            colour = palette[member.label]
            band = draw_spread(ax, index, spread, colour, label=label, **style) or band
            ax.plot(index, flat, color=NEUTRAL, **THEORY)
            curves.append(spread.mean.values)
        set_mode_axis(ax, curves)
        if quantity == "cumulative":
            ax.set_ylim(0, 1.03)
            ax.yaxis.set_major_formatter(PercentFormatter(1.0))
            ax.set_ylabel("energy in leading modes")
        else:
            set_log(ax, *log_limits(curves, below=4))
            ax.set_ylabel("label projection |vᵀy|")
        add_legend(ax, [style_entry("labels without structure", **THEORY), *band])
    return ax


def _size(count: int) -> float:
    """Return the size of points: the smaller, the more there are."""
    return 4.0 if count <= 100 else 2.5


def _energy(data: xr.Dataset) -> xr.DataArray:
    """Return ‖c_i‖² (…, mode) of every mode.

    With a full kernel, which has a mode for each point and output, the projection of all targets is
    the sum over outputs; otherwise outputs are projected apart.
    """
    projection = data["label_projection"]
    if "output" not in projection.dims:
        return projection**2
    apart = (projection**2).sum("output", min_count=1)
    if projection.sizes["mode"] <= data.sizes.get("train_point", np.inf):
        return apart
    together = projection.sum("output", min_count=1) ** 2
    points = data["y_train"].isel(output=0).notnull().sum("train_point")
    others = [dim for dim in apart.dims if dim not in ("mode", "dataset")]
    modes = apart.notnull().any(others).sum("mode")
    return xr.where(modes > points, together, apart)


def panels(data: xr.Dataset) -> list[Panel]:
    """Return what there is of: loss, eigenvalues, projections, their cumulative energy."""
    found = []
    if matching(data, ["loss_train"]):
        only = [name for name in data.data_vars if name != "loss_test" and "bound" not in str(name)]
        found.append(Panel("loss", data[only], loss))
    if matching(data, ["eigenvalue"]):
        found.append(Panel("spectrum", data, spectrum))
    return [
        *found,
        Panel("projections", data, partial(label_projection, quantity="magnitude")),
        Panel("cumulative energy", data, label_projection),
    ]


def same_inputs_other_labels(datasets: Mapping[str, xr.Dataset]) -> bool:
    """Whether two datasets differ in nothing but their labels, as true and random ones do."""
    found = list(datasets.values())
    return any(
        first["x_train"].shape == second["x_train"].shape
        and bool((first["x_train"].values == second["x_train"].values).all())
        and first["y_train"].shape == second["y_train"].shape
        and bool((first["y_train"].values != second["y_train"].values).any())
        for i, first in enumerate(found)
        for second in found[:i]
    )


KIND = Kind(
    name="label_projection",
    description="Labels in the eigenvectors of the kernel: true against random ones.",
    needs=(("label_projection",),),
    record=("spectrum", "loss"),
    uses=("eigenvalue", "loss_train", "y_train"),
    draw=label_projection,
    panels=panels,
    lines=("dataset", "kernel", "width"),
    suits=same_inputs_other_labels,
)
