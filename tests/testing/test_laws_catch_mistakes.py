"""Every law of the kit fails on a plugin that breaks it, and says so by its name."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pytest
from ntksim.laws import WidthLaw
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Erf, Relu
from ntksim.nn.fused.matrix import BOTH
from ntksim.nn.limit import Path
from ntksim.testing import LawBroken, architecture_laws
from ntksim.testing.activation import laws_of_activation
from ntksim.testing.architecture import laws_of_architecture
from ntksim.testing.dataset import laws_of_dataset
from ntksim.testing.diagnostic import laws_of_diagnostic
from ntksim.testing.evolutions import gradient_flow
from ntksim.testing.kernel import laws_of_kernel
from ntksim.testing.law import Law, as_tests, broken
from ntksim.testing.solver import laws_of_solver
from ntksim.types import (
    Activation,
    Architecture,
    Array,
    Dataset,
    DatasetSource,
    Diagnostic,
    Dual,
    Evolution,
    FinishedCell,
    GridScales,
    KernelKind,
    KernelProvider,
    Kernels,
    Model,
    Network,
    NoClosedForm,
    Params,
    Problem,
    SecondMoments,
    Spectrum,
    Variable,
    VariableSpec,
)

from ntksim_builtin.solvers import Eigh, GradientDescent


def broken_names(laws: Sequence[Law]) -> set[str]:
    failures = broken(laws)
    assert all("breaks the law" in str(failure) for failure in failures)
    return {re.findall(r"breaks the law '(\w+)'", str(failure))[0] for failure in failures}


# --- architectures ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Composed(ComposedNetwork):
    """A sound network, with one method replaced by ``mistake``."""

    mistake: str = ""

    def initialise(self, width: int, rng: np.random.Generator) -> Params:
        if self.mistake == "own randomness":
            rng = np.random.default_rng()
        params = super().initialise(width, rng)
        if self.mistake == "scale":
            params = {**params, "1.weight": np.sqrt(width) * params["1.weight"]}
        if self.mistake == "variance":
            params = {**params, "1.weight": 1.3 * params["1.weight"]}
        return params

    def apply(self, params: Params, x: Array) -> Array:
        if self.mistake == "no empty input" and not len(x):
            raise ValueError("there are no points")
        value = super().apply(params, x)
        return value - value[:1] if self.mistake == "batch" else value

    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        gradient = super().vjp(params, x, cotangent)
        if self.mistake == "gradient":
            return {name: 1.01 * value for name, value in gradient.items()}
        return gradient

    def value_and_vjp(
        self, params: Params, x: Array, cotangent: Callable[[Array], Array]
    ) -> tuple[Array, Params]:
        value, gradient = super().value_and_vjp(params, x, cotangent)
        return (value + 1 if self.mistake == "value" else value), gradient

    def jvp(self, params: Params, x: Array, tangent: Params) -> Array:
        change = super().jvp(params, x, tangent)
        return -change if self.mistake == "jvp" else change

    def tangent_kernel(
        self, params: Params, x1: Array, x2: Array | None = None, *, full: bool = False
    ) -> Array:
        kernel = super().tangent_kernel(params, x1, x2, full=full)
        return self.outputs * kernel if self.mistake == "sum over outputs" and not full else kernel

    def kernels(
        self,
        x1: Array,
        x2: Array | None = None,
        *,
        path: Path = "auto",
        wanted: Collection[KernelKind] = BOTH,
    ) -> Kernels:
        limit = super().kernels(x1, x2, path=path, wanted=wanted)
        assert limit.ntk is not None
        assert limit.nngp is not None
        if self.mistake == "no bias in the limit":
            return replace(limit, ntk=limit.ntk - 1.0)
        if self.mistake == "asymmetric limit":
            return replace(limit, ntk=limit.ntk * np.linspace(1, 1.1, limit.ntk.shape[1]))
        if self.mistake == "indefinite limit":
            return replace(limit, nngp=limit.nngp - 2 * limit.nngp.max(initial=0.0))
        if self.mistake == "no limit":
            raise NoClosedForm("nobody knows")
        return limit


@dataclass(frozen=True)
class Mistaken(Architecture):
    """One hidden layer of error functions, and a mistake."""

    name: ClassVar[str] = "mistaken"
    mistake: str = ""

    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        layers = (Dense(1.5), ActivationLayer(Erf()), Dense(1.0, 1.0, units=outputs))
        return Composed(layers, input_shape, outputs, mistake=self.mistake)


@pytest.mark.parametrize(
    ("mistake", "laws"),
    [
        ("", set()),
        ("no limit", set()),
        ("own randomness", {"is_drawn_from_the_given_generator"}),
        ("batch", {"takes_points_one_by_one"}),
        ("no empty input", {"takes_no_points"}),
        ("gradient", {"vjp_agrees_with_finite_differences", "jvp_agrees_with_vjp"}),
        ("value", {"value_and_vjp_agrees_with_both"}),
        ("jvp", {"jvp_agrees_with_vjp"}),
        ("sum over outputs", {"tangent_kernel_is_that_of_the_jacobian"}),
        ("variance", {"sampled_kernels_approach_the_limit"}),
        ("scale", {"sampled_kernels_approach_the_limit"}),
        ("no bias in the limit", {"sampled_kernels_approach_the_limit"}),
        ("asymmetric limit", {"limits_are_kernels"}),
        ("indefinite limit", {"limits_are_kernels"}),
    ],
)
def test_mistakes_in_architectures(mistake: str, laws: set[str]) -> None:
    found = laws_of_architecture(Mistaken(mistake), samples=60)
    if mistake == "no empty input":
        with pytest.raises(ValueError, match="no points") as raised:
            broken(found)
        assert "the law 'takes_no_points' was checked on mistaken" in raised.value.__notes__[0]
        return
    names = broken_names(found)
    assert laws <= names
    assert bool(names) == bool(laws)


# --- activations -----------------------------------------------------------------------------


@dataclass(frozen=True)
class WrongDual(Activation):
    """Error function with a dual of its own."""

    name: ClassVar[str] = "wrong_dual"
    part: Literal["features", "derivative"] = "features"

    def value(self, x: Array) -> Array:
        return Erf().value(x)

    def derivative(self, x: Array) -> Array:
        return Erf().derivative(x)

    def closed_form(self, moments: SecondMoments) -> Dual:
        dual = Erf().closed_form(moments)
        assert dual is not None
        if self.part == "features":
            return replace(dual, features=dual.features.scaled(1.02))
        return replace(dual, derivative=1.02 * dual.derivative)


@dataclass(frozen=True)
class Step(Activation):
    """A jump, for which Price's law has no place: its derivative is 0 almost everywhere."""

    name: ClassVar[str] = "step_function"
    kinks: ClassVar[tuple[float, ...]] = (0.0,)

    def value(self, x: Array) -> Array:
        return np.where(x > 0, 1.0, 0.0)

    def derivative(self, x: Array) -> Array:
        return np.zeros_like(x)


