"""Kernels whose providers divide their work: every part is a task, and so is every addition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ntksim.engine.finite import (
    Underflow,
    require_kernels,
    require_training_kernels,
    watched_underflow,
    within_range,
)
from ntksim.engine.sharing import read_only
from ntksim.engine.workshop import Workshop
from ntksim.study import CellTask
from ntksim.study.reference import Reference
from ntksim.types import Dataset, DivisibleKernelProvider, KernelBlocks


@dataclass(frozen=True)
class Part:
    """Parts of the three blocks of ``KernelBlocks``, or their sum so far."""

    train: Any
    test_train: Any
    test: Any
    underflow: bool


@lru_cache(64)  # every cell asks, and thousands ask the same
def count_parts(workshop: Workshop, provider: Reference) -> int:
    """Return into how many parts a provider divides its work, 1 if it does not.

    A provider that cannot be made says so in the task that computes its kernels.
    """
    try:
        _, source = workshop.kernel(provider)
        return int(source.parts) if isinstance(source, DivisibleKernelProvider) else 1
    except Exception:  # noqa: BLE001 - a stranger's class
        return 1


def part(
    workshop: Workshop, task: CellTask, provider: Mapping[str, Any], number: int, dataset: Dataset
) -> Part:
    """Compute one part of the kernels of a cell's model on its data."""
    offer, source = _divisible(workshop, provider)
    model = workshop.model(task)
    x, test = dataset.x_train, dataset.x_test
    with offer.blamed("computing kernels"), within_range("computing kernels"):
        with watched_underflow() as underflow:
            train = source.part(number, model, x)
        return Part(
            train,
            source.part(number, model, test, x),
            source.part(number, model, test) if task.needs_test_kernel else None,
            underflow.seen,
        )


def added(workshop: Workshop, provider: Mapping[str, Any], total: Part, *parts: Part) -> Part:
    """Add the next parts, one after the other."""
    offer, source = _divisible(workshop, provider)
    with offer.blamed("adding kernels"), within_range("adding kernels"):
        for part in parts:
            total = Part(
                source.added(total.train, part.train),
                source.added(total.test_train, part.test_train),
                None if total.test is None else source.added(total.test, part.test),
                total.underflow or part.underflow,
            )
        return total


def whole(workshop: Workshop, provider: Mapping[str, Any], total: Part) -> KernelBlocks:
    """Return the kernels that the sum of all parts stands for."""
    offer, source = _divisible(workshop, provider)
    underflow = Underflow()
    underflow.seen = total.underflow
    with offer.blamed("computing kernels"), within_range("computing kernels"):
        blocks = KernelBlocks(
            train=require_training_kernels(source.result(total.train), underflow),
            test_train=require_kernels(source.result(total.test_train)),
            test=None if total.test is None else require_kernels(source.result(total.test)),
        )
        return read_only(blocks)


def _divisible(workshop: Workshop, provider: Mapping[str, Any]) -> tuple[Any, Any]:
    return workshop.kernel(provider)
