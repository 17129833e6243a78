"""Tangent kernels by tiles: computed by Dask, kept in memory or on disk, and multiplied there.

A symmetric kernel of N points keeps the tiles of its upper triangle, 4 N² bytes. Products are sums
of products of tiles, always in the same order: their bits do not depend on where tiles are, nor on
how many workers there are.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ntksim.engine.resources import machine_memory
from ntksim.types import Array, KernelOperator, KernelOperators

if TYPE_CHECKING:
    from distributed import Client

TILE = 2048
"""Rows and columns of a tile: 32 MB."""

DIAGONAL = 64
"""Points of a test set whose kernel is computed for its diagonal."""

SHARE = 0.4
"""Part of the memory that tiles may take; beyond, they are on disk."""

MakeTile: TypeAlias = Callable[[Array, "Array | None"], Array]
"""The kernel between two sets of inputs, of one with itself where the second is ``None``."""


@dataclass(frozen=True)
class Place:
    """Where tiles are computed and kept.

    ``client`` is a Dask cluster's, ``None`` for this process. Tiles in a ``folder`` are computed
    and read by this process only: other machines need not see its disk.
    """

    client: Client | None = None
    folder: Path | None = None

    def compute(self, wanted: Sequence[Any]) -> list[Any]:
        """Compute Dask objects, and return their values in order."""
        from dask.base import compute

        if self.client is not None:
            return self.client.gather(self.client.compute(list(wanted)))  # pyright: ignore[reportReturnType]
        return list(compute(*wanted, scheduler="synchronous"))

    def keep(self, tiles: Sequence[Any]) -> list[Any]:
        """Compute Dask arrays now, and return them as arrays that are there."""
        from dask.base import persist

        if self.folder is not None:
            return [self._on_disk(number, tile) for number, tile in enumerate(tiles)]
        if self.client is not None:
            return list(self.client.persist(list(tiles)))  # pyright: ignore[reportArgumentType]
        return list(persist(*tiles, scheduler="synchronous"))

    def _on_disk(self, number: int, tile: Any) -> Any:
        """Write a tile as a Zarr array of one chunk, not compressed: kernels hardly are smaller."""
        import dask.array
        import zarr

        url = str(self.folder / f"{number}.zarr") if self.folder is not None else ""
        target = zarr.create_array(
            url, shape=tile.shape, chunks=tile.shape, dtype="float64", compressors=None
        )
        target[...] = tile.compute(scheduler="synchronous")
        return dask.array.from_zarr(url)


@dataclass(frozen=True, eq=False)
class TiledKernel(KernelOperator):
    """The symmetric tangent kernel of points x (N, …), in tiles of its upper triangle that stay.

    ``step`` are the points of a tile, with ``width`` rows each: the outputs, for a full kernel.
    """

    make: MakeTile
    x: Array
    width: int = 1
    place: Place = field(default_factory=Place)

    def __post_init__(self) -> None:
        import dask.array

        rows = len(self.x) * self.width
        cuts = _cuts(len(self.x), self.width)
        inputs = [_given(self.x[cut]) for cut in cuts]
        make = _task(self.make)
        tiles: dict[tuple[int, int], Any] = {}
        for i in range(len(cuts)):
            for j in range(i, len(cuts)):
                value = make(inputs[i], None if i == j else inputs[j])
                shape = tuple((c.stop - c.start) * self.width for c in (cuts[i], cuts[j]))
                tiles[i, j] = dask.array.from_delayed(value, shape, np.float64)
        kept = dict(zip(tiles, self.place.keep(list(tiles.values())), strict=True))
        object.__setattr__(self, "shape", (rows, rows))
        object.__setattr__(self, "tiles", kept)

    tiles: dict[tuple[int, int], Any] = field(init=False, repr=False)

    def matmul(self, vectors: Array) -> Array:
        """K V: every tile is read once, for its own rows and for those of its mirror image."""
        cuts = _cuts(len(self.x), self.width)
        parts = [_given(vectors[_rows(cut, self.width)]) for cut in cuts]
        product, pick, add = _task(_both_products), _task(_part), _task(_sum)
        terms: list[list[Any]] = [[] for _ in cuts]
        for (i, j), tile in self.tiles.items():
            both = product(tile, parts[j], None if i == j else parts[i])
            terms[i].append(pick(both, 0))
            if i != j:
                terms[j].append(pick(both, 1))
        return np.concatenate(self.place.compute([add(*term) for term in terms]))


@dataclass(frozen=True, eq=False)
class PassingKernel(KernelOperator):
    """The tangent kernel between points x1 (M, …) and x2 (N, …), computed anew in every product."""

    make: MakeTile
    x1: Array
    x2: Array
    width: int = 1
    place: Place = field(default_factory=Place)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", (len(self.x1) * self.width, len(self.x2) * self.width))

    def matmul(self, vectors: Array) -> Array:
        """K V; a tile is gone when it has been multiplied."""
        if self.shape[0] == 0:
            return np.zeros((0, vectors.shape[1]))
        columns = _cuts(len(self.x2), self.width)
        inputs = [_given(self.x2[cut]) for cut in columns]
        parts = [_given(vectors[_rows(cut, self.width)]) for cut in columns]
        product, add = _task(_made_and_multiplied), _task(_sum)
        wanted = []
        for cut in _cuts(len(self.x1), self.width):
            own = _given(self.x1[cut])
            terms = [product(self.make, own, x, v) for x, v in zip(inputs, parts, strict=True)]
            wanted.append(add(*terms))
        return np.concatenate(self.place.compute(wanted))


def tiled_operators(
    make: MakeTile, x_train: Array, x_test: Array, place: Place | None = None
) -> KernelOperators:
    """Compute the tiles of the training kernel, and return all that a solver needs of a kernel."""
    place = Place() if place is None else place
    width = len(make(x_train[:1], None))
    diagonals = [
        np.diagonal(make(x_test[first : first + DIAGONAL], None))
        for first in range(0, len(x_test), DIAGONAL)
    ]
    return KernelOperators(
        TiledKernel(make, x_train, width, place),
        PassingKernel(make, x_test, x_train, width, place),
        np.concatenate([np.zeros(0), *diagonals]),
    )


@contextmanager
def place_for(rows: int) -> Iterator[Place]:
    """Choose where the tiles of a symmetric kernel go.

    Inside a task of a Dask cluster of several threads they are spread over all its workers, if
    their memory is enough; the task leaves its thread to them meanwhile. Else they are in the
    memory of this process, or where that is too small in a folder that is removed afterwards.
    """
    needed = 4 * rows * (rows + TILE)
    workers, limit, folder = _cluster()
    if workers > 1 and (limit is None or needed <= SHARE * limit * workers):
        from distributed import worker_client

        with worker_client() as client:
            yield Place(client)
        return
    if limit is None or needed <= SHARE * limit:
        yield Place()
        return
    with tempfile.TemporaryDirectory(
        prefix="ntksim-tiles-", dir=folder, ignore_cleanup_errors=True
    ) as name:
        yield Place(folder=Path(name))


def _cluster() -> tuple[int, int | None, str | None]:
    """Return the threads of the cluster, a worker's memory, and its folder.

    Outside a cluster these are 1, the memory of this machine, and where temporary files go.
    """
    import dask.config
    from distributed import get_client, get_worker

    try:
        worker = get_worker()
    except ValueError:
        return 1, machine_memory(), dask.config.get("temporary-directory", None)
    limit = worker.memory_manager.memory_limit  # pyright: ignore[reportAttributeAccessIssue]
    client: Any = get_client()
    threads = sum(client.ncores().values())
    return threads, limit or machine_memory(), worker.local_directory


def _cuts(points: int, width: int) -> list[slice]:
    step = max(1, TILE // width)
    return [slice(first, min(first + step, points)) for first in range(0, points, step)]


def _rows(points: slice, width: int) -> slice:
    return slice(points.start * width, points.stop * width)


def _task(function: Callable[..., Any]) -> Callable[..., Any]:
    from dask.delayed import delayed

    return delayed(function, pure=False, traverse=False)


def _given(values: Array) -> Any:
    """Values that several tasks use: once in the graph, and never hashed."""
    from dask.delayed import delayed

    return delayed(values, name=f"given-{uuid.uuid4().hex}", traverse=False)


def _both_products(tile: Array, right: Array, left: Array | None) -> tuple[Array, Array | None]:
    return tile @ right, None if left is None else tile.T @ left


def _made_and_multiplied(make: MakeTile, x1: Array, x2: Array, vectors: Array) -> Array:
    return make(x1, x2) @ vectors


def _part(both: tuple[Array, Array | None], which: int) -> Array | None:
    return both[which]


def _sum(*terms: Array) -> Array:
    total = terms[0].copy()
    for term in terms[1:]:
        total += term
    return total
