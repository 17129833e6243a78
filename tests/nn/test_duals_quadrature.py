"""Duals by quadrature: accuracy against closed forms and other integrals, and what is refused."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, ClassVar

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.nn import (
    Abs,
    Cos,
    Erf,
    Gelu,
    LeakyRelu,
    Relu,
    Sigmoid,
    Sin,
    Softplus,
    Tanh,
    dual,
    input_moments,
)
from ntksim.nn.evaluation import ActivationError, Part, QuadratureError
from ntksim.nn.quadrature import gauss_legendre, root_mean_square
from ntksim.types import Activation, Array, SecondMoments

from gaussian_pairs import by_series, by_splitting, conditioned, integrated, pairs, trapezoid

DUAL = importlib.import_module("ntksim.nn.dual")  # ntksim.nn.dual is the function
PARTS: tuple[Part, ...] = ("value", "derivative")


class UserActivation(Activation):
    """What a user writes: two functions, and the kinks."""

    name: ClassVar[str] = "user"


class Swish(UserActivation):
    name: ClassVar[str] = "swish"

    def value(self, x: Array) -> Array:
        return x / (1.0 + np.exp(-x))  # overflows on its way to a right result

    def derivative(self, x: Array) -> Array:
        s = 1.0 / (1.0 + np.exp(-x))
        return s * (1.0 + x * (1.0 - s))


class Elu(UserActivation):
    name: ClassVar[str] = "elu"
    kinks: ClassVar[tuple[float, ...]] = (0.0,)

    def value(self, x: Array) -> Array:
        return np.where(x > 0, x, np.expm1(x))

    def derivative(self, x: Array) -> Array:
        return np.where(x > 0, 1.0, np.exp(x))


class HardTanh(UserActivation):
    name: ClassVar[str] = "hard_tanh"
    kinks: ClassVar[tuple[float, ...]] = (-1.0, 1.0)

    def value(self, x: Array) -> Array:
        return np.clip(x, -1.0, 1.0)

    def derivative(self, x: Array) -> Array:
        return (np.abs(x) < 1.0).astype(np.float64)


class UserRelu(UserActivation):
    kinks: ClassVar[tuple[float, ...]] = (0.0,)

    def value(self, x: Array) -> Array:
        return x * (x > 0)

    def derivative(self, x: Array) -> Array:
        return np.where(x > 0, 1.0, 0.0)


class Sign(UserActivation):
    kinks: ClassVar[tuple[float, ...]] = (0.0,)

    def value(self, x: Array) -> Array:
        return np.sign(x)

    def derivative(self, x: Array) -> Array:
        return np.zeros_like(x)


class Exponential(UserActivation):
    name: ClassVar[str] = "exponential"

    def value(self, x: Array) -> Array:
        return np.exp(x)

    def derivative(self, x: Array) -> Array:
        return np.exp(x)


# --- the rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize("nodes", [1, 2, 5, 24, 122, 411])
def test_gauss_legendre_weights_are_exact_next_to_the_ends(nodes: int) -> None:
    """w = 2/((1 − x²) P′(x)²) at the zeros of P, with 40 digits."""
    found, weight = gauss_legendre(nodes)
    for i in sorted({0, 1 % nodes, nodes // 3, nodes // 2, nodes - 1}):
        x, exact = exact_node_and_weight(nodes, float(found[i]))
        assert abs(found[i] - x) < 3e-16
        # Rounding grows with the steps of the recurrence, at most like √nodes.
        assert abs(weight[i] / exact - 1) < 1e-15 * np.sqrt(nodes + 9)
    assert len(found) == len(weight) == nodes


def exact_node_and_weight(nodes: int, start: float) -> tuple[Any, Any]:
    """Newton's iteration on the three-term recurrence, whose cancellation 40 digits survive."""
    with mpmath.workdps(40):
        x, slope = mpmath.mpf(start), mpmath.mpf(0)
        for _ in range(4):
            before, value = mpmath.mpf(0), mpmath.mpf(1)
            for k in range(nodes):
                before, value = value, ((2 * k + 1) * x * value - k * before) / (k + 1)
            slope = nodes * (before - x * value) / (1 - x**2)
            x -= value / slope
        return x, 2 / ((1 - x**2) * slope**2)


