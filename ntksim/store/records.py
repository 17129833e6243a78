"""The records that a plan wants from a journal, looked through once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ntksim.store.cells import Journal
from ntksim.store.errors import DamagedCell
from ntksim.store.labels import unfit
from ntksim.store.layout import NotApplicable, StorePlan
from ntksim.store.sealed import Described, Header
from ntksim.types import VariableSpec

CACHE_BYTES = 256 << 20


class WantedRecords:
    """What the journal holds of a plan.

    Every record is read and checked against its digest once. Values are kept as long as they fit
    into ``cache_bytes`` together; those of larger journals are read again when they are written,
    one at a time. A record that is damaged, or that does not fit the plan, is as good as missing
    and is listed with the reason.
    """

    def __init__(self, plan: StorePlan, journal: Journal, cache_bytes: int = CACHE_BYTES) -> None:
        self._journal = journal
        self._cache: dict[tuple[str, str], np.ndarray] = {}
        self._room = cache_bytes
        self.headers: dict[str, Header] = {}
        self.unusable: dict[str, str] = {}
        self.damaged: set[str] = set()
        stored = journal.keys()
        specs = plan.variables
        dims = {name: spec.dims for name, spec in specs.items()}
        fixed = [plan.fixed_sizes(label) for label in plan.dataset]
        for index, key in plan.cells.items():
            if isinstance(key, NotApplicable) or key in self.unusable or key not in stored:
                continue
            if key not in self.headers and not self._load(key):
                continue
            header = self.headers[key]
            reason = misfit(header.variables, specs, fixed[index[0]]) or unfit(header, dims)
            if reason is not None:
                self.unusable[key] = reason
        for key in self.unusable:
            self.headers.pop(key, None)

    def value(self, key: str, name: str) -> np.ndarray | None:
        """Return a variable of a usable record, or ``None`` if it does not have it.

        Raises
        ------
        DamagedCell
            If the record has been damaged or removed since it was looked through.
        """
        if name not in self.headers[key].variables:
            return None
        cached = self._cache.get((key, name))
        if cached is not None:
            return cached
        try:
            return self._journal.value(key, name)
        except KeyError:
            raise DamagedCell(key, "its file is gone") from None

    def _load(self, key: str) -> bool:
        try:
            header, variables = self._journal.contents(key)
        except DamagedCell as damage:
            self.unusable[key] = damage.reason
            self.damaged.add(key)
            return False
        self.headers[key] = header
        for name, value in variables.items():
            if value.nbytes <= self._room:
                self._cache[key, name] = value
                self._room -= value.nbytes
        return True


def misfit(
    variables: Mapping[str, Described] | Mapping[str, np.ndarray],
    specs: Mapping[str, VariableSpec],
    fixed: Mapping[str, int],
) -> str | None:
    """Say why variables are not those of ``specs`` with dimensions of the ``fixed`` sizes."""
    for name in specs.keys() & variables.keys():
        spec, shape = specs[name], variables[name].shape
        if len(shape) != len(spec.dims):
            return f"'{name}' has shape {shape}, its dimensions are {spec.dims}"
        for dim, size in zip(spec.dims, shape, strict=True):
            if fixed.get(dim, size) != size:
                return f"'{name}' has {size} values along {dim}, the data have {fixed[dim]}"
        if not np.can_cast(variables[name].dtype, spec.dtype, "same_kind"):
            return f"'{name}' is {np.dtype(variables[name].dtype)}, not {spec.dtype}"
    return None
