"""Real training of networks in JAX by the solver that trains all networks."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np
import pytest
from ntksim import Model, Params, Problem, SeedTree
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Erf
from ntksim.types import Network
from ntksim_builtin.kernels import MonteCarlo
from ntksim_builtin.solvers import NetworkGradientDescent

from ntksim_jax.architectures import EquinoxMlp, FlaxMlp, JaxMlp

RNG = np.random.default_rng(0)
X_TRAIN, X_TEST = RNG.standard_normal((6, 3)), RNG.standard_normal((5, 3))
Y_TRAIN = RNG.standard_normal((6, 2))
WIDTH = 24


def problem(network: Network, params: Params) -> Problem:
    model = Model(network, WIDTH, SeedTree(0))
    object.__setattr__(model, "params", params)
    return Problem(
        x_train=X_TRAIN,
        y_train=Y_TRAIN,
        x_test=X_TEST,
        f0_train=network.apply(params, X_TRAIN),
        f0_test=network.apply(params, X_TEST),
        zero_initial_output=False,
        model=model,
        extras=frozenset({"parameters"}),
    )


@pytest.fixture
def compilations() -> Iterator[list[str]]:
    """The programs that XLA compiles meanwhile."""
    seen: list[str] = []

    def listen(event: str, duration_secs: float, **_: object) -> None:
        del duration_secs
        if "backend_compile" in event:
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.clear_event_listeners()


def test_it_trains_as_the_same_network_of_the_toolkit() -> None:
    layers = (Dense(1.5, 0.1), ActivationLayer(Erf()), Dense(1.5, 0.1, units=2))
    toolkit = ComposedNetwork(layers, (3,), 2)
    params = toolkit.initialise(WIDTH, np.random.default_rng(1))
    network = JaxMlp(depth=1, activation="erf", weight_std=1.5, bias_std=0.1).network((3,), 2)
    times = np.array([0.0, 1.0, 10.0])
    solver = NetworkGradientDescent(learning_rate=0.05)
    expected = solver.evolve(problem(toolkit, params), times)
    start = {**params, "width": np.array(float(WIDTH))}
    evolution = solver.evolve(problem(network, start), times)
    # 200 steps, each a contraction or nearly: rounding errors add up and do not grow.
    for part in ("train", "test"):
        np.testing.assert_allclose(
            getattr(evolution, part), getattr(expected, part), rtol=0, atol=1e-11
        )
    assert evolution.parameters is not None
    assert expected.parameters is not None
    for name, value in expected.parameters[-1].items():
        np.testing.assert_allclose(evolution.parameters[-1][name], value, rtol=0, atol=1e-11)
    loss = np.square(evolution.train - Y_TRAIN).sum(axis=(1, 2))
    assert loss[-1] < 0.1 * loss[0]


@pytest.mark.parametrize("architecture", [FlaxMlp(depth=1), EquinoxMlp(depth=1)])
def test_modules_learn_their_targets(architecture: FlaxMlp | EquinoxMlp) -> None:
    network = architecture.network((3,), 2)
    params = network.initialise(WIDTH, np.random.default_rng(1))
    evolution = NetworkGradientDescent(max_steps=20_000).evolve(
        problem(network, params), np.array([0.0, 1e6])
    )
    # Twelve targets, and more than a hundred parameters.
    assert np.abs(evolution.train[1] - Y_TRAIN).max() < 1e-2
    assert np.abs(evolution.train[0] - Y_TRAIN).max() > 0.1


def test_a_step_compiles_nothing(compilations: list[str]) -> None:
    network = JaxMlp(depth=1, activation="tanh").network((3,), 2)
    params = dict(network.initialise(WIDTH, np.random.default_rng(1)))
    network.value_and_vjp(params, X_TRAIN, lambda f: f - Y_TRAIN)
    assert compilations  # else nothing is counted
    compilations.clear()
    for _ in range(3):
        _, gradient = network.value_and_vjp(params, X_TRAIN, lambda f: f - Y_TRAIN)
        for name, slope in gradient.items():
            params[name] = params[name] - 0.01 * slope
    assert not compilations


def test_seeds_and_samples_share_what_is_compiled(compilations: list[str]) -> None:
    def kernels(seed: int) -> np.ndarray:
        # Made anew for every cell, as a worker does.
        network = JaxMlp(depth=1, activation="sin").network((3,), 2)
        model = Model(network, WIDTH, SeedTree(0).child("seed", seed))
        found = MonteCarlo(samples=5).kernels(model, X_TRAIN)
        assert found.ntk is not None
        return found.ntk

    first = kernels(0)
    assert compilations
    compilations.clear()
    assert not np.array_equal(kernels(1), first)
    assert np.array_equal(kernels(0), first)
    assert not compilations
