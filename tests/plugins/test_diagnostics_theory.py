"""Bounds and theory beside what is measured, on cases worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from ntksim import load_study, plan_cells
from ntksim.linalg import eigendecomposition
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Relu
from ntksim.types import (
    Array,
    Dataset,
    Evolution,
    FinishedCell,
    KernelBlocks,
    Kernels,
    Problem,
    Solver,
)

from kernel_problems import (
    POINTS,
    TARGETS,
    LinearNetwork,
    ShallowNetwork,
    kernel_problem,
    network_problem,
)
from ntksim_builtin.architectures import ShallowRelu
from ntksim_builtin.datasets import Sphere
from ntksim_builtin.diagnostics import (
    DescentTheory,
    KernelDrift,
    LabelBounds,
    LabelComplexity,
    LearningCurve,
    LinearisationGap,
    LossRate,
    Parameters,
)
from ntksim_builtin.diagnostics.label_complexity import inverse_form
from ntksim_builtin.diagnostics.learning_curve import expected_error
from ntksim_builtin.solvers import Eigh, GradientDescent, NetworkGradientDescent

INF = float("inf")
TIMES = np.array([0.0, 1.0, 3.0, INF])


def cell(problem: Problem, solver: Solver | None = None, times: Array = TIMES) -> FinishedCell:
    data = Dataset(
        problem.x_train,
        problem.y_train,
        problem.x_test,
        np.full(problem.f0_test.shape, np.nan),
        test_targets=False,
    )
    return FinishedCell(data, problem, times, (solver or Eigh()).evolve(problem, times))


def two_modes(targets: tuple[float, float] = (3.0, 4.0), smallest: float = 0.5) -> Problem:
    """K = diag(2, smallest), from zero output."""
    return kernel_problem(np.diag([2.0, smallest]), np.array(targets)[:, None])


def test_label_bounds_by_hand() -> None:
    measured = LabelBounds().measure(cell(two_modes()))
    # At t = 1: 9 e^{-4} and 16 e^{-1}; at ∞ nothing is left.
    largest = np.array([16.0, 16 * np.exp(-1), 16 * np.exp(-3), 0.0])
    np.testing.assert_allclose(np.asarray(measured["loss_bound_label_lower"]), largest / 2)
    np.testing.assert_allclose(np.asarray(measured["loss_bound_label_upper"]), largest)


def test_label_bounds_of_a_mode_that_never_trains() -> None:
    measured = LabelBounds().measure(cell(two_modes(smallest=0.0)))
    np.testing.assert_allclose(np.asarray(measured["loss_bound_label_lower"]), 8.0)


@pytest.mark.parametrize("diagnostic", [LabelBounds(), DescentTheory(), LabelComplexity()])
def test_a_full_kernel_of_separate_outputs_says_the_same(diagnostic) -> None:
    kernel = np.array([[2.0, 0.3], [0.3, 1.0]])
    targets = np.array([[1.0, -2.0], [0.5, 3.0]])
    shared = diagnostic.measure(cell(kernel_problem(kernel, targets)))
    full = np.einsum("ij,kl->ikjl", kernel, np.eye(2))
    coupled = diagnostic.measure(cell(kernel_problem(full, targets)))
    for name in ("loss_theory", "loss_bound_du", "loss_bound_label_lower", "label_complexity"):
        if name in shared:
            if name == "loss_bound_label_lower":
                # Equal modes are counted together in the one, apart in the other.
                assert (np.asarray(coupled[name]) <= np.asarray(shared[name]) * (1 + 1e-12)).all()
            else:
                np.testing.assert_allclose(
                    np.asarray(coupled[name]), np.asarray(shared[name]), rtol=1e-12, atol=1e-30
                )


def test_descent_theory_by_hand() -> None:
    """η = ¼: what is left after k steps is (½)^k and (7/8)^k, and Du's bound has 15/16."""
    times = np.array([0.0, 0.25, 1.0, INF])
    finished = cell(two_modes(), GradientDescent(learning_rate=0.25), times)
    measured = DescentTheory().measure(finished)
    k = np.array([0.0, 1.0, 4.0])
    expected = 0.5 * (9 * 0.25**k + 16 * (7 / 8) ** (2 * k))
    np.testing.assert_allclose(np.asarray(measured["loss_theory"])[:3], expected, rtol=1e-13)
    np.testing.assert_allclose(
        np.asarray(measured["loss_bound_du"])[:3], 12.5 * (15 / 16) ** k, rtol=1e-13
    )
    assert np.asarray(measured["loss_theory"])[3] == 0
    assert np.asarray(measured["loss_bound_du"])[3] == 0
    assert "parameter_motion_bound_du" not in measured  # there is no network


