"""The five kinds of plugin that a study chooses from; activations, the sixth, live in options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from ntksim.types.arrays import Array
from ntksim.types.dataset import Dataset
from ntksim.types.network import KernelKind, Kernels, Model, Network
from ntksim.types.plugin import Plugin
from ntksim.types.problem import Evolution, Extra, Problem, Requirement
from ntksim.types.result import FinishedCell, Variable, VariableSpec
from ntksim.types.summary import Summary


class Architecture(Plugin, ABC):
    """A family of networks, one for each shape of the data."""

    kind: ClassVar[str] = "architecture"

    @abstractmethod
    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Build the network for inputs of one shape and a number of outputs.

        Raises
        ------
        ValueError
            If the architecture cannot take such data; the message is shown before a study runs.
        """

    def label(self) -> str:
        """Return a short name for the coordinate of the results, such as ``mlp-erf-3``."""
        return self.name


class KernelProvider(Plugin, ABC):
    """A way to obtain the kernels of a model."""

    kind: ClassVar[str] = "kernel"

    varies_with: ClassVar[frozenset[Literal["width", "seed"]]] = frozenset({"width", "seed"})
    """What its kernels depend on, besides data and architecture. An infinite-width kernel depends
    on neither and is computed once for the whole grid."""

    provides: ClassVar[frozenset[Literal["ntk", "nngp"]]] = frozenset({"ntk", "nngp"})
    """Which kernels it returns; what needs the other one is not applicable with this provider."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        """See that other ``kernels`` of a subclass are what ``kernels_wanted`` asks for."""
        super().__init_subclass__(**arguments)
        if "kernels" in vars(cls) and "kernels_wanted" not in vars(cls):
            cls.kernels_wanted = KernelProvider.kernels_wanted

    @property
    def keeps_outputs_apart(self) -> bool:
        """Whether its tangent kernels come with ``ntk_full``, for networks of several outputs.

        K outputs make such a kernel K² times as large; what a cell needs is estimated from this.
        """
        return False

    def refuses(self, network: Network, width: float) -> str | None:
        """Say in a sentence why there can be no kernel at this width, or return ``None``."""
        del network, width
        return None

    @abstractmethod
    def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
        """Return the kernels between two sets of points; ``x2=None`` means ``x1``, symmetric.

        A provider that does not vary with width or seed must not look at ``model.width`` or
        ``model.seeds``.
        """

    def kernels_wanted(
        self, model: Model, x1: Array, x2: Array | None, wanted: Collection[KernelKind]
    ) -> Kernels:
        """Return those of ``kernels`` that are wanted, with the same bits.

        Others may be there or not. This version computes all; a provider that can do one alone for
        less overrides it. Runs ask for what solvers require and diagnostics read.
        """
        del wanted
        return self.kernels(model, x1, x2)

    def label(self) -> str:
        """Return a short name for the coordinate of the results."""
        return self.name


class DivisibleKernelProvider(KernelProvider, ABC):
    """A provider whose work falls into parts that add up, such as independent samples.

    A run computes the parts as tasks of their own, so that workers share them, and adds them up in
    their order, each as soon as it is there: numbers do not depend on how many workers there are,
    and few parts are held at a time. Parts travel between processes and must be picklable.
    """

    @property
    @abstractmethod
    def parts(self) -> int:
        """Number of parts, which depends on the options alone."""

    @abstractmethod
    def part(self, number: int, model: Model, x1: Array, x2: Array | None = None) -> Any:
        """Compute one part of the kernels between two sets of points."""

    @abstractmethod
    def added(self, total: Any, part: Any) -> Any:
        """Return the sum of all parts so far and the next one; neither argument is changed."""

    @abstractmethod
    def result(self, total: Any) -> Kernels:
        """Return the kernels that the sum of all parts stands for."""

    def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
        """Return the kernels: all parts, one after the other."""
        total = self.part(0, model, x1, x2)
        for number in range(1, self.parts):
            total = self.added(total, self.part(number, model, x1, x2))
        return self.result(total)


class Solver(Plugin, ABC):
    """A way to obtain the outputs at all times from a problem."""

    kind: ClassVar[str] = "solver"

    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk"})
    provides: ClassVar[frozenset[Extra]] = frozenset()
    """Extras that it can compute when ``problem.extras`` asks: ``variance`` and ``covariance`` need
    ``nngp`` as well, ``parameters`` need ``network``."""

    def refuses(self, network: Network, width: float) -> str | None:
        """Say in a sentence why it cannot solve for such a model, or return ``None``."""
        del network, width
        return None

    @abstractmethod
    def evolve(self, problem: Problem, times: Array) -> Evolution:
        """Return the outputs at ``times`` (T,), ascending, 0 and infinity included."""

    def evolve_many(self, problems: Sequence[Problem], times: Array) -> list[Evolution | Exception]:
        """Return ``evolve`` of several problems, such as those of many seeds.

        An error of one stands in its place and touches no other. A solver that can do several
        faster together gives each the same bits as ``evolve``; this one takes them one by one.
        Studies call it for the seeds of a network if the solver requires nothing but the network,
        with as many as ``at_once`` says.
        """
        results: list[Evolution | Exception] = []
        for problem in problems:
            try:
                results.append(self.evolve(problem, times))
            except Exception as error:  # noqa: BLE001 - of one, which the others outlive
                results.append(error)
        return results

    def at_once(self, problem: Problem) -> int:
        """Return how many problems like this one ``evolve_many`` had better be given at once."""
        del problem
        return 1

    def most_seconds(self, problem: Problem, times: Array) -> float | None:
        """Return about how many seconds ``evolve`` takes at most, ``None`` if that is unknown.

        ``ntksim check`` asks solvers that require the network, with a problem that has no kernels.
        An answer comes quickly: from a step that is timed, for example.
        """
        del problem, times
        return None

    def label(self) -> str:
        """Return a short name for the coordinate of the results."""
        return self.name


class DatasetSource(Plugin, ABC):
    """Where training and test data come from."""

    kind: ClassVar[str] = "dataset"

    @abstractmethod
    def load(self) -> Dataset:
        """Load or generate the data; the same options always give the same bits.

        Raises
        ------
        DataError
            If the data cannot be had or used; the message is shown before a study runs.
        """

    def located(self, folder: Path) -> DatasetSource:
        """Return the same source with its relative paths resolved against the study's folder.

        Called once, before ``load``. A source that names no file returns itself.

        Raises
        ------
        ValueError
            If a relative path leaves the folder.
        """
        del folder
        return self

    def label(self) -> str:
        """Return a short name: coordinate and group name of the results."""
        return self.name


class Diagnostic(Plugin, ABC):
    """Something measured on a finished cell; its name is a group that ``record`` accepts."""

    kind: ClassVar[str] = "diagnostic"

    variables: ClassVar[Mapping[str, VariableSpec]]
    """Every variable that it can record, by name."""

    requires: ClassVar[frozenset[Requirement]] = frozenset()
    extras: ClassVar[frozenset[Extra]] = frozenset()
    """What it needs the solver to provide."""
    summaries: ClassVar[tuple[Summary, ...]] = ()
    """What is said over the whole grid, of its own variables or of others that are recorded."""

    def references(self) -> tuple[KernelProvider, ...]:
        """Return kernel providers whose kernels are wanted beside the cell's own."""
        return ()

    def kernels_read(self, variables: Collection[str]) -> frozenset[KernelKind]:
        """Return which kernels are looked at, where they are, to record some of the variables.

        Where nothing else needs the other kernel it may be missing. All are, where a kernel is
        required; a diagnostic that looks at fewer says so.
        """
        del variables
        both: frozenset[KernelKind] = frozenset({"nngp", "ntk"})
        return both if both & self.requires else frozenset()

    def doubts(self, data: Dataset) -> str | None:
        """Say in a sentence why its numbers would mean little for such data, or return ``None``.

        It is a warning before a study runs: what it measures is stored nevertheless.
        """
        del data
        return None

    @abstractmethod
    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the variables that this cell has; one that does not apply is left out."""

    def labels(self, cell: FinishedCell) -> Mapping[str, Sequence[str]]:
        """Return names along dimensions of its own, such as those of layers, each name once.

        They become the coordinate of the dimension, in the order of the measured values; without
        names it counts. Cells may have different ones, of which the store has all.
        """
        del cell
        return {}
