"""Rebuilding plugins and models, in whichever process the work is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ntksim.registry import LocalPlugin, Offer, Registry
from ntksim.study import CellTask, ModelTask
from ntksim.types import Diagnostic, KernelProvider, Model, Solver


@dataclass(frozen=True)
class Workshop:
    """What a worker needs to make the plugins of a study: names and sources, never objects.

    Instances of classes from a local file do not survive pickling into another process, so cells
    travel as plain data and each process loads the plugins once.
    """

    local: tuple[LocalPlugin, ...] = ()
    blocked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, registry: Registry) -> Workshop:
        """Describe a registry."""
        return cls(registry.local, registry.blocked)

    @property
    def registry(self) -> Registry:
        """The registry, loaded once per process."""
        return _registry(self)

    def model(self, task: CellTask) -> Model:
        """Build a cell's model; a process keeps the last few, with their parameters."""
        return _model(self, task.model)

    def architecture_offer(self, task: CellTask) -> Offer:
        """Return the offer that a cell's architecture belongs to."""
        return self.registry.offer("architecture", task.model.architecture["name"])

    def kernel(self, reference: Mapping[str, Any]) -> tuple[Offer, KernelProvider]:
        """Make a kernel provider."""
        return self._made(KernelProvider, reference)

    def solver(self, task: CellTask) -> tuple[Offer, Solver]:
        """Make a cell's solver."""
        return self._made(Solver, task.solver)

    def diagnostic(self, reference: Mapping[str, Any]) -> tuple[Offer, Diagnostic]:
        """Make a diagnostic."""
        return self._made(Diagnostic, reference)

    def _made(self, kind: Any, reference: Mapping[str, Any]) -> tuple[Offer, Any]:
        offer = self.registry.offer(kind.kind, reference["name"])
        return offer, self.registry.create(kind, reference)


@lru_cache(maxsize=4)
def _registry(workshop: Workshop) -> Registry:
    return Registry.load(workshop.local, workshop.blocked)


@lru_cache(maxsize=2)
def _model(workshop: Workshop, task: ModelTask) -> Model:
    return task.build(workshop.registry)
