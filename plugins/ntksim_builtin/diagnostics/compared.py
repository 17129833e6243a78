"""Outputs beside the targets that they can be compared with."""

from __future__ import annotations

from collections.abc import Iterator

from ntksim import Array, FinishedCell


def compared(cell: FinishedCell) -> Iterator[tuple[str, Array, Array]]:
    """Yield ``("train", outputs (T, N, K), targets (N, K))``, and the same for ``"test"``.

    Test points are left out where there are none or their targets are not known.
    """
    dataset, evolution = cell.dataset, cell.evolution
    yield "train", evolution.train, dataset.y_train
    if dataset.test_targets and len(dataset.x_test):
        yield "test", evolution.test, dataset.y_test
