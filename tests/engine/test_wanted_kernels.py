"""Runs ask providers for the kernels that something looks at, and for no other."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from ntksim.engine import run
from ntksim.types import Array, KernelKind, KernelProvider, Kernels, Model, Network

from ntksim_builtin.kernels import Analytic, Empirical
from running_studies import write_study


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, ...]]:
    """What the analytic provider is asked for from here on."""
    found: set[tuple[str, ...]] = set()
    real = Analytic.kernels_wanted

    def noted(
        self: Analytic, model: Model, x1: Array, x2: Array | None, wanted: Collection[KernelKind]
    ) -> Kernels:
        found.add(tuple(wanted))
        return real(self, model, x1, x2, wanted)

    monkeypatch.setattr(Analytic, "kernels_wanted", noted)
    return found


@pytest.mark.parametrize(
    ("solver", "record", "wanted"),
    [
        ("eigh", ["loss", "spectrum"], ("ntk",)),
        ("krylov", ["loss"], ("ntk",)),
        ("eigh", ["loss", "ntk_train"], ("ntk",)),
        ("eigh", ["loss", "kernel"], ("nngp", "ntk")),
        ("eigh", ["loss", "variance"], ("nngp", "ntk")),
    ],
)
def test_one_kernel_alone_is_asked_for_where_nothing_looks_at_the_other(
    tmp_path: Path,
    asked: set[tuple[str, ...]],
    solver: str,
    record: list[str],
    wanted: tuple[str, ...],
) -> None:
    study = write_study(tmp_path, width=[".inf"], kernel="analytic", solver=solver, record=record)
    assert run(study, store=tmp_path / "small.zarr").is_complete
    assert asked == {wanted}


@pytest.mark.parametrize("kernel", ["analytic", "empirical"])
def test_a_kernel_alone_gives_a_study_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    def stored(name: str) -> xr.DataTree:
        place = tmp_path / name
        study = write_study(tmp_path, kernel=kernel, record=["predictions", "ntk_train"])
        assert run(study, store=place).is_complete
        return xr.open_datatree(place, engine="zarr").load()

    alone = stored("alone.zarr")
    for provider in (Analytic, Empirical):
        monkeypatch.setattr(provider, "kernels_wanted", KernelProvider.kernels_wanted)
    together = stored("together.zarr")
    names = {"prediction_test", "ntk_train"}
    found = 0
    for node in alone.subtree:
        for name in names & set(map(str, node.data_vars)):
            np.testing.assert_array_equal(node[name], together[node.path][name])
            found += 1
    assert found == len(names)


def test_a_class_with_kernels_of_its_own_is_asked_for_those() -> None:
    class Doubled(Analytic):
        def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
            found = super().kernels(model, x1, x2)
            assert found.ntk is not None
            return Kernels(ntk=2.0 * found.ntk)

    class Constant(Network):
        def kernels(self, x1: Array, x2: Array | None = None) -> Kernels:
            return Kernels(ntk=np.ones((len(x1), len(x1 if x2 is None else x2))))

    assert Doubled.kernels_wanted is KernelProvider.kernels_wanted
    assert Constant.kernels_wanted is Network.kernels_wanted
    assert Analytic.kernels_wanted is not KernelProvider.kernels_wanted
