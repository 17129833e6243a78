"""Names, options and references."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st
from ntksim.registry import OptionError, OptionProblem, Registry, RegistryError
from ntksim.registry.errors import shown
from ntksim.types import Activation, Architecture, Plugin, Solver

from registry_sources import SOLVER

Local = Callable[..., Registry]

NETWORKS = """
from pydantic import AllowInfNan
from typing import Annotated

@dataclass(frozen=True)
class Relu(Activation):
    "Positive part."
    name: ClassVar[str] = "relu"
    slope: float = 0.0
    def value(self, x): ...
    def derivative(self, x): ...

@dataclass(frozen=True)
class Sum(Activation):
    "Sum of others."
    name: ClassVar[str] = "sum"
    parts: tuple[Activation, ...]
    def value(self, x): ...
    def derivative(self, x): ...

@dataclass(frozen=True)
class Net(Architecture):
    "A network."
    name: ClassVar[str] = "net"
    activation: Activation = Relu()
    depth: PositiveInt = 2
    scale: Annotated[float, AllowInfNan()] = 1.0
    rate: Literal["auto"] | float = "auto"
    def network(self, input_shape, outputs): ...

@hookimpl
def ntksim_activations(): return [Relu, Sum]
@hookimpl
def ntksim_architectures(): return [Net]
"""


def problems(registry: Registry, kind: Any, reference: Any) -> tuple[OptionProblem, ...]:
    with pytest.raises(OptionError) as caught:
        registry.create(kind, reference)
    return caught.value.problems


def test_a_name_given_twice_is_an_error_only_where_it_is_used(local: Local) -> None:
    registry = local(one=SOLVER, two=SOLVER)
    with pytest.raises(RegistryError, match="solver 'steps' is offered more than once") as caught:
        registry.offer("solver", "steps")
    assert "'one:steps' (plugin file " in str(caught.value)
    assert "'two:steps' (plugin file " in str(caught.value)
    assert registry.offer("solver", "two:steps").origin.plugin == "two"
    assert registry.reference(registry.create(Solver, "one:steps"))["name"] == "one:steps"


def test_an_unknown_name_says_what_there_is_and_what_is_near(local: Local) -> None:
    registry = local(one=SOLVER)
    (problem,) = problems(registry, Solver, "step")
    assert problem == OptionProblem(
        ("name",), "there is no solver 'step'; there are steps; did you mean 'steps'?"
    )
    (problem,) = problems(registry, Solver, "won:steps")
    assert problem.message.endswith("did you mean 'one:steps'?")
    (problem,) = problems(registry, Architecture, "steps")
    assert problem.message == "there is no architecture 'steps'; there are none"


@pytest.mark.parametrize(
    ("options", "path", "message", "at_key"),
    [
        (
            {"cuont": 1},
            ("cuont",),
            (
                "'cuont' is not an option of steps; its options are count, method, rate"
                "; did you mean 'count'?"
            ),
            True,
        ),
        ({"count": 0}, ("count",), "0 is not greater than 0", False),
        ({"count": True}, ("count",), "true is not a valid integer", False),
        ({"count": 1.0}, ("count",), "1.0 is not a valid integer", False),
        (
            {"count": "3"},
            ("count",),
            "'3' is not a valid integer; without the quotes it is the number 3",
            False,
        ),
        ({"count": "three"}, ("count",), "'three' is not a valid integer", False),
        ({"count": None}, ("count",), "null is not a valid integer", False),
        ({"rate": math.nan}, ("rate",), ".nan is not a finite number", False),
        ({"rate": math.inf}, ("rate",), ".inf is not a finite number", False),
        ({"rate": False}, ("rate",), "false is not a valid number", False),
        ({"rate": 3.0}, (), "a rate of 3.0 diverges; it must be at most 2", False),
        (
            {"method": "huen"},
            ("method",),
            "'huen' is not one of 'euler' or 'heun'; did you mean 'heun'?",
            False,
        ),
    ],
)
def test_wrong_options(
    local: Local, options: dict[str, Any], path: tuple[str, ...], message: str, at_key: bool
) -> None:
    (problem,) = problems(local(SOLVER), Solver, {"name": "steps", **options})
    assert problem == OptionProblem(path, message, at_key)


def test_all_wrong_options_are_found_at_once(local: Local) -> None:
    found = problems(local(SOLVER), Solver, {"name": "steps", "count": 0, "rate": "x", "z": 1})
    assert {problem.path for problem in found} == {("count",), ("rate",), ("z",)}


def test_wrong_options_of_nested_plugins(local: Local) -> None:
    registry = local(NETWORKS)
    nested = {"name": "sum", "parts": ["relu", {"name": "relu", "slop": 1}, {"name": "rellu"}]}
    found = problems(registry, Architecture, {"name": "net", "activation": nested, "depth": -1})
    assert {(problem.path, problem.at_key) for problem in found} == {
        (("activation", "parts", 1, "slop"), True),
        (("activation", "parts", 2, "name"), False),
        (("depth",), False),
    }
    (problem,) = problems(registry, Architecture, {"name": "net", "activation": {"name": "sum"}})
    assert problem == OptionProblem(("activation",), "sum needs the option 'parts'")


def test_the_branches_of_a_union_are_one_problem(local: Local) -> None:
    (problem,) = problems(local(NETWORKS), Architecture, {"name": "net", "rate": "fast"})
    assert problem.path == ("rate",)
    assert problem.message == "'fast' is not one of 'auto', and 'fast' is not a valid number"


@pytest.mark.parametrize("reference", [3, None, [], {}, {"name": 3}, {"nam": "net"}, ["net"]])
def test_what_names_no_plugin(local: Local, reference: Any) -> None:
    (problem,) = problems(local(NETWORKS), Architecture, reference)
    assert problem.path == ()
    assert problem.message.endswith("names no architecture: write a name, or a mapping with 'name'")
    assert problem.message.startswith(shown(reference))


def test_an_instance_is_taken_as_it_is(local: Local) -> None:
    registry = local(NETWORKS)
    net = registry.create(Architecture, "net")
    assert registry.create(Architecture, net) is net
    # A field of a kind accepts no plugin of another kind.
    (problem,) = problems(registry, Activation, net)
    assert "names no activation" in problem.message


def test_a_plugin_of_no_registry_has_no_reference(local: Local) -> None:
    net = local(NETWORKS).create(Architecture, "net")
    with pytest.raises(RegistryError, match="Net is not offered by any loaded plugin"):
        local(other=SOLVER).reference(net)


def test_exceptions_are_blamed_on_the_plugin(local: Local) -> None:
    offer = local(SOLVER).offer("solver", "steps")
    with pytest.raises(KeyError) as caught, offer.blamed("solving"):
        raise KeyError("x")
    (note,) = caught.value.__notes__
    assert note.startswith("raised by solver 'steps' of plugin file ")
    assert note.endswith(" while solving")


ACTIVATIONS = st.recursive(
    st.floats(-10, 10).map(lambda slope: {"name": "relu", "slope": slope}) | st.just("relu"),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: {"name": "sum", "parts": parts}),
    max_leaves=5,
)


def test_a_canonical_reference_makes_an_equal_plugin_again(local: Local) -> None:
    registry = local(NETWORKS)

    @given(ACTIVATIONS, st.integers(1, 9), st.floats(allow_nan=False), st.floats(0, 1))
    def check(activation: Any, depth: int, scale: float, rate: float) -> None:
        net: Plugin = registry.create(
            Architecture,
            {
                "name": "net",
                "activation": activation,
                "depth": depth,
                "scale": scale,
                "rate": rate if rate > 0.5 else "auto",
            },
        )
        reference = registry.reference(net)
        assert registry.create(Architecture, reference) == net
        assert registry.reference(registry.create(Architecture, reference)) == reference
        assert reference["name"] == "p0:net"
        assert set(reference) == {"name", "activation", "depth", "scale", "rate"}

    check()
