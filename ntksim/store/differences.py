"""What differs between two stores: their studies, the code behind them, cells and numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ntksim.store.declared import AXIS_SPECS, CELL_AXES, DESCRIBING
from ntksim.store.open import open_results

if TYPE_CHECKING:
    import xarray

_STUDY = ("study_resolved", "datasets")
_CODE = ("ntksim_version", "numerics_version", "plugins", "library_versions")
_NOT_COMPARED = ("ntksim", "numerics", "plugins", "store")
_ABSENT = "(not there)"
_LONGEST = 100


@dataclass(frozen=True)
class Change:
    """One entry that is not the same in both, by its path."""

    where: str
    first: str
    second: str


@dataclass(frozen=True)
class NumberDifference:
    """How far the values of one variable are apart at the positions that both stores hold.

    ``largest`` is max |a − b|, and ``relative`` is that over the largest magnitude in either store.
    ``one_sided`` counts the values that are NaN in one of them only, and infinities that are not
    the same. ``where`` says at which labels the largest difference is, and ``problem`` why the
    variable cannot be compared.
    """

    variable: str
    compared: int = 0
    differing: int = 0
    one_sided: int = 0
    largest: float = 0.0
    relative: float = 0.0
    where: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Differences:
    """Everything that differs between two stores; empty parts are equal.

    ``axes`` gives for each axis the labels that only the first and only the second has;
    ``variables`` the names of variables that only one has; ``cells`` the positions that both grids
    have and where a cell has another status; ``numbers`` the variables of shared positions whose
    values are further apart than asked for.
    """

    study: tuple[Change, ...]
    code: tuple[Change, ...]
    axes: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    variables: tuple[tuple[str, ...], tuple[str, ...]]
    cells: tuple[Change, ...]
    numbers: tuple[NumberDifference, ...]
    compared: int

    @property
    def are_none(self) -> bool:
        """Whether both hold the same study, cells and numbers; the code may be another."""
        sided = [*self.axes.values(), self.variables]
        return not (self.study or self.cells or self.numbers or any(a or b for a, b in sided))

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


def differences(
    first: str | os.PathLike[str], second: str | os.PathLike[str], *, tolerance: float = 0.0
) -> Differences:
    """Compare two stores by the labels of their axes.

    Numbers are compared where both grids have a position; a variable differs if
    max |a − b| > ``tolerance`` · max(|a|, |b|) over all of these, or if a value is there in one
    store only. Values are read one variable at a time.

    Raises
    ------
    StoreUnusable
        If one of the two is not a store that can be opened.
    """
    with open_results(first) as a, open_results(second) as b:
        numbers = [
            number
            for group in sorted({"/", *a.children} & {"/", *b.children})
            for number in _numbers(a[group].to_dataset(), b[group].to_dataset(), group)
        ]
        names = tuple(frozenset(_variables(tree)) for tree in (a, b))
        return Differences(
            study=tuple(_changes(a.attrs, b.attrs, _STUDY)),
            code=tuple(_changes(a.attrs, b.attrs, _CODE)),
            axes=_axes(a.to_dataset(), b.to_dataset()),
            variables=(tuple(sorted(names[0] - names[1])), tuple(sorted(names[1] - names[0]))),
            cells=tuple(_cells(a.to_dataset(), b.to_dataset())),
            numbers=tuple(number for number in numbers if _differs(number, tolerance)),
            compared=sum(number.compared for number in numbers),
        )


def _differs(number: NumberDifference, tolerance: float) -> bool:
    return bool(number.problem) or number.one_sided > 0 or number.relative > tolerance


def _changes(
    first: Mapping[Any, Any], second: Mapping[Any, Any], names: tuple[str, ...]
) -> Iterator[Change]:
    for name in names:
        a, b = _stated(first, name), _stated(second, name)
        if name != "study_resolved":
            yield from _apart(a, b, name)
            continue
        for entry in sorted((a.keys() | b.keys()) - {*_NOT_COMPARED}):
            yield from _apart(a.get(entry, _ABSENT), b.get(entry, _ABSENT), entry)


def _stated(attributes: Mapping[Any, Any], name: str) -> Any:
    value = attributes.get(name, {})
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _apart(first: Any, second: Any, path: str) -> Iterator[Change]:
    """Find the smallest entries that differ; what only one axis has is said with the axes."""
    if path in AXIS_SPECS or path == "datasets":
        a, b = _labelled(first), _labelled(second)
        for label in (label for label in a if label in b):
            yield from _apart(a[label], b[label], f"{path}[{label}]")
    elif isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in sorted(first.keys() | second.keys()):
            yield from _apart(first.get(key, _ABSENT), second.get(key, _ABSENT), f"{path}.{key}")
    elif first != second:
        yield Change(path, _shown(first), _shown(second))


def _labelled(items: Any) -> dict[str, Any]:
    listed = items if isinstance(items, list) else []
    return {str(item["label"]): item for item in listed if isinstance(item, Mapping)}


def _shown(value: Any) -> str:
    text = value if value is _ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _axes(
    first: xarray.Dataset, second: xarray.Dataset
) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    found = {}
    for axis in AXIS_SPECS:
        a, b = ([_label(value) for value in data[axis].values] for data in (first, second))
        only = tuple(x for x in a if x not in set(b)), tuple(x for x in b if x not in set(a))
        if any(only):
            found[axis] = only
    return found


def _variables(tree: xarray.DataTree) -> Iterator[str]:
    for group in ("/", *tree.children):
        for name in tree[group].data_vars:
            if name not in DESCRIBING:
                yield str(name) if group == "/" else f"{group}/{name}"


def _cells(first: xarray.Dataset, second: xarray.Dataset) -> Iterator[Change]:
    a, b = _aligned(first["status"], second["status"])
    for index in np.argwhere(a.values != b.values):
        position = dict(zip(a.dims, index, strict=True))
        yield Change(
            _place(a, position), str(a.isel(position).item()), str(b.isel(position).item())
        )


def _numbers(
    first: xarray.Dataset, second: xarray.Dataset, group: str
) -> Iterator[NumberDifference]:
    for name in sorted(first.data_vars.keys() & second.data_vars.keys(), key=str):
        if name not in DESCRIBING:
            shown = str(name) if group == "/" else f"{group}/{name}"
            yield _number(first[name], second[name], shown)


def _number(first: xarray.DataArray, second: xarray.DataArray, name: str) -> NumberDifference:
    if first.dims != second.dims:
        return NumberDifference(name, problem=f"dimensions {first.dims} and {second.dims}")
    try:
        first, second = _aligned(first, second)
    except ValueError:
        shapes = f"{dict(first.sizes)} and {dict(second.sizes)}"
        return NumberDifference(name, problem=f"sizes {shapes}")
    a, b = np.asarray(first.values), np.asarray(second.values)
    if a.dtype.kind not in "bifu" or b.dtype.kind not in "bifu":
        unequal = np.asarray(a != b)
        return NumberDifference(
            name,
            compared=a.size,
            differing=int(unequal.sum()),
            one_sided=int(unequal.sum()),
            where=_first_place(first, unequal),
        )
    a, b = a.astype(np.float64), b.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    finite = np.isfinite(a) & np.isfinite(b)
    apart = np.abs(np.subtract(a, b, where=finite, out=np.zeros_like(a)))
    one_sided = ~same & ~finite
    magnitude = max((float(np.abs(x[finite]).max(initial=0.0)) for x in (a, b)), default=0.0)
    largest = float(apart.max(initial=0.0))
    return NumberDifference(
        name,
        compared=a.size,
        differing=int((~same).sum()),
        one_sided=int(one_sided.sum()),
        largest=largest,
        relative=largest / magnitude if largest else 0.0,
        where=_first_place(first, one_sided if one_sided.any() else apart == largest)
        if not same.all()
        else "",
    )


def _aligned(
    first: xarray.DataArray, second: xarray.DataArray
) -> tuple[xarray.DataArray, xarray.DataArray]:
    import xarray

    return xarray.align(first, second, join="inner", copy=False)


def _first_place(array: xarray.DataArray, where: np.ndarray) -> str:
    if not where.any():
        return ""
    index = np.unravel_index(int(np.argmax(where)), where.shape)
    return _place(array, dict(zip(array.dims, index, strict=True)))


def _place(array: xarray.DataArray, position: Mapping[Any, Any]) -> str:
    """Say which labels a position has; an axis of one label is left out."""
    parts = []
    for dim, index in position.items():
        if array.sizes[dim] > 1 or dim not in CELL_AXES:
            label = array[dim].values[index] if dim in array.coords else index
            parts.append(f"{dim} {_label(label)}")
    return ", ".join(parts)


def _label(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)