def test_descent_theory_of_gradient_flow_is_its_limit() -> None:
    measured = DescentTheory().measure(cell(two_modes()))
    finite = TIMES[:3]
    expected = 0.5 * (9 * np.exp(-4 * finite) + 16 * np.exp(-finite))
    np.testing.assert_allclose(np.asarray(measured["loss_theory"])[:3], expected, rtol=1e-13)
    np.testing.assert_allclose(
        np.asarray(measured["loss_bound_du"])[:3], 12.5 * np.exp(-finite / 4), rtol=1e-13
    )


def test_descent_theory_has_no_number_where_the_solver_has_none() -> None:
    problem = network_problem(ShallowNetwork(), 20, POINTS, TARGETS, POINTS[:1])
    finished = cell(problem, NetworkGradientDescent(max_steps=2))
    measured = DescentTheory().measure(finished)
    lost = np.isnan(finished.evolution.reached)
    assert lost.any()
    for name in ("loss_theory", "loss_bound_du"):
        np.testing.assert_array_equal(np.isnan(np.asarray(measured[name])), lost)


@dataclass(frozen=True)
class SignedNetwork(ComposedNetwork):
    """The network of Du et al. (2019): a read-out of signs, and only the first layer is trained."""

    def initialise(self, width: int, rng: np.random.Generator) -> dict[str, Array]:
        params = super().initialise(width, rng)
        return {**params, "1.weight": np.where(params["1.weight"] < 0, -1.0, 1.0)}


def signed(dimension: int, gain: float = 1.0) -> SignedNetwork:
    layers = (
        Dense(gain, fan_in_scaling=False),
        ActivationLayer(Relu()),
        Dense(units=1, trained=False),
    )
    return SignedNetwork(layers, (dimension,), 1)


def signed_problem(x: Array, y: Array, width: int, gain: float = 1.0) -> Problem:
    """Training of the network of the proofs, with its kernel of infinite width."""
    network = signed(x.shape[1], gain)
    problem = network_problem(network, width, x, y, x[:1])
    kernel = network.kernels(x).ntk
    assert kernel is not None
    blocks = KernelBlocks(Kernels(ntk=kernel), Kernels(ntk=kernel[:1]))
    return replace(problem, kernels=blocks, spectrum=eigendecomposition(kernel))


def unit_points(number: int, dimension: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(number, dimension))
    return x / np.linalg.norm(x, axis=1, keepdims=True), rng.normal(size=(number, 1))


@pytest.mark.parametrize(("gain", "scale"), [(1.0, 1.0), (2.0, 1.0), (1.0, 3.0), (0.5, 4.0)])
def test_du_bound_of_the_motion_of_a_unit(gain: float, scale: float) -> None:
    """4 √n ‖r₀‖/(√m λ_min) in their setting; with larger inputs or weights the gradient grows."""
    x, y = unit_points(4, 5)
    problem = signed_problem(scale * x, y, 100, gain)
    assert problem.spectrum is not None
    smallest = problem.spectrum.eigenvalues[-1]
    expected = 4 * np.sqrt(4) * np.linalg.norm(problem.f0_train - y) / np.sqrt(100) / smallest
    bound = np.asarray(DescentTheory().measure(cell(problem))["parameter_motion_bound_du"])
    np.testing.assert_allclose(bound, gain * scale * expected, rtol=1e-12)
    # Motion itself: λ_min grows with the square of the factor, so that it falls as 1/factor.
    unit = signed_problem(x, y, 100)
    at_one = DescentTheory().measure(cell(replace(unit, f0_train=problem.f0_train)))
    ratio = bound / np.asarray(at_one["parameter_motion_bound_du"])
    np.testing.assert_allclose(ratio, 1 / (gain * scale), rtol=1e-10)


