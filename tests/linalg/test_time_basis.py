from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import (
    PriorFactor,
    eigendecomposition,
    flow_factors,
    predictive_covariance,
    predictive_variance,
    project,
    semidefinite_factor,
    time_basis as few_functions,
    trajectories as trajectories_module,
)
from ntksim.linalg.time_basis import ACCURACY, bands, time_basis
from ntksim.types import Spectrum

INF = float("inf")
TIMES = np.concatenate([[0.0], np.geomspace(1e-2, 1e4, 198), [INF]])


def spectrum(eigenvalues: np.ndarray) -> Spectrum:
    n = len(eigenvalues)
    return Spectrum(eigenvalues, np.eye(n), n * 2.2e-16 * eigenvalues[0])


def spectra(n: int = 1000) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "power law": 1e3 * np.arange(1, n + 1) ** -2.0,
        "uniform in the logarithm": np.sort(10.0 ** rng.uniform(-6, 3, n))[::-1],
        "one outlier": np.concatenate([[1e4], np.sort(rng.uniform(1, 3, n - 1))[::-1]]),
        "singular": np.concatenate([np.geomspace(1e3, 1e-3, n - 50), np.zeros(50)]),
    }


def scales(factors: np.ndarray) -> np.ndarray:
    """What the accuracy is relative to: the root of the largest of a mode, and a time's largest."""
    columns = np.sqrt(np.abs(factors).max(axis=0))
    columns[columns == 0] = 1
    return columns * (np.abs(factors) / columns).max(axis=1, keepdims=True)


@pytest.mark.parametrize("name", spectra())
@pytest.mark.parametrize("what", ["growth", "residual"])
def test_few_functions_make_all_times(name: str, what: str) -> None:
    factors = getattr(flow_factors(spectrum(spectra()[name]), TIMES[:-1]), what)
    basis = time_basis(factors)
    assert basis is not None
    assert len(basis.functions) < 120  # of 199
    parts = list(bands(basis.functions))
    banded = np.concatenate([part.mixing @ part.own for part in parts], axis=1)
    scale = scales(factors)
    usual = scale[:, 0] > 1e-290  # subnormal numbers have no such accuracy themselves
    for functions in (basis.functions, banded):
        error = np.abs(basis.mixing @ functions - factors)[usual] / scale[usual]
        # Stated for the basis; the bands add rounding of sums of some ten terms.
        assert error.max() <= 1.1 * ACCURACY
    assert [part.modes.start for part in parts[1:]] == [part.modes.stop for part in parts[:-1]]
    assert sum(part.own.size for part in parts) < 0.5 * basis.functions.size


def test_modes_that_the_sample_misses_are_found_by_the_check() -> None:
    """A function of its own, in a mode that is not among those first looked at."""
    smooth = flow_factors(spectrum(np.linspace(3, 1, 4000)), TIMES[:60]).growth
    rng = np.random.default_rng(1)
    for mode in range(1001, 1030):
        smooth[:, mode] = rng.uniform(size=60)
    basis = time_basis(smooth)
    assert basis is not None
    error = np.abs(basis.mixing @ basis.functions - smooth) / scales(smooth)
    assert error.max() <= ACCURACY


@pytest.mark.parametrize(
    "factors",
    [
        np.random.default_rng(0).uniform(size=(5, 30)),
        np.full((3, 4), np.inf),
        np.zeros((3, 4)),
        np.zeros((0, 4)),
        np.zeros((3, 0)),
    ],
)
def test_no_basis_where_there_is_nothing_to_gain(factors: np.ndarray) -> None:
    assert time_basis(factors) is None