def test_root_mean_square_at_all_sizes() -> None:
    """E[f(σz)²] by mpmath in one dimension, from tiny to huge σ."""
    stds = np.array([0.0, 1e-150, 1e-8, 0.3, 3.0, 24.9, 25.1, 1e5])

    def tanh(x: Any) -> Any:
        return mpmath.tanh(x)

    def slope(x: Any) -> Any:
        return mpmath.sech(x) ** 2

    for what, function in zip(PARTS, (tanh, slope), strict=True):
        found = root_mean_square(Tanh(), what, stds)
        with mpmath.workdps(25):
            for std, value in zip(stds.tolist(), found.tolist(), strict=True):
                if std <= 1e-8:  # tanh x = x to 1e-16
                    exact = std if what == "value" else 1.0
                else:
                    ends = sorted({0.0, *(min(k / std, 14.0) for k in (1, 4, 16, 64, 4 * std))})
                    square: Any = mpmath.quad(
                        lambda z, s=std, f=function: mpmath.npdf(z) * f(s * z) ** 2,
                        [*ends, 14],
                    )
                    exact = float(2 * square) ** 0.5
                assert abs(value - exact) <= 1e-12 * exact, (what, std)


# --- against closed forms and independent integrals -----------------------------------------------

SIZES = [
    (1.0, 1.0, 1.0),
    (1.0, 0.3, 2.5),
    (1e-3, 1.0, 2.0),
    (1e-8, 1e-8, 1.0),
    (20.0, 5.0, 1.0),
    (20.0, 20.0, 0.1),
    (100.0, 100.0, 0.5),
    (100.0, 1e-3, 3.0),
    (3.0, 2.0, 1e-3),
    (3.0, 3.0, 1e-6),
    (1.0, 2.0, 3.1415),
]


@pytest.mark.parametrize(
    "activation",
    [Erf(), Gelu(), Sin(), Cos(), Relu(), Abs(), LeakyRelu(negative_slope=0.3)],
    ids=lambda a: a.name,
)
def test_closed_forms_by_quadrature(activation: Activation) -> None:
    """What has a closed form, integrated as if it had none; sin to the σ that it can resolve."""
    wavy = activation.name in ("sin", "cos")
    moments = pairs(*zip(*[size for size in SIZES if not wavy or size[0] < 50], strict=True))
    exact, found = activation.closed_form(moments), dual(integrated(activation), moments)
    assert exact is not None
    # 1e-12 is promised of the series, 1e-11 of the two-dimensional rule; for sin at σ = 20 the
    # exact covariance is e⁻²⁰⁰ and the promise is relative to the product of the norms.
    scale = exact.features.std_product
    np.testing.assert_allclose(found.features.std1, exact.features.std1, rtol=1e-12)
    np.testing.assert_allclose(found.features.std2, exact.features.std2, rtol=1e-12)
    assert np.all(np.abs(found.features.covariance - exact.features.covariance) <= 1e-11 * scale)
    slope1, slope2 = (
        root_mean_square(activation, "derivative", std[:, 0])[:, None]
        for std in (moments.std1, moments.std2)
    )
    assert np.all(np.abs(found.derivative - exact.derivative) <= 1e-11 * slope1 * slope2)


@pytest.mark.parametrize("what", PARTS)
@pytest.mark.parametrize(
    "activation", [Tanh(), Sigmoid(), Softplus(), Swish()], ids=lambda a: a.name
)
def test_analytic_activations_against_the_trapezoidal_rule(
    activation: Activation, what: Part
) -> None:
    """Both methods, each by itself, and the dual, at small and large deviations."""
    sizes = [size for size in SIZES if size[0] < 50 and size != (20.0, 20.0, 0.1)]
    function: Callable[[Array], Array] = getattr(activation, what)
    # Next to the poles of tanh, π/2 away, 2π · (π/2)/20/0.013 = 38: e⁻³⁸, a thousand times that for
    # a double pole. The others have theirs twice as far away.
    fine = 0.013 if activation.name == "tanh" else 0.026
    with np.errstate(over="ignore"):
        exact = [trapezoid(function, *size, step=fine if size[0] > 10 else 0.05) for size in sizes]
    moments = pairs(*zip(*sizes, strict=True))
    series = by_series(activation, what, moments)
    known = ~np.isnan(series)
    assert known.sum() >= 6  # all but steep ones
    assert np.all(np.abs(series - exact)[known] <= 2e-12)
    assert np.all(np.abs(by_splitting(activation, what, moments) - exact) <= 1e-11)
    found = dual(activation, moments)
    values = found.features.covariance if what == "value" else found.derivative
    norms = [root_mean_square(activation, what, s[:, 0]) for s in (moments.std1, moments.std2)]
    assert np.all(np.abs(values[:, 0] / (norms[0] * norms[1]) - exact) <= 1e-11)


