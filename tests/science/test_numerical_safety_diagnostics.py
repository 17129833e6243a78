"""Diagnostics on cells that break naive ones: right to stated digits, NaN only where they say so.

Two references: every number at 50 digits, from the kernel and the residuals as they are; and the
law by which every variable follows a scale c of the kernel (with times divided by c) and a scale s
of the targets, which is exact for powers of two.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from ntksim.linalg import eigendecomposition
from ntksim.types import (
    Array,
    Dataset,
    Diagnostic,
    FinishedCell,
    KernelBlocks,
    Kernels,
    Model,
    SeedTree,
)

from kernel_problems import kernel_problem
from ntksim_builtin.architectures import Mlp, ShallowRelu
from ntksim_builtin.datasets import Circle as CircleData, Sphere as SphereData
from ntksim_builtin.diagnostics import (
    Accuracy,
    CircleSpectrum,
    DescentTheory,
    FullPredictions,
    Harmonics,
    InitialVelocity,
    Kernel,
    KernelDistance,
    KernelDrift,
    LabelBounds,
    LabelComplexity,
    LearningCurve,
    LinearisationGap,
    Loss,
    LossBounds,
    LossRate,
    Parameters,
    ParameterTheory,
    Predictions,
    PredictorGap,
    Residuals,
    Samples,
    SpectrumDiagnostic,
)
from ntksim_builtin.diagnostics.ordinary import norm, ordinary, scaled_back
from ntksim_builtin.kernels import Analytic
from ntksim_builtin.solvers import Eigh, GradientDescent, NetworkGradientDescent

DIGITS = 50
EPSILON = float(np.finfo(np.float64).eps)
TIMES = np.array([0.0, 0.5, 30.0, math.inf])

GRAM = np.array([[2.0, 1.0, 0.5], [1.0, 3.0, -0.25], [0.5, -0.25, 1.0]])
TALL = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
KERNELS: dict[str, Array] = {
    "ordinary": GRAM,
    "Hilbert": np.array([[1.0 / (i + j + 1) for j in range(5)] for i in range(5)]),
    "singular, more points than parameters": TALL @ TALL.T,
    "duplicates": np.ones((2, 2)),
    "a zero vector": np.diag([1.0, 0.0, 2.0]),
    "nothing but zero vectors": np.zeros((3, 3)),
    "one sample": np.array([[2.0]]),
    "one sample that is zero": np.array([[0.0]]),
    "negative by rounding": np.diag([1.0, 1e-3, -1e-17]),
}
TARGETS: dict[str, Any] = {
    "conflicting": lambda n: np.array([(-1.0) ** i * (1 + i) for i in range(n)])[:, None],
    "constant": lambda n: np.full((n, 1), 7.0),
    "zero": lambda n: np.zeros((n, 1)),
}

POWERS: dict[str, tuple[Diagnostic, Any]] = {
    diagnostic.name: (diagnostic, powers)
    for diagnostic, powers in (
        (Predictions(), {"prediction_train": (0, 1), "prediction_test": (0, 1)}),
        (Residuals(), {"residual_train": (0, 1), "residual_test": (0, 1)}),
        (
            Loss(),
            {
                "loss_train": (0, 2),
                "loss_test": (0, 2),
                "mean_squared_error_train": (0, 2),
                "mean_squared_error_test": (0, 2),
            },
        ),
        (LossBounds(), {"loss_lower_bound": (0, 2), "loss_upper_bound": (0, 2)}),
        (LabelBounds(), {"loss_bound_label_lower": (0, 2), "loss_bound_label_upper": (0, 2)}),
        (Accuracy(), {"accuracy_train": (0, 0), "accuracy_test": (0, 0)}),
        (Kernel(), {"ntk_train": (1, 0), "ntk_test_train": (1, 0)}),
        (KernelDistance(), {"ntk_distance_train": (0, 0), "ntk_distance_test_train": (0, 0)}),
        (
            SpectrumDiagnostic(),
            {
                "eigenvalue": (1, 0),
                "label_projection": (0, 1),
                "eigenvalue_min": (1, 0),
                "eigenvalue_max": (1, 0),
                "condition_number": (0, 0),
                "numerical_rank": (0, 0),
                "stable_learning_rate": (-1, 0),
            },
        ),
        (
            InitialVelocity(),
            {
                "initial_velocity_train": (1, 1),
                "initial_velocity_test": (1, 1),
                "initial_velocity_contribution": (1, 1),
            },
        ),
        (
            DescentTheory(),
            {
                "loss_bound_du": (0, 2),
                "loss_theory": (0, 2),
                "parameter_motion_bound_du": (-0.5, 1),
            },
        ),
        (
            LabelComplexity(),
            {
                "label_energy": (0, 0),
                "label_complexity": (-0.5, 1),
                "kernel_alignment": (0, 0),
                "width_demanded_du": (-4, 0),
                "width_demanded_arora": (-4, 0),
            },
        ),
        (LossRate(), {"loss_rate": (1, 0), "loss_rate_min": (1, 0), "loss_rate_max": (1, 0)}),
        (ParameterTheory(), {"parameter_motion_theory": (-0.5, 1)}),
        (LinearisationGap(), {"linearisation_gap_train": (0, 1), "linearisation_gap_test": (0, 1)}),
        (PredictorGap(), {"predictor_gap_train": (0, 1), "predictor_gap_test": (0, 1)}),
    )
}

MAY_BE_NAN = {"loss_rate", "kernel_alignment", "kernel_drift_alignment"}
"""Variables whose description says where they are NaN."""


DIGITS_OF = {"loss_rate": 1e-6}
"""The rate at late times is one of residuals of 1e-12, of which rounding leaves few digits."""


def required(kernel: Array | None) -> Array:
    assert kernel is not None
    return kernel


def cell_of(
    kernel: Array, y: Array, times: Array = TIMES, solver: Any = None, other: Array | None = None
) -> FinishedCell:
    """A finished cell whose test points are its training points."""
    n = len(y)
    problem = kernel_problem(kernel, y, kernel)
    network = Mlp(depth=1).network((1,), 1)
    problem = replace(problem, model=Model(network, 8, SeedTree(0)))
    evolution = (solver or Eigh()).evolve(problem, times)
    x = np.arange(1.0, n + 1)[:, None]
    data = Dataset(x, y, x, y, classification=True)
    reference = Kernels(ntk=kernel * 1.25 if other is None else other)
    return FinishedCell(
        data, problem, times, evolution, {"analytic": KernelBlocks(reference, reference)}
    )


@pytest.mark.parametrize("solver", [Eigh(), GradientDescent()], ids=str)
@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_nothing_is_nan_but_what_says_so(kernel: str, targets: str, solver: Any) -> None:
    matrix = KERNELS[kernel]
    cell = cell_of(matrix, TARGETS[targets](len(matrix)), solver=solver)
    assert np.isfinite(cell.evolution.train).all()
    for diagnostic, powers in POWERS.values():
        measured = diagnostic.measure(cell)
        assert set(measured) <= set(powers)
        for name, value in measured.items():
            if name not in MAY_BE_NAN:
                assert not np.isnan(value).any(), name


@pytest.mark.parametrize("s", [2.0**-900, 2.0**-498, 1.0, 2.0**498, 2.0**900])
@pytest.mark.parametrize("c", [2.0**-996, 2.0**-498, 1.0, 2.0**498, 2.0**996])
@pytest.mark.parametrize("kernel", ["ordinary", "singular, more points than parameters"])
def test_every_variable_follows_the_scales(kernel: str, c: float, s: float) -> None:
    matrix, y = KERNELS[kernel], TARGETS["conflicting"](len(KERNELS[kernel]))
    plain, scaled = cell_of(matrix, y), cell_of(matrix * c, y * s, TIMES / c)
    for diagnostic, powers in POWERS.values():
        expected, found = diagnostic.measure(plain), diagnostic.measure(scaled)
        assert expected.keys() == found.keys()
        for name, (of_kernel, of_targets) in powers.items():
            if name not in expected:
                continue
            exponent = round(of_kernel * math.log2(c) + of_targets * math.log2(s))
            with np.errstate(over="ignore"):
                right = np.ldexp(np.asarray(expected[name], dtype=np.float64), exponent)
            # What is 0 but for rounding of targets of order 4, or of kernels, is so after scaling.
            unit = {0.0: 1.0, 1.0: 5.0}.get(of_kernel, 1.0) * 10.0
            rounding = float(np.ldexp(1e-14 * unit, min(exponent, 1000)))
            np.testing.assert_allclose(
                found[name],
                right,
                rtol=DIGITS_OF.get(name, 1e-9),
                atol=max(rounding, 1e-322),
                err_msg=name,
            )


def exact_modes(kernel: Array, residual: Array) -> tuple[list[Any], list[Any]]:
    """Eigenvalues, descending, and squares of the residual along them, to 50 digits."""
    values, vectors = mp.eigsy(mp.matrix(kernel.tolist()))
    parts = vectors.T * mp.matrix(residual[:, 0].tolist())
    modes = sorted(((values[i], parts[i] ** 2) for i in range(len(kernel))), reverse=True)
    return [value for value, _ in modes], [part for _, part in modes]


def relative(found: Any, exact: Any) -> float:
    return float(abs(mp.mpf(float(found)) - exact) / abs(exact)) if exact else float(abs(found))


@pytest.mark.parametrize("kernel", ["ordinary", "one sample", "Hilbert"])
@pytest.mark.parametrize("targets", ["conflicting", "constant"])
def test_numbers_of_the_spectrum_at_fifty_digits(kernel: str, targets: str) -> None:
    matrix, y = KERNELS[kernel], TARGETS[targets](len(KERNELS[kernel]))
    cell, n = cell_of(matrix, y), len(y)
    measured: dict[str, Any] = {}
    for name in ("spectrum", "loss_bounds", "label_bounds", "label_complexity", "parameter_theory"):
        measured |= POWERS[name][0].measure(cell)
    for diagnostic in (LossRate(), DescentTheory()):
        measured |= diagnostic.measure(cell)
    with mp.workdps(DIGITS):
        values, energy = exact_modes(matrix, y)
        # An eigenvalue has n ε λ₁ of rounding, and what depends on it its share of that.
        digits = 20 * n * EPSILON * float(values[0] / values[-1])
        total = mp.fsum(energy)
        assert relative(measured["eigenvalue_max"], values[0]) < 20 * n * EPSILON
        assert relative(measured["eigenvalue_min"], values[-1]) < digits
        assert relative(measured["condition_number"], values[0] / values[-1]) < digits
        form = mp.fsum(e / v for e, v in zip(energy, values, strict=True))
        assert relative(measured["label_complexity"], mp.sqrt(2 * form / n)) < digits
        inner = mp.fsum(e * v for e, v in zip(energy, values, strict=True))
        size = mp.sqrt(mp.fsum(v**2 for v in values))
        assert relative(measured["kernel_alignment"], inner / (size * total)) < 1e-13
        assert relative(measured["loss_rate"][0], 2 * inner / total) < 1e-13
        for index, time in enumerate(TIMES):
            left = [mp.exp(-v * mp.mpf(float(time))) if time else mp.mpf(1) for v in values]
            grown = [-mp.expm1(-v * mp.mpf(float(time))) / v for v in values]
            products = [e * rest**2 for e, rest in zip(energy, left, strict=True)]
            exact = {
                "loss_lower_bound": total / 2 * left[0] ** 2,
                "loss_upper_bound": total / 2 * left[-1] ** 2,
                "loss_bound_label_lower": max(products) / 2,
                "loss_bound_label_upper": max(products) * n / 2,
                "loss_theory": mp.fsum(products) / 2,
                "parameter_motion_theory": mp.sqrt(
                    mp.fsum(e * v * g**2 for e, v, g in zip(energy, values, grown, strict=True))
                ),
            }
            for name, number in exact.items():
                # λt counts with all of its rounding: n ε λ₁ t, which is largest for the first mode.
                lost = 40 * n * EPSILON * float(values[0]) * min(time, 1e3)
                found = measured[name][index]
                assert relative(found, number) < 1e-13 + lost + digits, (name, time)


def test_a_bound_of_a_loss_beyond_the_floats_is_none_of_what_is_left() -> None:
    # L(0) is of the order 1e320; at t = ∞ nothing is left of it, and 0 · ∞ would be NaN.
    cell = cell_of(GRAM, TARGETS["conflicting"](3) * 1e160)
    bounds = LossBounds().measure(cell)
    np.testing.assert_array_equal(np.asarray(bounds["loss_upper_bound"])[[0, -1]], [np.inf, 0.0])
    theory = DescentTheory().measure(cell)
    np.testing.assert_array_equal(np.asarray(theory["loss_theory"])[[0, -1]], [np.inf, 0.0])


def test_a_mode_with_nothing_to_learn_does_not_diverge() -> None:
    # Twice the stable rate for the first mode, which has no residual; (1 − ηλ)^k overflows there.
    kernel, y = np.diag([4.0, 1.0]), np.array([[0.0], [1.0]])
    solver = GradientDescent(learning_rate=1.0)
    cell = cell_of(kernel, y, np.array([0.0, 5000.0]), solver)
    measured = DescentTheory().measure(cell)
    np.testing.assert_allclose(np.asarray(measured["loss_theory"]), [0.5, 0.0], atol=1e-15)


@pytest.mark.parametrize("scale", [1e-160, 1.0, 1e140])
def test_motion_of_parameters_of_any_size(scale: float) -> None:
    network = Mlp(depth=1).network((1,), 1)
    x = np.array([[1.0], [-0.5]])
    y = np.array([[1.0], [2.0]]) * scale
    own = Model(network, 3, SeedTree(0))
    steps = [
        {
            name: value + scale * (1 + np.arange(value.size)).reshape(value.shape)
            for name, value in own.params.items()
        }
        for _ in range(2)
    ]
    problem = replace(kernel_problem(np.eye(2), y), x_train=x, model=own)
    evolution = replace(Eigh().evolve(problem, np.array([0.0, 1.0])), parameters=steps)
    cell = FinishedCell(Dataset(x, y, x[:0], y[:0]), problem, np.array([0.0, 1.0]), evolution)
    measured = Parameters().measure(cell)
    changes = [float(steps[0][name].size) for name in own.params]
    if scale < 1:  # 1 + 1e-160 is 1
        assert not np.asarray(measured["parameter_motion"]).any()
        return
    # Σ k² for k = 1 … m, in both arrays; beside changes of 1e140 the start is nothing.
    squares = [m * (m + 1) * (2 * m + 1) / 6 for m in changes]
    np.testing.assert_allclose(
        np.asarray(measured["parameter_motion"]), math.sqrt(sum(squares)) * scale, rtol=1e-14
    )
    np.testing.assert_allclose(
        np.asarray(measured["parameter_motion_layer"])[0], np.sqrt(squares) * scale, rtol=1e-14
    )
    np.testing.assert_allclose(
        np.asarray(measured["parameter_motion_rms"]),
        math.sqrt(sum(squares) / sum(changes)) * scale,
        rtol=1e-14,
    )


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("y", [[1.0, -1.0], [0.0, 0.0]])
def test_drift_of_narrow_networks_is_a_number(width: int, y: list[float]) -> None:
    x = np.array([[1.0], [2.0]])
    network = Mlp(depth=1).network((1,), 1)
    for seed in range(4):  # some are off at all points: their kernel is 0 and stays it
        own = Model(network, width, SeedTree(seed))
        targets = np.array(y)[:, None]
        f0 = network.apply(own.params, x)
        kernel = network.tangent_kernel(own.params, x)
        problem = replace(
            kernel_problem(kernel, targets, start=f0),
            x_train=x,
            x_test=x[:0],
            model=own,
            extras=frozenset({"parameters"}),
        )
        times = np.array([0.0, 1.0, 20.0])
        evolution = NetworkGradientDescent().evolve(problem, times)
        cell = FinishedCell(Dataset(x, targets, x[:0], targets[:0]), problem, times, evolution)
        for diagnostic in (KernelDrift(), Parameters(), FullPredictions()):
            for name, value in diagnostic.measure(cell).items():
                if name not in MAY_BE_NAN:
                    assert np.isfinite(value).all(), (name, seed)
        assert np.asarray(KernelDrift().measure(cell)["kernel_drift"])[0] == 0


@pytest.mark.parametrize("size", [1e-320, 1e-300, 1e-20, 1.0, 1e20, 1e300])
def test_norms_of_any_size(size: float) -> None:
    values = np.array([[3.0, 0.0], [0.0, 4.0]]) * size
    # Below the normal floats, 3e-320 itself has only three digits.
    np.testing.assert_allclose(norm(values) / 5, size, rtol=1e-15 if size > 1e-300 else 1e-3)


def test_infinite_and_missing_numbers_say_nothing_about_size() -> None:
    exponent, scaled = ordinary(np.array([np.nan, np.inf, 2.0**500]))
    assert exponent == 501
    np.testing.assert_array_equal(scaled, [np.nan, np.inf, 0.5])
    np.testing.assert_array_equal(scaled_back(scaled, 501), [np.nan, np.inf, 2.0**500])
    assert ordinary(np.array([np.nan]))[0] == 0
    assert ordinary(np.zeros((0, 2)))[0] == 0
    assert ordinary(np.array([2.0**500]), even=True)[0] == 502


def test_the_reference_is_the_decomposition_of_the_same_kernel() -> None:
    with mp.workdps(DIGITS):
        values, energy = exact_modes(GRAM, TARGETS["conflicting"](3))
        assert relative(14.0, mp.fsum(energy)) < 1e-40
    np.testing.assert_allclose(
        [float(v) for v in values], eigendecomposition(GRAM).eigenvalues, rtol=1e-14
    )


@pytest.mark.parametrize("weight_std", [2.0**-250, 2.0**250])
def test_spectra_on_circles_and_spheres_follow_the_weights(weight_std: float) -> None:
    # Both layers have it: kernels get its fourth power, 2^±1000, and no other digits.
    measured = []
    for std in (1.0, weight_std):
        found: dict[str, Any] = {}
        for data in (CircleData(train=8, test=2).load(), SphereData(train=5, test=2).load()):
            architecture = ShallowRelu(weight_std=std, append_one=False, output_bias="none")
            own = Model(architecture.network(data.input_shape, 1), math.inf, SeedTree(0))
            train = Analytic().kernels(own, data.x_train)
            problem = replace(
                kernel_problem(required(train.ntk), data.y_train, required(train.ntk)), model=own
            )
            times = np.array([0.0])
            cell = FinishedCell(data, problem, times, Eigh().evolve(problem, times))
            for diagnostic in (Harmonics(degrees=8), LearningCurve(degrees=8), CircleSpectrum()):
                for name, value in diagnostic.measure(cell).items():
                    found[f"{name} {data.input_shape}"] = np.asarray(value)
        measured.append(found)
    plain, scaled = measured
    assert plain.keys() == scaled.keys()
    for name, value in scaled.items():
        assert np.isfinite(value).all(), name
        if "error" in name:  # relative ones, of rounding
            assert value < 1e-13
        elif "multiplicity" in name or "learning_curve" in name:
            np.testing.assert_allclose(value, plain[name], rtol=1e-10)
        else:
            size = np.abs(plain[name]).max()
            np.testing.assert_allclose(
                value / weight_std**4, plain[name], rtol=0, atol=1e-13 * size, err_msg=name
            )


@pytest.mark.parametrize("c", [2.0**-996, 2.0**-498, 2.0**498, 2.0**996])
def test_spreads_follow_the_scale_of_the_prior(c: float) -> None:
    def spread(scale: float) -> tuple[Array, Array, Array]:
        prior = (GRAM * scale, GRAM * scale, GRAM * scale)
        problem = kernel_problem(GRAM, TARGETS["conflicting"](3), GRAM, nngp=prior)
        evolution = Eigh().evolve(problem, TIMES)
        assert evolution.variance_test is not None
        assert evolution.covariance_test is not None
        data = Dataset(np.eye(3), problem.y_train, np.eye(3), problem.y_train)
        cell = FinishedCell(data, problem, TIMES, evolution)
        samples = np.asarray(Samples(count=2).measure(cell)["prediction_sample_test"])
        mean = evolution.test[:, None]
        return evolution.variance_test, evolution.covariance_test, samples - mean

    plain, scaled = spread(1.0), spread(c)
    # Variances have the size of the prior, samples its root; at t = ∞ both are rounding.
    np.testing.assert_allclose(scaled[0] / c, plain[0], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(scaled[1] / c, plain[1], rtol=1e-9, atol=1e-14)
    root = math.sqrt(c)
    # Beside the mean, of order 4, small samples are lost in its rounding.
    np.testing.assert_allclose(
        scaled[2][:3] / root, plain[2][:3], rtol=1e-7, atol=1e-13 + 1e-15 / root
    )
