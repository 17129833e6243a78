"""Laws of sources of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ntksim.testing.law import Law, as_tests, laws_about, require
from ntksim.testing.registration import EVERY_PLUGIN
from ntksim.types import Dataset, DatasetSource


def dataset_laws(*sources: DatasetSource) -> Callable[..., None]:
    """Return tests of all laws of sources of data, for a test file of pytest.

    ::

        from ntksim.testing import dataset_laws
        test_laws = dataset_laws(MyDataset(), MyDataset(points=5))

    Checked: ``load`` returns a ``Dataset`` (whose shapes and finite values it checks itself), the
    same bits every time, whatever the state of NumPy's global generator, and says where the data
    come from.
    """
    return as_tests([law for source in sources for law in laws_of_dataset(source)])


def laws_of_dataset(source: DatasetSource) -> list[Law]:
    """Return the laws one by one, as ``dataset_laws`` describes them."""
    return [*laws_about(source, source, EVERY_PLUGIN), *laws_about(source, source, LAWS)]


def loads_a_dataset(source: DatasetSource) -> None:
    """``load`` returns a Dataset with finite numbers."""
    data = source.load()
    require(isinstance(data, Dataset), f"load returned {type(data).__name__}, not a Dataset")


def loads_the_same_bits(source: DatasetSource) -> None:
    """The same options give the same bits every time."""
    first = source.load()
    state = np.random.get_state()  # noqa: NPY002 - it is this global state that must not matter
    try:
        np.random.seed(12345)  # noqa: NPY002
        second = replace(source).load()  # pyright: ignore[reportArgumentType]
    finally:
        np.random.set_state(state)  # noqa: NPY002
    for name in ("x_train", "y_train", "x_test", "y_test"):
        one, two = getattr(first, name), getattr(second, name)
        require(
            one.shape == two.shape and np.array_equal(one, two, equal_nan=True),
            f"{name} differs between two loads: draw from a generator with a seed of its own, such "
            "as ntksim.SeedTree(seed).generator(...)",
        )
    require(first.content_hash == second.content_hash, "classification differs between two loads")


def says_where_the_data_come_from(source: DatasetSource) -> None:
    """``provenance`` is text by name; it is stored with the results."""
    provenance = source.load().provenance
    require(
        all(isinstance(k, str) and isinstance(v, str) for k, v in provenance.items()),
        f"provenance is {dict(provenance)!r}; it must map text to text",
    )
    require(len(provenance) > 0, "provenance is empty; say where the data came from")


LAWS: tuple[Callable[[DatasetSource], None], ...] = (
    loads_a_dataset,
    loads_the_same_bits,
    says_where_the_data_come_from,
)
