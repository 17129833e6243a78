"""Figure 2 on real images, where they are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference_values import shared_folder
from stored_studies import Run

pytestmark = pytest.mark.figures

IMAGES = {
    "mnist_10000_2000.npz": ([784], 300, 0.9),
    "cifar10_lossless_4000_1000.npz": ([3072], 500, 0.2),
}
"""Shape of a flattened image, points, and least share of labels in the top hundredth of modes."""


@pytest.mark.parametrize("name", IMAGES)
def test_f2_true_labels_of_images_lie_in_the_leading_eigenvectors(stored: Run, name: str) -> None:
    """Two classes, as Arora et al. (2019) take them: random labels have almost nothing there."""
    path: Path = shared_folder() / "data" / name
    if not path.is_file():
        pytest.skip(f"{path} is not there; set NTKSIM_SHARED to the folder that holds data/")
    shape, points, least = IMAGES[name]
    images: dict[str, Any] = {
        "name": "file",
        "path": str(path),
        "task": "classification",
        "classes": [0, 1],
        "train": points,
        "test": 100,
        "shape": shape,
        "scaling": "unit_norm",
    }
    found = stored(
        "figure2",
        dataset=[
            images | {"label": "true labels"},
            images | {"labels": "random", "label": "random labels"},
        ],
    )
    first = {"architecture": "first layer"}
    true, random = (found[f"{kind}_labels"].label_energy.sel(first) for kind in ("true", "random"))
    leading = true.sizes["mode"] // 100
    assert true[leading - 1] > least
    assert random[leading - 1] < 0.05
    # The first eigenvector is nearly constant: of the labels it holds the imbalance of classes.
    assert (true[1:-1] > random[1:-1]).all()
    loss = found.root.loss_train.sel(first)
    between = (loss.time > 0.01) & (loss.sel(dataset="random labels") > 1e-6)
    assert (loss.sel(dataset="true labels") < loss.sel(dataset="random labels"))[between].all()
    complexity = found.root.label_complexity.sel(first)
    assert complexity.sel(dataset="random labels") > 1.5 * complexity.sel(dataset="true labels")
    np.testing.assert_allclose(loss.sel(time=0), points / 2, rtol=1e-13)
