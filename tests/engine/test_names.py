"""Names of layers and parameters, from the network to the coordinates of the store."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr
from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec, hookimpl, load_study, run
from ntksim.engine.names import add_names

STRANGER = '''
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from ntksim import Architecture, Network, hookimpl

class Product(Network):
    def __init__(self, shape, outputs):
        self.input_shape, self.outputs = shape, outputs
    def initialise(self, width, rng):
        slope = rng.normal(size=(*self.input_shape, width))
        return {"slope": slope, "gate": rng.normal(size=width)}
    def apply(self, params, x):
        return (x @ params["slope"] * params["gate"]).sum(axis=1, keepdims=True)
    def vjp(self, params, x, cotangent):
        return {
            "slope": x.T @ (cotangent * params["gate"]),
            "gate": (cotangent * (x @ params["slope"])).sum(axis=0),
        }

@dataclass(frozen=True)
class Stranger(Architecture):
    """A product of two linear maps."""
    name: ClassVar[str] = "stranger"
    def network(self, input_shape, outputs):
        return Product(input_shape, outputs)

@hookimpl
def ntksim_architectures():
    return [Stranger]
'''

STUDY: dict[str, Any] = {
    "study": "names",
    "dataset": {"name": "three_points", "points": 4},
    "architecture": [
        "shallow_relu",
        {"name": "mlp", "depth": 2, "bias_std": 0.1, "label": "mlp"},
        {"name": "residual_mlp", "blocks": 1, "label": "residual"},
        "stranger",
    ],
    "width": [5, 7],
    "kernel": "empirical",
    "solver": "eigh",
    "time": [0, 1],
    "record": ["parameters"],
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names")
    plugin = folder / "stranger.py"
    plugin.write_text(STRANGER, encoding="utf-8")
    summary = run(load_study(STUDY | {"plugins": [str(plugin)]}), store=folder / "names.zarr")
    assert summary.is_complete, summary.counts
    return folder / "names.zarr"


def test_a_layer_is_selected_by_its_name(store: Path) -> None:
    root = xr.open_zarr(store).load().squeeze()
    layers = root.parameter_motion_layer.isel(time=-1, width=0)
    own = {
        "shallow_relu": ["dense_0.weight", "readout.weight", "readout.bias"],
        "mlp": [f"{d}.{p}" for d in ("dense_0", "dense_1", "readout") for p in ("weight", "bias")],
        "stranger": ["slope", "gate"],
    }
    for architecture, names in own.items():
        motion = layers.sel(architecture=architecture)
        assert motion.sel(layer=names).notnull().all()
        assert motion.notnull().sum() == len(names)
        whole = root.parameter_motion.isel(time=-1, width=0).sel(architecture=architecture)
        # The same sum of squares in another order.
        np.testing.assert_allclose((motion**2).sum() ** 0.5, whole, rtol=1e-13)
    residual = layers.sel(architecture="residual").dropna("layer").layer.values
    assert residual[0] == "dense_0.weight"
    assert any(str(name).startswith("residual_1.dense_0.") for name in residual)
    assert str(residual[-1]).startswith("readout.")


def test_a_parameter_is_selected_by_its_name(store: Path) -> None:
    root = xr.open_zarr(store).load().squeeze()
    value = root.parameter_value.sel(parameter="slope[0,0]", architecture="stranger")
    assert value.notnull().all()
    assert root.parameter_value.sel(parameter="dense_0.weight[0,0]").notnull().sum() == 3 * 4


def test_what_was_recorded_alone_has_its_names_too(tmp_path: Path) -> None:
    content = STUDY | {"architecture": "shallow_relu", "record": ["parameter_motion_max_layer"]}
    run(load_study(content), store=tmp_path / "one.zarr")
    root = xr.open_zarr(tmp_path / "one.zarr").load()
    assert root.parameter_motion_max_layer.sel(layer="readout.weight").notnull().all()
    assert "parameter" not in root.coords


def test_a_store_without_its_journal_is_taken_over(store: Path, tmp_path: Path) -> None:
    """Cells with other names than their neighbours are restored, and none is computed again."""
    shutil.copytree(store.parent, tmp_path / "copy")
    copy = tmp_path / "copy" / store.name
    shutil.rmtree(copy.with_suffix(".cells"))
    summary = run(load_study(STUDY | {"plugins": [str(copy.parent / "stranger.py")]}), store=copy)
    assert summary.computed == 0
    xr.testing.assert_equal(
        xr.open_zarr(copy).load().drop_vars("wall_time"),
        xr.open_zarr(store).load().drop_vars("wall_time"),
    )


@dataclass(frozen=True)
class Named(Diagnostic):
    """Gives names."""

    name: ClassVar[str] = "named"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "a": VariableSpec(("thing",), "a"),
        "b": VariableSpec(("mode",), "b"),
    }

    names: tuple[str, ...] = ()
    dim: str = "thing"

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        del cell
        return {}

    def labels(self, cell: FinishedCell) -> Mapping[str, Sequence[str]]:
        del cell
        return {self.dim: self.names}


@hookimpl
def ntksim_diagnostics() -> Iterable[type[Diagnostic]]:
    return [Named]


@pytest.mark.parametrize(
    ("diagnostic", "message"),
    [
        (
            Named(("x", "y", "z")),
            r"2 values along 'thing' and the names \['x', 'y', 'z'\]",
        ),
        (Named(("x", "x")), "the name 'x' is there 2 times along 'thing'"),
        (Named(("x", "z")), r"another diagnostic has the names \['x', 'y'\]"),
        (Named(("x", "y"), "mode"), "'mode' is every diagnostic's dimension"),
    ],
)
def test_names_that_cannot_be_are_refused(diagnostic: Named, message: str) -> None:
    cell: Any = math.nan  # nothing looks at it
    selected = {"a": np.zeros(2), "b": np.zeros(2)}
    names = {"thing": ["x", "y"]}
    add_names(names, Named(("x", "y")), cell, selected)
    add_names(names, Named(("p", "q", "r"), "nothing here"), cell, selected)
    with pytest.raises(ValueError, match=message):
        add_names(names, diagnostic, cell, selected)
