"""Networks trained together: each must not know that there are others."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Erf, Gelu, Relu, Residual, Tanh
from ntksim.types import Array, Evolution, Model, Network, Params, Problem, SeedTree

from kernel_problems import ShallowNetwork
from ntksim_builtin.architectures import Mlp
from ntksim_builtin.solvers import Eigh, NetworkGradientDescent
from ntksim_builtin.solvers.descent import descend
from ntksim_builtin.solvers.ensemble import descend_together

ACTIVATIONS = (Relu(), Erf(), Tanh(), Gelu())
TIMES = np.array([0.0, 0.5, 3.0, 40.0, np.inf])


def problem(network: Network, width: int, seed: int, points: int = 5, **changes: Any) -> Problem:
    """Targets differ between seeds, inputs do not."""
    rng, own = np.random.default_rng(0), np.random.default_rng(100 + seed)
    x, x_test = (rng.standard_normal((n, *network.input_shape)) for n in (points, 4))
    model = Model(network, width, SeedTree(seed))
    start = Problem(
        x_train=x,
        y_train=own.standard_normal((points, network.outputs)),
        x_test=x_test,
        f0_train=network.apply(model.params, x),
        f0_test=network.apply(model.params, x_test),
        zero_initial_output=False,
        model=model,
    )
    return replace(start, **changes)


def assert_same(one: Evolution | Exception, other: Evolution) -> None:
    assert isinstance(one, Evolution), one
    for name in ("reached", "train", "test"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.diverged, one.note, one.learning_rate) == (
        other.diverged,
        other.note,
        other.learning_rate,
    )
    assert (one.parameters is None) == (other.parameters is None)
    for mine, others in zip(one.parameters or (), other.parameters or (), strict=True):
        assert list(mine) == list(others)
        for name in mine:
            np.testing.assert_array_equal(mine[name], others[name])


@settings(max_examples=40, deadline=None)
@given(
    points=st.integers(1, 37),
    features=st.integers(1, 9),
    width=st.integers(1, 67),
    outputs=st.integers(1, 3),
    members=st.integers(2, 7),
    depth=st.integers(1, 3),
    activation=st.sampled_from(ACTIVATIONS),
    bias=st.sampled_from([0.0, 0.3]),
    ridge=st.sampled_from([0.0, 0.1]),
)
def test_states_of_each_member_are_bit_by_bit_those_of_training_it_alone(
    points: int,
    features: int,
    width: int,
    outputs: int,
    members: int,
    depth: int,
    activation: Any,
    bias: float,
    ridge: float,
) -> None:
    """Odd sizes, so that members do not all begin where memory is aligned."""
    network = Mlp(depth=depth, activation=activation, bias_std=bias).network((features,), outputs)
    rng = np.random.default_rng(width)
    x = rng.standard_normal((points, features))
    targets = [rng.standard_normal((points, outputs)) for _ in range(members)]
    rates = [0.01 * (member + 1) / width for member in range(members)]
    starts = [network.initialise(width, np.random.default_rng(m)) for m in range(members)]
    assert isinstance(network, ComposedNetwork)
    assert network.members_at_once(starts[0], points) > 1  # or nothing is tested here
    alone = [
        descend(network, start, x, y, rate, ridge)
        for start, y, rate in zip(starts, targets, rates, strict=True)
    ]
    states = descend_together(network, starts, x, targets, rates, ridge)
    gone: list[int] = []
    current = next(states)
    for step in range(5):
        assert sorted(current) == [m for m in range(members) if m not in gone]
        for member, state in current.items():
            expected = next(alone[member])
            assert state.step == expected.step == step
            assert state.loss == expected.loss
            assert state.gradient_norm == expected.gradient_norm
            np.testing.assert_array_equal(state.outputs, expected.outputs)
            for name, value in expected.params.items():
                np.testing.assert_array_equal(state.params[name], value)
        leaving = [step] if step < members - 1 else []
        gone += leaving
        current = states.send(leaving)


def test_it_ends_when_all_have_left_and_starts_are_not_changed() -> None:
    network = Mlp(depth=1).network((2,), 1)
    starts = [network.initialise(5, np.random.default_rng(seed)) for seed in range(3)]
    before = [{name: value.copy() for name, value in start.items()} for start in starts]
    x, y = np.eye(2), [np.ones((2, 1))] * 3
    states = descend_together(network, starts, x, y, [0.1] * 3)
    assert sorted(next(states)) == [0, 1, 2]
    assert sorted(states.send([1])) == [0, 2]
    with pytest.raises(StopIteration):
        states.send([0, 2])
    assert list(descend_together(network, [], x, [], [])) == []
    for start, old in zip(starts, before, strict=True):
        for name, value in start.items():
            np.testing.assert_array_equal(value, old[name])


RESIDUAL = ComposedNetwork(
    (
        Dense(units=6, trained=False),
        Residual(ActivationLayer(Erf()), Dense(0.7, 0.2, units=6)),
        ActivationLayer(Tanh()),
        Dense(units=2, bias_std=0.1),
    ),
    (3,),
    2,
)


@pytest.mark.parametrize(
    "network",
    [Mlp(depth=2, bias_std=0.1).network((3,), 2), Mlp().network((2, 2), 1), RESIDUAL],
    ids=["mlp", "flattened", "residual"],
)
@pytest.mark.parametrize("zero", [False, True])
def test_evolutions_are_bit_by_bit_those_of_each_seed_alone(network: Network, zero: bool) -> None:
    """With members that converge at different steps, in an order that is not that of their end."""
    solver = NetworkGradientDescent(tolerance=1e-3, max_steps=300)
    problems = [
        problem(network, 7, seed, zero_initial_output=zero, extras=frozenset({"parameters"}))
        for seed in (3, 0, 2, 1)
    ]
    found = solver.evolve_many(problems, TIMES)
    for one, own in zip(found, problems, strict=True):
        assert_same(one, solver.evolve(own, TIMES))
    rates = {one.learning_rate for one in found if isinstance(one, Evolution)}
    assert len(rates) == len(problems)


def test_what_one_member_does_touches_no_other() -> None:
    """One diverges, one has targets that are refused, one has a network that cannot be had."""
    network = Mlp(depth=1).network((3,), 1)
    solver = NetworkGradientDescent(learning_rate=0.05, max_steps=200)
    good = [problem(network, 9, seed) for seed in range(3)]
    far = problem(network, 9, 3)
    far = replace(far, x_train=good[0].x_train, y_train=1e8 * far.y_train)
    tiny = replace(problem(network, 9, 4), y_train=np.full((5, 1), 1e-200))
    tiny = replace(tiny, zero_initial_output=True)
    without = replace(good[1], model=None)
    problems = [good[0], far, good[1], tiny, without, good[2]]
    found = solver.evolve_many(problems, TIMES)
    for index in (0, 1, 2, 5):
        assert_same(found[index], solver.evolve(problems[index], TIMES))
    diverged = found[1]
    assert isinstance(diverged, Evolution)
    assert diverged.diverged
    assert isinstance(found[3], FloatingPointError)
    assert "lost in the rounding" in str(found[3])
    assert isinstance(found[4], ValueError)


@dataclass(frozen=True)
class _Breaks(ShallowNetwork):
    """A network of which one member cannot be evaluated, after some steps."""

    def value_and_vjp(self, params: Params, x: Array, cotangent: Any) -> tuple[Array, Params]:
        if abs(params["b"][0]) > 0.02 and params["w0"][0, 0] > 0:
            raise ZeroDivisionError("broken")
        return super().value_and_vjp(params, x, cotangent)


def test_networks_that_cannot_be_stacked_and_others_of_another_kind_go_beside_them() -> None:
    solver = NetworkGradientDescent(learning_rate=0.01, max_steps=50)
    breaking, small = _Breaks(), Mlp(depth=1).network((2,), 1)
    problems = [
        *(problem(breaking, 4, seed) for seed in range(4)),
        *(problem(small, width, seed) for width, seed in ((4, 0), (5, 0), (4, 1))),
        problem(small, 4, 0, points=3),
    ]
    found = solver.evolve_many(problems, TIMES)
    failed = 0
    for one, own in zip(found, problems, strict=True):
        try:
            expected = solver.evolve(own, TIMES)
        except ZeroDivisionError:
            assert isinstance(one, ZeroDivisionError)
            failed += 1
        else:
            assert_same(one, expected)
    assert 0 < failed < 4


def test_large_networks_are_not_stacked_and_come_out_the_same() -> None:
    """A network whose arithmetic takes longer than Python has a block, or a cache, of its own."""
    network = Mlp(depth=1).network((3,), 1)
    assert isinstance(network, ComposedNetwork)
    rng = np.random.default_rng(0)
    params = network.initialise(3000, rng)
    assert network.members_at_once(params, 200) == 1
    x, y = rng.standard_normal((200, 3)), rng.standard_normal((200, 1))
    states = descend_together(network, [params, params], x, [y, 2 * y], [1e-3, 1e-3])
    expected = [descend(network, params, x, target, 1e-3) for target in (y, 2 * y)]
    for current in itertools.islice(states, 3):
        for member, state in current.items():
            assert state.loss == next(expected[member]).loss


def test_solvers_without_a_way_of_their_own_take_one_after_the_other() -> None:
    problems = [problem(Mlp(depth=1).network((2,), 1), 4, seed) for seed in range(2)]
    found = Eigh().evolve_many(problems, TIMES)  # without kernels, which it requires
    assert all(isinstance(one, Exception) for one in found)
    assert len(found) == 2