def test_no_unit_moves_further_than_du_et_al_allow() -> None:
    """And one gets within a factor of ten: the bound is one of units, not of single weights."""
    x, y = unit_points(4, 5)
    for gain, scale in ((1.0, 1.0), (2.0, 1.0), (1.0, 3.0)):
        problem = replace(
            signed_problem(scale * x, y, 2000, gain), extras=frozenset({"parameters"})
        )
        times = np.array([0.0, 1.0, 10.0, 50.0]) / (gain * scale) ** 2
        finished = cell(problem, NetworkGradientDescent(), times)
        motion = np.asarray(Parameters().measure(finished)["parameter_motion_unit"])
        bound = float(np.asarray(DescentTheory().measure(finished)["parameter_motion_bound_du"]))
        assert np.isfinite(motion).all()
        assert 0.05 * bound < motion.max() < bound
        largest = np.asarray(Parameters().measure(finished)["parameter_motion_max"])
        assert largest.max() < 0.9 * motion.max()


def test_a_singular_kernel_bounds_no_motion() -> None:
    x, y = unit_points(3, 4)
    problem = signed_problem(np.vstack([x, x[:1]]), np.vstack([y, y[:1]]), 50)
    assert DescentTheory().measure(cell(problem))["parameter_motion_bound_du"] == INF


def test_label_complexity_by_hand() -> None:
    """c² = (9, 16), λ = (2, ½): yᵀK⁻¹y = 36.5."""
    measured = LabelComplexity(delta=0.5, epsilon=0.5).measure(cell(two_modes()))
    np.testing.assert_allclose(np.asarray(measured["label_complexity"]), np.sqrt(36.5))
    np.testing.assert_allclose(np.asarray(measured["label_energy"]), [9 / 25, 1])
    # ⟨K, yyᵀ⟩ = 2·9 + ½·16 over √4.25 · 25.
    np.testing.assert_allclose(np.asarray(measured["kernel_alignment"]), 26 / 25 / np.sqrt(4.25))
    # n = 2, λ_min⁴ = 1/16, δ³ = ⅛: 64 · 16 · 8.
    np.testing.assert_allclose(np.asarray(measured["width_demanded_du"]), 8192)
    # κ = ¼/√2, κ² = 1/32, δ⁴ = 1/16, ε² = ¼: 128 · 16 · 32 · 16 · 4.
    np.testing.assert_allclose(np.asarray(measured["width_demanded_arora"]), 4194304)


def test_alignment_is_1_for_the_kernel_of_the_labels() -> None:
    y = np.array([[1.0], [-2.0], [0.5]])
    measured = LabelComplexity().measure(cell(kernel_problem(3 * y @ y.T, y)))
    np.testing.assert_allclose(np.asarray(measured["kernel_alignment"]), 1, rtol=1e-14)


def test_labels_in_null_directions_cannot_be_fitted() -> None:
    """★ Two equal inputs: with equal labels the complexity is finite, with others infinite."""
    kernel = np.array([[1.0, 1.0, 0.2], [1.0, 1.0, 0.2], [0.2, 0.2, 1.0]])
    agreeing = LabelComplexity().measure(
        cell(kernel_problem(kernel, np.array([[1.0], [1.0], [-1.0]])))
    )
    # Of the two distinct points alone: (1, −1) [[1, .2], [.2, 1]]⁻¹ (1, −1)ᵀ = 2/0.8.
    np.testing.assert_allclose(np.asarray(agreeing["label_complexity"]), np.sqrt(2 * 2.5 / 3))
    conflicting = np.array([[1.0], [0.0], [-1.0]])
    measured = LabelComplexity().measure(cell(kernel_problem(kernel, conflicting)))
    assert measured["label_complexity"] == INF
    assert measured["width_demanded_du"] == INF


def test_inverse_form_is_that_of_a_solve() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((5, 8))
    kernel, y = features @ features.T, rng.standard_normal((5, 2))
    expected = np.trace(y.T @ np.linalg.solve(kernel, y))
    np.testing.assert_allclose(inverse_form(eigendecomposition(kernel), y), expected, rtol=1e-11)


def test_labels_that_are_zero_have_no_direction() -> None:
    measured = LabelComplexity().measure(cell(two_modes((0.0, 0.0))))
    assert measured["label_complexity"] == 0
    assert "label_energy" not in measured


def test_loss_rate_by_hand() -> None:
    """2 (2·9 e^{−4t} + ½·16 e^{−t})/(9 e^{−4t} + 16 e^{−t}); nothing to measure at ∞."""
    measured = LossRate().measure(cell(two_modes()))
    finite = TIMES[:3]
    fast, slow = 9 * np.exp(-4 * finite), 16 * np.exp(-finite)
    expected = 2 * (2 * fast + 0.5 * slow) / (fast + slow)
    rate = np.asarray(measured["loss_rate"])
    np.testing.assert_allclose(rate[:3], expected, rtol=1e-12)
    assert np.isnan(rate[3])
    assert measured["loss_rate_min"] == 1
    assert measured["loss_rate_max"] == 4


