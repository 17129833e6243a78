"""Solvers as a study names them."""

from __future__ import annotations

from typing import Any

import pytest
from ntksim.registry import OptionError, Registry
from ntksim.types import Solver

from ntksim_builtin.solvers import (
    Eigh,
    Expm,
    GradientDescent,
    Krylov,
    NetworkGradientDescent,
    Ode,
)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


@pytest.mark.parametrize(
    ("reference", "solver"),
    [
        ("eigh", Eigh()),
        ({"name": "eigh", "ridge": 0.1, "output_noise": 1}, Eigh(0.1, 1.0)),
        ("expm", Expm()),
        ({"name": "krylov", "tolerance": 1e-4, "ridge": 0.1}, Krylov(1e-4, 0.1)),
        ({"name": "ode", "method": "BDF"}, Ode("BDF")),
        ({"name": "gradient_descent", "learning_rate": "auto"}, GradientDescent()),
        ({"name": "gradient_descent", "learning_rate": 0.25}, GradientDescent(0.25)),
        (
            {"name": "network_gradient_descent", "max_steps": 10, "tolerance": 1e-4},
            NetworkGradientDescent(max_steps=10, tolerance=1e-4),
        ),
    ],
)
def test_studies_name_solvers(registry: Registry, reference: Any, solver: Solver) -> None:
    assert registry.create(Solver, reference) == solver
    assert registry.create(Solver, registry.reference(solver)) == solver


@pytest.mark.parametrize(
    "options",
    [
        {"name": "eigh", "ridge": -0.1},
        {"name": "eigh", "learning_rate": 0.1},
        {"name": "krylov", "tolerance": 0.0},
        {"name": "krylov", "max_products": 0},
        {"name": "ode", "method": "Euler"},
        {"name": "ode", "relative_tolerance": 1e-16},
        {"name": "gradient_descent", "learning_rate": "fast"},
        {"name": "gradient_descent", "learning_rate": 0.0},
        {"name": "network_gradient_descent", "max_steps": 0},
        {"name": "network_gradient_descent", "tolerance": 0.0},
    ],
)
def test_impossible_options_are_refused(registry: Registry, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        registry.create(Solver, options)


def test_solvers_say_what_they_need_and_give() -> None:
    assert Eigh.requires == {"ntk", "spectrum"}
    assert Eigh.provides == {"variance", "covariance", "parameters"}
    assert Expm.provides == frozenset()
    assert Expm.requires == {"ntk"}
    assert Krylov.requires == {"operator"}
    assert Krylov.provides == {"parameters"}
    assert Ode.requires == {"ntk"}
    assert GradientDescent.requires == {"ntk", "spectrum"}
    assert NetworkGradientDescent.requires == {"network"}
    for solver in (GradientDescent, NetworkGradientDescent):
        assert solver.provides == {"parameters"}