@pytest.mark.parametrize("name", spectra())
def test_outputs_through_few_functions_are_those_of_every_time(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    factors = flow_factors(spectrum(spectra()[name]), TIMES)
    rows, coefficients = rng.standard_normal((20, 1000)), rng.standard_normal((1000, 3))
    for matrix in (factors.residual, factors.growth):
        fast = trajectories_module.combine(rows, matrix, coefficients)
        with monkeypatch.context() as patch:
            patch.setattr(trajectories_module, "FEW_MODES", 1000)
            direct = trajectories_module.combine(rows, matrix, coefficients)
        assert not np.array_equal(fast, direct)  # they are two ways
        # ACCURACY times the sum of the magnitudes that are added.
        bound = np.einsum("mn,tn,nc->tmc", np.abs(rows), scales(matrix), np.abs(coefficients))
        assert (np.abs(fast - direct) <= 2 * ACCURACY * bound + 1e-300).all()


def direct_variance(values, projection, growth, factor: PriorFactor) -> np.ndarray:
    """Time by time, every column at once."""
    deviations = [
        factor.test - (projection * row) @ (values.eigenvectors.T @ factor.train) for row in growth
    ]
    return np.array([np.sum(d * d, axis=1) for d in deviations])


def split(factor: np.ndarray, n: int) -> PriorFactor:
    return PriorFactor(factor[:n], factor[n:])


def test_early_times_know_nothing_of_the_limit() -> None:
    """A kernel with a condition of 1e12 and t = ∞: factors of 1e9 beside those of 1e-2."""
    n = 600
    values = spectrum(np.geomspace(1e3, 1e-9, n))
    growth = flow_factors(values, TIMES).growth
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((4, n)) * np.sqrt(values.eigenvalues)  # as k(x, X) v is bounded
    coefficients = rng.standard_normal((n, 1))
    found = trajectories_module.combine(rows, growth, coefficients)
    basis = time_basis(growth)
    assert basis is not None
    exact = np.einsum("mn,tn,nc->tmc", rows, growth, coefficients)
    # All that moves until t is of the size of its square root, the sum of n modes of that √n.
    error = np.abs(found - exact).max(axis=(1, 2))[1:-1]
    assert (error <= 2 * ACCURACY * np.sqrt(n * TIMES[1:-1])).all()


def process(seed: int, n: int = 600, m: int = 30):
    """A smooth tangent kernel on the line and a prior that is another one."""
    x = np.sort(np.random.default_rng(seed).uniform(0, 1, n + m))
    x = np.random.default_rng(seed + 1).permutation(x)
    distance = np.abs(x[:, None] - x)
    tangent, prior = np.exp(-5 * distance), np.exp(-distance) + 1.0
    values = eigendecomposition(tangent[:n, :n])
    return values, project(values, tangent[n:, :n]), prior


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_variance_of_many_times_is_that_of_each(ridge: float) -> None:
    values, projection, prior = process(0)
    n = len(values.eigenvalues)
    factor = split(semidefinite_factor(prior), n)
    growth = flow_factors(values, TIMES, ridge).growth
    assert few_functions.time_basis(growth) is not None
    chosen = [0, 1, 60, 120, 198, 199]
    variance = predictive_variance(values, projection, growth, factor)[chosen]
    expected = direct_variance(values, projection, growth[chosen], factor)
    # 1e-13 of P g W, whose sums of magnitudes are a few hundred here; beside the prior, about 2.
    np.testing.assert_allclose(variance, expected, rtol=0, atol=1e-11)
    covariance = predictive_covariance(values, projection, growth[chosen], factor)
    diagonal = np.diagonal(covariance, axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, expected, rtol=0, atol=1e-11)
    np.testing.assert_array_equal(covariance, covariance.transpose(0, 2, 1))


@given(st.integers(0, 2**32), st.floats(-3, 3), st.integers(2, 40))
@settings(max_examples=5, deadline=None)
def test_variance_through_few_functions_is_never_negative(
    seed: int, exponent: float, count: int
) -> None:
    values, projection, prior = process(seed, 80, 5)
    prior[-1] = prior[0]  # a test point that is a training point, and loses all of its variance
    prior[:, -1] = prior[:, 0]
    projection[-1] = values.eigenvectors[0] * values.eigenvalues
    n = len(values.eigenvalues)
    factor = split(semidefinite_factor(prior), n)
    times = np.geomspace(10.0**exponent, 10.0 ** (exponent + 5), count)
    growth = flow_factors(values, np.append(times, INF)).growth
    variance = predictive_variance(values, projection, growth, factor)
    assert (variance >= 0).all()
    # A square of what rounding leaves of deviations of size 1, and not the rounding of squares.
    assert variance[-1, -1] <= 1e-20


def test_nothing_moves_what_the_test_points_have_alone() -> None:
    values, projection, prior = process(3)
    n = len(values.eigenvalues)
    factor = split(semidefinite_factor(prior), n)
    alone = PriorFactor(factor.train[:, n:], factor.test[:, n:])
    assert not alone.train.any()
    growth = flow_factors(values, TIMES).growth
    variance = predictive_variance(values, projection, growth, alone)
    expected = np.broadcast_to(np.sum(alone.test**2, axis=1), variance.shape)
    np.testing.assert_allclose(variance, expected, rtol=1e-14)  # order of summation