@pytest.mark.parametrize("what", PARTS)
def test_tanh_of_deviation_100_against_its_fourier_integral(what: Part) -> None:
    """tanh has the transform −iπ/sinh(πk/2), and the pair the Gaussian characteristic function.

        E[tanh u tanh v] = ¼ ∬ sinh(c k m) exp(−(σ₁²k² + σ₂²m²)/2) / (sinh(πk/2) sinh(πm/2)) dk dm

    On the scale 1/σ of the Gaussian the rest is as smooth as can be.
    """
    sizes = [(100.0, 100.0, 0.5), (100.0, 40.0, 2.0), (1000.0, 100.0, 1.0)]
    exact = []
    for std1, std2, angle in sizes:
        step = 0.1
        grid = step * (np.arange(-200, 200) + 0.5)  # no node at 0, where the ratio is a limit
        k, m = np.meshgrid(grid / std1, grid / std2, indexing="ij")
        exponent = -0.5 * ((std1 * k) ** 2 + (std2 * m) ** 2)
        phase = std1 * std2 * np.cos(angle) * k * m
        sinh1, sinh2 = np.sinh(0.5 * np.pi * k), np.sinh(0.5 * np.pi * m)
        if what == "value":
            sinh = 0.5 * (np.exp(exponent + phase) - np.exp(exponent - phase))
            integrand = 0.25 * sinh / (sinh1 * sinh2)
        else:  # every derivative brings a factor k
            cosh = 0.5 * (np.exp(exponent + phase) + np.exp(exponent - phase))
            integrand = 0.25 * k * m * cosh / (sinh1 * sinh2)
        exact.append(step**2 / (std1 * std2) * float(integrand.sum()))
    found = dual(Tanh(), pairs(*zip(*sizes, strict=True)))
    values = found.features.covariance if what == "value" else found.derivative
    # Relative to the norms; E[φ′(u)²] is about 2/(3√(2π) σ) there.
    scale = [1.0 if what == "value" else 0.53 / np.sqrt(s1 * s2) for s1, s2, _ in sizes]
    assert np.all(np.abs(values[:, 0] - exact) <= 1e-11 * np.array(scale))


def logistic(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


EXACT: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh": (mpmath.tanh, lambda x: mpmath.sech(x) ** 2),
    "sigmoid": (logistic, lambda x: logistic(x) * logistic(-x)),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), logistic),
}


@pytest.mark.parametrize("activation", [Tanh(), Sigmoid(), Softplus()], ids=lambda a: a.name)
def test_parallel_and_opposite_pairs_against_mpmath(activation: Activation) -> None:
    """ρ = ±1 leaves one integral: E[f(σ₁z) f(±σ₂z)]."""
    sizes = [(1.0, 0.5), (100.0, 40.0)]
    ends = [(s1, s2, sign) for s1, s2 in sizes for sign in (1, -1)]
    std1, std2 = (np.array([end[i] for end in ends])[:, None] for i in (0, 1))
    sign = np.array([end[2] for end in ends])[:, None]
    product = std1 * std2
    moments = SecondMoments(std1, std2, product * (1 - sign), product * (1 + sign))
    found = dual(activation, moments)
    for what, values in zip(PARTS, (found.features.covariance, found.derivative), strict=True):
        norms = [root_mean_square(activation, what, s[:, 0]) for s in (std1, std2)]
        function = EXACT[activation.name][PARTS.index(what)]
        for i, (s1, s2, direction) in enumerate(ends):
            with mpmath.workdps(20):
                inside = [k / max(s1, s2) for k in (-16, -4, 0, 4, 16)]
                exact: Any = mpmath.quad(
                    lambda z, a=s1, b=direction * s2, f=function: (
                        mpmath.npdf(z) * f(a * z) * f(b * z)
                    ),
                    [-10, -4, *(b for b in inside if abs(b) < 4), 4, 10],
                    method="gauss-legendre",
                )
            error = abs(values[i, 0] - float(exact))
            assert error <= 1e-11 * norms[0][i] * norms[1][i], (what, s1, s2, direction)


