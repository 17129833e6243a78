"""A network: one function family, its finite members and its infinite-width limit."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

from ntksim.types.arrays import Array
from ntksim.types.seeds import SeedTree

Params: TypeAlias = Mapping[str, Array]
"""Parameters, gradients and tangents by name, e.g. ``{"0.weight": (fan_in, fan_out), …}``."""


KernelKind: TypeAlias = Literal["nngp", "ntk"]
"""The covariance of the outputs, or the tangent kernel."""


class NoClosedForm(Exception):  # noqa: N818 - reads as the sentence that it is
    """A network has no infinite-width kernel in closed form or by quadrature."""


@dataclass(frozen=True)
class Kernels:
    """Kernel matrices between two sets of N and M points.

    ``nngp`` (N, M) is the covariance of the outputs over initialisations, ``ntk`` (N, M) the
    tangent kernel, averaged over outputs; either may be missing. ``ntk_full`` (N, K, M, K) keeps
    the outputs apart and is only there on request. The standard errors belong to estimates.
    """

    nngp: Array | None = None
    ntk: Array | None = None
    ntk_full: Array | None = None
    nngp_standard_error: Array | None = None
    ntk_standard_error: Array | None = None


class Network(ABC):
    """A function family f(x; θ) with K outputs, one member for each width and θ.

    With ``initialise``, ``apply`` and ``vjp`` alone everything at finite width works, slowly;
    ``ntksim.nn.ComposedNetwork`` has fast versions of all. Inputs have shape (N, *input_shape),
    outputs (N, K), everything in float64.
    """

    input_shape: tuple[int, ...]
    outputs: int

    def __init_subclass__(cls, **arguments: Any) -> None:
        """See that other ``kernels`` of a subclass are what ``kernels_wanted`` asks for."""
        super().__init_subclass__(**arguments)
        if "kernels" in vars(cls) and "kernels_wanted" not in vars(cls):
            cls.kernels_wanted = Network.kernels_wanted

    @abstractmethod
    def initialise(self, width: int, rng: np.random.Generator) -> Params:
        """Draw initial parameters of a network with ``width`` hidden units."""

    @abstractmethod
    def apply(self, params: Params, x: Array) -> Array:
        """f(x; θ), shape (N, K)."""

    @abstractmethod
    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        """Jᵀ c: gradient of Σ c·f(x; θ) in the trained parameters; ``cotangent`` is (N, K).

        The result holds the trained parameters only.
        """

    def parameter_count(self, width: int) -> int:
        """Return how many parameters a network of a width has, for estimates of memory.

        It is asked when a study is planned, so it must not draw so many. In networks of dense or
        convolutional layers the number is a polynomial of degree two in the width, or less: this
        version extrapolates it from networks of one, two and three units.
        """
        one, two, three = (
            sum(np.size(value) for value in self.initialise(few, np.random.default_rng(0)).values())
            for few in (1, 2, 3)
        )
        w = width - 1
        return one + w * (two - one) + w * (w - 1) // 2 * (three - 2 * two + one)

    def value_and_vjp(
        self, params: Params, x: Array, cotangent: Callable[[Array], Array]
    ) -> tuple[Array, Params]:
        """f(x; θ) and Jᵀ c for a cotangent c = ``cotangent``(f(x; θ)) that depends on it.

        What a step of training needs. A network that keeps its forward pass saves computing it
        twice, as this version does.
        """
        value = self.apply(params, x)
        return value, self.vjp(params, x, cotangent(value))

    def value_and_loss_gradient(
        self, params: Params, x: Array, targets: Array
    ) -> tuple[Array, Params]:
        """f(x; θ) and Jᵀ (f(x; θ) − y), the gradient of ½ Σ (f − y)²: a step of training.

        Of every point the cotangent is known when its output is, which may save memory.
        """
        return self.value_and_vjp(params, x, lambda value: value - targets)

    def jvp(self, params: Params, x: Array, tangent: Params) -> Array:
        """J v: directional derivative of f along ``tangent``, shape (N, K).

        Names missing from ``tangent`` stand still. This version asks ``vjp`` for one gradient a
        point and output: N·K gradients.
        """
        result = np.empty((len(x), self.outputs))
        for index, gradient in self._gradients(params, x):
            result[index] = sum(
                float(np.vdot(gradient[name], tangent[name]))
                for name in gradient
                if name in tangent
            )
        return result

    def tangent_kernel(
        self, params: Params, x1: Array, x2: Array | None = None, *, full: bool = False
    ) -> Array:
        """Empirical tangent kernel J(x1) J(x2)ᵀ of the trained parameters.

        Returns the average over outputs (1/K) Σ_k ∇f_k(x1)·∇f_k(x2), shape (N, M), or with
        ``full`` all blocks, shape (N, K, M, K). ``x2=None`` means ``x1``. This version holds the
        gradients of one point of each side at a time.
        """
        other = x1 if x2 is None else x2
        blocks = np.empty((len(x1), self.outputs, len(other), self.outputs))
        for (i, k), left in self._gradients(params, x1):
            for (j, m), right in self._gradients(params, other):
                blocks[i, k, j, m] = sum(float(np.vdot(left[name], right[name])) for name in left)
        return blocks if full else np.einsum("ikjk->ij", blocks) / self.outputs

    def prior_kernel(self, params: Params, x1: Array, x2: Array | None = None) -> Array:
        """One network's unbiased estimate of the NNGP kernel, shape (N, M).

        Here (1/K) Σ_k f_k(x1) f_k(x2). Networks with a Gaussian read-out do better: the covariance
        given the last hidden layer.
        """
        f1 = self.apply(params, x1)
        f2 = f1 if x2 is None else self.apply(params, x2)
        return f1 @ f2.T / self.outputs

    def empirical_kernels(
        self, params: Params, x1: Array, x2: Array | None = None, *, full: bool = False
    ) -> tuple[Array, Array]:
        """Return ``tangent_kernel`` and ``prior_kernel``, which may have work in common."""
        ntk = self.tangent_kernel(params, x1, x2, full=full)
        return ntk, self.prior_kernel(params, x1, x2)

    def parameter_label(self, name: str) -> str:
        """Return what results call an array of parameters: here the name that it has.

        Labels of different names are different.
        """
        return name

    def kernels(self, x1: Array, x2: Array | None = None) -> Kernels:
        """Infinite-width ``Kernels(nngp, ntk)``; ``x2=None`` means ``x1``.

        Raises
        ------
        NoClosedForm
            If the limit is not known for this network; the message says why.
        """
        del x1, x2
        raise NoClosedForm(f"{type(self).__name__} does not define its infinite-width kernels")

    def kernels_wanted(
        self, x1: Array, x2: Array | None, wanted: Collection[KernelKind]
    ) -> Kernels:
        """Those of ``kernels`` that are wanted, with the same bits; others may be there or not.

        This version computes all.
        """
        del wanted
        return self.kernels(x1, x2)

    def _gradients(self, params: Params, x: Array) -> Iterator[tuple[tuple[int, int], Params]]:
        for i in range(len(x)):
            for k in range(self.outputs):
                cotangent = np.zeros((1, self.outputs))
                cotangent[0, k] = 1.0
                yield (i, k), self.vjp(params, x[i : i + 1], cotangent)


@dataclass(frozen=True)
class Model:
    """A network at one width, with the seeds from which its parameters are drawn.

    ``width`` is ``math.inf`` for the limit, which has no parameters.
    """

    network: Network
    width: float
    seeds: SeedTree

    @property
    def is_finite(self) -> bool:
        """Whether there is a finite network, with parameters."""
        return math.isfinite(self.width)

    @cached_property
    def params(self) -> Params:
        """Initial parameters: the same wherever this model is used.

        Raises
        ------
        ValueError
            At infinite width.
        """
        return self.draw("parameters")

    def draw(self, *purpose: str | int) -> Params:
        """Draw independent initial parameters; the same ``purpose`` gives the same ones."""
        if not self.is_finite:
            raise ValueError("a network of infinite width has no parameters")
        return self.network.initialise(int(self.width), self.seeds.generator(*purpose))
