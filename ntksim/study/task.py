"""One computation of a study as plain data, which travels to a worker and is rebuilt there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ntksim.registry import Registry
from ntksim.study.reference import Reference
from ntksim.types import MATRICES, Architecture, Extra, KernelKind, Model, Requirement, SeedTree


@dataclass(frozen=True)
class ModelTask:
    """A network at one width and seed.

    Its parameters are drawn from a stream of their own: networks that differ in architecture,
    width or shape are independent also where they share a seed.
    """

    architecture: Reference
    input_shape: tuple[int, ...]
    outputs: int
    width: float
    root: int
    seed: int

    def build(self, registry: Registry) -> Model:
        """Make the network and the seeds from which its parameters are drawn."""
        architecture = registry.create(Architecture, self.architecture)
        network = architecture.network(self.input_shape, self.outputs)
        seeds = SeedTree(self.root).child(
            *("seed", self.seed),
            *("architecture", self.architecture.text),
            *("inputs", *self.input_shape, "outputs", self.outputs),
            *("width", str(float(self.width))),
        )
        return Model(network, self.width, seeds)


@dataclass(frozen=True)
class KernelTask:
    """A kernel that a diagnostic compares with, under the label by which it finds it."""

    label: str
    kernel: Reference
    key: str


@dataclass(frozen=True)
class RecordTask:
    """A diagnostic and those of its variables that are kept."""

    diagnostic: Reference
    variables: tuple[str, ...]


@dataclass(frozen=True)
class CellTask:
    """Everything that determines one cell, and the keys of the work that it shares.

    ``key`` is the SHA-256 of all that the cell's numbers depend on. ``dataset`` is the label of
    the data. ``needs`` is what solver and diagnostics require together; a kernel that nothing
    needs has no ``kernel_key``, and an ``initial_output_key`` is there only where training starts
    from the outputs of a finite network; everywhere else it starts from zero, which at infinite
    width is the mean of all networks unless ``zero_initial_output`` makes every one start there.
    What a solver finds that needs the network alone has a ``training_key``: cells of several
    kernels share it.
    Tasks with equal keys of shared work ask for equal work, of kernels for ``kernels_wanted``: what
    any cell on the same data looks at. ``memory`` is a rough estimate in bytes.
    """

    key: str
    label: str
    dataset: str
    model: ModelTask
    kernel: Reference
    solver: Reference
    times: tuple[float, ...]
    zero_initial_output: bool
    recordings: tuple[RecordTask, ...]
    references: tuple[KernelTask, ...]
    needs: frozenset[Requirement]
    extras: frozenset[Extra]
    needs_test_kernel: bool
    kernel_key: str | None
    spectrum_key: str | None
    initial_output_key: str | None
    memory: int
    kernels_wanted: tuple[KernelKind, ...] = ("nngp", "ntk")
    training_key: str | None = None

    @property
    def needs_matrices(self) -> bool:
        """Whether anything looks at the kernel as a matrix, and not at its products alone."""
        return bool(MATRICES & self.needs)

    @property
    def reference_labels(self) -> tuple[str, ...]:
        """Labels of the kernels that diagnostics compare with."""
        return tuple(reference.label for reference in self.references)

    def to_json(self) -> dict[str, Any]:
        """Return the task as strict JSON; infinity is the text ``inf``."""
        data = {part.name: getattr(self, part.name) for part in fields(self)}
        return data | {
            "model": {
                **{part.name: getattr(self.model, part.name) for part in fields(self.model)},
                "architecture": self.model.architecture.text,
                "input_shape": list(self.model.input_shape),
                "width": _to_text(self.model.width),
            },
            "kernel": self.kernel.text,
            "solver": self.solver.text,
            "times": [_to_text(time) for time in self.times],
            "recordings": [
                {"diagnostic": item.diagnostic.text, "variables": list(item.variables)}
                for item in self.recordings
            ],
            "references": [
                {"label": item.label, "kernel": item.kernel.text, "key": item.key}
                for item in self.references
            ],
            "needs": sorted(self.needs),
            "extras": sorted(self.extras),
            "kernels_wanted": list(self.kernels_wanted),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CellTask:
        """Return the task that ``to_json`` wrote."""
        model = data["model"]
        parts = dict(data) | {
            "model": ModelTask(
                **dict(model)
                | {
                    "architecture": Reference(model["architecture"]),
                    "input_shape": tuple(model["input_shape"]),
                    "width": _from_text(model["width"]),
                }
            ),
            "kernel": Reference(data["kernel"]),
            "solver": Reference(data["solver"]),
            "times": tuple(float(time) for time in data["times"]),
            "recordings": tuple(
                RecordTask(Reference(item["diagnostic"]), tuple(item["variables"]))
                for item in data["recordings"]
            ),
            "references": tuple(
                KernelTask(item["label"], Reference(item["kernel"]), item["key"])
                for item in data["references"]
            ),
            "needs": frozenset(data["needs"]),
            "extras": frozenset(data["extras"]),
            "kernels_wanted": tuple(data["kernels_wanted"]),
        }
        return cls(**parts)


def _to_text(number: float) -> float | str:
    return number if math.isfinite(number) else "inf"


def _from_text(number: float | str) -> float:
    return math.inf if number == "inf" else float(number)