@pytest.mark.parametrize("activation", [Tanh(), Sigmoid(), Softplus(), Elu()], ids=lambda a: a.name)
def test_a_pair_with_a_zero(activation: Activation) -> None:
    """u = 0: E[φ(u)φ(v)] = φ(0) E[φ(v)], by a trapezoidal rule in one dimension."""
    stds = np.array([0.0, 1e-150, 0.8, 3.0])
    zero = np.zeros((1, 1))
    z = np.linspace(-12.0, 12.0, 20_001)
    density = (z[1] - z[0]) * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    for first, second in ((zero, stds[None, :]), (stds[:, None], zero)):
        none = np.zeros(np.broadcast_shapes(first.shape, second.shape))
        found = dual(activation, SecondMoments(first, second, none, none))
        for what, values in (
            ("value", found.features.covariance),
            ("derivative", found.derivative),
        ):
            function: Callable[[Array], Array] = getattr(activation, what)
            mean = function(stds[:, None] * z) @ density
            # The kink of elu costs the rule its step squared, 1.4e-6, times the jump of φ″ or φ′.
            tolerance = 1e-6 if activation.name == "elu" else 1e-11
            np.testing.assert_allclose(
                values.ravel(), function(np.zeros(1)) * mean, rtol=0, atol=tolerance
            )


# --- activations of users -------------------------------------------------------------------------


def elu_mean(m: Any, s: Any) -> Any:
    below = mpmath.exp(m + s**2 / 2) * mpmath.ncdf(-(m + s**2) / s) - mpmath.ncdf(-m / s)
    return m * mpmath.ncdf(m / s) + s * mpmath.npdf(m / s) + below


def elu_slope_mean(m: Any, s: Any) -> Any:
    return mpmath.ncdf(m / s) + mpmath.exp(m + s**2 / 2) * mpmath.ncdf(-(m + s**2) / s)


def hard_tanh_mean(m: Any, s: Any) -> Any:
    def above(kink: int) -> Any:  # E[max(v − kink, 0)]
        return (m - kink) * mpmath.ncdf((m - kink) / s) + s * mpmath.npdf((m - kink) / s)

    return above(-1) - above(1) - 1


def hard_tanh_slope_mean(m: Any, s: Any) -> Any:
    return mpmath.ncdf((1 - m) / s) - mpmath.ncdf((-1 - m) / s)


KINKED: list[tuple[Activation, tuple[Any, Any], tuple[Any, Any]]] = [
    (
        Elu(),
        (lambda x: x if x > 0 else mpmath.expm1(x), elu_mean),
        (lambda x: 1 if x > 0 else mpmath.exp(x), elu_slope_mean),
    ),
    (
        HardTanh(),
        (lambda x: max(-1, min(1, x)), hard_tanh_mean),
        (lambda x: int(abs(x) < 1), hard_tanh_slope_mean),
    ),
]


@pytest.mark.parametrize(("activation", "value", "slope"), KINKED, ids=["elu", "hard_tanh"])
def test_kinked_activations_against_mpmath(
    activation: Activation, value: tuple[Any, Any], slope: tuple[Any, Any]
) -> None:
    """E[φ(u)φ(v)] and E[φ′(u)φ′(v)], jumps of φ′ included, also next to parallel."""
    sizes = [(1.0, 1.1, 0.03), (0.9, 0.9, 1e-4), (30.0, 4.0, 2.6)]
    found = dual(activation, pairs(*zip(*sizes, strict=True)))
    for (function, mean), values in (
        (value, found.features.covariance),
        (slope, found.derivative),
    ):
        exact = [conditioned(function, mean, *size, kinks=activation.kinks) for size in sizes]
        np.testing.assert_allclose(values[:, 0], exact, rtol=1e-10)


@pytest.mark.parametrize("angle", [1e-6, 1e-3, 0.1, 1.0, 2.0, 3.1])
def test_a_user_s_relu_is_the_relu(angle: float) -> None:
    moments = pairs([1.0, 0.2, 30.0], [1.0, 5.0, 40.0], [angle] * 3)
    found, exact = dual(UserRelu(), moments), dual(Relu(), moments)
    scale = exact.features.std_product
    assert np.all(np.abs(found.features.covariance - exact.features.covariance) <= 1e-10 * scale)
    np.testing.assert_allclose(found.derivative, exact.derivative, atol=1e-10)


