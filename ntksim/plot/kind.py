"""What a kind of picture is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import xarray as xr
from matplotlib.axes import Axes

from ntksim.plot.errors import listing
from ntksim.plot.grid import matching
from ntksim.plot.style import Palette


class Draw(Protocol):
    """Draws one dataset in one Axes, which it makes if it is given none."""

    def __call__(
        self, data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None
    ) -> Axes:
        """Draw, and return the Axes."""
        ...


@dataclass(frozen=True)
class Panel:
    """One Axes of a picture: what is drawn in it, how, and what stands above it."""

    title: str
    data: xr.Dataset
    draw: Draw
    family: str = ""
    """Panels of one family can have the same limits."""

    name: str | None = None
    """What it shows, if that is not its title: panels of one name stand in one row or column."""


def _no_objection(data: xr.Dataset) -> str | None:
    del data


def _no_objection_together(datasets: Mapping[str, xr.Dataset]) -> str | None:
    del datasets


def _no_cautions(datasets: Mapping[str, xr.Dataset]) -> Sequence[str]:
    del datasets
    return ()


def _always(datasets: Mapping[str, xr.Dataset]) -> bool:
    del datasets
    return True


@dataclass(frozen=True)
class Kind:
    """A kind of picture.

    ``needs`` are the variables to choose from: each inner tuple holds alternatives, of which one
    must be recorded; ``uses`` are drawn as well where they are recorded. All may be patterns, such
    as ``parameter_*``. Axes in ``lines`` become lines of one panel, in that order, the others
    panels.
    """

    name: str
    description: str
    needs: tuple[tuple[str, ...], ...]
    record: tuple[str, ...]
    """What a study records for it, as ``record:`` takes it."""

    draw: Draw
    uses: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    """Axes that each panel or set of panels shows itself, whatever their length."""

    panels: Callable[[xr.Dataset], Sequence[Panel]] | None = None
    """Splits one dataset into several panels; without it there is one."""

    fits: Callable[[xr.Dataset], str | None] = _no_objection
    """Says why a dataset that has the variables still cannot be drawn so, or returns ``None``."""

    fits_together: Callable[[Mapping[str, xr.Dataset]], str | None] = _no_objection_together
    """The same of all datasets that can be drawn so."""

    suits: Callable[[Mapping[str, xr.Dataset]], bool] = _always
    """Whether data that can be drawn so are best drawn so, if the reader does not say."""

    cautions: Callable[[Mapping[str, xr.Dataset]], Sequence[str]] = _no_cautions
    """What a reader should know of a picture of these datasets, sentence by sentence."""

    shares_y: bool = False
    """Whether the vertical axes of all panels of one member, or of one dataset if each member has
    one panel, have the same limits."""

    most_columns: int = 0
    """Most panels side by side, if not the usual number."""

    own_legends: bool = False
    """Whether every panel keeps its legend, because the entries hold for it alone."""

    def variables(self, data: xr.Dataset) -> list[str]:
        """Return the recorded variables that are drawn."""
        return matching(data, [*(name for group in self.needs for name in group), *self.uses])

    def missing(self, data: xr.Dataset) -> list[tuple[str, ...]]:
        """Return those of ``needs`` of which nothing was recorded."""
        return [group for group in self.needs if not matching(data, group)]

    def objection(self, data: xr.Dataset) -> str | None:
        """Say in a sentence why a dataset cannot be drawn so, or return ``None``."""
        if missing := self.missing(data):
            return (
                f"it needs {' and '.join(' or '.join(group) for group in missing)}, of which "
                f"nothing was recorded; a study records it with `record: [{listing(self.record)}]`"
            )
        return self.fits(data)

    def split(self, data: xr.Dataset) -> Sequence[Panel]:
        """Return the panels of one dataset."""
        return [Panel("", data, self.draw)] if self.panels is None else self.panels(data)