@dataclass(frozen=True)
class Normalised(Activation):
    """Not elementwise."""

    name: ClassVar[str] = "normalised"

    def value(self, x: Array) -> Array:
        return x / (1 + np.abs(x).max(initial=0.0))

    def derivative(self, x: Array) -> Array:
        return np.ones_like(x)


@pytest.mark.parametrize(
    ("activation", "laws"),
    [
        (
            WrongDual("features"),
            {"closed_form_agrees_with_quadrature", "obeys_price_s_law"},
        ),
        (
            WrongDual("derivative"),
            {"closed_form_agrees_with_quadrature", "obeys_price_s_law"},
        ),
        (Step(), {"obeys_price_s_law"}),
    ],
)
def test_mistakes_in_activations(activation: Activation, laws: set[str]) -> None:
    # Two parts in a hundred are seen by 20,000 random pairs too, at the largest deviations.
    assert broken_names(laws_of_activation(activation)) - {"dual_agrees_with_random_pairs"} == laws


def test_an_activation_must_be_elementwise() -> None:
    laws = {law.name: law for law in laws_of_activation(Normalised())}
    with pytest.raises(LawBroken, match="element by element"):
        laws["acts_on_every_element_alone"].check()


# --- kernels ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Linear(KernelProvider):
    """Inner products, and a mistake."""

    name: ClassVar[str] = "linear"
    varies_with: ClassVar[frozenset[Literal["width", "seed"]]] = frozenset()
    mistake: str = ""

    def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
        other = x1 if x2 is None else x2
        ntk = x1 @ other.T
        match self.mistake:
            case "no symmetry":
                ntk = ntk + x1[:, :1] - other[:, 1:2].T
            case "indefinite":
                ntk = -ntk
            case "random":
                ntk = ntk * np.random.default_rng().uniform(1, 2)
            case "jitter":
                ntk = ntk + 0.1 * np.eye(*ntk.shape)
            case "width":
                ntk = ntk * (1 + 1 / model.width)
            case "jitter without x2" if x2 is None:
                ntk = ntk + 0.1 * np.eye(len(x1))
            case "missing":
                return Kernels(ntk=ntk)
            case _:
                pass
        return Kernels(nngp=ntk, ntk=ntk)

    def kernels_wanted(
        self, model: Model, x1: Array, x2: Array | None, wanted: Collection[KernelKind]
    ) -> Kernels:
        del wanted
        both = self.kernels(model, x1, x2)
        match self.mistake:
            case "alone it is another":
                return Kernels(nngp=both.nngp, ntk=(1 + 1e-15) * x1 @ (x1 if x2 is None else x2).T)
            case "never alone":
                return Kernels(nngp=both.nngp)
            case _:
                return both