def test_a_step_function_has_the_arcsine_law() -> None:
    """E[sign u sign v] = (2/π) arcsin ρ, here 1 − 2θ/π, and its derivative's dual is 0."""
    angles = [1e-8, 1e-4, 0.1, 1.0, 2.0, 3.0]
    found = dual(Sign(), pairs([1.0] * 6, [3.0] * 6, angles))
    np.testing.assert_allclose(
        found.features.covariance[:, 0], 1.0 - 2.0 * np.array(angles) / np.pi, atol=1e-10
    )
    assert not found.derivative.any()


def test_exponential_growth_is_right_or_refused() -> None:
    """E[exp(u + v)] = exp((σ₁² + σ₂²)/2 + c); no fixed rule can have it at large σ."""
    angles = [0.5, 2.0]
    found = dual(Exponential(), pairs([1.0] * 2, [2.0] * 2, angles))
    np.testing.assert_allclose(
        found.derivative[:, 0], np.exp(2.5 + 2.0 * np.cos(angles)), rtol=1e-10
    )
    with pytest.raises(QuadratureError, match=r"value of activation 'exponential' grows too fast"):
        dual(Exponential(), pairs([4.0], [1.0], [1.0]))
    with pytest.raises(ActivationError, match=r"'exponential' is inf at [\d.e+]+; it must be fin"):
        dual(Exponential(), pairs([1e4], [1.0], [1.0]))


class ShiftedRelu(UserActivation):
    name: ClassVar[str] = "shifted_relu"

    def value(self, x: Array) -> Array:
        return np.maximum(x - 0.5, 0.0)

    def derivative(self, x: Array) -> Array:
        return np.where(x > 0.5, 1.0, 0.0)


class Single(Tanh):
    name: ClassVar[str] = "single"

    def value(self, x: Array) -> Array:
        return np.tanh(x).astype(np.float32)  # type: ignore[return-value]


def test_an_undeclared_kink_is_reported() -> None:
    moments = pairs([1.0], [2.0], [1.0])
    with pytest.raises(
        QuadratureError,
        match=r"value of activation 'shifted_relu' did not converge at standard deviation \d.*"
        r"jumps that `kinks`, now \(\), does not list",
    ):
        dual(ShiftedRelu(), moments)
    with pytest.raises(QuadratureError, match="single precision"):
        dual(Single(), moments)


def test_a_function_that_only_two_dimensions_cannot_resolve_is_reported() -> None:
    """A fast wave: one dimension has the nodes for it, two have not."""

    class Wave(UserActivation):
        name: ClassVar[str] = "wave"

        def value(self, x: Array) -> Array:
            return np.sin(12.0 * x)

        def derivative(self, x: Array) -> Array:
            return 12.0 * np.cos(12.0 * x)

    with pytest.raises(QuadratureError, match=r"'wave' did not converge at .* deviation 4 and 5"):
        dual(Wave(), pairs([4.0], [5.0], [1e-9]))


class NotANumber(Tanh):
    name: ClassVar[str] = "broken"

    def derivative(self, x: Array) -> Array:
        return np.where(x > 0.5, np.nan, 1.0)


class Scalar(Tanh):
    name: ClassVar[str] = "broken"

    def derivative(self, x: Array) -> Array:
        return np.array(x.mean())


class Complex(Tanh):
    name: ClassVar[str] = "broken"

    def derivative(self, x: Array) -> Array:
        return x * 1j  # type: ignore[return-value]


class Nothing(Tanh):
    name: ClassVar[str] = "broken"

    def derivative(self, x: Array) -> Array:
        del x
        return None  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (NotANumber(), r"derivative of activation 'broken' is nan at 0\.\d+; it must be finite"),
        (Scalar(), r"derivative of activation 'broken' turned shape \(.*\) into \(\)"),
        (Complex(), r"derivative of activation 'broken' returned complex128, not real numbers"),
        (Nothing(), r"derivative of activation 'broken' returned object, not real numbers"),
    ],
    ids=["nan", "shape", "complex", "nothing"],
)
def test_values_that_are_none_are_reported(broken: Activation, message: str) -> None:
    with pytest.raises(ActivationError, match=message):
        dual(broken, pairs([1.0], [2.0], [1.0]))


# --- matrices, shapes and cost --------------------------------------------------------------------


