"""Laws of diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ntksim.registry.answers import MEASURED
from ntksim.testing.finished_cells import DiagnosticCase, ErfNetwork, cells_for
from ntksim.testing.law import Law, as_tests, laws_about, require, require_answer
from ntksim.testing.registration import EVERY_PLUGIN
from ntksim.types import Architecture, Array, Diagnostic, FinishedCell, GridScales, Variable
from ntksim.types.result import POINT_DIMS


def diagnostic_laws(
    *diagnostics: Diagnostic,
    architecture: Architecture | None = None,
    x_train: Array | None = None,
) -> Callable[..., None]:
    """Return tests of all laws of diagnostics, for a test file of pytest.

    ::

        from ntksim.testing import diagnostic_laws
        test_laws = diagnostic_laws(MyDiagnostic())

    Checked on finished cells of every sort (one output and two, no test points, unknown test
    targets, classes, full kernels, standard errors, infinite width, training that stopped) which
    hold what the diagnostic ``requires`` and nothing more: it returns only variables that it
    declares, in their dimensions; every variable that it declares somewhere; the same every time;
    and it leaves the cell as it was. The names that it gives to entries of its dimensions fit them,
    and its summaries take grids with gaps.

    A diagnostic of certain networks or data is given an ``architecture`` or training points
    ``x_train`` to which it applies; otherwise they are a shallow network of error functions and
    random points in a plane.
    """
    return as_tests(
        [
            law
            for diagnostic in diagnostics
            for law in laws_of_diagnostic(diagnostic, architecture, x_train)
        ]
    )


def laws_of_diagnostic(
    diagnostic: Diagnostic,
    architecture: Architecture | None = None,
    x_train: Array | None = None,
) -> list[Law]:
    """Return the laws one by one, as ``diagnostic_laws`` describes them."""
    case = DiagnosticCase(diagnostic, architecture or ErfNetwork(), x_train)
    return [
        *laws_about(diagnostic, diagnostic, EVERY_PLUGIN),
        *laws_about(diagnostic, case, LAWS),
    ]


def returns_what_it_declares(case: DiagnosticCase) -> None:
    """It returns variables that it declares, with their dimensions, on every sort of cell."""
    for sort, cell, measured in _measured(case):
        sizes = _sizes(cell)
        for name, value in measured.items():
            require(
                name in case.diagnostic.variables,
                f"on {sort} it returned '{name}', which is not among its variables "
                f"{', '.join(case.diagnostic.variables)}",
            )
            spec = case.diagnostic.variables[name]
            array = np.asarray(value)
            require(
                array.dtype != object and array.ndim == len(spec.dims),
                f"on {sort} '{name}' has shape {array.shape}, its dimensions are {spec.dims}",
            )
            for dim, size in zip(spec.dims, array.shape, strict=True):
                require(
                    size in sizes.get(dim, {size}),
                    f"on {sort} '{name}' has {size} along '{dim}', where there are "
                    f"{' or '.join(map(str, sizes.get(dim, ())))}",
                )
                own = sizes.setdefault(dim, {size})
                require(
                    size in own,
                    f"on {sort} its own dimension '{dim}' has {size} in '{name}' and {own} before",
                )


def names_what_it_measures(case: DiagnosticCase) -> None:
    """It names entries of its own dimensions only, each once, as many as it measured."""
    for sort, cell, measured in _measured(case):
        sizes = {
            dim: size
            for name, value in measured.items()
            if (spec := case.diagnostic.variables.get(name)) is not None
            for dim, size in zip(spec.dims, np.shape(value), strict=False)
        }
        for dim, names in case.diagnostic.labels(cell).items():
            require(
                dim not in POINT_DIMS | {"time"},
                f"on {sort} it names the entries of '{dim}', which is every diagnostic's dimension",
            )
            require(
                len(set(names)) == len(names) == sizes.get(dim, len(names)),
                f"on {sort} the names {list(names)} along '{dim}' are not one for each of its "
                f"{sizes.get(dim)} values",
            )


def summarises_grids_with_gaps(case: DiagnosticCase) -> None:
    """What it says over a grid is what it declares, also where cells are missing, or all are."""
    scales = GridScales(np.array([8.0, 32.0, 128.0, np.inf]), np.arange(4.0), np.array([3.0, 5, 9]))
    lengths = {"width": 4, "seed": 4, "dataset": 3}
    rng = np.random.default_rng(0)
    for summary in case.diagnostic.summaries:
        spec = case.diagnostic.variables.get(summary.of)
        if spec is None:
            continue  # of a variable that another diagnostic measures
        declared = summary.variables(spec, scales)
        shape = [*(lengths.get(axis, 2) for axis in summary.over), *(5 for _ in spec.dims)]
        values = np.exp(rng.normal(size=shape))
        gaps = np.where(rng.random(values.shape[: len(summary.over)]) < 0.2, np.nan, 1.0)
        gaps = gaps.reshape(*gaps.shape, *(1 for _ in spec.dims))
        for cells in (values, values * gaps, np.full(shape, np.nan)):
            said = summary.summarise(cells, scales)
            require(
                said.keys() == declared.keys(),
                f"its summary of '{summary.of}' returned {', '.join(said)}, and declares "
                f"{', '.join(declared)}",
            )
            for name, value in said.items():
                expected = tuple(lengths.get(dim, 5) for dim in declared[name].dims)
                require(
                    np.shape(value) == expected,
                    f"its summary '{name}' has shape {np.shape(value)}, its dimensions are "
                    f"{declared[name].dims}",
                )


def measures_without_test_points(case: DiagnosticCase) -> None:
    """Without test points it leaves out what needs them."""
    for sort, _, measured in _measured(case):
        if sort != "no test points":
            continue
        for name in measured:
            spec = case.diagnostic.variables.get(name)
            require(
                spec is None or not any(dim.startswith("test_point") for dim in spec.dims),
                f"it returned '{name}', whose dimensions {spec and spec.dims} are empty there; "
                "leave it out",
            )


def measures_all_that_it_declares(case: DiagnosticCase) -> None:
    """Every variable that it declares is measured on some sort of cell."""
    seen = {name for _, _, measured in _measured(case) for name in measured}
    missing = [name for name in case.diagnostic.variables if name not in seen]
    require(not missing, f"it never returned {', '.join(missing)}")


def measures_the_same_again(case: DiagnosticCase) -> None:
    """The same cell gives the same numbers again, and is left as it was."""
    for sort, cell in cells_for(case):
        before = _content(cell)
        first, second = case.diagnostic.measure(cell), case.diagnostic.measure(cell)
        require(first.keys() == second.keys(), f"on {sort} it returned other variables again")
        for name, value in first.items():
            require(
                np.array_equal(np.asarray(value), np.asarray(second[name]), equal_nan=True),
                f"on {sort} '{name}' differs the second time",
            )
        for (what, old), (_, new) in zip(before.items(), _content(cell).items(), strict=True):
            require(
                np.array_equal(old, new, equal_nan=True), f"on {sort} it changed {what} of the cell"
            )


def _measured(
    case: DiagnosticCase,
) -> Iterator[tuple[str, FinishedCell, Mapping[str, Variable]]]:
    for sort, cell in cells_for(case):
        try:
            measured = case.diagnostic.measure(cell)
            yield sort, cell, require_answer("measure", measured, Mapping, MEASURED)
        except Exception as error:
            error.add_note(f"raised on a cell with {sort}")
            raise


def _sizes(cell: FinishedCell) -> dict[str, set[int]]:
    train, test = len(cell.dataset.x_train), len(cell.dataset.x_test)
    outputs = cell.dataset.outputs
    return {
        "time": {len(cell.times)},
        "train_point": {train},
        "train_point_other": {train},
        "test_point": {test},
        "test_point_other": {test},
        "output": {outputs},
        "output_other": {outputs},
        "mode": {train, train * outputs},
    }


def _content(cell: FinishedCell) -> dict[str, np.ndarray]:
    evolution, problem = cell.evolution, cell.problem
    arrays = {
        "the training outputs": evolution.train,
        "the test outputs": evolution.test,
        "the times": cell.times,
        "the initial outputs": problem.f0_train,
    }
    if problem.kernels is not None and problem.kernels.train.ntk is not None:
        arrays["the kernel"] = problem.kernels.train.ntk
    if problem.spectrum is not None:
        arrays["the spectrum"] = problem.spectrum.eigenvalues
    return {name: value.copy() for name, value in arrays.items()}


LAWS: tuple[Callable[[DiagnosticCase], None], ...] = (
    returns_what_it_declares,
    names_what_it_measures,
    summarises_grids_with_gaps,
    measures_without_test_points,
    measures_all_that_it_declares,
    measures_the_same_again,
)