@pytest.mark.parametrize(
    ("mistake", "laws"),
    [
        ("", set()),
        ("no symmetry", {"is_symmetric_and_positive"}),
        ("indefinite", {"is_symmetric_and_positive"}),
        ("random", {"repeats_itself", "varies_only_with_what_it_says"}),
        ("jitter", {"blocks_agree_with_the_whole"}),
        ("jitter without x2", {"needs_no_second_set", "blocks_agree_with_the_whole"}),
        ("width", {"varies_only_with_what_it_says"}),
        ("missing", {"provides_what_it_says"}),
        ("alone it is another", {"gives_one_alone"}),
        ("never alone", {"gives_one_alone"}),
    ],
)
def test_mistakes_in_kernels(mistake: str, laws: set[str]) -> None:
    names = broken_names(laws_of_kernel(Linear(mistake)))
    assert laws <= names
    assert bool(names) == bool(laws)


# --- solvers ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class MistakenFlow(Eigh):
    """Gradient flow, and a mistake."""

    name: ClassVar[str] = "mistaken_flow"
    mistake: str = ""

    def evolve(self, problem: Problem, times: Array) -> Evolution:
        spectrum = cast("Spectrum", problem.spectrum)
        if self.mistake == "time is divided by N":
            return replace(super().evolve(problem, times / len(problem.x_train)), reached=times)
        if self.mistake == "starts at 0":
            problem = replace(
                problem,
                f0_train=np.zeros_like(problem.f0_train),
                f0_test=np.zeros_like(problem.f0_test),
            )
        if self.mistake == "ignores zero start" and problem.zero_initial_output:
            model = cast("Model", problem.model)
            problem = replace(problem, f0_train=model.network.apply(model.params, problem.x_train))
        if self.mistake == "jitter":
            spectrum = replace(spectrum, eigenvalues=spectrum.eigenvalues + 1e-6)
            problem = replace(problem, spectrum=spectrum)
        found = super().evolve(problem, times)
        match self.mistake:
            case "test is late":
                found = replace(found, test=super().evolve(problem, 0.9 * times).test)
            case "forgets the start at the test":
                found = replace(found, test=found.test - problem.f0_test)
            case "times depend on each other":
                found = replace(found, train=found.train + 1e-3 * len(times))
            case "variance" if found.variance_test is not None:
                found = replace(found, variance_test=1.1 * found.variance_test)
            case "parameters" if found.parameters is not None:
                start = cast("Model", problem.model).params
                found = replace(found, parameters=[start] * len(times))
            case "reached":
                found = replace(found, reached=found.reached + 0.1)
            case _:
                pass
        return found


