"""Which variables are stored with fewer bits than they were recorded with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ntksim.store.layout import StorePlan
from ntksim.store.records import WantedRecords
from ntksim.types import VariableSpec

_FLOAT32 = np.finfo(np.float32)


def stored_specs(plan: StorePlan, records: WantedRecords) -> dict[str, VariableSpec]:
    """Return the variables of a plan with the types in which they are stored.

    Where the plan asks for float32, a variable of float64 that the study records is stored so if
    float32 holds each of its values to its full relative precision 2⁻²⁴: none is too large, and
    none that is not 0 is too small. Losses that decay to 1e-50 would else become 0 without a word.
    """
    specs = plan.variables
    if plan.storage == "float64":
        return specs
    return {
        name: replace(spec, dtype="float32")
        if name in plan.specs and spec.dtype == "float64" and _fits(name, records)
        else spec
        for name, spec in specs.items()
    }


def _fits(name: str, records: WantedRecords) -> bool:
    headers: Mapping[str, object] = records.headers
    values = (records.value(key, name) for key in headers)
    return all(value is None or fits_float32(value) for value in values)


def fits_float32(values: np.ndarray) -> bool:
    """Whether every value is 0, infinite, NaN, or of a size in which float32 has all its digits."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    return size.size == 0 or bool(size.min() >= _FLOAT32.tiny and size.max() <= _FLOAT32.max)
