"""The validated study: every name resolved, every value checked, every label distinct."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ntksim.registry import Origin, Registry
from ntksim.registry.errors import shown
from ntksim.study.choices import AxisValue
from ntksim.study.problems import StudyProblem
from ntksim.study.recordings import Recording
from ntksim.study.reference import names_in
from ntksim.study.source import Source
from ntksim.version import NUMERICS_VERSION, __version__

AXES = ("dataset", "architecture", "width", "seed", "kernel", "solver")
"""The axes of the grid of cells, in order."""

InitialOutput: TypeAlias = Literal["network", "zero"]
Storage: TypeAlias = Literal["float64", "float32"]


@dataclass(frozen=True)
class Study:
    """A study that was found right.

    ``axes`` holds the values of each of ``AXES``; ``times`` are ascending and shared by all cells;
    ``root`` is the root of all random numbers. ``initial_output`` says whether training starts
    from the outputs of the network as initialised, or from zero. ``storage`` is how recorded
    numbers are stored; they are computed in float64 anyway.
    """

    name: str
    description: str
    axes: Mapping[str, tuple[AxisValue, ...]]
    times: tuple[float, ...]
    recordings: tuple[Recording, ...]
    initial_output: InitialOutput
    store: str
    root: int
    registry: Registry
    source: Source = field(repr=False)
    storage: Storage = "float64"

    @property
    def text(self) -> str:
        """The study as it was written."""
        return self.source.text

    @property
    def path(self) -> str:
        """The file that it was read from, or nothing."""
        return self.source.path

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values on each of ``AXES``."""
        return tuple(len(self.axes[axis]) for axis in AXES)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where the plugins come from that it uses, those among options included."""
        values = [value for axis in AXES for value in self.axes[axis]]
        used = [*(value.reference for value in values), *(r.reference for r in self.recordings)]
        names = set().union(*map(names_in, used))
        offers = (offer for offer in self.registry.offers if offer.qualified_name in names)
        return tuple(dict.fromkeys(offer.origin for offer in offers))

    def problem(self, value: AxisValue | Recording | None, message: str) -> StudyProblem:
        """Return a problem with one of its values, or with the study as a whole."""
        return self.source.problem(value.path if value else (), message)

    def resolved(self) -> dict[str, Any]:
        """Return everything that was resolved, defaults included, as strict JSON.

        Infinity is written ".inf", as in a study.
        """
        return _strict(
            {
                "study": self.name,
                "description": self.description,
                **{axis: [_described(value) for value in self.axes[axis]] for axis in AXES},
                "root": self.root,
                "time": list(self.times),
                "record": [
                    {**recording.reference, "variables": list(recording.variables)}
                    for recording in self.recordings
                ],
                "initial_output": self.initial_output,
                "store": self.store,
                "storage": self.storage,
                "plugins": {
                    origin.plugin: {
                        "distribution": origin.distribution,
                        "version": origin.version,
                        "file": origin.file if origin.sha256 else "",
                        "sha256": origin.sha256 or "",
                        "code": origin.code,
                    }
                    for origin in self.origins
                },
                "ntksim": __version__,
                "numerics": NUMERICS_VERSION,
            }
        )


def _described(value: AxisValue) -> Any:
    if not value.reference:
        return value.value
    return {"label": value.label, **value.reference}


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return shown(value)
    return value