def asking(problem: Problem) -> Problem:
    return replace(problem, extras=frozenset({"parameters"}))


def test_a_kernel_of_a_linear_network_does_not_move() -> None:
    rng = np.random.default_rng(0)
    problem = network_problem(
        LinearNetwork((3,), 2),
        1,
        rng.standard_normal((4, 3)),
        rng.standard_normal((4, 2)),
        rng.standard_normal((1, 3)),
    )
    measured = KernelDrift().measure(cell(asking(problem), NetworkGradientDescent()))
    assert not np.asarray(measured["kernel_drift"]).any()
    # λ₁ of x xᵀ for each output; the automatic rate is its inverse.
    largest = np.linalg.eigvalsh(problem.x_train @ problem.x_train.T)[-1]
    np.testing.assert_allclose(
        np.asarray(measured["kernel_drift_eigenvalue_max"]), largest, rtol=1e-13
    )
    np.testing.assert_allclose(np.asarray(measured["stability"]), 0.5, rtol=1e-6)


def test_drift_of_a_shallow_network() -> None:
    problem = asking(network_problem(ShallowNetwork(), 30, POINTS, TARGETS, POINTS[:1]))
    finished = cell(problem, NetworkGradientDescent())
    assert problem.model is not None
    assert finished.evolution.parameters is not None
    network = problem.model.network
    kernels = [network.tangent_kernel(p, POINTS) for p in finished.evolution.parameters]
    measured = KernelDrift().measure(finished)
    for index, kernel in enumerate(kernels):
        drift = np.linalg.norm(kernel - kernels[0]) / np.linalg.norm(kernels[0])
        np.testing.assert_allclose(
            np.asarray(measured["kernel_drift"])[index], drift, rtol=1e-9, atol=1e-15
        )
        y = TARGETS[:, 0]
        alignment = y @ kernel @ y / (np.linalg.norm(kernel) * (y @ y))
        np.testing.assert_allclose(
            np.asarray(measured["kernel_drift_alignment"])[index], alignment, rtol=1e-12
        )
    assert np.asarray(measured["kernel_drift"])[-1] > 1e-3


def test_stability_belongs_to_steps() -> None:
    problem = asking(network_problem(ShallowNetwork(), 30, POINTS, TARGETS, POINTS[:1]))
    measured = KernelDrift().measure(cell(problem, Eigh()))
    assert "stability" not in measured
    assert "kernel_drift" in measured


def test_kernels_at_times_that_are_not_reached_are_not_a_number() -> None:
    problem = asking(network_problem(ShallowNetwork(), 30, POINTS, TARGETS, POINTS[:1]))
    finished = cell(problem, NetworkGradientDescent(max_steps=2))
    lost = np.isnan(finished.evolution.reached)
    for value in KernelDrift().measure(finished).values():
        np.testing.assert_array_equal(np.isnan(np.asarray(value)), lost)
    assert not KernelDrift().measure(replace(finished, evolution=bare(finished.evolution)))


def bare(evolution: Evolution) -> Evolution:
    return replace(evolution, parameters=None)


@pytest.mark.parametrize("solver", [Eigh(), GradientDescent()], ids=Solver.label)
def test_linearised_training_has_no_gap(solver: Solver) -> None:
    problem = network_problem(ShallowNetwork(), 30, POINTS, TARGETS, POINTS[:2])
    measured = LinearisationGap().measure(cell(problem, solver))
    for value in measured.values():
        np.testing.assert_allclose(np.asarray(value), 0, atol=1e-15)


def test_the_gap_of_a_network_in_training() -> None:
    """Root mean square of the difference to descent with the network's own kernel."""
    problem = network_problem(ShallowNetwork(), 30, POINTS, TARGETS, POINTS[:2])
    times = np.array([0.0, 1.0, 5.0])
    finished = cell(problem, NetworkGradientDescent(learning_rate=0.1), times)
    linear = GradientDescent(learning_rate=0.1).evolve(problem, times)
    measured = LinearisationGap().measure(finished)
    for part in ("train", "test"):
        difference = getattr(finished.evolution, part) - getattr(linear, part)
        expected = np.sqrt((difference**2).mean(axis=(1, 2)))
        np.testing.assert_allclose(
            np.asarray(measured[f"linearisation_gap_{part}"]), expected, rtol=1e-9, atol=1e-15
        )
        assert expected[-1] > 1e-4


