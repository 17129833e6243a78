"""Training whose loss rises on the way says so, and no other does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ntksim.types import Array, Model, Problem, SeedTree

from ntksim_builtin.architectures import Mlp
from ntksim_builtin.solvers import NetworkGradientDescent
from ntksim_builtin.solvers.descent import descend, largest_tangent_eigenvalue

X = np.random.default_rng(5).standard_normal((6, 3))
Y = 0.3 * np.sin(X[:, :1])


def problem(width: int = 64, seed: int = 0) -> Problem:
    model = Model(Mlp(depth=1).network((3,), 1), width, SeedTree(seed))
    f0 = model.network.apply(model.params, X)
    return Problem(X, Y, X[:0], f0, f0[:0], False, model=model)


def rate_of(given: Problem, factor: float) -> float:
    assert given.model is not None
    return factor / largest_tangent_eigenvalue(given.model.network, given.model.params, X)


def losses(given: Problem, rate: float, steps: int) -> Array:
    assert given.model is not None
    states = descend(given.model.network, given.model.params, X, Y, rate)
    return np.array([next(states).loss for _ in range(steps + 1)])


def test_a_rise_is_told_with_its_size_and_time() -> None:
    # Between 2/λ₁ and about 4/λ₁ the loss first grows, and the network finds a flatter region
    # (Lewkowycz et al. 2020).
    given = problem(width=256)
    rate = rate_of(given, 2.5)
    found = NetworkGradientDescent(learning_rate=rate, max_steps=400).evolve(
        given, np.array([0.0, 300 * rate])
    )
    course = losses(given, rate, 300)
    before = np.minimum.accumulate(course)[:-1]
    # In the end the loss is rounding, which rises and falls.
    ratios = np.where(course[1:] > 1e-6 * course[0], course[1:] / before, 0.0)
    worst = int(ratios.argmax())
    assert ratios[worst] > 2
    assert not found.diverged
    assert found.note == (
        f"the loss rose from {before[worst]:.3g} to {course[worst + 1]:.3g} by time "
        f"{(worst + 1) * rate:.3g}: learning rate {rate:.6g} is too large for this network to "
        "train steadily"
    )


@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_steady_training_has_no_note(factor: float) -> None:
    given = problem(width=512)
    rate = rate_of(given, factor)
    assert (np.diff(losses(given, rate, 2000)) <= 1e-12).all()
    # To convergence, where the loss is rounding and rises and falls.
    times = np.array([0.0, math.inf])
    solver = NetworkGradientDescent(learning_rate=rate, tolerance=1e-12, max_steps=20_000)
    assert "rose" not in solver.evolve(given, times).note


def test_divergence_is_told_as_that_alone() -> None:
    given = problem()
    solver = NetworkGradientDescent(learning_rate=rate_of(given, 50.0))
    found = solver.evolve(given, np.array([0.0, math.inf]))
    assert found.diverged
    assert found.note.startswith("diverged at step")
    assert "rose" not in found.note


def test_of_several_trained_together_each_has_its_own_note() -> None:
    problems = [problem(width=256, seed=seed) for seed in range(3)]
    solver = NetworkGradientDescent(learning_rate=rate_of(problems[0], 2.5), max_steps=200)
    times = np.array([0.0, 20.0])
    together = solver.evolve_many(problems, times)
    notes = [solver.evolve(each, times).note for each in problems]
    assert [getattr(each, "note", None) for each in together] == notes
    assert "rose" in notes[0]
    assert len(set(notes)) == 3
