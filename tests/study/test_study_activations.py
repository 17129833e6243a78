"""A derivative that is not that of its function is noticed before anything is computed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Erf, Flatten, Relu, Residual
from ntksim.registry import Registry
from ntksim.study import Study, plan_cells
from ntksim.study.activations import activations_in, doubt_about
from ntksim.types import Activation, Array


@dataclass(frozen=True)
class Sine(Activation):
    """sin(a x), whose derivative has a factor."""

    name: ClassVar[str] = "sine"
    frequency: float = 1.0
    factor: float = 1.0

    def value(self, x: Array) -> Array:
        return np.sin(self.frequency * x)

    def derivative(self, x: Array) -> Array:
        return self.factor * self.frequency * np.cos(self.frequency * x)


@dataclass(frozen=True)
class UnlistedKinks(Activation):
    """The distance to the nearest integer, with a kink every half that is not listed."""

    name: ClassVar[str] = "unlisted"

    def value(self, x: Array) -> Array:
        return np.abs(x - np.round(x))

    def derivative(self, x: Array) -> Array:
        return np.sign(x - np.round(x))


@dataclass(frozen=True)
class Overflowing(Activation):
    """exp(400 x), which leaves the floats."""

    name: ClassVar[str] = "overflowing"

    def value(self, x: Array) -> Array:
        return np.exp(400 * x)

    def derivative(self, x: Array) -> Array:
        return 400 * np.exp(400 * x)


@dataclass(frozen=True)
class Torn(Activation):
    """Raises."""

    name: ClassVar[str] = "torn"

    def value(self, x: Array) -> Array:
        raise IndexError("torn apart" if x.size else "nothing")

    def derivative(self, x: Array) -> Array:
        return x


def test_nothing_that_ships_is_doubted() -> None:
    shipped = [offer.cls() for offer in Registry.load().of_kind("activation")]
    assert len(shipped) > 5
    for activation in shipped:
        assert isinstance(activation, Activation)
        assert doubt_about(activation) == ""


@pytest.mark.parametrize(
    "activation", [Sine(), Sine(frequency=300.0), UnlistedKinks(), Overflowing()]
)
def test_what_is_right_is_not_doubted_where_differences_are_hard(activation: Activation) -> None:
    assert doubt_about(activation) == ""


@pytest.mark.parametrize("activation", [Sine(factor=1.001), Sine(factor=-1.0), Sine(factor=0.0)])
def test_a_wrong_derivative_is_doubted_with_its_place(activation: Activation) -> None:
    doubt = doubt_about(activation)
    _, line = inspect.getsourcelines(Sine.derivative)
    assert doubt.startswith(
        f"the derivative of activation 'sine' (line {line} of {__file__}) is not that of its value"
    )
    assert "ntksim.testing.activation_laws" in doubt
    # The numbers in the sentence are φ′ as it is given, and the slope of the sine there.
    words = doubt.split("at x = ")[1].replace(",", "").replace(";", "").split()
    x, given, slope = float(words[0]), float(words[3]), float(words[6])
    assert given == pytest.approx(activation.derivative(np.array([x]))[0], abs=1e-3)
    assert slope == pytest.approx(np.cos(x), abs=1e-3)  # x has four digits


def test_what_raises_is_told() -> None:
    assert "raised IndexError: torn apart" in doubt_about(Torn())


def test_activations_are_found_in_layers_and_options() -> None:
    block = Residual(ActivationLayer(Relu()), Dense(1.0))
    layers = (Flatten(), Dense(1.0), ActivationLayer(Erf()), block, Dense(units=1))
    found = activations_in(ComposedNetwork(layers, (2,), 1), {"not": "looked into"}, Torn())
    assert {activation.name for activation in found} == {"relu", "erf", "torn"}


WRONG = """

@dataclass(frozen=True)
class Cube(Activation):
    "The cube, with the derivative of the square."
    name: ClassVar[str] = "cube"
    def value(self, x):
        return x**3
    def derivative(self, x):
        return 2 * x

@hookimpl
def ntksim_activations():
    return [Cube]
"""


def test_a_plan_warns_at_the_architecture(folder: object, load: Callable[..., Study]) -> None:
    header = "from dataclasses import dataclass\nfrom typing import ClassVar\n"
    path = folder / "cube.py"  # type: ignore[operator]
    path.write_text(header + "from ntksim import Activation, hookimpl\n" + WRONG)
    study = load(plugins="[tiny.py, cube.py]", architecture="{name: line, activation: cube}")
    (warning,) = plan_cells(study).warnings
    assert warning.startswith(
        f"{study.source.path}:4:15: the derivative of activation 'cube' (line "
    )
    assert "cube.py) is not that of its value" in warning
