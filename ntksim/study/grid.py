"""Expanding a study to its grid of cells, in which equal work has equal keys."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np

from ntksim.study.activations import activations_in, doubt_about
from ntksim.study.applicability import Combination, NotApplicable, combine
from ntksim.study.asking import Interview
from ntksim.study.choices import AxisValue
from ntksim.study.keys import Identities, content_key
from ntksim.study.memory import readable
from ntksim.study.model import AXES, Study
from ntksim.study.plan import Cell, CellIndex, Plan, Positions, Tasks, combination_memory
from ntksim.study.problems import StudyError, StudyProblem
from ntksim.study.recordings import Recording
from ntksim.types import SPREADS, Dataset, KernelKind, Network

_SHOWN_REASONS = 3


def plan_cells(study: Study, *, memory: int | None = None) -> Plan:
    """Load a study's data and decide what is computed for each cell of its grid.

    Positions share a computation when nothing that it depends on differs: an analytic kernel knows
    no width and no seed, training the network itself no kernel. What is impossible is marked so.

    Parameters
    ----------
    study
        The study.
    memory
        Bytes that one cell may take, by a rough estimate.

    Raises
    ------
    StudyError
        If data cannot be loaded, an architecture can take none of them, something that is recorded
        is possible nowhere, no cell is possible at all, or one takes too much memory.
    """
    interview = Interview(study)
    planner = _Planner(study, interview, interview.datasets())
    planner.check_architectures()
    planner.expand()
    planner.check_recordings()
    planner.check_memory(memory)
    return planner.plan()


class _Planner:
    def __init__(self, study: Study, interview: Interview, datasets: dict[str, Dataset]) -> None:
        self.study = study
        self.interview = interview
        self.datasets = datasets
        self.hashes = {label: data.content_hash for label, data in datasets.items()}
        self.identities = Identities(study.registry)
        self.times_key = content_key("times", times=study.times)
        self.numbers = np.zeros(study.shape, dtype=np.int32)
        self.keys: dict[str, int] = {}
        self.reasons: dict[NotApplicable, int] = {}
        self.first: dict[str, tuple[CellIndex, Combination]] = {}
        self.parameters: dict[str, int] = {}
        self.combinations: dict[object, Combination | NotApplicable] = {}
        self.omitted: dict[Recording, dict[str, None]] = {}
        self.recorded: set[Recording] = set()
        self.compared = interview.compared()

    def check_architectures(self) -> None:
        """Refuse an architecture that can take none of the data."""
        problems: list[StudyProblem] = []
        for architecture in self.study.axes["architecture"]:
            answers = [self.interview.network(architecture, d) for d in self.datasets.values()]
            if all(isinstance(answer, str) for answer in answers):
                message = f"architecture '{architecture.label}' does not fit the data: "
                message += _summary(str(answer) for answer in answers)
                problems.append(self.study.problem(architecture, message))
        if problems:
            raise StudyError(problems, self.study.text)

    def expand(self) -> None:
        """Fill the grid."""
        for d, a, w, k, s in product(*(range(n) for i, n in enumerate(self.study.shape) if i != 3)):
            cell = Cell.at(self.study, (d, a, w, 0, k, s))
            found = self._combination(cell)
            if isinstance(found, NotApplicable):
                number = self.reasons.setdefault(found, -1 - len(self.reasons))
                self.numbers[d, a, w, :, k, s] = number
            else:
                self._share(cell, found)
        if not self.keys:
            self._refuse_nothing()

    def _share(self, cell: Cell, found: Combination) -> None:
        """Give the positions of a cell, one for each seed, the keys of their computations."""
        d, a, w, _, k, s = cell.index
        seeds = self.study.axes["seed"] if "seed" in found.varies_with else [None]
        parameters = self._parameters(cell, found)
        unseeded = content_key(
            "cell",
            dataset=self.hashes[cell.dataset.label],
            architecture=self.identities.of(cell.architecture.reference),
            width=cell.width.value if "width" in found.varies_with else None,
            kernel=self.identities.of(cell.kernel.reference) if found.uses_kernel else None,
            solver=self.identities.of(cell.solver.reference),
            times=self.times_key,
            initial_output=self._start(found),
            record=[
                [self.identities.of(item.reference), item.variables] for item in found.recordings
            ],
        )
        for index, seed in enumerate(seeds):
            key = unseeded
            if seed is not None:
                key = content_key("seed", cell=unseeded, seed=[self.study.root, seed.value])
            self.first.setdefault(key, ((d, a, w, index, k, s), found))
            self.parameters[key] = parameters
            number = self.keys.setdefault(key, len(self.keys))
            self.numbers[d, a, w, slice(None) if seed is None else index, k, s] = number

    def _parameters(self, cell: Cell, found: Combination) -> int:
        """Return how many parameters a cell's finite network has, 0 where it uses none."""
        if math.isinf(cell.width.value) or not found.varies_with:
            return 0
        network = self.interview.network(cell.architecture, self.datasets[cell.dataset.label])
        if isinstance(network, str):
            return 0
        return self.interview.parameters(network, int(cell.width.value))

    def _start(self, found: Combination) -> str:
        """Name where training starts: at infinite width from the mean of all networks.

        The mean is zero, but unlike outputs that are set to zero it has a spread around it.
        """
        if self.study.initial_output == "zero":
            return "zero"
        return "network" if found.uses_initial_output else "mean"

    def check_recordings(self) -> None:
        """Refuse what is recorded nowhere."""
        problems = [
            self.study.problem(
                item, f"'{item.diagnostic.name}' is recorded nowhere: {_summary(reasons)}"
            )
            for item, reasons in self.omitted.items()
            if item not in self.recorded
        ]
        if problems:
            raise StudyError(problems, self.study.text)

    def check_memory(self, limit: int | None) -> None:
        """Refuse cells that are too large, before anything of them is allocated."""
        if limit is None:
            return
        problems: dict[tuple[str, str], StudyProblem] = {}
        seen: set[tuple[int, int, int]] = set()
        for key, ((d, _, w, *_), combination) in self.first.items():
            if (same := (id(combination), d, self.parameters[key])) in seen:
                continue
            seen.add(same)
            dataset, width = self.study.axes["dataset"][d], self.study.axes["width"][w]
            data = self.datasets[dataset.label]
            estimate = combination_memory(
                combination, data, len(self.study.times), self.parameters[key]
            )
            if estimate.total <= limit:
                continue
            what, at = f"a cell of '{dataset.label}'", dataset
            advice = "use fewer points or times, or record less"
            if 2 * estimate.network > estimate.total:
                what, at, advice = f"a cell of width {width.label}", width, "use a smaller width"
            message = (
                f"{what} takes about {estimate}; at most {readable(limit)} are allowed: {advice}"
            )
            problems.setdefault((at.label, advice), self.study.problem(at, message))
        if problems:
            raise StudyError(problems.values(), self.study.text)

    def plan(self) -> Plan:
        """Return what was found."""
        with_test_kernel = frozenset(
            self.hashes[self.study.axes["dataset"][d].label]
            for (d, *_), combination in self.first.values()
            if combination.extras & SPREADS
        )
        wanted: dict[str, frozenset[KernelKind]] = {}
        for (d, *_), combination in self.first.values():
            data = self.hashes[self.study.axes["dataset"][d].label]
            wanted[data] = wanted.get(data, frozenset()) | combination.kernels_read
        return Plan(
            self.study,
            self.datasets,
            Positions(self.numbers, tuple(self.keys), tuple(self.reasons)),
            Tasks(
                self.study,
                self.datasets,
                self.hashes,
                self.first,
                with_test_kernel,
                wanted,
                self.parameters,
                self.identities,
            ),
            tuple(self._warnings()),
        )

    def _combination(self, cell: Cell) -> Combination | NotApplicable:
        network = self.interview.network(cell.architecture, self.datasets[cell.dataset.label])
        if isinstance(network, str):
            reason = f"architecture '{cell.architecture.label}' does not fit the data: {network}"
            return NotApplicable(reason, cell.architecture.path)
        key = (id(network), cell.width.label, cell.kernel.label, cell.solver.label)
        if key not in self.combinations:
            self.combinations[key] = self._combined(network, cell.width, cell.kernel, cell.solver)
        return self.combinations[key]

    def _combined(
        self, network: Network, width: AxisValue, kernel: AxisValue, solver: AxisValue
    ) -> Combination | NotApplicable:
        if refusal := self.interview.solver(solver, network, width):
            return NotApplicable(f"solver '{solver.label}': {refusal}", solver.path)
        found, omitted = combine(
            solver,
            self.interview.kernel(kernel, network, width),
            width,
            [
                (item, tuple(self.interview.kernel(c, network, width) for c in compared))
                for item, compared in self.compared.items()
            ],
            from_network=self.study.initial_output == "network",
        )
        for recording, reason in omitted.items():
            self.omitted.setdefault(recording, {})[reason] = None
        if isinstance(found, Combination):
            self.recorded.update(found.recordings)
        return found

    def _refuse_nothing(self) -> None:
        problems = [
            self.study.source.problem(reason.path, f"no cell is possible: {reason.reason}")
            for reason in self.reasons
        ]
        raise StudyError(problems, self.study.text)

    def _warnings(self) -> Iterator[str]:
        reasons = tuple(self.reasons)
        for axis, name in enumerate(AXES):
            for index, value in enumerate(self.study.axes[name]):
                numbers = np.take(self.numbers, index, axis)
                if (numbers >= 0).any():
                    continue
                found = _summary(reasons[-1 - number].reason for number in np.unique(numbers)[::-1])
                message = f"{name} '{value.label}' is possible nowhere: {found}"
                yield str(self.study.problem(value, message))
        for architecture in self.study.axes["architecture"]:
            networks = (self.interview.network(architecture, d) for d in self.datasets.values())
            doubts = map(doubt_about, activations_in(architecture.value, *networks))
            for doubt in dict.fromkeys(filter(None, doubts)):
                yield str(self.study.problem(architecture, doubt))
        for recording in self.study.recordings:
            doubted: dict[str, list[str]] = {}
            for label, data in self.datasets.items():
                if doubt := self.interview.doubts(recording, data):
                    doubted.setdefault(doubt, []).append(f"'{label}'")
            for doubt, labels in doubted.items():
                more = (
                    f" and {len(labels) - _SHOWN_REASONS} more" if labels[_SHOWN_REASONS:] else ""
                )
                said = f"of {', '.join(labels[:_SHOWN_REASONS])}{more}: {doubt}"
                yield str(self.study.problem(recording, f"'{recording.diagnostic.name}' {said}"))
        for recording, omitted in self.omitted.items():
            message = f"'{recording.diagnostic.name}' is left out at some cells: "
            yield str(self.study.problem(recording, message + _summary(omitted)))


def _summary(reasons: Iterator[str] | dict[str, None]) -> str:
    unique = list(dict.fromkeys(reasons))
    more = len(unique) - _SHOWN_REASONS
    shown = "; ".join(unique[:_SHOWN_REASONS])
    return f"{shown}; and {more} more" if more > 0 else shown
