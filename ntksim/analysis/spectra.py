"""Spectra of training kernels, and where the labels lie in them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ntksim.analysis.cells import done
from ntksim.analysis.choice import variable


def spectrum(data: xr.Dataset) -> xr.Dataset:
    """Return the eigenvalues of the training kernels, with what they mean for training.

    Parameters
    ----------
    data
        A dataset with ``eigenvalue`` (…, mode), which a study stores with ``record: [spectrum]``.

    Returns
    -------
    xarray.Dataset
        ``eigenvalue`` λ in descending order; ``time_constant`` 1/λ, after which a mode's residual
        is down to 1/e under gradient flow, infinite for λ = 0. Where the projections of the labels
        were stored as well: ``label_share``, the part of Σ y² that lies in a mode, and
        ``label_share_cumulative``, that of a mode and all faster ones.

    Raises
    ------
    AnalysisError
        If no eigenvalues were stored.
    """
    eigenvalue = done(data, variable(data, "eigenvalue"))
    eigenvalue = eigenvalue.assign_attrs(data["eigenvalue"].attrs)
    constant = (1 / eigenvalue.where(eigenvalue != 0)).where(eigenvalue != 0, np.inf)
    found = {
        "eigenvalue": eigenvalue,
        "time_constant": constant.where(eigenvalue.notnull()).assign_attrs(
            {"long_name": "time constant of a mode", "units": "gradient-flow time"}
        ),
    }
    if "label_projection" in data:
        energy = (done(data, data["label_projection"]) ** 2).sum("output", skipna=False)
        share = energy / energy.sum("mode", skipna=False)
        found["label_share"] = share.assign_attrs(
            {"long_name": "share of the labels in a mode", "units": "1"}
        )
        found["label_share_cumulative"] = share.cumsum("mode", skipna=False).assign_attrs(
            {"long_name": "share of the labels in a mode and all faster ones", "units": "1"}
        )
    return xr.Dataset(found)
