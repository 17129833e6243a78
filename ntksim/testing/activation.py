"""Laws of activations: a function, its derivative, and what it does to a Gaussian pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ntksim.nn import dual
from ntksim.testing.law import (
    Law,
    NotApplicable,
    as_tests,
    laws_about,
    require,
    require_close,
    require_shape,
)
from ntksim.testing.registration import EVERY_PLUGIN
from ntksim.types import Activation, Array, SecondMoments

STDS = np.array([0.3, 1.0, 2.0])
CORRELATIONS = np.array([-0.95, -0.6, -0.1, 0.0, 0.4, 0.8, 0.99])


def activation_laws(*activations: Activation) -> Callable[..., None]:
    """Return tests of all laws of activations, for a test file of pytest.

    ::

        from ntksim.testing import activation_laws
        test_laws = activation_laws(Swish(), Swish(beta=2.0))

    Checked: φ and φ′ act on every element alone; φ′ against finite differences; the Gaussian dual
    against quadrature, where it is given in closed form, and against an average over random pairs;
    Price's law ∂E[φ(u) φ(v)]/∂cov = E[φ′(u) φ′(v)].
    """
    return as_tests([law for activation in activations for law in laws_of_activation(activation)])


def laws_of_activation(activation: Activation) -> list[Law]:
    """Return the laws one by one, as ``activation_laws`` describes them."""
    subject = repr(activation)
    return [
        *laws_about(activation, activation, EVERY_PLUGIN, subject),
        *laws_about(activation, activation, LAWS, subject),
    ]


def acts_on_every_element_alone(activation: Activation) -> None:
    """φ and φ′ take arrays of any shape, no element included, and treat every element alone."""
    x = np.random.default_rng(0).standard_normal((3, 4, 2))
    for name in ("value", "derivative"):
        function: Callable[[Array], Array] = getattr(activation, name)
        whole = np.asarray(function(x))
        require_shape(name, whole, x.shape)
        alone = np.array([np.asarray(function(np.array([v])))[0] for v in x.ravel()])
        require_close(name, whole.ravel(), "element by element", alone, 1e-14)
        require_shape(f"{name} of nothing", np.asarray(function(np.empty(0))), (0,))


def derivative_agrees_with_finite_differences(activation: Activation) -> None:
    """φ′ is the derivative of φ, by central differences away from the kinks."""
    step = 1e-5
    x = np.linspace(-4.0, 4.0, 402)
    distances = np.abs(x[:, None] - np.array([*activation.kinks, np.inf])).min(axis=1)
    x = x[distances > 10 * step]
    difference = (activation.value(x + step) - activation.value(x - step)) / (2 * step)
    derivative = activation.derivative(x)
    worst = int(np.abs(derivative - difference).argmax())
    # ε over the step and its square leave 1e-10; a kink that is not listed leaves its jump.
    scale = max(1.0, float(np.abs(derivative).max()))
    require(
        abs(derivative[worst] - difference[worst]) <= 1e-7 * scale,
        f"at x = {x[worst]:.6g} derivative gives {derivative[worst]:.8g}, finite differences of "
        f"value {difference[worst]:.8g} (kinks: {activation.kinks})",
    )


def closed_form_agrees_with_quadrature(activation: Activation) -> None:
    """The dual in closed form is the Gaussian integral, by quadrature."""
    moments = _moments(CORRELATIONS)
    if activation.closed_form(moments) is None:
        raise NotApplicable("there is no closed form: quadrature is what is used")
    given, integrated = dual(activation, moments), dual(_WithoutClosedForm(activation), moments)
    scale = float(np.abs(integrated.features.std_product).max())
    require_close(
        "E[φ(u) φ(v)]",
        given.features.covariance,
        "by quadrature",
        integrated.features.covariance,
        1e-8,
        scale,
    )
    for name in ("std1", "std2"):
        require_close(
            f"the root mean square {name} of φ",
            getattr(given.features, name),
            "by quadrature",
            getattr(integrated.features, name),
            1e-8,
        )
    require_close("E[φ′(u) φ′(v)]", given.derivative, "by quadrature", integrated.derivative, 1e-8)


def dual_agrees_with_random_pairs(activation: Activation) -> None:
    """The dual is the mean over random Gaussian pairs, within its standard error."""
    found = dual(activation, _moments(CORRELATIONS))
    z = np.random.default_rng(1).standard_normal((2, 20_000))
    for (i, s1), (j, s2), (c, r) in (
        (left, right, rho)
        for left in enumerate(STDS)
        for right in enumerate(STDS)
        for rho in enumerate(CORRELATIONS)
    ):
        u, v = s1 * z[0], s2 * (r * z[0] + np.sqrt(1 - r * r) * z[1])
        for what, name, value in (
            ("E[φ(u) φ(v)]", "value", found.features.covariance[i, j, c]),
            ("E[φ′(u) φ′(v)]", "derivative", found.derivative[i, j, c]),
        ):
            function: Callable[[Array], Array] = getattr(activation, name)
            products = function(u) * function(v)
            mean, error = products.mean(), products.std(ddof=1) / np.sqrt(products.size)
            # Six standard errors: the products of growing activations have heavy tails.
            require(
                abs(mean - value) <= 6 * error + 1e-12,
                f"{what} at deviations {s1}, {s2} and correlation {r} is {value:.6g}, the mean of "
                f"{products.size} pairs {mean:.6g} with standard error {error:.2g}",
            )


def obeys_price_s_law(activation: Activation) -> None:
    """Price's law: ∂E[φ(u) φ(v)]/∂cov(u, v) = E[φ′(u) φ′(v)]."""
    step = 1e-4
    inner = CORRELATIONS[np.abs(CORRELATIONS) < 0.9]
    products = np.outer(STDS, STDS)[:, :, None]
    ends = [dual(activation, _moments(inner + s * step)).features.covariance for s in (1, -1)]
    slope = (ends[0] - ends[1]) / (2 * step * products)
    derivative = dual(activation, _moments(inner)).derivative
    # The dual to 1e-10 over the step, and its square times a third derivative of order 1/(1 − ρ²)³.
    require_close(
        "the slope of E[φ(u) φ(v)] in the covariance",
        slope,
        "E[φ′(u) φ′(v)]",
        derivative,
        1e-5,
    )


def _moments(correlations: Array) -> SecondMoments:
    """Moments of pairs of all ``STDS`` with all ``STDS`` at every correlation, (3, 3, R)."""
    std1, std2 = STDS[:, None, None], STDS[None, :, None]
    return SecondMoments(
        std1, std2, std1 * std2 * (1 - correlations), std1 * std2 * (1 + correlations)
    )


@dataclass(frozen=True)
class _WithoutClosedForm(Activation):
    """The same activation, whose dual must be integrated."""

    inner: Activation

    name = "without_closed_form"

    @property
    def kinks(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.inner.kinks

    def value(self, x: Array) -> Array:
        return self.inner.value(x)

    def derivative(self, x: Array) -> Array:
        return self.inner.derivative(x)


LAWS: tuple[Callable[[Activation], None], ...] = (
    acts_on_every_element_alone,
    derivative_agrees_with_finite_differences,
    closed_form_agrees_with_quadrature,
    dual_agrees_with_random_pairs,
    obeys_price_s_law,
)
