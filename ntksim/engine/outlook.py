"""What running a study would do, without doing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ntksim.engine.changes import Comparison, code_changes, store_of
from ntksim.engine.forecast import Forecast, forecast, measured_speed
from ntksim.engine.trials import seconds_of_training
from ntksim.engine.workshop import Workshop
from ntksim.store import DamagedCell, Journal, Places
from ntksim.study import AXES, NotApplicable, Study, load_study, plan_cells
from ntksim.types import Dataset

STORED, FAILED, DAMAGED = "stored", "failed before", "damaged"
"""Reasons of cells that have a record; the others are those of ``Comparison``."""


@dataclass(frozen=True)
class PlannedCell:
    """A computation, what it is, and why it is done or not done."""

    key: str
    label: str
    reason: str


@dataclass(frozen=True)
class Outlook:
    """Counts of a plan.

    ``positions`` of the grid are filled by ``cells``, the distinct computations, of which some are
    ``stored`` or have ``failed`` before and the others are ``missing``; ``reasons`` counts them by
    the reason why that is so, and ``planned`` lists them all. ``kernels``, ``spectra`` and
    ``initial_outputs`` count the work that cells share. ``not_applicable`` counts positions by the
    reason why there is no cell; ``data`` says how large each dataset is. Memory is a rough estimate
    in bytes, and so is the time.
    """

    study: str
    store: str
    axes: Mapping[str, tuple[str, ...]]
    data: Mapping[str, str]
    positions: int
    cells: int
    stored: int
    failed: int
    missing: int
    reasons: Mapping[str, int]
    kernels: int
    spectra: int
    initial_outputs: int
    largest_memory: int
    time: Forecast
    not_applicable: Mapping[str, int]
    warnings: tuple[str, ...]
    planned: tuple[PlannedCell, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


def check(
    study: Study | str | Path, *, store: str | Path | None = None, allow_local: bool = True
) -> Outlook:
    """Load a study and say what running it would do, and why.

    Every record that the study could use is read, and compared with its digest.

    Raises
    ------
    StudyError
        If the study is wrong.
    StoreUnusable
        If what lies at the store's path belongs to another study or cannot be read.
    """
    if not isinstance(study, Study):
        study = load_study(study, allow_local=allow_local)
    plan = plan_cells(study)
    place = Path(store if store is not None else study.store).absolute()
    identity = store_of(study, place)
    journal = Journal(Places.of(place).journal)
    times: dict[str, float] = {}
    recorded = {key: _state(journal, key, times) for key in journal.keys() & plan.tasks.keys()}
    others = plan.tasks.keys() - recorded.keys()
    reasons = recorded | Comparison(identity, study, plan).reasons(set(others))
    counts = Counter(reasons.values())
    tasks = list(plan.tasks.values())
    kernels = {task.kernel_key for task in tasks} | {
        reference.key for task in tasks for reference in task.references
    }
    changes = [] if identity is None else code_changes(identity, study)
    refusal = "the store was computed with other code, and a run needs --recompute"
    return Outlook(
        study=study.name,
        store=str(place),
        axes={
            **{axis: tuple(value.label for value in study.axes[axis]) for axis in AXES},
            "time": tuple(f"{time:g}" for time in study.times),
        },
        data={label: _extent(data) for label, data in plan.datasets.items()},
        positions=len(plan.cells),
        cells=len(tasks),
        stored=counts[STORED],
        failed=counts[FAILED],
        missing=len(tasks) - counts[STORED] - counts[FAILED],
        reasons=dict(sorted(counts.items())),
        kernels=len(kernels - {None}),
        spectra=len({task.spectrum_key for task in tasks} - {None}),
        initial_outputs=len({task.initial_output_key for task in tasks} - {None}),
        largest_memory=max((task.memory for task in tasks), default=0),
        time=forecast(
            [task for task in tasks if reasons[task.key] not in (STORED, FAILED)],
            times,
            [task for task in tasks if task.key in times],
            plan.datasets,
            plan.tasks.parameters,
            measured_speed(),
            {
                value.reference
                for value in study.axes["solver"]
                if "network" in value.value.requires
            },
            lambda trained: seconds_of_training(
                Workshop.of(study.registry), trained, plan.datasets, plan.tasks.parameters
            ),
        ),
        not_applicable=dict(
            Counter(cell.reason for cell in plan.cells.values() if isinstance(cell, NotApplicable))
        ),
        warnings=(*plan.warnings, *([refusal] if changes else [])),
        planned=tuple(PlannedCell(task.key, task.label, reasons[task.key]) for task in tasks),
    )


def _extent(data: Dataset) -> str:
    shape = " × ".join(map(str, data.x_train.shape[1:]))
    return (
        f"{len(data.x_train)} training points and {len(data.x_test)} test points; "
        f"inputs {shape}, outputs {data.y_train.shape[1]}"
    )


def _state(journal: Journal, key: str, times: dict[str, float]) -> str:
    try:
        header = journal.header(key, check=True)
    except (DamagedCell, KeyError):
        return DAMAGED
    if header.status != "done":
        return FAILED
    if isinstance(seconds := header.info.get("wall_time"), int | float):
        times[key] = float(seconds)
    return STORED
