"""Spectra on circles and spheres against theory, from the store of their study."""

from __future__ import annotations

import numpy as np
import pytest

from stored_studies import Run, Stored

PI2 = np.pi**2


@pytest.fixture(scope="module")
def spectra(stored: Run) -> Stored:
    return stored("exact_spectra")


def degrees(spectra: Stored, dataset: str, architecture: str, name: str = "") -> np.ndarray:
    root = spectra.root.sel(dataset=dataset, architecture=architecture)
    return root[f"harmonic_eigenvalue{name}"].values


def test_stored_residuals_are_at_the_level_of_rounding(spectra: Stored) -> None:
    circles = [d for d in spectra.root.dataset.values if "circle" in d]
    # Rounding of a kernel entry, eps, adds up to √n eps λ₁ in an eigenvalue at worst.
    assert (spectra.root.circle_eigenvalue_error.sel(dataset=circles) < 1e-13).all()
    # Of a sum over some 300 nodes.
    assert (spectra.root.harmonic_eigenvalue_error < 1e-13).all()
    assert spectra.root.harmonic_eigenvalue_error.notnull().all()


@pytest.mark.parametrize(
    ("architecture", "constant", "first", "numerator"),
    [
        ("both layers", 3, 0.25, (1, 3)),
        ("first layer", 1, 0.125, (1, 1)),
        ("read-out", 2, 0.125, (0, 2)),
    ],
)
def test_oracle_11_fourier_coefficients_of_the_circle(
    spectra: Stored, architecture: str, constant: float, first: float, numerator: tuple[int, int]
) -> None:
    """(a k² + b)/(π² (k² − 1)²) at even k."""
    values = degrees(spectra, "circle-9", architecture)
    k = np.arange(len(values))
    even = (numerator[0] * k**2 + numerator[1]) / (PI2 * (k**2 - 1.0 + (k == 1)) ** 2)
    expected = np.where(k % 2 == 0, even, 0.0)
    expected[1] = first
    assert expected[0] == constant / PI2
    np.testing.assert_allclose(values, expected, rtol=0, atol=2e-14)


def test_oracle_11_and_by_summing_them_up(spectra: Stored) -> None:
    """N Σ_j λ_{m+jN} term by term, half a million terms, against what is stored for N = 9."""
    j = np.arange(-250_000, 250_001)
    total = []
    for m in range(9):
        k = (m + 9 * j).astype(float)
        even = (k % 2 == 0) & (np.abs(k) != 1)
        term = (k[even] ** 2 + 3) / (PI2 * (k[even] ** 2 - 1) ** 2)
        total.append(9 * (term.sum() + 0.25 * np.count_nonzero(np.abs(k) == 1)))
    stored = spectra["circle-9"].sel(architecture="both layers")
    # The tail: 9 · 2/(π² 18² j²) summed over even k beyond 2.2 million, 3e-8.
    expected = np.sort(total)[::-1]
    np.testing.assert_allclose(stored.circle_eigenvalue_theory, expected, rtol=0, atol=1e-7)
    np.testing.assert_allclose(stored.eigenvalue, expected, rtol=0, atol=1e-7)


def test_oracle_12_smallest_eigenvalue_of_nine_points(spectra: Stored) -> None:
    smallest = spectra.root.eigenvalue_min.sel(dataset="circle-9", architecture="both layers")
    np.testing.assert_allclose(smallest, 0.0409838, rtol=0, atol=5e-8)


@pytest.mark.parametrize("architecture", ["both layers", "with output bias"])
def test_oracle_12_c7_even_numbers_of_points_are_singular(
    spectra: Stored, architecture: str
) -> None:
    """Antipodal pairs: no two inputs are parallel in the usual sense, but one is minus another.

    Of 8 points frequencies 3 and 5 are missing; of 64 all odd ones but two.
    """
    rank = spectra.root.numerical_rank.sel(architecture=architecture)
    assert rank.sel(dataset="circle-8") == 6
    assert rank.sel(dataset="circle-64") == 34
    assert rank.sel(dataset="circle-255") == 255


def test_c7_an_output_bias_adds_to_the_constant_alone(spectra: Stored) -> None:
    for points in (8, 9, 255):
        group = spectra[f"circle-{points}"].eigenvalue
        with_bias, without = (
            np.sort(group.sel(architecture=a).values) for a in ("with output bias", "both layers")
        )
        np.testing.assert_allclose(with_bias[:-1], without[:-1], rtol=0, atol=1e-13 * points)
        np.testing.assert_allclose(with_bias[-1] - without[-1], points, rtol=1e-13)


def test_oracle_13_sphere_in_three_dimensions(spectra: Stored) -> None:
    values = degrees(spectra, "sphere-dimension3-train10", "both layers")
    expected = [1 / 4, 1 / 6, 5 / 128, 0, 1 / 384, 0, 23 / 32768]
    np.testing.assert_allclose(values[:7], expected, rtol=0, atol=2e-15)


@pytest.mark.parametrize("dimension", [3, 5, 10])
def test_oracle_13_first_harmonics_and_decay(spectra: Stored, dimension: int) -> None:
    """μ₁ = 1/(2d), odd degrees from 3 on are 0, and even ones decay as k^{−d}."""
    values = degrees(spectra, f"sphere-dimension{dimension}-train10", "both layers")
    np.testing.assert_allclose(values[1], 1 / (2 * dimension), rtol=1e-13)
    np.testing.assert_allclose(values[3::2], 0, rtol=0, atol=2e-15)
    # As far as the values stand out of rounding; published fits at k ≈ 40: 2.97, 4.84, 9.2.
    theory = degrees(spectra, f"sphere-dimension{dimension}-train10", "both layers", "_theory")
    k = np.arange(30, 41, 2)
    slope = np.polyfit(np.log(k), np.log(theory[k]), 1)[0]
    published = {3: 2.97, 5: 4.84, 10: 9.2}[dimension]
    np.testing.assert_allclose(-slope, published, rtol=0.05)


def test_oracle_14_traces(spectra: Stored) -> None:
    """Mercer: the eigenvalues times multiplicities add up to k(x, x) = 1, a matrix's to N."""
    for points in (5, 8, 9, 64, 255):
        total = spectra[f"circle-{points}"].eigenvalue.sel(architecture="both layers").sum()
        np.testing.assert_allclose(total, points, rtol=1e-13)
    for dimension in (3, 5, 10):
        name = f"sphere-dimension{dimension}-train10"
        trace = spectra.root.harmonic_trace.sel(dataset=name, architecture="both layers")
        # What the degrees beyond 40 hold: about 0.15/41 in 3 dimensions, more in higher ones.
        assert 0.985 < trace < 1
    half = spectra.root.harmonic_trace.sel(
        dataset="sphere-dimension3-train10", architecture="read-out"
    )
    np.testing.assert_allclose(half, 0.5, rtol=0, atol=1e-5)  # this part decays faster
