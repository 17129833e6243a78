"""Kernels of wide networks for scikit-learn's Gaussian processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

from ntksim.estimators.base import ArchitectureLike, KernelLike
from ntksim.estimators.models import created, model_of, shaped
from ntksim.types import Architecture, Array, KernelProvider

Bounds: TypeAlias = tuple[float, float] | Literal["fixed"]

STEP = 2.0**-12
"""Step in the logarithm of a hyper-parameter. Truncation then is about (2 depth · STEP)⁴/30 of a
derivative, 1e-13 at depth 3 and 1e-9 at depth 30; rounding of the kernel, 1e-16, becomes 1e-12."""

_BLOCK = 32


class NTKKernel(Kernel):
    """Tangent or prior kernel of a wide network, with the scales of its weights to be learned.

    With ``kind="nngp"`` a Gaussian process with this kernel is the exact posterior of an infinitely
    wide network with Gaussian weights (Lee et al. 2018), or of one of which only the read-out is
    trained. With ``kind="ntk"`` its mean, with ``alpha`` as ridge, is that of networks trained for
    ever, ``NTKRegressor(time=inf)``; its deviation is that of a process with this prior, and not
    the spread of such networks, for which see ``NTKRegressor``.

    Parameters
    ----------
    architecture
        A name, a mapping of ``name`` and options, or an ``Architecture``; any installed plugin.
    weight_std, bias_std
        Values for the options of the architecture of these names, in the place of its own;
        ``None`` leaves the architecture's, and then there is no such hyper-parameter.
    weight_std_bounds, bias_std_bounds
        Between which they are optimised, or ``"fixed"``; a standard deviation 0 must be fixed.
    kind
        ``"ntk"`` or ``"nngp"``.
    kernel
        ``"analytic"`` or any other kernel provider, written as in a study.
    width, random_state, input_shape
        As those of ``NTKRegressor``; ``random_state`` is a number, for a kernel is a function.
    """

    def __init__(
        self,
        architecture: ArchitectureLike = "mlp",
        *,
        weight_std: float | None = None,
        bias_std: float | None = None,
        weight_std_bounds: Bounds = (1e-1, 1e1),
        bias_std_bounds: Bounds = (1e-3, 1e1),
        kind: Literal["ntk", "nngp"] = "ntk",
        kernel: KernelLike = "analytic",
        width: float = 1024,
        input_shape: tuple[int, ...] | None = None,
        random_state: int = 0,
    ) -> None:
        self.architecture = architecture
        self.weight_std = weight_std
        self.bias_std = bias_std
        self.weight_std_bounds = weight_std_bounds
        self.bias_std_bounds = bias_std_bounds
        self.kind = kind
        self.kernel = kernel
        self.width = width
        self.input_shape = input_shape
        self.random_state = random_state

    @property
    def hyperparameter_weight_std(self) -> Hyperparameter:
        """The scale of the weights, as scikit-learn describes a hyper-parameter."""
        return self._hyperparameter("weight_std")

    @property
    def hyperparameter_bias_std(self) -> Hyperparameter:
        """The scale of the biases."""
        return self._hyperparameter("bias_std")

    def __call__(
        self, X: ArrayLike, Y: ArrayLike | None = None, eval_gradient: bool = False
    ) -> Any:
        """Return k(X, Y), shape (N, M); ``Y=None`` means ``X``.

        With ``eval_gradient`` also its derivatives (N, N, H) in the logarithms of the H
        hyper-parameters that are not fixed, by differences of fourth order: what the architecture
        does with its scales is its own affair. They are accurate to about 1e-9 of the kernel, or,
        where the kernel is found by quadrature, to 1e-6. The tangent kernel of a finite network
        with kinks jumps where a unit changes sides, and has no derivative there.

        Raises
        ------
        ValueError
            If the gradient is asked for with a ``Y``, or a parameter cannot be used.
        """
        left = np.atleast_2d(np.asarray(X, dtype=np.float64))
        if Y is not None:
            if eval_gradient:
                raise ValueError("the gradient can only be evaluated when Y is None")
            return self._matrix(left, np.atleast_2d(np.asarray(Y, dtype=np.float64)))
        value = self._matrix(left, None)
        if not eval_gradient:
            return value
        gradient = np.empty((*value.shape, len(self.theta)))
        for index in range(len(self.theta)):
            gradient[..., index] = _derivative(lambda step, i=index: self._moved(i, step, left))
        return value, gradient

    def diag(self, X: ArrayLike) -> Array:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the diagonal of k(X, X), shape (N,), without the rest."""
        x = np.atleast_2d(np.asarray(X, dtype=np.float64))
        blocks = (x[first : first + _BLOCK] for first in range(0, len(x), _BLOCK))
        return np.concatenate([np.diagonal(self._matrix(block, None)) for block in blocks])

    def is_stationary(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return false: such kernels depend on the norms of the points."""
        return False

    def __repr__(self) -> str:
        """Return the network and its scales."""
        name = self.architecture
        parts = [name if isinstance(name, str) else repr(name)]
        parts += [
            f"{part}={value:.3g}"
            for part in ("weight_std", "bias_std")
            if (value := getattr(self, part)) is not None
        ]
        return f"NTKKernel({', '.join(parts)}, kind={self.kind!r})"

    def _hyperparameter(self, name: str) -> Hyperparameter:
        is_there = getattr(self, name) is not None
        bounds = getattr(self, f"{name}_bounds") if is_there else "fixed"
        return Hyperparameter(name, "numeric", bounds)

    def _moved(self, index: int, step: float, x: Array) -> Array:
        """Return the matrix with one hyper-parameter multiplied by e^step."""
        theta = self.theta
        theta[index] += step
        moved: Any = self.clone_with_theta(theta)
        return moved._matrix(x, None)

    def _matrix(self, x: Array, other: Array | None) -> Array:
        if self.kind not in ("ntk", "nngp"):
            raise ValueError(f"kind is {self.kind!r}; it must be 'ntk' or 'nngp'")
        provider = created(KernelProvider, self.kernel)
        left = shaped(x, self.input_shape)
        right = None if other is None else shaped(other, self.input_shape)
        model = model_of(
            self._scaled(), provider, left.shape[1:], 1, self.width, int(self.random_state)
        )
        found = getattr(provider.kernels(model, left, right), self.kind)
        if found is None:
            raise ValueError(f"the kernel '{provider.name}' gives no {self.kind}")
        return found

    def _scaled(self) -> Architecture:
        """Return the architecture with the scales put in.

        Raises
        ------
        ValueError
            If it has no such option, or the reference gives it as well.
        """
        architecture = created(Architecture, self.architecture)
        scales = {
            name: float(value)
            for name in ("weight_std", "bias_std")
            if (value := getattr(self, name)) is not None
        }
        options = {field.name for field in dataclasses.fields(architecture)}  # pyright: ignore[reportArgumentType]
        for name in scales:
            if name not in options:
                raise ValueError(
                    f"architecture '{architecture.name}' has no option {name}, which can therefore "
                    f"be no hyper-parameter; leave {name} out"
                )
            if isinstance(self.architecture, dict) and name in self.architecture:
                raise ValueError(
                    f"{name} is {scales[name]} here and {self.architecture[name]} in the options "
                    "of the architecture; give it once"
                )
        return dataclasses.replace(architecture, **scales)  # pyright: ignore[reportArgumentType]


def _derivative(function: Callable[[float], Array]) -> Array:
    """Return f′(0) by the central difference of fourth order."""
    near = function(STEP) - function(-STEP)
    far = function(2 * STEP) - function(-2 * STEP)
    return (8 * near - far) / (12 * STEP)
