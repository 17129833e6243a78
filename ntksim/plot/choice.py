"""Which picture a store gets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from ntksim.plot.arrange import arranged
from ntksim.plot.errors import PlotError, listing, nearest
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.variable import kind_of, numbers_of
from ntksim.plot.offered import KINDS
from ntksim.plot.read import datasets_of
from ntksim.plot.selection import Selection, selected
from ntksim.store import open_results
from ntksim.store.declared import DESCRIBING, FAILED, MEASURED, MISSING

_ALWAYS = {"status", *DESCRIBING, *MEASURED}
"""What is stored of every cell, whatever was recorded."""


@dataclass(frozen=True)
class Choice:
    """A kind and the panels of its picture, a row for each of the small multiples.

    ``left_out`` is how many positions of the grid are not drawn because they failed or were not
    computed; ``notes`` say what was left out because there is no room, and what to be careful with.
    """

    kind: Kind
    rows: Sequence[Sequence[Panel]]
    left_out: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Possibility:
    """Whether a kind can be drawn of a store: of which datasets, or else why not."""

    kind: Kind
    datasets: Mapping[str, xr.Dataset]
    objection: str


def possibilities(
    store: str | os.PathLike[str] | xr.DataTree,
    select: Selection | None = None,
    kinds: Sequence[Kind] = KINDS,
) -> list[Possibility]:
    """Return for each kind what it could be drawn of.

    Raises
    ------
    PlotError
        If ``select`` names an axis or a value that is not there.
    StoreUnusable
        If there is no store that can be opened.
    """
    return list(_possibilities(_datasets(store, select), kinds))


def stored_variables(
    store: str | os.PathLike[str] | xr.DataTree, select: Selection | None = None
) -> list[str]:
    """Return the names of variables that can be drawn by name, beside the kinds.

    Raises
    ------
    PlotError
        If ``select`` names an axis or a value that is not there.
    StoreUnusable
        If there is no store that can be opened.
    """
    return variables_of(_datasets(store, select))


def choose(
    store: str | os.PathLike[str] | xr.DataTree,
    kind: str | Kind | None = None,
    select: Selection | None = None,
    kinds: Sequence[Kind] = KINDS,
) -> Choice:
    """Return the kind that was asked for, or the first that suits the data and fits on a picture.

    What is no kind but the name of a stored variable is drawn as ``variable`` draws it.

    Raises
    ------
    PlotError
        If there is no such kind, axis or value, or if what the kind needs was not recorded; where
        no kind is asked for, only if none can be drawn.
    StoreUnusable
        If there is no store that can be opened.
    """
    datasets = _datasets(store, select)
    if kind is None:
        return _first(datasets, kinds)
    wanted = kind if isinstance(kind, Kind) else _named(kind, kinds, datasets)
    if kind == wanted.name and wanted not in kinds:
        datasets = numbers_of(wanted.name, datasets)
    (found,) = _possibilities(datasets, [wanted])
    if not found.datasets:
        raise PlotError(f"'{wanted.name}' cannot be drawn of this store: {found.objection}")
    return _choice(found)


def _datasets(
    store: str | os.PathLike[str] | xr.DataTree, select: Selection | None
) -> dict[str, xr.Dataset]:
    tree = store if isinstance(store, xr.DataTree) else open_results(store)
    return selected(datasets_of(tree), select or {})


def _possibilities(
    datasets: Mapping[str, xr.Dataset], kinds: Sequence[Kind]
) -> Iterator[Possibility]:
    for kind in kinds:
        objections = {label: kind.objection(data) for label, data in datasets.items()}
        fitting = {label: datasets[label] for label, why in objections.items() if why is None}
        if fitting and (why := kind.fits_together(fitting)) is not None:
            yield Possibility(kind, {}, why)
        else:
            yield Possibility(kind, fitting, _summary(objections))


def _choice(found: Possibility) -> Choice:
    status = [data["status"].values for data in found.datasets.values()]
    left_out = sum(int(((own == FAILED) | (own == MISSING)).sum()) for own in status)
    made = arranged(found.kind, found.datasets)
    notes = (*made.notes, *found.kind.cautions(found.datasets))
    return Choice(found.kind, made.rows, left_out, notes)


def _first(datasets: Mapping[str, xr.Dataset], kinds: Sequence[Kind]) -> Choice:
    problem: PlotError | None = None
    possible = [found for found in _possibilities(datasets, kinds) if found.datasets]
    suiting = [found for found in possible if found.kind.suits(found.datasets)]
    for found in suiting or possible:
        try:
            return _choice(found)
        except PlotError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    own = [name for name in variables_of(datasets) if name not in _ALWAYS]
    own.sort(
        key=lambda name: not any("time" in d[name].dims for d in datasets.values() if name in d)
    )
    for name in own if kinds is KINDS else []:
        (found,) = _possibilities(numbers_of(name, datasets), [kind_of(name, datasets)])
        if found.datasets:
            return _choice(found)
    needs = "\n".join(f"  {line}" for line in needs_of(kinds))
    raise PlotError(
        f"nothing was recorded that can be drawn; the kinds and what they need:\n{needs}"
    )


def needs_of(kinds: Sequence[Kind]) -> list[str]:
    """Return a line for each kind: its name and what it needs."""
    return [
        f"{kind.name}: {' and '.join(' or '.join(group) for group in kind.needs)}" for kind in kinds
    ]


def variables_of(datasets: Mapping[str, xr.Dataset]) -> list[str]:
    """Return the stored variables that vary over the grid and hold numbers, each name once."""
    found = {
        str(name): None
        for data in datasets.values()
        for name, array in data.data_vars.items()
        if "solver" in array.dims and array.dtype.kind in "fiub" and name != "status"
    }
    return sorted(found)


def _named(name: str, kinds: Sequence[Kind], datasets: Mapping[str, xr.Dataset]) -> Kind:
    known = {kind.name: kind for kind in kinds}
    variables = variables_of(datasets)
    if name in variables and name not in known:
        return kind_of(name, datasets)
    if name not in known:
        needs = "".join(f"\n  {line}" for line in needs_of(kinds))
        close = nearest(name, [*known, *variables])
        raise PlotError(
            f"there is no kind '{name}', and no such variable{close}\n"
            f"The kinds and what they need:{needs}\nStored variables: {listing(variables)}"
        )
    return known[name]


def _summary(objections: Mapping[str, str | None]) -> str:
    said = {label: why for label, why in objections.items() if why is not None}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{label}: {why}" for label, why in said.items())
