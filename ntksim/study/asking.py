"""Asking plugins about a study; whatever they raise becomes a problem at the place they have."""

from __future__ import annotations

from typing import Any

import numpy as np

from ntksim.study.applicability import KernelChoice
from ntksim.study.choices import AxisValue, described
from ntksim.study.model import Study
from ntksim.study.problems import StudyError, StudyProblem
from ntksim.study.recordings import Recording
from ntksim.study.reference import Reference
from ntksim.types import Dataset, Network


class Interview:
    """The answers of a study's plugins, each asked once.

    Raises
    ------
    StudyError
        From every method, if a plugin raises or answers with something else than it should.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._networks: dict[Any, Network | str] = {}
        self._choices: dict[Any, KernelChoice] = {}
        self._refusals: dict[Any, str | None] = {}
        self._sizes: dict[tuple[int, int], int] = {}

    def datasets(self) -> dict[str, Dataset]:
        """Load all data, by label."""
        problems: list[StudyProblem] = []
        loaded: dict[str, Dataset] = {}
        for value in self.study.axes["dataset"]:
            try:
                loaded[value.label] = self._ask(value, "loading the data", value.value.load)
                if not isinstance(loaded[value.label], Dataset):
                    raise self._wrong(value, "load", loaded[value.label], "a Dataset")
            except StudyError as error:
                problems += error.problems
        if problems:
            raise StudyError(problems, self.study.text)
        return loaded

    def network(self, architecture: AxisValue, dataset: Dataset) -> Network | str:
        """Build the network for data of one shape, or say why the architecture takes no such."""
        key = (architecture.label, dataset.input_shape, dataset.outputs)
        if key not in self._networks:
            self._networks[key] = self._network(architecture, dataset)
        return self._networks[key]

    def parameters(self, network: Network, width: int) -> int:
        """Return how many parameters a network says that it has at a width, 0 if it cannot say."""
        key = (id(network), width)
        if key not in self._sizes:
            self._sizes[key] = _size(network, width)
        return self._sizes[key]

    def kernel(self, kernel: AxisValue, network: Network, width: AxisValue) -> KernelChoice:
        """Ask a kernel provider whether it has kernels of a network at a width."""
        key = (kernel.reference, id(network), width.value)
        if key not in self._choices:
            refusal = self._refuses(kernel, network, width)
            self._choices[key] = KernelChoice(kernel, refusal)
        return self._choices[key]

    def solver(self, solver: AxisValue, network: Network, width: AxisValue) -> str | None:
        """Ask a solver why it cannot solve for a network at a width."""
        key = (solver.reference, id(network), width.value)
        if key not in self._refusals:
            self._refusals[key] = self._refuses(solver, network, width)
        return self._refusals[key]

    def compared(self) -> dict[Recording, tuple[AxisValue, ...]]:
        """Ask every diagnostic for the kernels that it compares with."""
        found: dict[Recording, tuple[AxisValue, ...]] = {}
        owners: dict[str, AxisValue] = {}
        for recording in self.study.recordings:
            at = AxisValue(recording.diagnostic.name, recording.diagnostic, path=recording.path)
            found[recording] = self._ask(
                at, "naming kernels", lambda at=at: tuple(self._references(at))
            )
            for value in found[recording]:
                if owners.setdefault(value.label, value) != value:
                    message = f"two different kernels to compare with are labelled '{value.label}'"
                    raise StudyError([self.study.problem(at, message)], self.study.text)
        return found

    def doubts(self, recording: Recording, dataset: Dataset) -> str | None:
        """Ask a diagnostic why its numbers would mean little for some data."""
        at = AxisValue(recording.diagnostic.name, recording.diagnostic, path=recording.path)
        answer = self._ask(at, "looking at the data", lambda: recording.diagnostic.doubts(dataset))
        if answer is not None and not isinstance(answer, str):
            raise self._wrong(at, "doubts", answer, "a sentence or None")
        return answer

    def _references(self, at: AxisValue) -> list[AxisValue]:
        return [
            AxisValue(
                provider.label(),
                provider,
                Reference.of(self.study.registry.reference(provider)),
                at.path,
            )
            for provider in at.value.references()
        ]

    def _network(self, architecture: AxisValue, dataset: Dataset) -> Network | str:
        offer = self.study.registry.offer_of(architecture.value)
        try:
            with offer.blamed("building the network"):
                network = architecture.value.network(dataset.input_shape, dataset.outputs)
        except ValueError as error:
            return str(error) or "it says no reason"
        except Exception as error:
            problem = self.study.problem(architecture, described(error))
            raise StudyError([problem], self.study.text) from error
        if not isinstance(network, Network):
            raise self._wrong(architecture, "network", network, "a Network")
        return network

    def _refuses(self, value: AxisValue, network: Network, width: AxisValue) -> str | None:
        answer = self._ask(
            value, "checking the study", lambda: value.value.refuses(network, width.value)
        )
        if answer is not None and not isinstance(answer, str):
            raise self._wrong(value, "refuses", answer, "a sentence or None")
        return answer

    def _ask(self, value: AxisValue, doing: str, question: Any) -> Any:
        offer = self.study.registry.offer_of(value.value)
        try:
            # Of numbers beyond the floats the answer speaks, or the cells that meet them again.
            with offer.blamed(doing), np.errstate(over="ignore", invalid="ignore"):
                return question()
        except Exception as error:
            problem = self.study.problem(value, described(error))
            raise StudyError([problem], self.study.text) from error

    def _wrong(self, value: AxisValue, method: str, answer: object, wanted: str) -> StudyError:
        message = f"'{value.label}' returned {type(answer).__name__} from {method}, not {wanted}"
        return StudyError([self.study.problem(value, message)], self.study.text)


def _size(network: Network, width: int) -> int:
    try:
        return max(0, int(network.parameter_count(width)))
    except Exception:  # noqa: BLE001 - a stranger's code, which may know no network of few units
        return 0
