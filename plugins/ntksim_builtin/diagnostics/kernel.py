"""The kernels of a cell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ntksim import Diagnostic, FinishedCell, Kernels, Variable, VariableSpec
from ntksim.types import KernelKind, Requirement

_TRAIN, _TEST_TRAIN = ("train_point", "train_point_other"), ("test_point", "train_point")
_FULL_TRAIN = ("train_point", "output", "train_point_other", "output_other")
_FULL_TEST_TRAIN = ("test_point", "output", "train_point", "output_other")

_NTK = "∇f(x)·∇f(x′) over the trained parameters, averaged over outputs."
_NTK_FULL = "∇f_k(x)·∇f_m(x′) over the trained parameters, for every pair of outputs."
_NNGP = "covariance of one output at two points over initialisations."
_ERROR = "standard error of the estimate, entry by entry."


def _specs(
    name: str, long: str, description: str, train: tuple[str, ...], test_train: tuple[str, ...]
) -> Iterator[tuple[str, VariableSpec]]:
    for part, where, dims in (
        ("train", "training points", train),
        ("test_train", "test and training points", test_train),
    ):
        yield f"{name}_{part}", VariableSpec(dims, f"{long} of {where}", "1", description)


def _error_specs(name: str, long: str) -> Iterator[tuple[str, VariableSpec]]:
    for variable, spec in _specs(name, f"standard error of {long}", _ERROR, _TRAIN, _TEST_TRAIN):
        yield f"{variable}_standard_error", spec


@dataclass(frozen=True)
class Kernel(Diagnostic):
    """Tangent kernel and NNGP kernel of the training and test points, with standard errors.

    Standard errors are there for estimates only, the full kernel (every pair of outputs) where
    the provider keeps it.
    """

    name: ClassVar[str] = "kernel"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk"})
    variables: ClassVar[Mapping[str, VariableSpec]] = dict(
        [
            *_specs("ntk", "neural tangent kernel", _NTK, _TRAIN, _TEST_TRAIN),
            *_error_specs("ntk", "the neural tangent kernel"),
            *_specs("nngp", "NNGP kernel", _NNGP, _TRAIN, _TEST_TRAIN),
            *_error_specs("nngp", "the NNGP kernel"),
            *_specs(
                "ntk_full", "full neural tangent kernel", _NTK_FULL, _FULL_TRAIN, _FULL_TEST_TRAIN
            ),
        ]
    )

    def kernels_read(self, variables: Collection[str]) -> frozenset[KernelKind]:
        """Return those that the names of the variables begin with."""
        kinds: tuple[KernelKind, ...] = ("nngp", "ntk")
        return frozenset(kind for kind in kinds if any(v.startswith(kind) for v in variables))

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the kernels that there are."""
        blocks = cell.problem.kernels
        if blocks is None:
            return {}
        measured = _measured(blocks.train, "train")
        if len(cell.dataset.x_test):
            measured |= _measured(blocks.test_train, "test_train")
        return measured


def _measured(kernels: Kernels, part: str) -> dict[str, Variable]:
    found = {
        f"ntk_{part}": kernels.ntk,
        f"ntk_{part}_standard_error": kernels.ntk_standard_error,
        f"nngp_{part}": kernels.nngp,
        f"nngp_{part}_standard_error": kernels.nngp_standard_error,
        f"ntk_full_{part}": kernels.ntk_full,
    }
    return {name: value for name, value in found.items() if value is not None}