@pytest.mark.parametrize(
    ("mistake", "laws"),
    [
        ("", set()),
        ("time is divided by N", {"solves_every_mode_exactly"}),
        ("starts at 0", {"starts_at_the_initial_outputs", "solves_every_mode_exactly"}),
        ("ignores zero start", {"starts_from_zero_output"}),
        ("jitter", {"solves_singular_kernels"}),
        ("test is late", {"test_points_are_no_different", "solves_every_mode_exactly"}),
        ("forgets the start at the test", {"starts_at_the_initial_outputs"}),
        ("times depend on each other", {"takes_times_one_by_one"}),
        ("variance", {"spread_is_that_of_initialisations"}),
        ("parameters", {"parameters_have_these_outputs"}),
        ("reached", {"reaches_the_times", "starts_at_the_initial_outputs"}),
    ],
)
def test_mistakes_in_solvers(mistake: str, laws: set[str]) -> None:
    names = broken_names(laws_of_solver(MistakenFlow(mistake=mistake)))
    assert laws <= names
    assert bool(names) == bool(laws)


@dataclass(frozen=True)
class Hasty(Eigh):
    """Several problems at once, and not as each alone."""

    mistake: str = ""

    def evolve_many(self, problems: Sequence[Problem], times: Array) -> Any:
        found = super().evolve_many(problems, times)
        match self.mistake:
            case "rounded":
                last = found[-1]
                assert isinstance(last, Evolution)
                found[-1] = replace(last, test=last.test * (1 + 1e-15))
            case "fewer":
                found.pop()
            case "error":
                found[0] = ValueError("torn")
            case "tuple":
                return tuple(found)
        return found

    def at_once(self, problem: Problem) -> int:
        del problem
        return 0 if self.mistake == "none at once" else 2

    def most_seconds(self, problem: Problem, times: Array) -> float | None:
        del problem, times
        return math.nan if self.mistake == "nan" else 1.0


@pytest.mark.parametrize(
    ("mistake", "laws"),
    [
        ("", set()),
        ("rounded", {"gives_each_of_several_its_own"}),
        ("fewer", {"gives_each_of_several_its_own"}),
        ("error", {"gives_each_of_several_its_own"}),
        ("tuple", {"gives_each_of_several_its_own"}),
        ("none at once", {"says_how_much_it_takes"}),
        ("nan", {"says_how_much_it_takes"}),
    ],
)
def test_mistakes_of_a_solver_of_several_problems(mistake: str, laws: set[str]) -> None:
    assert broken_names(laws_of_solver(Hasty(mistake=mistake))) == laws


def test_what_an_author_says_of_a_solver_is_measured() -> None:
    descent = GradientDescent(learning_rate=0.1)

    def residual(eigenvalue: Array, time: Array) -> Array:
        return (1 - 0.1 * eigenvalue) ** (time / 0.1)

    assert broken_names(laws_of_solver(descent)) >= {"solves_every_mode_exactly"}
    assert broken_names(laws_of_solver(descent, residual, order=("learning_rate", 2))) == {
        "converges_with_its_order"
    }
    pulled = laws_of_solver(
        Eigh(ridge=0.5), lambda lam, t: (0.5 + lam * np.exp(-(lam + 0.5) * t)) / (lam + 0.5)
    )
    assert broken_names(pulled) >= {"can_be_restarted"}


def test_gradient_flow_at_the_ends() -> None:
    eigenvalue, time = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, np.inf, 0.0, np.inf])
    assert gradient_flow(eigenvalue, time).tolist() == [1.0, 1.0, 1.0, 0.0]


