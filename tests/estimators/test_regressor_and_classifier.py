"""Estimators against scikit-learn's own, against studies' solvers, and against sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ntksim import Architecture, NTKClassifier, NTKKernel, NTKRegressor, Problem, SeedTree, Solver
from ntksim.estimators.votes import shares
from ntksim.linalg import eigendecomposition
from ntksim.registry import Registry
from ntksim.types import Array, KernelBlocks, KernelProvider, Model
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MLP = {"name": "mlp", "depth": 2, "activation": "erf", "bias_std": 0.3}
READOUT = MLP | {"trained": "readout"}
RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 3))
Y = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]])
NEW = RNG.standard_normal((12, 3))
REGISTRY = Registry.load()


def gaussian_process(kernel: NTKKernel, alpha: float) -> Any:
    """Return scikit-learn's process, trained with its kernel as it is."""
    process: Any = GaussianProcessRegressor
    return process(kernel, alpha=alpha, optimizer=None).fit(X, Y)


@pytest.mark.parametrize("ridge", [1e-3, 0.5])
def test_at_infinite_time_it_is_kernel_ridge_regression(ridge: float) -> None:
    kernel = NTKKernel(MLP)
    expected = KernelRidge(kernel="precomputed", alpha=ridge).fit(kernel(X), Y)  # pyright: ignore[reportArgumentType]
    found = NTKRegressor(MLP, ridge=ridge).fit(X, Y).predict(NEW)
    # The kernel's condition number with this ridge is below 1e5: 1e5 ε, and a few.
    np.testing.assert_allclose(found, expected.predict(kernel(NEW, X)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("noise", [1e-3, 0.1])
def test_with_a_trained_readout_it_is_the_gaussian_process_with_that_noise(noise: float) -> None:
    process = gaussian_process(NTKKernel(MLP, kind="nngp"), noise)
    mean, std = process.predict(NEW, return_std=True)
    network = NTKRegressor(READOUT, ridge=noise, noise=noise).fit(X, Y)
    found_mean, found_std = network.predict(NEW, return_std=True)
    # Conditions below 1e5, as above; the variance is a difference there, hence a root of 1e-11.
    np.testing.assert_allclose(found_mean, mean, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found_std, std, rtol=0, atol=1e-6)
    assert std.min() > 1e-2


def test_the_mean_of_a_process_with_the_tangent_kernel_is_that_of_the_network() -> None:
    process = gaussian_process(NTKKernel(MLP), 0.01)
    network = NTKRegressor(MLP, ridge=0.01).fit(X, Y)
    np.testing.assert_allclose(network.predict(NEW), process.predict(NEW), rtol=0, atol=1e-9)


def solved(kernel: str, times: Array, root: int, ridge: float) -> tuple[Array, Array | None]:
    """Outputs at NEW and their variance, from the plugins of a study."""
    architecture = REGISTRY.create(Architecture, MLP)
    provider = REGISTRY.create(KernelProvider, kernel)
    width = np.inf if kernel == "analytic" else 40
    model = Model(architecture.network((3,), 2), width, SeedTree(root))
    train = provider.kernels(model, X)
    blocks = KernelBlocks(train, provider.kernels(model, NEW, X), provider.kernels(model, NEW))
    assert train.ntk is not None
    start = [
        model.network.apply(model.params, x) if model.is_finite else np.zeros((len(x), 2))
        for x in (X, NEW)
    ]
    problem = Problem(
        x_train=X,
        y_train=Y,
        x_test=NEW,
        f0_train=start[0],
        f0_test=start[1],
        zero_initial_output=False,
        kernels=blocks,
        spectrum=eigendecomposition(train.ntk),
        model=model,
        extras=frozenset({"variance"}),
    )
    solver = REGISTRY.create(Solver, {"name": "eigh", "ridge": ridge})
    evolution = solver.evolve(problem, times)
    return evolution.test, evolution.variance_test


@pytest.mark.parametrize("kernel", ["analytic", "empirical"])
@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_it_is_the_solver_of_studies(kernel: str, ridge: float) -> None:
    times = np.array([0.0, 0.3, 20.0, np.inf])
    expected, variance = solved(kernel, times, 5, ridge)
    network = NTKRegressor(MLP, kernel=kernel, width=40, ridge=ridge, random_state=5).fit(X, Y)
    stages = list(network.staged_predict(NEW, times))
    # The same products in the same order, of matrices of the same bits.
    np.testing.assert_allclose(stages, expected, rtol=1e-12, atol=1e-13)
    assert variance is not None
    for time, own, spread in zip(times, expected, variance, strict=True):
        mean, std = network.set_params(time=time).predict(NEW, return_std=True)
        np.testing.assert_allclose(mean, own, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(std, np.sqrt(spread)[:, None] * [1, 1], rtol=1e-9, atol=1e-12)


def test_a_full_kernel_couples_the_outputs() -> None:
    kernel = {"name": "empirical", "outputs": "full"}
    network = NTKRegressor(MLP, kernel=kernel, width=16, random_state=1).fit(X, Y)
    assert len(network.eigenvalues_) == Y.size
    # At infinite time a network of full rank fits what it was trained on.
    np.testing.assert_allclose(network.predict(X), Y, atol=1e-6)
    assert network.predict(NEW, return_std=True)[1].shape == (len(NEW), 2)


def test_the_deviation_is_the_spread_of_networks_and_of_noisy_targets() -> None:
    """Trains on sampled initial outputs and targets: the definition of the deviation."""
    time, noise, ridge = 3.0, 0.05, 0.1
    network = NTKRegressor(MLP, time=time, noise=noise, ridge=ridge).fit(X, Y[:, 0])
    mean, std = network.predict(NEW, return_std=True)
    prior = NTKKernel(MLP, kind="nngp")(np.concatenate([X, NEW]))
    samples = 4000
    rng = np.random.default_rng(1)
    factor = np.linalg.cholesky(prior + 1e-12 * np.eye(len(prior)))
    start = factor @ rng.standard_normal((len(prior), samples))
    targets = Y[:, :1] + np.sqrt(noise) * rng.standard_normal((len(X), samples))
    # Training is affine: f₀ + Z (y − f₀), with Z from a network that is trained on unit vectors.
    response = NTKRegressor(MLP, time=time, ridge=ridge).fit(X, np.eye(len(X))).predict(NEW)
    outputs = start[len(X) :] + response @ (targets - start[: len(X)])
    # Standard errors: std/√samples of a mean and std/√(2 samples) of a deviation; 5 of them.
    assert np.abs(outputs.mean(1) - mean).max() < 5 * std.max() / np.sqrt(samples)
    np.testing.assert_allclose(outputs.std(1, ddof=1), std, rtol=5 / np.sqrt(2 * samples))


def test_zero_initial_output_has_no_spread_but_that_of_noise() -> None:
    network = NTKRegressor(MLP, initial_output="zero", kernel="empirical", width=20, random_state=0)
    network.fit(X, Y[:, 0])
    assert not network.predict(NEW, return_std=True)[1].any()
    assert not network.set_params(time=0).predict(NEW).any()
    noisy = network.set_params(noise=0.1, time=1.0).predict(NEW, return_std=True)[1]
    assert noisy.min() > 0


def test_shapes_follow_the_targets() -> None:
    one, column, several = (NTKRegressor(MLP).fit(X, y) for y in (Y[:, 0], Y[:, :1], Y))
    assert one.predict(NEW).shape == (len(NEW),)
    assert column.predict(NEW).shape == (len(NEW), 1)
    assert several.predict(NEW).shape == (len(NEW), 2)
    np.testing.assert_allclose(several.predict(NEW)[:, 0], one.predict(NEW), rtol=1e-9)


def test_time_ridge_and_noise_can_be_changed_without_fitting_again() -> None:
    network = NTKRegressor(MLP).fit(X, Y)
    network.set_params(time=2.0, ridge=0.3)
    again: Any = clone(network)
    again.fit(X, Y)
    np.testing.assert_array_equal(network.predict(NEW), again.predict(NEW))


def test_stages_go_from_nothing_learned_to_all() -> None:
    network = NTKRegressor(MLP, ridge=0.1).fit(X, Y)
    times = network.staged_times()
    stages = list(network.staged_predict(NEW))
    assert len(stages) == len(times)
    assert (np.diff(times) > 0).all()
    assert not stages[0].any()
    np.testing.assert_array_equal(stages[-1], network.predict(NEW))
    # Before the fastest mode a tenth of it is learned, after the slowest all but e^−10 of it.
    assert np.abs(stages[1]).max() < 0.2 * np.abs(stages[-1]).max()
    np.testing.assert_allclose(stages[-2], stages[-1], atol=1e-3)


def test_grid_search_stops_early_where_labels_are_noisy() -> None:
    rng = np.random.default_rng(3)
    x = np.linspace(-2, 2, 60)[:, None]
    y = np.sin(2 * x[:, 0]) + rng.standard_normal(60)
    grid = {"ntkregressor__time": [0.01, 0.1, 1.0, 10.0, np.inf]}
    network = NTKRegressor({"name": "mlp", "depth": 2, "bias_std": 1.0})
    search = GridSearchCV(make_pipeline(StandardScaler(), network), grid, cv=5)
    order = rng.permutation(60)
    best = search.fit(x[order], y[order]).best_params_["ntkregressor__time"]
    scores = search.cv_results_["mean_test_score"]
    assert 0.01 < best < np.inf
    assert scores.max() > scores[-1] + 0.1


def test_architectures_come_as_names_mappings_and_objects() -> None:
    made = REGISTRY.create(Architecture, MLP)
    by_object = NTKRegressor(made).fit(X, Y).predict(NEW)
    options = {**MLP, "depth": np.int64(2), "bias_std": np.float64(0.3)}  # as grids have them
    np.testing.assert_array_equal(NTKRegressor(options).fit(X, Y).predict(NEW), by_object)
    by_name = NTKRegressor("builtin:mlp").fit(X, Y).predict(NEW)
    np.testing.assert_array_equal(NTKRegressor("mlp").fit(X, Y).predict(NEW), by_name)


def test_the_same_seed_gives_the_same_network() -> None:
    def predicted(random_state: Any) -> Array:
        return (
            NTKRegressor(MLP, kernel="empirical", width=16, random_state=random_state)
            .fit(X, Y)
            .predict(NEW)
        )

    np.testing.assert_array_equal(predicted(3), predicted(3))
    assert np.abs(predicted(3) - predicted(4)).max() > 1e-3
    state = np.random.RandomState(0)
    assert np.abs(predicted(state) - predicted(state)).max() > 1e-3


def test_inputs_can_have_several_axes() -> None:
    x = RNG.standard_normal((10, 12))
    flat = NTKRegressor(MLP).fit(x, x[:, 0]).predict(x + 1)
    shaped = NTKRegressor(MLP, input_shape=(2, 3, 2)).fit(x, x[:, 0]).predict(x + 1)
    np.testing.assert_array_equal(flat, shaped)  # this network flattens its inputs
    with pytest.raises(ValueError, match=r"\(5, 2\) has 10 features a point, and X has 12"):
        NTKRegressor(MLP, input_shape=(5, 2)).fit(x, x[:, 0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"time": -1.0}, "time is -1.0; it must be a number from 0, or infinity"),
        ({"time": float("nan")}, "time is nan"),
        ({"time": "late"}, "time is 'late'"),
        ({"ridge": np.inf}, "ridge is inf; it must be a finite number from 0"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"initial_output": "none"}, "initial_output is 'none'; it must be 'network' or 'zero'"),
        ({"kernel": "empirical", "width": 2.5}, "width is 2.5; there are only whole"),
        ({"kernel": "empirical", "width": 0}, "width is 0; it must be a whole number from 1"),
        ({"kernel": "empirical", "width": np.inf}, "kernel 'empirical' at width inf: .*finite"),
        ({"architecture": "mpl"}, "did you mean 'mlp'"),
        ({"architecture": {"name": "mlp", "depht": 2}}, "depht"),
        ({"kernel": "analytical"}, "did you mean 'analytic'"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(
    parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        NTKRegressor(**parameters).fit(X, Y)


def test_times_of_stages_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a time is -1\.0"):
        list(NTKRegressor(MLP).fit(X, Y).staged_predict(NEW, [0, -1]))


def iris(classes: int) -> tuple[Array, Any]:
    x, y = load_iris(return_X_y=True)
    chosen = y < classes
    return StandardScaler().fit_transform(x[chosen]), np.array(["a", "b", "c"])[y[chosen]]


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_are_learned_and_shares_go_with_them(classes: int) -> None:
    x, labels = iris(classes)
    network = NTKClassifier(MLP, time=5.0).fit(x[::2], labels[::2])
    assert network.score(x[1::2], labels[1::2]) > 0.9  # every textbook method reaches 0.93
    found = network.predict_proba(x)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(network.classes_[found.argmax(axis=1)], network.predict(x))
    labels_again, std = network.predict(x, return_std=True)
    np.testing.assert_array_equal(labels_again, network.predict(x))
    assert std.shape == (len(x),)
    stages = list(network.staged_predict(x[1::2], [0.0, 5.0]))
    np.testing.assert_array_equal(stages[1], network.predict(x[1::2]))
    assert network.predict_outputs(x).shape == (len(x), 1 if classes == 2 else 3)


def test_networks_that_start_at_zero_agree_in_all_their_votes() -> None:
    x, labels = iris(3)
    network = NTKClassifier(MLP, initial_output="zero").fit(x, labels)
    assert set(np.unique(network.predict_proba(x))) == {0.0, 1.0}


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="y has one class, a; a classifier needs 2"):
        NTKClassifier(MLP).fit(X, np.full(len(X), "a"))


@pytest.mark.parametrize("classes", [1, 3, 5])
def test_shares_are_frequencies_of_votes(classes: int) -> None:
    rng = np.random.default_rng(classes)
    outputs, std = rng.standard_normal((4, classes)), np.array([0.1, 0.5, 1.0, 3.0])
    samples = 100_000
    drawn = outputs + std[:, None] * rng.standard_normal((samples, 4, classes))
    votes = (drawn[..., 0] > 0).astype(int) if classes == 1 else drawn.argmax(axis=2)
    counted = np.array([(votes == c).mean(axis=0) for c in range(max(2, classes))]).T
    # Five standard errors of a frequency, at most 1/(2√samples).
    np.testing.assert_allclose(shares(outputs, std), counted, atol=5 * 0.5 / np.sqrt(samples))


def test_shares_of_two_outputs_are_those_of_their_difference() -> None:
    """P(u > v) = Φ((μ_u − μ_v)/(√2 σ)), against the integral."""
    outputs, std = np.array([[0.3, -0.2], [5.0, -4.0], [0.0, 0.0]]), np.array([0.7, 1.3, 0.0])
    difference = (outputs[:, :1] - outputs[:, 1:]) / np.sqrt(2)
    # The trapezoidal rule is exact to rounding here.
    np.testing.assert_allclose(
        shares(outputs, std), shares(-difference, std), rtol=1e-12, atol=1e-15
    )


def test_ties_between_networks_that_agree_are_shared() -> None:
    found = shares(np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]]), np.zeros(2))
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]], atol=1e-12)
