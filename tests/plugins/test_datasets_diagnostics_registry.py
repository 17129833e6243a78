"""Datasets and diagnostics as studies name them."""

from collections.abc import Mapping
from typing import Any

import pytest
from ntksim import DatasetSource, Diagnostic
from ntksim.registry import Registry

from ntksim_builtin.datasets import DATASETS, Digits, File
from ntksim_builtin.diagnostics import DIAGNOSTICS


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def test_all_are_offered(registry: Registry) -> None:
    offered = {offer.cls for offer in registry.offers if offer.origin.plugin == "builtin"}
    assert {*DATASETS, *DIAGNOSTICS} <= offered


@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        *((DatasetSource, kind.name) for kind in DATASETS if kind is not File),
        (DatasetSource, {"name": "digits", "classes": [3, "8"], "train": 400}),
        (DatasetSource, {"name": "function", "function": "step", "interval": [0, 2]}),
        (DatasetSource, {"name": "file", "path": "a.npz", "train": 0.5, "shape": [8, 8]}),
        (DatasetSource, {"name": "file", "path": "a.csv", "inputs": ["a", "b"], "targets": "y"}),
        *((Diagnostic, kind.name) for kind in DIAGNOSTICS),
        (Diagnostic, {"name": "kernel_distance", "reference": "analytic"}),
    ],
)
def test_canonical_references_make_equal_plugins(
    registry: Registry, kind: Any, reference: str | Mapping[str, object]
) -> None:
    plugin = registry.create(kind, reference)
    assert registry.create(kind, registry.reference(plugin)) == plugin


def test_a_reference_becomes_the_options(registry: Registry) -> None:
    made = registry.create(DatasetSource, {"name": "digits", "classes": [3, 8], "seed": 1})
    assert made == Digits(classes=(3, 8), seed=1)