# --- datasets --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noise(DatasetSource):
    """Noise from a generator that others use too."""

    name: ClassVar[str] = "noise_from_somewhere"
    mistake: str = ""

    def load(self) -> Dataset:
        x = np.ones((2, 1))
        if self.mistake == "random":
            x = np.random.default_rng().standard_normal((2, 1))
        if self.mistake == "global":
            x = np.random.standard_normal((2, 1))  # noqa: NPY002
        return Dataset(x, x, x, x, provenance={} if self.mistake == "unknown" else {"source": "x"})


@pytest.mark.parametrize(
    ("mistake", "laws"),
    [
        ("", set()),
        ("random", {"loads_the_same_bits"}),
        ("global", {"loads_the_same_bits"}),
        ("unknown", {"says_where_the_data_come_from"}),
    ],
)
def test_mistakes_in_datasets(mistake: str, laws: set[str]) -> None:
    assert broken_names(laws_of_dataset(Noise(mistake))) == laws


# --- diagnostics -----------------------------------------------------------------------------


@dataclass(frozen=True)
class MistakenLaw(WidthLaw):
    """A law with a mistake."""

    mistake: str = ""

    def summarise(self, values: Array, scales: GridScales) -> dict[str, Array]:
        said = dict(super().summarise(values, scales))
        if self.mistake == "no gaps" and np.isnan(values).any():
            return {}
        if self.mistake == "wrong shape":
            return {name: value[None] for name, value in said.items()}
        return said


