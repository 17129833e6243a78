"""Finished cells of every sort that a diagnostic can meet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ntksim.linalg import eigendecomposition, flow_factors, predicted_outputs, project
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Erf
from ntksim.types import (
    Architecture,
    Array,
    Dataset,
    Diagnostic,
    Evolution,
    FinishedCell,
    KernelBlocks,
    Kernels,
    Model,
    Network,
    NoClosedForm,
    Problem,
    SeedTree,
)

TIMES = np.array([0.0, 0.5, 2.0, math.inf])


@dataclass(frozen=True)
class CellSort:
    """What kind of cell: its data, and what is known about it."""

    description: str
    outputs: int = 2
    test_points: int = 3
    test_targets: bool = True
    classification: bool = False
    full: bool = False
    errors: bool = False
    infinite: bool = False
    stopped: bool = False
    in_steps: bool = False


SORTS = (
    CellSort("two outputs, three test points"),
    CellSort("classes, one output", outputs=1, classification=True),
    CellSort("classes, two outputs", classification=True),
    CellSort("no test points", test_points=0),
    CellSort("test points whose targets are not known", test_targets=False),
    CellSort("a full kernel, every pair of outputs", full=True),
    CellSort("an estimated kernel with standard errors", errors=True),
    CellSort("infinite width", infinite=True),
    CellSort("training that stopped before the last time", stopped=True),
    CellSort("training in steps that diverged before the last time", stopped=True, in_steps=True),
)


@dataclass(frozen=True)
class ErfNetwork(Architecture):
    """One hidden layer of error functions: what cells are made with where nothing else is said."""

    name: ClassVar[str] = "erf_network"

    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Build the network for vectors."""
        layers = (Dense(1.5, 0.1), ActivationLayer(Erf()), Dense(units=outputs))
        return ComposedNetwork(layers, input_shape, outputs)


@dataclass(frozen=True, eq=False)
class DiagnosticCase:
    """A diagnostic with the network and the training points of its cells."""

    diagnostic: Diagnostic
    architecture: Architecture = ErfNetwork()
    x_train: Array | None = None

    def points(self, rng: np.random.Generator) -> Array:
        """Return the training points: four random ones in a plane unless others are given."""
        if self.x_train is None:
            return rng.standard_normal((4, 2))
        return np.asarray(self.x_train, dtype=np.float64)


def cells_for(case: DiagnosticCase) -> Iterator[tuple[str, FinishedCell]]:
    """Yield every sort of cell that a study would give to this diagnostic, with its description.

    It holds what the diagnostic ``requires`` and the ``extras`` that it asks for, and nothing more.
    """
    diagnostic = case.diagnostic
    needs_network = "network" in diagnostic.requires or "parameters" in diagnostic.extras
    for sort in SORTS:
        if not (sort.infinite and needs_network):
            yield sort.description, _without_surplus(_cell(sort, case), diagnostic)


def _cell(sort: CellSort, case: DiagnosticCase) -> FinishedCell:
    rng = np.random.default_rng(0)
    diagnostic, dataset = case.diagnostic, _dataset(sort, case.points(rng), rng)
    network = case.architecture.network(dataset.input_shape, sort.outputs)
    model = Model(network, math.inf if sort.infinite else 8, SeedTree(0))
    blocks = _blocks(sort, model, dataset)
    train = blocks.train.ntk_full if sort.full else blocks.train.ntk
    assert train is not None  # noqa: S101 - for the type checker
    problem = Problem(
        x_train=dataset.x_train,
        y_train=dataset.y_train,
        x_test=dataset.x_test,
        f0_train=_initial(model, dataset.x_train),
        f0_test=_initial(model, dataset.x_test),
        zero_initial_output=sort.infinite,
        kernels=blocks,
        spectrum=eigendecomposition(train),
        model=model,
        extras=diagnostic.extras,
    )
    references = {
        provider.label(): KernelBlocks(
            train=provider.kernels(model, dataset.x_train),
            test_train=provider.kernels(model, dataset.x_test, dataset.x_train),
            test=provider.kernels(model, dataset.x_test),
        )
        for provider in diagnostic.references()
    }
    evolution = _evolution(sort, problem, network)
    return FinishedCell(dataset, problem, TIMES, evolution, references)


def _dataset(sort: CellSort, x_train: Array, rng: np.random.Generator) -> Dataset:
    n, m = len(x_train), sort.test_points
    y = rng.standard_normal((n + m, sort.outputs))
    if sort.classification:
        y = np.sign(y)
    y_test = y[n:] if sort.test_targets else np.full_like(y[n:], np.nan)
    x_test = rng.standard_normal((m, *x_train.shape[1:]))
    return Dataset(x_train, y[:n], x_test, y_test, sort.classification, {}, sort.test_targets)


