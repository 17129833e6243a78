"""The records that a plan wants from a journal, looked through once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping

import numpy as np

from ntksim.store.cells import Journal
from ntksim.store.errors import DamagedCell
from ntksim.store.labels import names_of, unfit
from ntksim.store.layout import NotApplicable, StorePlan
from ntksim.store.sealed import Described, Header
from ntksim.types import VariableSpec

CACHE_BYTES = 4 << 20

_ARRAY_BYTES = 400
"""What a small array takes beside its values."""

HEADERS_REMEMBERED = 256


class Headers(MutableMapping[str, Header]):
    """Headers by key; those that were not used lately are read again from the journal.

    Raises
    ------
    DamagedCell
        By looking up, if the record has been damaged or removed since its header was set.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._keys: dict[str, None] = {}
        self._recent: dict[str, Header] = {}

    def __getitem__(self, key: str) -> Header:
        if key not in self._keys:
            raise KeyError(key)
        header = self._recent.pop(key, None)
        if header is None:
            try:
                header = self._journal.header(key)
            except KeyError:
                raise DamagedCell(key, "its file is gone") from None
        self[key] = header
        return header

    def __setitem__(self, key: str, header: Header) -> None:
        self._keys[key] = None
        self._recent[key] = header
        if len(self._recent) > HEADERS_REMEMBERED:
            del self._recent[next(iter(self._recent))]

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        self._recent.pop(key, None)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class WantedRecords:
    """What the journal holds of a plan.

    Every record is read and checked against its digest once. Values are kept as long as they fit
    into ``cache_bytes`` together; those of larger journals are read again when they are written,
    one at a time, and so are headers. A record that is damaged, or that does not fit the plan, is
    as good as missing and is listed with the reason. ``shapes`` are the largest ones of each
    variable, by the number of the dataset; ``have_names`` says whether any record has names along
    dimensions.
    """

    def __init__(self, plan: StorePlan, journal: Journal, cache_bytes: int = CACHE_BYTES) -> None:
        self._journal = journal
        self._cache: dict[tuple[str, str], np.ndarray] = {}
        self._room = cache_bytes
        self.headers = Headers(journal)
        self.shapes: dict[tuple[int, str], tuple[int, ...]] = {}
        self.have_names = False
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
                continue
            self.have_names |= bool(names_of(header))
            for name, described in header.variables.items():
                largest = self.shapes.get((index[0], name), described.shape)
                self.shapes[index[0], name] = tuple(map(max, largest, described.shape))
        for key in self.unusable:
            if key in self.headers:
                del self.headers[key]

    def value(self, key: str, name: str) -> np.ndarray | None:
        """Return a variable of a usable record, or ``None`` if it does not have it.

        Raises
        ------
        DamagedCell
            If the record has been damaged or removed since it was looked through.
        """
        cached = self._cache.get((key, name))
        if cached is not None:
            return cached
        try:
            return self._journal.value(key, name)
        except KeyError:
            if name not in self.headers[key].variables:
                return None
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
            size = value.nbytes + _ARRAY_BYTES
            if size <= self._room:
                # A copy: the value is a view of the whole file.
                self._cache[key, name] = value.copy()
                self._room -= size
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