@settings(max_examples=15)
@given(
    st.sampled_from([Tanh(), Sigmoid(), Softplus(), Swish(), Elu()]),
    st.integers(0, 2**32 - 1),
    st.floats(0.05, 3.0),
)
def test_matrices_are_symmetric_and_positive_semidefinite(
    activation: Activation, seed: int, size: float
) -> None:
    x = size * np.random.default_rng(seed).standard_normal((6, 3))
    x[1] = x[0]
    x[2] = -x[0]
    x[4] = x[3] * (1.0 + 1e-9)
    moments = input_moments(x).second
    found = dual(activation, moments)
    for matrix in (found.features.covariance, found.derivative):
        np.testing.assert_array_equal(matrix, matrix.T)
        # Each entry is right to 1e-12 or, split, 1e-11 of the largest: so is the sum of six.
        assert np.linalg.eigvalsh(matrix)[0] >= -6e-11 * np.diagonal(matrix).max()
    assert found.features.deficit[0, 1] == 0.0
    crossed = dual(activation, input_moments(x, x[:4]).second)
    np.testing.assert_allclose(
        crossed.features.covariance, found.features.covariance[:, :4], atol=1e-11 * size**2
    )


@pytest.mark.parametrize("block", [1, 5, 1 << 20])
@pytest.mark.parametrize("activation", [Tanh(), Elu(), Relu(), Gelu()], ids=lambda a: a.name)
def test_trailing_axes(activation: Activation, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs of positions: (N, 1, S, 1) with (1, M, 1, S), and within points with (N, 1, 1, S)."""
    monkeypatch.setattr(DUAL, "_BLOCK", block)
    rng = np.random.default_rng(4)
    points, others, positions = 3, 2, 2
    std1 = rng.lognormal(size=(points, 1, positions, 1))
    for std2 in (
        rng.lognormal(size=(1, others, 1, positions)),
        rng.lognormal(size=(points, 1, 1, positions)),
    ):
        shape = np.broadcast_shapes(std1.shape, std2.shape)
        rho = rng.uniform(-1.0, 1.0, shape)
        moments = SecondMoments(std1, std2, std1 * std2 * (1 - rho), std1 * std2 * (1 + rho))
        found = dual(activation, moments)
        assert found.features.std1.shape == std1.shape
        assert found.features.std2.shape == std2.shape
        flat = [np.broadcast_to(a, shape).reshape(-1, 1) for a in vars(moments).values()]
        alone = dual(activation, SecondMoments(*flat))
        # The same numbers, but terms and nodes are chosen for other sets of deviations.
        for name in ("std_product", "deficit", "surplus"):
            np.testing.assert_allclose(
                getattr(found.features, name).ravel(),
                getattr(alone.features, name).ravel(),
                atol=3e-12 * found.features.std_product.max(),
            )
        np.testing.assert_allclose(found.derivative.ravel(), alone.derivative.ravel(), atol=3e-12)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("activation", [Tanh(), Elu(), Relu(), Erf()], ids=lambda a: a.name)
def test_no_points(activation: Activation, shape: tuple[int, int]) -> None:
    empty = np.zeros(shape)
    moments = SecondMoments(np.ones((shape[0], 1)), np.ones((1, shape[1])), empty, empty)
    found = dual(activation, moments)
    assert found.derivative.shape == found.features.deficit.shape == shape


@pytest.mark.parametrize(
    ("activation", "size"),
    [(Tanh(), 1.0), (Tanh(), 10.0), (Elu(), 1.0), (HardTanh(), 1.0), (Softplus(), 1e3)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_distinct_points_never_need_the_two_dimensional_rule(
    activation: Activation, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs a thousand times what the series does: minutes for a hundred points."""

    def refuse(*_: object) -> Array:
        raise AssertionError("the series should have done")

    x = size * np.random.default_rng(5).standard_normal((40, 12))
    monkeypatch.setattr(DUAL, "split_covariance", refuse)
    covariance = dual(activation, input_moments(x).second).features.covariance
    assert np.linalg.eigvalsh(covariance)[0] > 0.0


def test_a_derivative_that_vanishes_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    split = DUAL.split_covariance

    def refuse(activation: Activation, what: Part, *rest: Any) -> Array:
        assert what == "value"
        return split(activation, what, *rest)

    monkeypatch.setattr(DUAL, "split_covariance", refuse)
    assert not dual(Sign(), pairs([1.0], [2.0], [1e-6])).derivative.any()
