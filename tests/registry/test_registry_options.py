"""What authors get wrong about options: their types, their defaults, no type at all."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from ntksim.registry import OptionError, Registry
from ntksim.types import Solver

from registry_sources import HEADER

Local = Callable[..., Registry]

SOURCE = '''
from dataclasses import field
import numpy as np
from ntksim import PositiveFloat

@dataclass(frozen=True)
class Steps(Solver):
    """By steps."""
    name: ClassVar[str] = "steps"
    CONSTANT: ClassVar[int] = 3
    loose = 2.0
    {options}
    def evolve(self, problem, times): ...

@hookimpl
def ntksim_solvers():
    return [Steps]
'''


def line_of(text: str, options: str) -> int:
    lines = (HEADER + SOURCE.format(options=options)).splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ('gain: PositiveFloat = "a"', "'a' is not a valid number"),
        ("gain: PositiveFloat = -1.0", "-1.0 is not greater than 0"),
        ("gain: float = None", "null is not a valid number"),
        ("gain: float = float('inf')", ".inf is not a finite number"),
        ('gain: Literal["a", "b"] = "c"', "'c' is not one of 'a' or 'b'"),
        ("gain: Activation = 3", "3 is not a plugin of the kind activation"),
        ("gain: tuple[int, ...] = field(default_factory=lambda: (1, 'a'))", "'a' is not a valid"),
    ],
)
def test_a_default_that_does_not_fit_its_type_is_found(
    local: Local, option: str, message: str
) -> None:
    (broken,) = local(SOURCE.format(options=option)).broken
    place = f"line {line_of('gain:', option)} of {broken.origin.file}"
    assert broken.reason.startswith(f"the default of Steps.gain ({place}) is wrong: {message}")


@pytest.mark.parametrize(
    "option",
    [
        "gain: PositiveFloat",
        "gain: PositiveFloat = 1",
        "gain: float | None = None",
        "gain: tuple[int, ...] = (1, 2)",
        "gain: list[int] = field(default_factory=list)",
        "gain: Solver | None = None",
    ],
)
def test_a_default_that_fits_is_no_fault(local: Local, option: str) -> None:
    assert local(SOURCE.format(options=option)).broken == ()


def test_a_default_that_cannot_be_made_is_said(local: Local) -> None:
    option = "gain: float = field(default_factory=lambda: 1 / 0)"
    (broken,) = local(SOURCE.format(options=option)).broken
    assert re.search(
        r"default of Steps.gain \(.*\) cannot be made: division by zero", broken.reason
    )


def test_the_option_of_an_unknown_type_is_named(local: Local) -> None:
    option = "gain: float = 1.0\n    weights: np.ndarray | None = None"
    (broken,) = local(SOURCE.format(options=option)).broken
    assert (
        f"the option 'weights' (line {line_of('weights:', option)} of {broken.origin.file}) is of "
        "type numpy.ndarray | None, which no study can write; options are numbers, bool, str"
    ) in broken.reason
    assert "pydantic" not in broken.reason


def test_what_looks_like_an_option_has_no_type(local: Local) -> None:
    registry = local(SOURCE.format(options=""))
    with pytest.raises(OptionError) as caught:
        registry.create(Solver, {"name": "steps", "loose": 3.0})
    (problem,) = caught.value.problems
    assert problem.path == ("loose",)
    line = line_of("loose =", "")
    assert f"; loose has no type annotation (line {line} of " in problem.message
    assert problem.message.endswith("): write loose: float = 2.0")


@pytest.mark.parametrize("name", ["evolve", "CONSTANT", "kind", "nonsense"])
def test_what_is_no_option_by_intention_gets_no_such_hint(local: Local, name: str) -> None:
    registry = local(SOURCE.format(options=""))
    with pytest.raises(OptionError) as caught:
        registry.create(Solver, {"name": "steps", name: 3.0})
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"'{name}' is not an option of steps; its options are none")
    assert "annotation" not in problem.message
