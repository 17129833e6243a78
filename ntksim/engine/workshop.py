"""Rebuilding plugins and models, in whichever process the work is done."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ntksim.registry import LocalPlugin, Offer, Registry
from ntksim.study import CellTask, ModelTask
from ntksim.types import Diagnostic, KernelProvider, Model, Solver
from ntksim.version import NUMERICS_VERSION, __version__


class OtherCode(RuntimeError):  # noqa: N818 - reads as the sentence that it is
    """A worker has other code than the study was planned with."""


@dataclass(frozen=True)
class Workshop:
    """What a worker needs to make the plugins of a study: names and sources, never objects.

    Instances of classes from a local file do not survive pickling into another process, so cells
    travel as plain data and each process loads the plugins once. ``versions`` are those of the
    process that planned the study, by plugin; the keys of cells stand for them.
    """

    local: tuple[LocalPlugin, ...] = ()
    blocked: frozenset[str] = frozenset()
    versions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, registry: Registry) -> Workshop:
        """Describe a registry, which this process then need not load again."""
        workshop = cls(registry.local, registry.blocked, _versions(registry))
        _described.clear()
        _described[workshop] = registry
        return workshop

    @property
    def registry(self) -> Registry:
        """The registry, loaded once per process.

        Raises
        ------
        OtherCode
            If this process has other versions than the one that planned the study.
        """
        if (registry := _described.get(self)) is not None:
            return registry
        with _one_at_a_time:
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


_described: dict[Workshop, Registry] = {}
"""The registry that was described last in this process."""

_one_at_a_time = threading.Lock()
"""Workers may have several threads; half a module must not be taken for a plugin."""


def _versions(registry: Registry) -> tuple[tuple[str, str], ...]:
    found = {offer.origin.plugin: offer.origin.identity for offer in registry.offers}
    return (*sorted(found.items()), ("ntksim", __version__), ("numerics", str(NUMERICS_VERSION)))


@lru_cache(maxsize=4)
def _registry(workshop: Workshop) -> Registry:
    registry = Registry.load(workshop.local, workshop.blocked)
    here = dict(_versions(registry))
    for name, version in workshop.versions:
        # A plugin that is not here at all is missed by name when it is asked for.
        if here.get(name, version) != version:
            raise OtherCode(
                f"this worker has version {here[name]} of {name}, the study was planned with "
                f"{version}; install the same one"
            )
    return registry


@lru_cache(maxsize=2)
def _model(workshop: Workshop, task: ModelTask) -> Model:
    return task.build(workshop.registry)