def test_nothing_is_measured_without_what_it_needs() -> None:
    empty = replace(cell(two_modes()), problem=replace(two_modes(), kernels=None, spectrum=None))
    for diagnostic in (
        LabelBounds(),
        DescentTheory(),
        LabelComplexity(),
        LossRate(),
        LinearisationGap(),
        LearningCurve(),
    ):
        assert not diagnostic.measure(empty)


@pytest.mark.parametrize("points", [3, 9, 12, 30])
def test_error_of_equal_eigenvalues_by_hand(points: int) -> None:
    """N modes of equal size and no ridge: E = a² (1 − n/N), and σ² (n/N)/(1 − n/N) of noise.

    From n = N on nothing is left but noise, which falls as N/(n − N).
    """
    modes, power, noise = 10.0, 0.7, 0.2
    error = expected_error(np.array([0.3]), np.array([modes]), np.array([power]), points, 0, noise)
    if points < modes:
        share = points / modes
        expected = power * (1 - share) + noise * share / (1 - share)
    else:
        expected = noise * modes / (points - modes)
    np.testing.assert_allclose(error, expected, rtol=1e-10)


def test_error_at_the_interpolation_threshold_is_infinite() -> None:
    assert expected_error(np.array([0.3]), np.array([5.0]), np.array([1.0]), 5, 0, 0.1) == INF


def test_error_without_points_is_the_power_of_the_target() -> None:
    numbers, power = np.array([1.0, 3.0]), np.array([0.5, 0.25])
    error = expected_error(np.array([0.4, 0.1]), numbers, power, 0, 0.3, 1.0)
    np.testing.assert_allclose(error, 0.75, rtol=1e-14)


def test_error_with_a_ridge_solves_its_equations() -> None:
    values, numbers = np.array([0.4, 0.1, 0.01]), np.array([1.0, 3.0, 20.0])
    power, points, ridge, noise = np.array([0.2, 0.5, 0.3]), 8, 0.05, 0.1
    kappa = ridge + 1.0
    for _ in range(500):  # the fixed point, by iteration
        kappa = ridge + kappa * float(numbers @ (values / (kappa + points * values)))
    gamma = points * float(numbers @ (values**2 / (kappa + points * values) ** 2))
    bias = float(power @ (kappa / (kappa + points * values)) ** 2)
    expected = (bias + gamma * noise) / (1 - gamma)
    error = expected_error(values, numbers, power, points, ridge, noise)
    np.testing.assert_allclose(error, expected, rtol=1e-10)


def test_learning_curves_are_for_spheres() -> None:
    data = Sphere(dimension=4, train=12, test=3).load()
    network = ShallowRelu(append_one=False, output_bias="none").network((4,), 1)
    problem = network_problem(network, 10, data.x_train, data.y_train, data.x_test)
    error = LearningCurve().measure(cell(problem))["learning_curve_theory"]
    assert 0 < float(error) < 0.25  # the power of a first harmonic in four dimensions
    scaled = network_problem(network, 10, 2 * data.x_train, data.y_train, data.x_test)
    assert not LearningCurve().measure(cell(scaled))


def test_a_degree_that_is_not_resolved_is_refused() -> None:
    with pytest.raises(ValueError, match="only degrees below 10"):
        LearningCurve(degree=12, degrees=10)


@pytest.mark.parametrize(
    ("dataset", "doubt"),
    [
        ({"name": "sphere", "train": 5, "test": 2}, ""),
        ({"name": "circle", "train": 5, "test": 2}, "of uniform random points on the unit sphere"),
        ({"name": "linear_teacher", "train": 5, "test": 2}, "is left out here"),
    ],
)
def test_a_study_of_learning_curves_away_from_the_sphere_is_warned(
    dataset: dict[str, object], doubt: str
) -> None:
    study = {"study": "curve", "dataset": {**dataset, "label": "data"}, "architecture": "mlp"}
    study |= {"width": np.inf, "kernel": "analytic", "solver": "eigh", "time": [0, 1]}
    warnings = plan_cells(load_study(study | {"record": ["loss", "learning_curve"]})).warnings
    assert len(warnings) == bool(doubt)
    for warning in warnings:
        assert warning.startswith("record[1]: 'learning_curve' of 'data': the theory is of ")
        assert doubt in warning
