"""The grid: what is possible where, and which positions share one computation."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ntksim.study import (
    CellTask,
    NotApplicable,
    Plan,
    Study,
    StudyError,
    StudyProblem,
    plan_cells,
)
from ntksim.types import Architecture

Load = Callable[..., Study]


@pytest.fixture
def planned(load: Load) -> Callable[..., Plan]:
    def planned(memory: int | None = None, **changes: str | None) -> Plan:
        return plan_cells(load(**changes), memory=memory)

    return planned


@pytest.fixture
def impossible(planned: Callable[..., Plan]) -> Callable[..., StudyProblem]:
    def impossible(memory: int | None = None, **changes: str | None) -> StudyProblem:
        with pytest.raises(StudyError) as caught:
            planned(memory, **changes)
        assert len(caught.value.problems) == 1, str(caught.value)
        return caught.value.problems[0]

    return impossible


Planned = Callable[..., Plan]


def shared(plan: Plan, axis: int) -> bool:
    """Whether all positions along an axis share their computations."""
    numbers = plan.cells.numbers
    return bool((numbers == np.take(numbers, [0], axis)).all())


WIDTH, SEED, KERNEL = 2, 3, 4


def test_from_a_network_s_own_outputs_every_seed_and_width_is_a_computation(
    planned: Planned,
) -> None:
    plan = planned(width="[10, 100]", seed="[0, 1]")
    assert len(plan.cells) == len(plan.tasks) == 4
    tasks = [plan.tasks[key] for key in plan.tasks]
    assert len({task.kernel_key for task in tasks}) == 1  # the limit is one for all of them
    assert len({task.spectrum_key for task in tasks}) == 1
    assert len({task.initial_output_key for task in tasks}) == 4
    assert not any(task.zero_initial_output for task in tasks)


def test_from_zero_a_limit_kernel_knows_no_width_and_no_seed(planned: Planned) -> None:
    plan = planned(width="[10, .inf]", initial_output="zero")
    assert len(plan.cells) == 4
    assert len(plan.tasks) == 1
    (task,) = plan.tasks.values()
    assert task.zero_initial_output
    assert task.initial_output_key is None
    assert plan.cells.of(task.key) == list(plan.cells)


def test_at_infinite_width_training_starts_at_the_mean_and_not_at_zero_by_construction(
    planned: Planned,
) -> None:
    """Both have zero outputs at first, but only the former spread over initialisations."""
    (network,) = planned(width=".inf", seed="0").tasks.values()
    (zero,) = planned(width=".inf", seed="0", initial_output="zero").tasks.values()
    assert network.initial_output_key is None
    assert zero.initial_output_key is None
    assert not network.zero_initial_output
    assert zero.zero_initial_output
    assert network.key != zero.key
    assert network.kernel_key == zero.kernel_key


def test_at_infinite_width_seeds_share(planned: Planned) -> None:
    plan = planned(width=".inf", seed="{count: 5}")
    assert len(plan.tasks) == 1
    assert next(iter(plan.tasks.values())).initial_output_key is None


def test_a_kernel_that_varies_keeps_its_cells_apart(planned: Planned) -> None:
    plan = planned(kernel="[limit, finite, tangent_only]", initial_output="zero")
    numbers = plan.cells.numbers[0, 0, :, :, :, 0]
    assert len(np.unique(numbers[:, :, 0])) == 1
    assert len(np.unique(numbers[:, :, 1])) == 4
    assert len(np.unique(numbers[:, :, 2])) == 2  # varies with width alone
    assert len(plan.tasks) == 7
    for width in range(2):
        keys = {plan.tasks[str(plan.cells[0, 0, width, s, 2, 0])].kernel_key for s in range(2)}
        assert len(keys) == 1


def test_training_the_network_knows_no_kernel(planned: Planned) -> None:
    plan = planned(kernel="[limit, finite]", solver="train")
    assert shared(plan, KERNEL)
    assert len(plan.tasks) == 4
    for task in plan.tasks.values():
        assert task.kernel_key is None
        assert task.spectrum_key is None
        assert task.needs == {"network"}


def test_training_knows_the_kernel_that_is_recorded(planned: Planned) -> None:
    plan = planned(kernel="[limit, finite]", solver="train", record="[loss, kernel]")
    assert not shared(plan, KERNEL)
    assert all(task.kernel_key for task in plan.tasks.values())


def test_training_from_zero_still_knows_width_and_seed(planned: Planned) -> None:
    plan = planned(solver="train", initial_output="zero")
    assert len(plan.tasks) == 4
    assert all(task.initial_output_key is None for task in plan.tasks.values())


def test_a_diagnostic_of_the_network_makes_cells_vary(planned: Planned) -> None:
    plan = planned(record="[loss, movement]", initial_output="zero", width="[10, .inf]")
    numbers = plan.cells.numbers[0, 0, :, :, 0, 0]
    assert len(np.unique(numbers[0])) == 2
    assert len(np.unique(numbers[1])) == 1
    assert "'movement' is left out at some cells: it needs a finite network" in plan.warnings[0]


def test_a_kernel_to_compare_with_makes_cells_vary(planned: Planned) -> None:
    limit = planned(record="distance", initial_output="zero")
    assert len(limit.tasks) == 1
    (task,) = limit.tasks.values()
    # The same kernel on the axis and for comparison is one task.
    assert [item.key for item in task.references] == [task.kernel_key]
    assert task.reference_labels == ("limit",)
    finite = planned(record="{name: distance, reference: finite}", initial_output="zero")
    assert len(finite.tasks) == 4
    references = {task.references[0].key for task in finite.tasks.values()}
    assert len(references) == 4


def test_what_is_impossible_is_marked_and_does_not_stop_the_rest(planned: Planned) -> None:
    plan = planned(width="[10, .inf]", kernel="[limit, finite]", solver="[exact, train]")
    by_labels = {
        (cell.width.label, cell.kernel.label, cell.solver.label): plan.cells[cell.index]
        for cell in map(plan.cell, plan.cells)
    }
    assert by_labels["inf", "finite", "exact"] == NotApplicable(
        "solver 'exact' needs a kernel, and 'finite' has none here: a network of infinite width "
        "has no parameters",
        ("kernel", 1),
    )
    reason = by_labels["inf", "limit", "train"]
    assert isinstance(reason, NotApplicable)
    assert reason.reason == "solver 'train' needs a finite network, and the width is inf"
    assert isinstance(by_labels["inf", "limit", "exact"], str)
    assert isinstance(by_labels["10", "finite", "train"], str)
    assert plan.warnings == ()


def test_an_axis_value_that_is_possible_nowhere_is_a_warning_with_its_place(
    planned: Planned,
) -> None:
    plan = planned(width="[10, .inf]", kernel="finite", solver="[exact, posterior]")
    assert len(plan.warnings) == 1
    place, _, message = plan.warnings[0].partition(": ")
    assert place.endswith("tiny.yaml:5:13")
    assert message == (
        "width 'inf' is possible nowhere: solver 'exact' needs a kernel, and 'finite' has none "
        "here: a network of infinite width has no parameters; solver 'posterior' needs a kernel, "
        "and 'finite' has none here: a network of infinite width has no parameters"
    )


def test_a_solver_whose_needs_no_kernel_meets_is_refused(impossible: Callable) -> None:
    problem = impossible(kernel="tangent_only", solver="posterior")
    assert (problem.line, problem.column) == (8, 9)
    assert problem.message == (
        "no cell is possible: solver 'posterior' needs the NNGP kernel, which kernel "
        "'tangent_only' does not provide"
    )


def test_a_study_in_which_nothing_is_possible_is_refused_with_all_reasons(load: Load) -> None:
    study = load(width="[100, .inf]", kernel="finite", solver="{name: train, widest: 50}")
    with pytest.raises(StudyError) as caught:
        plan_cells(study)
    assert [(problem.line, problem.message) for problem in caught.value.problems] == [
        (5, "no cell is possible: solver 'train' needs a finite network, and the width is inf"),
        (9, "no cell is possible: solver 'train': it trains at most 50 units"),
    ]


def test_recordings_are_left_out_where_they_are_impossible(planned: Planned) -> None:
    plan = planned(solver="[exact, euler]", record="[loss, variance]", width=".inf", seed="0")
    by_solver = {task.solver["name"]: task for task in plan.tasks.values()}
    exact, euler = by_solver["tiny:exact"], by_solver["tiny:euler"]
    assert [item.diagnostic["name"] for item in exact.recordings] == ["tiny:loss", "tiny:variance"]
    assert [item.diagnostic["name"] for item in euler.recordings] == ["tiny:loss"]
    assert exact.extras == {"variance"}
    assert exact.needs == {"ntk", "spectrum", "nngp"}
    assert euler.extras == frozenset()
    # One kernel task serves both: it asks for what either needs.
    assert exact.kernel_key == euler.kernel_key
    assert exact.needs_test_kernel
    assert euler.needs_test_kernel


def test_an_extra_that_no_solver_provides_is_refused(impossible: Callable) -> None:
    problem = impossible(solver="euler", record="[loss, variance]")
    assert (problem.line, problem.column) == (10, 16)
    assert problem.message == (
        "'variance' is recorded nowhere: it needs the variance, which solver 'euler' does not "
        "provide"
    )


def test_trained_parameters_need_a_network_and_no_kernel(planned: Planned) -> None:
    plan = planned(solver="[train, exact]", record="[loss, weights]", width="[10, .inf]", seed="0")
    tasks = {(task.model.width, task.solver["name"]): task for task in plan.tasks.values()}
    assert tasks[10, "tiny:train"].extras == {"parameters"}
    assert tasks[10, "tiny:train"].needs == {"network"}
    assert not tasks[10, "tiny:train"].needs_test_kernel
    assert tasks[10, "tiny:exact"].extras == frozenset()
    assert tasks.keys() == {(10, "tiny:train"), (10, "tiny:exact"), (math.inf, "tiny:exact")}


def test_an_extra_needs_the_nngp_kernel(impossible: Callable) -> None:
    problem = impossible(kernel="tangent_only", record="variance")
    assert "it needs the NNGP kernel, which kernel 'tangent_only' does not" in problem.message


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("infinite", "x_train holds inf at index (1, 0); it must be finite"),
        ("shape", "x_train has 3 points but y_train has 2"),
        ("missing", "the file is not there"),
        ("bug", "KeyError: 'x'"),
        ("type", "'points-3' returned dict from load, not a Dataset"),
    ],
)
def test_data_that_cannot_be_used_are_located(
    impossible: Callable, broken: str, words: str
) -> None:
    problem = impossible(
        dataset=f"[{{name: points, train: 5}}, {{name: points, broken: {broken}}}]"
    )
    assert (problem.line, problem.column) == (3, 37)
    assert words in problem.message
    if broken != "type":
        assert "raised by dataset 'points' of plugin file" in problem.message


def test_targets_that_fit_no_architecture_are_refused(impossible: Callable) -> None:
    problem = impossible(dataset="{name: points, outputs: 11}")
    assert (problem.line, problem.column) == (4, 15)
    assert problem.message == (
        "architecture 'line-1' does not fit the data: it has at most 10 outputs; the data have 11"
    )


def test_targets_that_fit_some_architecture_are_not_applicable_with_the_others(
    planned: Planned,
) -> None:
    plan = planned(
        dataset="[points, {name: points, train: 4, outputs: 3}]",
        architecture="[line, {name: line, depth: 2, most_outputs: 1}]",
    )
    reason = plan.cells[1, 1, 0, 0, 0, 0]
    assert isinstance(reason, NotApplicable)
    assert reason.reason == (
        "architecture 'line-2' does not fit the data: it has at most 1 outputs; the data have 3"
    )
    assert sum(isinstance(value, NotApplicable) for value in plan.cells.values()) == 4


def test_exceptions_of_plugins_that_are_asked_are_located(
    folder: Path, impossible: Callable
) -> None:
    text = (folder / "tiny.py").read_text(encoding="utf-8")
    (folder / "tiny.py").write_text(
        text.replace('return f"it trains at most', 'return 1 / 0 or f"it trains at most'),
        encoding="utf-8",
    )
    problem = impossible(solver="{name: train, widest: 50}", width="100")
    assert (problem.line, problem.column) == (9, 9)
    assert "ZeroDivisionError: division by zero (raised by solver 'train'" in problem.message
    assert "while checking the study" in problem.message


def test_memory_is_refused_before_it_is_taken(impossible: Callable, planned: Planned) -> None:
    dataset = "[points, {name: points, train: 1000, test: 500}]"
    problem = impossible(10**7, dataset=dataset)
    assert (problem.line, problem.column) == (3, 19)
    # Kernels 2 (N² + MN) and a spectrum 2 N² of 8 bytes each: 40 MB.
    assert "takes about 40 MB (kernels 40 MB" in problem.message
    assert "at most 10 MB are allowed" in problem.message
    assert planned(10**8, dataset=dataset).tasks


def test_memory_counts_kernels_trajectories_and_recorded_variables(planned: Planned) -> None:
    plan = planned(
        dataset="{name: points, train: 7, test: 5, outputs: 2}",
        record="[predictions, variance, kernel]",
        time="[0, 1, 2]",
    )
    (key, *_) = plan.tasks
    estimate = plan.tasks.memory(key)
    assert estimate.kernels == 8 * (2 * (49 + 35 + 25) + 2 * 49)
    assert estimate.trajectories == 8 * (3 * 12 * 2 + 3 * 5)
    assert estimate.recorded == 8 * (3 * 7 * 2 + 3 * 5 * 2 + 3 * 5 + 49)
    assert plan.tasks[key].memory == estimate.total


def test_positions_are_a_mapping_over_the_whole_grid(planned: Planned) -> None:
    plan = planned(width="[10, 100]", seed="[0, 1]", kernel="[limit, finite]")
    assert plan.cells.numbers.shape == plan.study.shape
    assert len(list(plan.cells)) == len(plan.cells) == 8
    assert set(plan.cells.values()) == set(plan.tasks)
    for key in plan.tasks:
        assert {plan.cells[index] for index in plan.cells.of(key)} == {key}
    with pytest.raises(KeyError):
        plan.cells[0, 0, 2, 0, 0, 0]
    with pytest.raises(KeyError):
        plan.cells[0, 0, -1, 0, 0, 0]


def test_tasks_survive_json_and_pickling(planned: Planned) -> None:
    plan = planned(
        width="[10, .inf]",
        time="[0, .inf]",
        record="[loss, variance, distance]",
        architecture="{name: line, activation: {name: relu, slope: 0.5}}",
    )
    for task in plan.tasks.values():
        text = json.dumps(task.to_json(), allow_nan=False)
        assert CellTask.from_json(json.loads(text)) == task
        assert pickle.loads(pickle.dumps(task)) == task
        assert hash(task.model) == hash(pickle.loads(pickle.dumps(task.model)))
    infinite = [task for task in plan.tasks.values() if math.isinf(task.model.width)]
    assert len(infinite) == 1


def test_a_task_rebuilds_its_model(planned: Planned) -> None:
    plan = planned(seed="{count: 2, root: 5}", width="10")
    registry = plan.study.registry
    first, second = (plan.tasks[key].model.build(registry) for key in plan.tasks)
    assert first.width == 10
    assert not np.array_equal(first.params["weight"], second.params["weight"])
    (again, _) = (plan.tasks[key].model.build(registry) for key in plan.tasks)
    assert np.array_equal(first.params["weight"], again.params["weight"])
    architecture = registry.create(Architecture, next(iter(plan.tasks.values())).model.architecture)
    assert architecture == plan.study.axes["architecture"][0].value
