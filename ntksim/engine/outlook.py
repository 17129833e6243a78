"""What running a study would do, without doing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ntksim.store import Journal, Places
from ntksim.study import AXES, NotApplicable, load_study, plan_cells


@dataclass(frozen=True)
class Outlook:
    """Counts of a plan.

    ``positions`` of the grid are filled by ``cells``, the distinct computations, of which some are
    ``stored`` or have ``failed`` before and the others are ``missing``. ``kernels``, ``spectra``
    and ``initial_outputs`` count the work that cells share. ``not_applicable`` counts positions by
    the reason why there is no cell. Memory is a rough estimate in bytes.
    """

    study: str
    store: str
    axes: Mapping[str, tuple[str, ...]]
    positions: int
    cells: int
    stored: int
    failed: int
    missing: int
    kernels: int
    spectra: int
    initial_outputs: int
    largest_memory: int
    not_applicable: Mapping[str, int]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


def outlook(path: Path, *, store: Path | None = None, allow_local: bool = True) -> Outlook:
    """Load a study and count what running it would do.

    Raises
    ------
    StudyError
        If the study is wrong.
    """
    study = load_study(path, allow_local=allow_local)
    plan = plan_cells(study)
    place = Path(store if store is not None else study.store).absolute()
    journal = Journal(Places.of(place).journal)
    stored = journal.keys() & plan.tasks.keys()
    failed = sum(journal.status(key) == "failed" for key in stored)
    tasks = list(plan.tasks.values())
    kernels = {task.kernel_key for task in tasks} | {
        reference.key for task in tasks for reference in task.references
    }
    return Outlook(
        study=study.name,
        store=str(place),
        axes={
            **{axis: tuple(value.label for value in study.axes[axis]) for axis in AXES},
            "time": tuple(f"{time:g}" for time in study.times),
        },
        positions=len(plan.cells),
        cells=len(tasks),
        stored=len(stored) - failed,
        failed=failed,
        missing=len(tasks) - len(stored),
        kernels=len(kernels - {None}),
        spectra=len({task.spectrum_key for task in tasks} - {None}),
        initial_outputs=len({task.initial_output_key for task in tasks} - {None}),
        largest_memory=max((task.memory for task in tasks), default=0),
        not_applicable=dict(
            Counter(cell.reason for cell in plan.cells.values() if isinstance(cell, NotApplicable))
        ),
        warnings=plan.warnings,
    )
