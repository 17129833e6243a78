"""What one task computes: the nodes of one cell, or of several small ones."""

import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntksim.engine.chains import Chain, compute_cells
from ntksim.engine.graph import Graph, Node, Ref
from ntksim.engine.users import Users
from ntksim.engine.workshop import Workshop
from ntksim.store import CellRecord
from ntksim.study import load_study, plan_cells

from ntksim_builtin.kernels import MonteCarlo
from running_studies import write_study


class Matrix:
    """Something large, of which it can be seen whether it is still held."""


def graph_of(folder: Path, **changes: Any) -> Graph:
    study = load_study(write_study(folder, **changes))
    plan = plan_cells(study)
    return Graph(
        list(plan.tasks), plan.tasks.__getitem__, plan.datasets, Workshop.of(study.registry)
    )


def kinds(nodes: Any) -> list[str]:
    return [key.partition("-")[0] for key in nodes]


def test_a_chain_has_what_no_other_cell_needs(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, kernel=["empirical", "analytic"], solver="eigh")
    users = Users(graph, graph.cells)
    # Per width and seed: one cell with its own kernel, one with that of all.
    chains = {cell: Chain.of(graph, cell, users) for cell in graph.cells}
    own = [kinds(chain.nodes) for chain in chains.values()]
    assert sorted(map(len, own)) == [1] * 4 + [3] * 4
    assert ["kernel", "spectrum", "cell"] in own
    for cell, chain in chains.items():
        assert list(chain.nodes)[-1] == graph.end(cell)
        assert set(kinds(chain.needs)) >= {"dataset", "initial"}
        assert set(chain.needs) | chain.nodes.keys() == set(graph.closure(cell))


def test_users_are_counted_down(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, kernel="analytic", solver="eigh")
    users = Users(graph, graph.cells)
    shared = next(key for key in graph.nodes(graph.cells[0]) if key.startswith("kernel"))
    assert users.is_shared(shared)
    left = []
    for cell in graph.cells:
        left.append(users.left(shared))
        users.done(cell)
    assert left == [4, 3, 2, 1]
    assert users.left(shared) == 0
    assert users.is_shared(shared)
    assert not users.is_shared(graph.end(graph.cells[0]))


def test_a_chain_lets_go_of_what_is_used() -> None:
    first, second = Matrix(), Matrix()
    references = [weakref.ref(first), weakref.ref(second)]
    results: dict[str, Any] = {"a": first, "b": second, "c": 3}
    del first, second
    nodes = {
        "a": Node(len, (Ref("x"),)),
        "b": Node(len, (Ref("a"),)),
        "c": Node(len, ((Ref("b"), Ref("x")),)),
    }
    alive = []

    def call(key: str, node: Node, arguments: list[Any]) -> Any:
        del node
        arguments.clear()
        alive.append([reference() is not None for reference in references])
        return results.pop(key)

    assert Chain(nodes, ("x",)).compute({"x": 1}, call) == 3
    assert alive == [[True, True], [False, True], [False, False]]


@pytest.mark.parametrize(("seconds", "most"), [(0.0, 1), (0.05, 2), (60.0, 3)])
def test_cells_together_end_in_time(seconds: float, most: int) -> None:
    def finished(number: int) -> CellRecord:
        time.sleep(0.04)
        return CellRecord(f"{number}", "done", {}, {})

    chains = [Chain({f"{i}": Node(finished, (i,))}, ()) for i in range(3)]
    records, taken = compute_cells(Workshop(), 1, chains, [], [], seconds)
    # At least one, and none is begun after the time: a slow machine does fewer, never more.
    assert 1 <= len(records) <= most
    assert len(records) == 3 or seconds < 60
    assert [record.key for record in records] == ["0", "1", "2"][: len(records)]
    assert taken >= 0.04 * len(records)


def test_a_kernel_in_parts_is_a_task_for_each_and_sums_of_some(tmp_path: Path) -> None:
    kernel = {"name": "monte_carlo", "samples": 8 * 18}
    graph = graph_of(tmp_path, kernel=kernel, solver="eigh", seed=[0], width=[4])
    (cell,) = graph.cells
    nodes = graph.nodes(cell)
    names = [key.split("-", 2)[2] for key in nodes if key.count("-") > 1]
    # Eight are added before the next eight begin, so that few are held at a time.
    expected = [f"part-{i}" for i in range(8)] + ["sum-0"]
    expected += [f"part-{i}" for i in range(8, 16)] + ["sum-8", "part-16", "part-17", "sum-16"]
    assert names == expected
    needs = {key.split("-", 2)[2]: node.needs for key, node in nodes.items() if "-sum-" in key}
    # In the order of their numbers, whoever computes them: the sum before, and the next parts.
    assert [key.split("-", 2)[2] for key in needs["sum-16"]] == ["sum-8", "part-16", "part-17"]


@pytest.mark.parametrize("parts", [1, 3, 8, 9, 18])
def test_the_parts_of_a_kernel_come_to_what_its_provider_says(tmp_path: Path, parts: int) -> None:
    samples = 8 * parts
    kernel = {"name": "monte_carlo", "samples": samples}
    graph = graph_of(tmp_path, kernel=kernel, solver="eigh", seed=[0], width=[4])
    (cell,) = graph.cells
    nodes = dict(graph.nodes(cell))
    (name,) = (key for key in nodes if key.startswith("kernel-") and key.count("-") == 1)
    own = {key: node for key, node in nodes.items() if key.startswith("kernel-")}
    assert list(own)[-1] == name
    found = Chain(own, tuple(graph.data)).compute(
        graph.data, lambda _, node, arguments: node.function(*arguments)
    )
    (data,) = graph.data.values()
    end = nodes[graph.end(cell)].arguments
    model = end[0].model(end[1])
    expected = MonteCarlo(samples=samples).kernels(model, data.x_train)
    crossed = MonteCarlo(samples=samples).kernels(model, data.x_test, data.x_train)
    for block, whole in ((found.train, expected), (found.test_train, crossed)):
        for kind in ("ntk", "nngp", "ntk_standard_error", "nngp_standard_error"):
            np.testing.assert_array_equal(getattr(block, kind), getattr(whole, kind))
    # And that is the mean over all samples, each once: 1e-13 for the order of the sum.
    single = [
        model.network.tangent_kernel(model.draw("monte_carlo", sample), data.x_train)
        for sample in range(samples)
    ]
    np.testing.assert_allclose(found.train.ntk, np.mean(single, axis=0), rtol=1e-13)