@dataclass(frozen=True)
class Last(Diagnostic):
    """The last outputs, and a mistake."""

    name: ClassVar[str] = "last"
    variables: ClassVar[Any] = {
        "last_train": VariableSpec(("train_point", "output"), "last outputs"),
        "last_test": VariableSpec(("test_point", "output"), "last outputs at test points"),
    }
    mistake: str = ""
    seen: list[int] = field(default_factory=list, compare=False)

    def measure(self, cell: FinishedCell) -> dict[str, Variable]:
        train, test = cell.evolution.train[-1], cell.evolution.test[-1]
        measured: dict[str, Variable] = {"last_train": train}
        if len(test) or self.mistake == "empty":
            measured["last_test"] = test
        match self.mistake:
            case "undeclared":
                measured["first_train"] = train
            case "transposed":
                measured["last_train"] = train.T
            case "all times":
                measured["last_train"] = cell.evolution.train
            case "never":
                measured.pop("last_test", None)
            case "counts":
                self.seen.append(1)
                measured["last_train"] = train + len(self.seen)
            case "changes":
                cell.evolution.train[-1] = 0.0
            case _:
                pass
        return measured

    @property
    def summaries(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (MistakenLaw("last_train", self.mistake), MistakenLaw("what others record"))

    def labels(self, cell: FinishedCell) -> dict[str, list[str]]:
        match self.mistake:
            case "names points":
                return {"train_point": ["a"] * len(cell.dataset.x_train)}
            case "names twice":
                return {"thing": ["a", "a"]}
            case _:
                return {"thing": ["a", "b"]}


@pytest.mark.parametrize(
    ("mistake", "laws"),
    [
        ("", set()),
        ("undeclared", {"returns_what_it_declares"}),
        ("transposed", {"returns_what_it_declares"}),
        ("all times", {"returns_what_it_declares"}),
        ("empty", {"measures_without_test_points"}),
        ("never", {"measures_all_that_it_declares"}),
        ("counts", {"measures_the_same_again"}),
        ("changes", {"measures_the_same_again"}),
        ("names points", {"names_what_it_measures"}),
        ("names twice", {"names_what_it_measures"}),
        ("no gaps", {"summarises_grids_with_gaps"}),
        ("wrong shape", {"summarises_grids_with_gaps"}),
    ],
)
def test_mistakes_in_diagnostics(mistake: str, laws: set[str]) -> None:
    assert broken_names(laws_of_diagnostic(Last(mistake))) == laws


# --- all -------------------------------------------------------------------------------------


@dataclass
class Thawed(Activation):
    """Not frozen."""

    name: ClassVar[str] = "thawed"

    def value(self, x: Array) -> Array:
        return x

    def derivative(self, x: Array) -> Array:
        return np.ones_like(x)


@dataclass(frozen=True)
class Forgetful(Mistaken):
    """Its option is lost on the way to a study."""

    name: ClassVar[str] = "forgetful"
    mistake: str = "x"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mistake", self.mistake + "x")


@dataclass(frozen=True)
class Slashed(Mistaken):
    """Its label cannot name a group."""

    name: ClassVar[str] = "slashed"

    def label(self) -> str:
        return "a/b"


def test_mistakes_of_every_plugin() -> None:
    def names(laws: Sequence[Law]) -> set[str]:
        return broken_names([law for law in laws if law.name in EVERY])

    assert names(laws_of_activation(Thawed())) >= {"can_be_registered"}
    assert names(laws_of_architecture(Forgetful())) == {"survives_a_study"}
    assert names(laws_of_architecture(Slashed())) == {"has_a_label"}


EVERY = {"can_be_registered", "survives_a_study", "has_a_label"}


def test_no_plugin_is_no_test() -> None:
    with pytest.raises(ValueError, match="at least one instance"):
        architecture_laws()


def test_a_failure_says_the_law_and_the_numbers() -> None:
    (failure,) = broken(
        [
            law
            for law in laws_of_architecture(Mistaken("no bias in the limit"))
            if law.name == "sampled_kernels_approach_the_limit"
        ]
    )
    for words in ("mistaken breaks the law", "the limit is", "standard errors", "of width 64"):
        assert words in str(failure)


def test_relu_is_not_judged_at_its_kink() -> None:
    laws = {law.name: law for law in laws_of_activation(Relu())}
    laws["derivative_agrees_with_finite_differences"].check()


# --- how a broken law is told ----------------------------------------------------------------


@dataclass(frozen=True)
class Failing(Activation):
    """Raises in its derivative."""

    name: ClassVar[str] = "failing"

    def value(self, x: Array) -> Array:
        return x

    def derivative(self, x: Array) -> Array:
        raise KeyError("lost" if x.size else "nothing")


def _test_of(activation: Activation, law: str) -> tuple[Callable[..., None], Law]:
    (chosen,) = (found for found in laws_of_activation(activation) if found.name == law)
    return as_tests([chosen]), chosen


def test_pytest_shows_the_law_the_numbers_and_the_plugin_but_no_source_of_the_kit() -> None:
    test, law = _test_of(Normalised(), "derivative_agrees_with_finite_differences")
    with pytest.raises(pytest.fail.Exception) as caught:
        test(law)
    assert not caught.value.pytrace
    message = str(caught.value)
    assert "breaks the law 'derivative_agrees_with_finite_differences': φ′ is" in message
    assert "derivative gives 1, finite differences of value" in message
    _, line = inspect.getsourcelines(Normalised)
    assert f"the plugin is Normalised, line {line} of {__file__}" in message
    assert message.endswith("ntksim.testing.activation.derivative_agrees_with_finite_differences")


def test_what_a_plugin_raises_is_shown_from_the_plugin_on() -> None:
    test, law = _test_of(Failing(), "derivative_agrees_with_finite_differences")
    with pytest.raises(KeyError, match="lost") as caught:
        test(law)
    inside = [entry.name for entry in caught.traceback]
    assert inside[-1] == "derivative"
    assert "check" not in inside  # of the kit
    assert any("the plugin is Failing" in note for note in caught.value.__notes__)


@dataclass(frozen=True)
class Silent(Eigh):
    """Forgets to return."""

    name: ClassVar[str] = "silent"

    def evolve(self, problem: Problem, times: Array) -> Evolution:
        super().evolve(problem, times)
        return None  # type: ignore[return-value]


def test_a_missing_return_is_a_broken_law() -> None:
    failures = broken(laws_of_solver(Silent()))
    assert failures
    for failure in failures:
        assert "evolve returned None; it must return Evolution(reached (T,), train" in str(failure)