def _initial(model: Model, x: Array) -> Array:
    network = model.network
    return (
        network.apply(model.params, x) if model.is_finite else np.zeros((len(x), network.outputs))
    )


def _blocks(sort: CellSort, model: Model, dataset: Dataset) -> KernelBlocks:
    def kernels(x1: Array, x2: Array | None = None) -> Kernels:
        found = _kernels(model, x1, x2)
        if sort.full:
            full = model.network.tangent_kernel(model.params, x1, x2, full=True)
            found = replace(found, ntk=np.einsum("ikjk->ij", full) / sort.outputs, ntk_full=full)
        if sort.errors and found.ntk is not None and found.nngp is not None:
            error = np.full_like(found.ntk, 0.1)
            found = replace(found, ntk_standard_error=error, nngp_standard_error=error)
        return found

    return KernelBlocks(
        kernels(dataset.x_train),
        kernels(dataset.x_test, dataset.x_train),
        kernels(dataset.x_test),
    )


def _kernels(model: Model, x1: Array, x2: Array | None) -> Kernels:
    """Return the limits, or where the network has none those of its parameters."""
    try:
        return model.network.kernels(x1, x2)
    except NoClosedForm:
        if not model.is_finite:
            raise
        return Kernels(
            nngp=model.network.prior_kernel(model.params, x1, x2),
            ntk=model.network.tangent_kernel(model.params, x1, x2),
        )


def _evolution(sort: CellSort, problem: Problem, network: Network) -> Evolution:
    spectrum, blocks = problem.spectrum, problem.kernels
    assert spectrum is not None and blocks is not None and blocks.test is not None  # noqa: S101, PT018
    n, m = len(problem.x_train), len(problem.x_test)
    test_train = blocks.test_train.ntk_full if sort.full else blocks.test_train.ntk
    assert test_train is not None and blocks.test.nngp is not None  # noqa: S101, PT018
    columns = 1 if sort.full else sort.outputs
    rows, test_rows = problem.y_train.size // columns, m * sort.outputs // columns
    targets, start = problem.y_train.reshape(rows, columns), problem.f0_train.reshape(rows, columns)
    factors = flow_factors(spectrum, TIMES)

    def moved(projection: Array, first: Array) -> Array:
        return predicted_outputs(spectrum, projection, factors, targets, start, first)

    train = moved(spectrum.eigenvectors * spectrum.eigenvalues, start)
    test = moved(
        project(spectrum, test_train.reshape(test_rows, rows)),
        problem.f0_test.reshape(test_rows, columns),
    )
    times = len(TIMES)
    train, test = train.reshape(times, n, sort.outputs), test.reshape(times, m, sort.outputs)
    reached = TIMES.copy()
    prior = blocks.test.nngp
    parameters = None
    if not sort.infinite and problem.model is not None:
        initial = problem.model.params
        weights = moved(spectrum.eigenvectors, np.zeros_like(start)).reshape(train.shape)
        changes = [network.vjp(initial, problem.x_train, weight) for weight in weights]
        parameters = [{k: v + change[k] for k, v in initial.items()} for change in changes]
    if sort.stopped:
        for values in (reached, train, test):
            values[-1] = np.nan
        if parameters is not None:
            parameters[-1] = {k: np.full_like(v, np.nan) for k, v in parameters[-1].items()}
    return Evolution(
        reached,
        train,
        test,
        diverged=sort.stopped and sort.in_steps,
        note="stopped early" if sort.stopped else "",
        learning_rate=0.01 if sort.in_steps else None,
        variance_test=np.repeat(np.diagonal(prior)[None], len(TIMES), axis=0),
        covariance_test=np.repeat(prior[None], len(TIMES), axis=0),
        parameters=parameters,
        # Solvers in steps are exact at the times that they reach; of the others some give bounds.
        error_train=None if sort.in_steps else np.full(len(TIMES), 1e-9),
        error_test=None if sort.in_steps else np.full(len(TIMES), 1e-8),
    )


def _without_surplus(cell: FinishedCell, diagnostic: Diagnostic) -> FinishedCell:
    requires, extras = diagnostic.requires, diagnostic.extras
    has_kernels = bool({"ntk", "spectrum", "nngp"} & requires)
    return replace(
        cell,
        problem=replace(
            cell.problem,
            kernels=cell.problem.kernels if has_kernels else None,
            spectrum=cell.problem.spectrum if "spectrum" in requires else None,
        ),
        evolution=replace(
            cell.evolution,
            variance_test=cell.evolution.variance_test if "variance" in extras else None,
            covariance_test=cell.evolution.covariance_test if "covariance" in extras else None,
            parameters=cell.evolution.parameters if "parameters" in extras else None,
        ),
    )
