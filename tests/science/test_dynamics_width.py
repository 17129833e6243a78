"""Finite networks in training: towards gradient flow, and towards their linearisation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ntksim.nn import Erf
from ntksim.types import Params, SeedTree

from kernel_problems import POINTS, TARGETS, ShallowNetwork, network_problem
from ntksim_builtin.solvers import Eigh, GradientDescent, NetworkGradientDescent
from ntksim_builtin.solvers.descent import descend
from small_networks import chain

GRID = np.stack([np.linspace(0, 1, 6), np.ones(6)], axis=1)


def balance(params: Params) -> np.ndarray:
    """|w₀_d|² − w₁_d² of every unit."""
    return (params["w0"] ** 2).sum(axis=1) - (params["w1"] ** 2).sum(axis=1)


def test_oracle_17_gradient_flow_conserves_the_balance_of_layers() -> None:
    """The drift of |w₀|² − w₁² under descent is first order in the learning rate."""
    network = ShallowNetwork()
    start = network.initialise(50, SeedTree(0).generator("parameters"))
    drifts = []
    for steps in (100, 200, 400):
        states = descend(network, start, POINTS, TARGETS, learning_rate=5.0 / steps)
        final = next(itertools.islice(states, steps, None))
        drifts.append(np.abs(balance(final.params) - balance(start)).max())
    ratios = np.divide(drifts[:-1], drifts[1:])
    # First order: 2, with a second order share that falls with the step (2.0 to 2.25).
    assert (ratios > 1.95).all()
    assert (ratios < 2.3).all()
    moved = np.abs(final.params["w1"] - start["w1"]).max()
    assert drifts[-1] < 0.02 * moved  # small beside what the weights did


def test_oracle_18_training_approaches_gradient_flow_at_first_order() -> None:
    """The real network, a smooth one: descent against descent at half the learning rate."""
    network = chain(Erf(), 1, inputs=2)
    problem = network_problem(network, 40, POINTS, TARGETS, GRID)
    outputs = [
        NetworkGradientDescent(learning_rate=1.0 / steps).evolve(problem, np.array([2.0])).test
        for steps in (40, 80, 160, 320)
    ]
    differences = [np.abs(b - a).max() for a, b in itertools.pairwise(outputs)]
    orders = np.log2(np.divide(differences[:-1], differences[1:]))
    # The second order share halves with the learning rate.
    assert abs(orders[0] - 1) < 0.1
    assert abs(orders[1] - 1) < 0.05


def test_wide_networks_train_like_their_linearisation() -> None:
    """Lee et al. 2019: the distance falls as width to the power −1/2."""
    widths = np.array([64, 256, 1024, 4096])
    distances = []
    for width in widths:
        squares = []
        for seed in range(6):
            problem = network_problem(
                ShallowNetwork(), int(width), POINTS, TARGETS, GRID, seed=seed
            )
            times = np.array([5.0])
            trained = NetworkGradientDescent(learning_rate=0.1).evolve(problem, times)
            linear = GradientDescent(learning_rate=0.1).evolve(problem, times)
            squares.append(np.mean((trained.test - linear.test) ** 2))
        distances.append(np.sqrt(np.mean(squares)))
    slope = np.polyfit(np.log(widths), np.log(distances), 1)[0]
    # Six draws leave about 20 % on each root mean square: 0.07 on a slope over a factor 64.
    assert -0.7 < slope < -0.3


@pytest.mark.parametrize("width", [2000])
def test_linearised_descent_and_flow_predict_a_wide_network(width: int) -> None:
    problem = network_problem(ShallowNetwork(), width, POINTS, TARGETS, GRID)
    times = np.array([0.0, 0.5, 2.0, 10.0])
    trained = NetworkGradientDescent(learning_rate=0.02).evolve(problem, times)
    flow = Eigh().evolve(problem, trained.reached)
    # 3.5/√width from the change of the kernel, and the learning rate's first order error.
    bound = 3.5 / np.sqrt(width) + 0.05
    assert np.abs(trained.train - flow.train).max() < bound
    assert np.abs(trained.test - flow.test).max() < bound
    assert np.abs(trained.train[-1] - trained.train[0]).max() > 3 * bound  # it did move
