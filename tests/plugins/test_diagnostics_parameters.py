"""What is measured on the parameters of a cell, and on the kernel as training sets off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ntksim.linalg import eigendecomposition
from ntksim.types import (
    Array,
    Dataset,
    FinishedCell,
    KernelBlocks,
    Kernels,
    Model,
    Network,
    Problem,
    SeedTree,
    Solver,
)

from kernel_problems import (
    POINTS,
    TARGETS,
    LinearNetwork,
    ShallowNetwork,
    network_problem,
    shallow_relu_kernels,
)
from ntksim_builtin.architectures import Mlp, ShallowRelu
from ntksim_builtin.diagnostics import (
    FullPredictions,
    InitialVelocity,
    KernelField,
    Parameters,
    ParameterTheory,
)
from ntksim_builtin.diagnostics.parameters import unit_norms
from ntksim_builtin.solvers import Eigh, NetworkGradientDescent

TIMES = np.array([0.0, 0.5, 5.0, np.inf])
GRID = np.stack([np.linspace(0, 1, 5), np.ones(5)], axis=1)


def finished(problem: Problem, solver: Solver | None = None) -> FinishedCell:
    problem = replace(problem, extras=frozenset({"parameters"}))
    data = Dataset(
        problem.x_train,
        problem.y_train,
        problem.x_test,
        np.full(problem.f0_test.shape, np.nan),
        test_targets=False,
    )
    evolution = (solver or Eigh()).evolve(problem, TIMES)
    return FinishedCell(data, problem, TIMES, evolution)


def shallow(width: int = 30, **changes: bool) -> Problem:
    return network_problem(ShallowNetwork(), width, POINTS, TARGETS, GRID, **changes)


def test_motion_by_hand() -> None:
    """f = θᵀx, one point x = (3, 4), from θ₀: θ(∞) = θ₀ + x (y − f₀)/25."""
    problem = network_problem(
        LinearNetwork(), 1, np.array([[3.0, 4.0]]), np.array([[50.0]]), np.array([[1.0, 0.0]])
    )
    assert problem.model is not None
    start = problem.model.params["theta"][:, 0]
    share = (50.0 - start @ [3.0, 4.0]) / 25.0
    measured = Parameters(select=("theta[1,0]",)).measure(finished(problem))
    value = np.asarray(measured["parameter_value"])
    np.testing.assert_allclose(value[[0, -1], 0], [start[1], start[1] + 4 * share], rtol=1e-14)
    for name, expected in {
        "parameter_motion": 5 * share,
        "parameter_motion_rms": 5 * share / np.sqrt(2),
        "parameter_motion_max": 4 * share,
        "parameter_motion_layer": 5 * share,
        "parameter_motion_rms_layer": 5 * share / np.sqrt(2),
        "parameter_motion_max_layer": 4 * share,
        "parameter_motion_unit": 5 * share,
        "parameter_motion_unit_layer": 5 * share,
        "parameter_norm_layer": np.linalg.norm(start + share * np.array([3.0, 4.0])),
    }.items():
        last = np.asarray(measured[name])[-1]
        np.testing.assert_allclose(last, np.full_like(last, abs(expected)), rtol=1e-13)
    assert measured["parameter_count"] == 2


def test_the_first_element_of_every_trained_array_is_kept_by_default() -> None:
    cell = finished(shallow())
    assert cell.problem.model is not None
    start = cell.problem.model.params
    value = np.asarray(Parameters().measure(cell)["parameter_value"])
    np.testing.assert_array_equal(value[0], [start["w0"][0, 0], start["w1"][0, 0], start["b"][0]])


def test_a_unit_moves_with_all_weights_that_lead_into_it() -> None:
    """Norms over the columns of a weight, over all axes but the last; of a bias its size."""
    cell = finished(
        network_problem(Mlp(depth=1, bias_std=0.3).network((2,), 1), 9, POINTS, TARGETS, GRID)
    )
    model, path = cell.problem.model, cell.evolution.parameters
    assert model is not None
    assert path is not None
    measured = Parameters().measure(cell)
    found = np.asarray(measured["parameter_motion_unit_layer"])[2]
    start, now = model.params, path[2]
    changes = [now[name] - start[name] for name in ("0.weight", "0.bias", "1.weight", "1.bias")]
    by_hand = [
        max(np.linalg.norm(changes[0][:, unit]) for unit in range(9)),
        np.abs(changes[1]).max(),
        np.linalg.norm(changes[2]),
        np.abs(changes[3][0]),
    ]
    np.testing.assert_allclose(found, by_hand, rtol=1e-13)
    assert np.asarray(measured["parameter_motion_unit"])[2] == found.max()
    kernel = np.arange(24.0).reshape(2, 2, 3, 2)  # a filter: positions, features, units
    norms = [np.linalg.norm(kernel[..., unit]) for unit in range(2)]
    np.testing.assert_allclose(unit_norms(kernel), norms, rtol=1e-15)


def test_arrays_and_elements_have_the_names_of_the_network() -> None:
    network = Mlp(depth=2, bias_std=0.3).network((2,), 1)
    cell = finished(network_problem(network, 5, POINTS, TARGETS, GRID))
    parts = ("dense_0", "dense_1", "readout")
    arrays = [f"{part}.{name}" for part in parts for name in ("weight", "bias")]
    assert Parameters().labels(cell)["layer"] == arrays
    first = [f"{name}[{'0,0' if 'weight' in name else '0'}]" for name in arrays]
    assert Parameters().labels(cell)["parameter"] == first


def test_a_network_without_labels_has_its_own_names() -> None:
    cell = finished(shallow())
    assert Parameters().labels(cell) == {
        "layer": ["w0", "w1", "b"],
        "parameter": ["w0[0,0]", "w1[0,0]", "b[0]"],
    }


def test_parameters_are_selected_by_label_or_by_the_network_s_name() -> None:
    network = Mlp(depth=1, bias_std=0.3).network((2,), 1)
    cell = finished(network_problem(network, 5, POINTS, TARGETS, GRID))
    by_label = Parameters(select=("dense_0.weight[1, 3]", "readout.bias[0]"))
    by_name = Parameters(select=("0.weight[1,3]", "1.bias[0]"))
    assert by_label.labels(cell)["parameter"] == ["dense_0.weight[1,3]", "readout.bias[0]"]
    assert by_label.labels(cell) == by_name.labels(cell)
    np.testing.assert_array_equal(
        by_label.measure(cell)["parameter_value"], by_name.measure(cell)["parameter_value"]
    )
    with pytest.raises(ValueError, match=r"no parameter array 'dense_1.weight'; there are dense_0"):
        Parameters(select=("dense_1.weight[0,0]",)).measure(cell)
    twice = Parameters(select=("dense_0.weight[1,3]", "0.weight[1,3]"))
    with pytest.raises(ValueError, match="selected twice"):
        twice.measure(cell)
    with pytest.raises(ValueError, match="selected twice"):
        Parameters(select=("a[1,3]", "a[1, 3]"))


def test_layers_that_are_not_trained_are_left_out() -> None:
    network = ShallowRelu(trained="first").network((2,), 1)
    problem = network_problem(network, 20, POINTS, TARGETS, GRID)
    measured = Parameters().measure(finished(problem))
    assert np.asarray(measured["parameter_motion_layer"]).shape == (len(TIMES), 1)
    assert measured["parameter_count"] == 3 * 20


@pytest.mark.parametrize("outputs", [1, 2])
def test_s9_motion_is_what_the_spectrum_says(outputs: int) -> None:
    """‖Δθ‖² = Σ λ g² c²: from products with Jᵀ on one side, from the spectrum on the other."""
    targets = np.hstack([TARGETS, -2 * TARGETS])[:, :outputs]
    network = Mlp(depth=2, bias_std=0.1).network((2,), outputs)
    cell = finished(network_problem(network, 15, POINTS, targets, GRID))
    motion = Parameters().measure(cell)["parameter_motion"]
    theory = ParameterTheory().measure(cell)["parameter_motion_theory"]
    # Rounding of K over its smallest eigenvalue.
    np.testing.assert_allclose(np.asarray(motion), np.asarray(theory), rtol=1e-9, atol=1e-14)
    assert np.asarray(theory)[0] == 0


def test_oracle_20_motion_ends_at_the_norm_of_least_squares() -> None:
    """‖Δθ(∞)‖² = r₀ᵀ K⁻¹ r₀."""
    cell = finished(shallow())
    kernel = cell.problem.kernels
    assert kernel is not None
    assert kernel.train.ntk_full is not None
    residual = (cell.problem.f0_train - TARGETS)[:, 0]
    expected = residual @ np.linalg.solve(kernel.train.ntk_full[:, 0, :, 0], residual)
    theory = np.asarray(ParameterTheory().measure(cell)["parameter_motion_theory"])
    np.testing.assert_allclose(theory[-1] ** 2, expected, rtol=1e-10)


@pytest.mark.parametrize("zero", [False, True])
def test_full_outputs_are_those_of_the_network_at_its_parameters(zero: bool) -> None:
    cell = finished(shallow(zero_initial_output=zero))
    model, path = cell.problem.model, cell.evolution.parameters
    assert model is not None
    assert path is not None
    measured = FullPredictions().measure(cell)
    for part, x in (("train", POINTS), ("test", GRID)):
        full = np.asarray(measured[f"prediction_full_{part}"])
        offset = model.network.apply(model.params, x) if zero else 0.0
        np.testing.assert_allclose(
            full[2], model.network.apply(path[2], x) - offset, rtol=0, atol=1e-15
        )
        difference = np.abs(full - getattr(cell.evolution, part)).max(axis=(1, 2))
        np.testing.assert_array_equal(measured[f"prediction_full_misfit_{part}"], difference)
        # Linearised and full network agree where they touch, and nowhere else.
        assert difference[0] < 1e-15
        assert difference[1:].min() > 1e-5


def test_a_network_that_is_trained_itself_is_full() -> None:
    measured = FullPredictions().measure(finished(shallow(), NetworkGradientDescent()))
    assert not np.asarray(measured["prediction_full_misfit_train"]).any()


def test_nothing_is_measured_without_parameters() -> None:
    cell = finished(shallow())
    bare = replace(cell, evolution=replace(cell.evolution, parameters=None))
    assert not Parameters().measure(bare)
    assert not FullPredictions().measure(bare)
    no_spectrum = replace(cell, problem=replace(cell.problem, spectrum=None))
    assert not ParameterTheory().measure(no_spectrum)


def test_times_that_are_not_reached_are_not_a_number() -> None:
    cell = finished(shallow(), NetworkGradientDescent(max_steps=2))
    lost = np.isnan(cell.evolution.reached)
    assert lost.any()
    for diagnostic in (Parameters(), FullPredictions()):
        for name, value in diagnostic.measure(cell).items():
            if "time" in diagnostic.variables[name].dims:
                rows = np.asarray(value).reshape(len(TIMES), -1)
                np.testing.assert_array_equal(np.isnan(rows).all(axis=1), lost, err_msg=name)


@pytest.mark.parametrize("text", ["w0", "w0[]", "w0[1.5]", "[1]", "w0[-1]", "w0[1][2]"])
def test_a_selection_that_is_none_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match="write the name of an array"):
        Parameters(select=(text,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w2[0]", "no parameter array 'w2'; there are w0"),
        ("w0[30,0]", "outside"),
        ("w0[1]", "outside"),
    ],
)
def test_a_parameter_that_does_not_exist_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Parameters(select=(text,)).measure(finished(shallow()))


def test_s13_velocity_is_the_slope_of_the_outputs() -> None:
    problem = shallow()
    measured = InitialVelocity().measure(finished(problem))
    step = 1e-6
    evolution = Eigh().evolve(problem, np.array([0.0, step]))
    for part in ("train", "test"):
        outputs = getattr(evolution, part)
        # The next term is step/2 · λ₁ · velocity, about 1e-5.
        np.testing.assert_allclose(
            np.asarray(measured[f"initial_velocity_{part}"]),
            (outputs[1] - outputs[0]) / step,
            rtol=0,
            atol=1e-4,
        )
    contribution = np.asarray(measured["initial_velocity_contribution"])
    assert contribution.shape == (len(GRID), len(POINTS), 1)
    np.testing.assert_allclose(
        contribution.sum(axis=1), np.asarray(measured["initial_velocity_test"]), rtol=1e-13
    )


def test_velocity_of_a_shared_kernel_and_of_a_full_one() -> None:
    """The shared kernel is the full one with equal diagonal blocks and nothing between outputs."""
    rng = np.random.default_rng(0)
    kernel, test = rng.standard_normal((3, 3)), rng.standard_normal((5, 3))
    targets = rng.standard_normal((3, 2))
    problem = network_problem(ShallowNetwork(outputs=2), 5, POINTS, targets, GRID)
    shared = KernelBlocks(Kernels(ntk=kernel), Kernels(ntk=test))
    eye = np.eye(2)
    full = KernelBlocks(
        Kernels(ntk_full=np.einsum("ij,kl->ikjl", kernel, eye)),
        Kernels(ntk_full=np.einsum("ij,kl->ikjl", test, eye)),
    )
    cell = finished(problem)
    one, other = (
        InitialVelocity().measure(replace(cell, problem=replace(problem, kernels=blocks)))
        for blocks in (shared, full)
    )
    for name, value in one.items():
        np.testing.assert_allclose(np.asarray(value), np.asarray(other[name]), rtol=1e-13)


def test_velocity_needs_a_kernel() -> None:
    cell = finished(shallow())
    assert not InitialVelocity().measure(replace(cell, problem=replace(cell.problem, kernels=None)))


def plane(network: Network, x: Array) -> FinishedCell:
    """A cell at infinite width, in which nothing is known but the network and the data."""
    data = Dataset(x, np.zeros((len(x), 1)), x[:0], np.empty((0, 1)))
    problem = Problem(
        x,
        data.y_train,
        x[:0],
        data.y_train,
        data.y_test,
        zero_initial_output=False,
        model=Model(network, np.inf, SeedTree(0)),
    )
    return FinishedCell(data, problem, TIMES, Eigh().evolve(network_free(problem), TIMES))


def network_free(problem: Problem) -> Problem:
    kernel = np.eye(len(problem.x_train))
    blocks = KernelBlocks(Kernels(ntk=kernel), Kernels(ntk=kernel[:0]))
    return replace(problem, kernels=blocks, spectrum=eigendecomposition(kernel))


def test_s14_field_is_the_kernel_of_every_point_of_the_plane() -> None:
    network = ShallowRelu(append_one=False).network((2,), 1)
    anchors = np.array([[0.0, 1.0], [3.0, 1.0]])
    measured = KernelField(points=9).measure(plane(network, anchors))
    field = np.asarray(measured["kernel_field"])
    x, y = (np.asarray(measured[f"kernel_field_{axis}"]) for axis in "xy")
    assert field.shape == (2, len(y), len(x)) == (2, 9, 9)
    for j, i in ((0, 0), (8, 3), (5, 7)):
        _, expected = shallow_relu_kernels(anchors, np.array([[x[i], y[j]]]))
        # Terms of the size of the norms' product, up to 18, cancel.
        np.testing.assert_allclose(field[:, j, i], expected[:, 0], rtol=0, atol=1e-13)
    np.testing.assert_array_equal(measured["kernel_field_anchor"], anchors)
    own = KernelField(points=3, anchors=((3.0, 1.0),)).measure(plane(network, anchors))
    np.testing.assert_array_equal(np.asarray(own["kernel_field_anchor"]), anchors[1:])


def test_s14_profile_turns_the_anchor() -> None:
    network = ShallowRelu(append_one=False, output_bias="none").network((2,), 1)
    anchors = np.array([[3.0, 1.0]])
    measured = KernelField(angles=361).measure(plane(network, anchors))
    degrees = np.asarray(measured["kernel_profile_angle"])
    angle = np.abs(np.radians(degrees))
    expected = (2 * (np.pi - angle) * np.cos(angle) + np.sin(angle)) / (2 * np.pi)
    # At the antipode all terms cancel: what is left is rounding of the turned point, of norm √10.
    np.testing.assert_allclose(
        np.asarray(measured["kernel_profile"])[0], 10 * expected, rtol=0, atol=1e-13
    )


def test_a_field_is_drawn_on_planes_only() -> None:
    network = ShallowRelu().network((3,), 1)
    assert not KernelField().measure(plane(network, np.ones((1, 3))))


def test_an_interval_has_a_length() -> None:
    with pytest.raises(ValueError, match="the smaller number comes first"):
        KernelField(interval=(1.0, 1.0))
