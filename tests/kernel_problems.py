"""Problems for solvers, made of bare kernels, and the shallow ReLU network they come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ntksim.linalg import eigendecomposition
from ntksim.types import (
    Array,
    Extra,
    KernelBlocks,
    Kernels,
    Model,
    Network,
    Params,
    Problem,
    SeedTree,
)

POINTS = np.array([[0.2, 1.0], [0.4, 1.0], [0.8, 1.0]])
"""Three inputs on a line, with a constant appended: the working example of the literature."""
TARGETS = np.array([[-0.05], [-0.2], [0.3]])


def kernel_problem(
    train: Array,
    targets: Array,
    test_train: Array | None = None,
    start: Array | None = None,
    test_start: Array | None = None,
    nngp: tuple[Array, Array, Array] | None = None,
    zero_initial_output: bool = False,
) -> Problem:
    """Make a problem from a tangent kernel (N, N), or full (N, K, N, K), and targets (N, K)."""
    n, k = targets.shape
    full = train.ndim == 4
    if test_train is None:
        test_train = np.zeros((0, k, n, k)) if full else np.zeros((0, n))
    m = len(test_train)
    key = "ntk_full" if full else "ntk"
    prior = nngp or (None, None, None)
    extras: frozenset[Extra] = frozenset({"variance", "covariance"} if nngp else ())
    return Problem(
        x_train=np.zeros((n, 1)),
        y_train=targets,
        x_test=np.zeros((m, 1)),
        f0_train=np.zeros((n, k)) if start is None else start,
        f0_test=np.zeros((m, k)) if test_start is None else test_start,
        zero_initial_output=zero_initial_output,
        kernels=KernelBlocks(
            Kernels(nngp=prior[0], **{key: train}),
            Kernels(nngp=prior[1], **{key: test_train}),
            Kernels(nngp=prior[2]),
        ),
        spectrum=eigendecomposition(train),
        extras=extras,
    )


def features_problem(
    rng: np.random.Generator,
    points: int,
    parameters: int,
    test_points: int = 4,
    outputs: int = 1,
) -> tuple[Problem, Array, Array]:
    """Make a problem of a network linear in its parameters; also return J and J at the test."""
    jacobian = rng.standard_normal((points, parameters))
    test_jacobian = rng.standard_normal((test_points, parameters))
    problem = kernel_problem(
        jacobian @ jacobian.T,
        rng.standard_normal((points, outputs)),
        test_jacobian @ jacobian.T,
        rng.standard_normal((points, outputs)),
        rng.standard_normal((test_points, outputs)),
    )
    return problem, jacobian, test_jacobian


def shallow_relu_kernels(x1: Array, x2: Array, bias: float = 1.0) -> tuple[Array, Array]:
    """NNGP and NTK of w₁·relu(w₀ x)/√D + b with N(0, 1) weights and b = 0 at the start.

    The closed forms of Cho and Saul; ``bias`` is the share of a trained output bias in the NTK.
    Angles between points of the plane come from their cross and dot products.
    """
    dot = x1 @ x2.T
    cross = np.abs(np.outer(x1[:, 0], x2[:, 1]) - np.outer(x1[:, 1], x2[:, 0]))
    angle = np.arctan2(cross, dot)
    norms = np.outer(np.linalg.norm(x1, axis=1), np.linalg.norm(x2, axis=1))
    nngp = norms * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
    return nngp, nngp + dot * (np.pi - angle) / (2 * np.pi) + bias


@dataclass(frozen=True)
class ShallowNetwork(Network):
    """f(x) = w₁ᵀ relu(w₀ x)/√D + b, every parameter trained."""

    input_shape: tuple[int, ...] = (2,)
    outputs: int = 1

    def initialise(self, width: int, rng: np.random.Generator) -> Params:
        return {
            "w0": rng.standard_normal((width, *self.input_shape)),
            "w1": rng.standard_normal((width, self.outputs)),
            "b": np.zeros(self.outputs),
        }

    def apply(self, params: Params, x: Array) -> Array:
        hidden = np.maximum(x @ params["w0"].T, 0.0)
        return hidden @ params["w1"] / np.sqrt(len(params["w1"])) + params["b"]

    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        before = x @ params["w0"].T
        scaled = cotangent / np.sqrt(len(params["w1"]))
        below = (scaled @ params["w1"].T) * (before > 0)
        return {
            "w0": below.T @ x,
            "w1": np.maximum(before, 0.0).T @ scaled,
            "b": cotangent.sum(axis=0),
        }


@dataclass(frozen=True)
class LinearNetwork(Network):
    """f(x) = θᵀ x: linear in its parameters, whatever the width."""

    input_shape: tuple[int, ...] = (2,)
    outputs: int = 1

    def initialise(self, width: int, rng: np.random.Generator) -> Params:
        del width
        return {"theta": rng.standard_normal((*self.input_shape, self.outputs))}

    def apply(self, params: Params, x: Array) -> Array:
        return x @ params["theta"]

    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        del params
        return {"theta": x.T @ cotangent}


def network_problem(
    network: Network,
    width: float,
    x_train: Array,
    targets: Array,
    x_test: Array,
    seed: int = 0,
    zero_initial_output: bool = False,
) -> Problem:
    """Make a problem with a network, and its full empirical tangent kernel with its spectrum."""
    model = Model(network, width, SeedTree(seed))
    f0_train = network.apply(model.params, x_train)
    f0_test = network.apply(model.params, x_test)
    if zero_initial_output:
        f0_train, f0_test = np.zeros_like(f0_train), np.zeros_like(f0_test)
    train = network.tangent_kernel(model.params, x_train, full=True)
    test_train = network.tangent_kernel(model.params, x_test, x_train, full=True)
    return Problem(
        x_train=x_train,
        y_train=targets,
        x_test=x_test,
        f0_train=f0_train,
        f0_test=f0_test,
        zero_initial_output=zero_initial_output,
        kernels=KernelBlocks(Kernels(ntk_full=train), Kernels(ntk_full=test_train)),
        spectrum=eigendecomposition(train),
        model=model,
    )
