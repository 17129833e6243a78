"""Kernels by tiles: the same products wherever the tiles are, and never the whole matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ntksim.engine import tiles
from ntksim.engine.tiles import Place, place_for, tiled_operators
from ntksim.types import Array

from ntksim_builtin.architectures import Mlp

NETWORK = Mlp(depth=1).network((4,), 2)


def make(x1: Array, x2: Array | None) -> Array:
    kernel = NETWORK.kernels(x1, x2).ntk
    assert kernel is not None
    return np.ascontiguousarray(kernel)


def make_wide(x1: Array, x2: Array | None) -> Array:
    """A full kernel of three outputs, ordered (point, output)."""
    between = [[2.0, 0.5, 0.0], [0.5, 1.0, 0.1], [0.0, 0.1, 3.0]]
    return np.asarray(np.kron(make(x1, x2), between), dtype=np.float64)


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> tuple[Array, Array]:
    monkeypatch.setattr(tiles, "TILE", 16)
    rng = np.random.default_rng(0)
    return rng.standard_normal((45, 4)), rng.standard_normal((70, 4))


@pytest.mark.parametrize("function", [make, make_wide])
def test_products_of_tiles_are_those_of_the_matrix(function, points, tmp_path: Path) -> None:
    x, x_test = points
    width = len(function(x[:1], None))
    vectors = np.random.default_rng(1).standard_normal((45 * width, 3))
    found = []
    for place in (Place(), Place(folder=tmp_path)):
        operators = tiled_operators(function, x, x_test, place)
        assert operators.train.shape == (45 * width, 45 * width)
        found.append(
            (
                operators.train.matmul(vectors),
                operators.test_train.matmul(vectors),
                operators.test_diagonal,
            )
        )
    expected = (
        function(x, None) @ vectors,
        function(x_test, x) @ vectors,
        np.diagonal(function(x_test, None)),
    )
    for one, other, exact in zip(*found, expected, strict=True):
        np.testing.assert_array_equal(one, other)  # on disk the bits are the same
        np.testing.assert_allclose(one, exact, rtol=0, atol=1e-12)  # order of summation
    assert len(list(tmp_path.iterdir())) == len(operators.train.tiles)  # pyright: ignore


def test_no_more_than_a_tile_is_computed_at_once_and_each_once(points) -> None:
    x, x_test = points
    asked: list[tuple[int, int]] = []

    def counted(x1: Array, x2: Array | None) -> Array:
        asked.append((len(x1), len(x1 if x2 is None else x2)))
        return make(x1, x2)

    operators = tiled_operators(counted, x, x_test, Place())
    # One point for the width, the tiles of the triangle, and the diagonal of the test points.
    cuts = [16, 16, 13]
    triangle = [(a, b) for i, a in enumerate(cuts) for b in cuts[i:]]
    assert sorted(asked) == sorted([(1, 1), *triangle, (64, 64), (6, 6)])
    asked.clear()
    for _ in range(3):
        operators.train.matmul(np.ones((45, 1)))
    assert asked == []  # tiles stay


def test_tiles_that_memory_is_too_small_for_go_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "machine_memory", lambda: 10**9)
    with place_for(1000) as place:
        assert place.folder is None
    with place_for(20_000) as place:  # 1.8 GB
        folder = place.folder
        assert folder is not None
        assert folder.is_dir()
    assert not folder.exists()


def test_no_test_points(points) -> None:
    x, _ = points
    operators = tiled_operators(make, x, x[:0], Place())
    assert operators.test_train.matmul(np.ones((45, 2))).shape == (0, 2)
    assert operators.test_diagonal.shape == (0,)
