"""Everything that is compiled for a network of one width."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from ntksim import Array, Params

from ntksim_jax.blocks import intermediate_bytes
from ntksim_jax.computing import computing, tracing
from ntksim_jax.functions import Functions
from ntksim_jax.leaves import Leaf, leaves_of

Arrays: TypeAlias = "list[jax.Array]"


class Program:
    """Value, derivatives and parameters of a network, each compiled once for every block size.

    ``leaves`` describe the parameters, ``point_bytes`` is what a pass holds of one point and
    ``gradient_bytes`` the size of one gradient.

    Raises
    ------
    ValueError
        If ``apply`` does not return float64 outputs of shape (N, K), or the parameters cannot be
        used, as ``leaves_of`` says.
    """

    def __init__(
        self, functions: Functions, input_shape: tuple[int, ...], outputs: int, reserved: str
    ) -> None:
        self.outputs = outputs
        with tracing():
            key_data = jax.ShapeDtypeStruct((2,), np.uint32)
            found: list[Leaf] = []

            def described(data: jax.Array) -> Any:
                tree = functions.init(_key(data))
                found[:] = leaves_of(tree, functions.is_trained, reserved)
                return tree

            structure = jax.tree.structure(jax.eval_shape(described, key_data))
            self.leaves = tuple(found)
            self._trained = [leaf for leaf in self.leaves if leaf.is_trained]
            self._fixed = [leaf for leaf in self.leaves if not leaf.is_trained]

            def initial(data: jax.Array) -> Arrays:
                values = jax.tree.leaves(functions.init(_key(data)))
                return [
                    leaf.stored(jnp.asarray(v)) for leaf, v in zip(self.leaves, values, strict=True)
                ]

            def value(trained: Arrays, fixed: Arrays, x: jax.Array) -> jax.Array:
                given = {
                    leaf.name: leaf.restored(v)
                    for leaf, v in zip(
                        (*self._trained, *self._fixed), (*trained, *fixed), strict=True
                    )
                }
                values = [given[leaf.name] for leaf in self.leaves]
                return functions.apply(jax.tree.unflatten(structure, values), x)

            shapes = tuple(
                [jax.ShapeDtypeStruct(leaf.shape, np.float64) for leaf in part]
                for part in (self._trained, self._fixed)
            )
            of_points = {
                count: intermediate_bytes(
                    jax.make_jaxpr(value)(*shapes, _points(count, input_shape)).jaxpr
                )
                for count in (1, 2)
            }
            _check_output(jax.eval_shape(value, *shapes, _points(2, input_shape)), (2, outputs))
        inputs_and_outputs = 8 * (int(np.prod(input_shape)) + outputs)
        self.point_bytes = inputs_and_outputs + max(0, of_points[2] - of_points[1])
        self.gradient_bytes = 8 * sum(leaf.size for leaf in self._trained)
        self.compiled: dict[str, Callable[..., Any]] = {
            "initial": jax.jit(initial),
            "value": jax.jit(value),
            "forward": jax.jit(
                lambda trained, fixed, x: jax.vjp(lambda free: value(free, fixed, x), trained)
            ),
            "backward": jax.jit(lambda pull, cotangent: pull(cotangent)[0]),
            "push": jax.jit(partial(_push, value)),
            "gradients": jax.jit(partial(_gradients, value)),
            "push_many": jax.jit(
                jax.vmap(partial(_push, value), in_axes=(None, None, None, 0), out_axes=0)
            ),
            "contract": jax.jit(_contract),
        }

    def initial(self, key: np.ndarray) -> dict[str, Array]:
        """Draw parameters with a key of two words of 32 bits."""
        with computing():
            values = self.compiled["initial"](key)
            return {leaf.name: _own(v) for leaf, v in zip(self.leaves, values, strict=True)}

    def value(self, params: Params, x: Array) -> Array:
        """f(x; θ), shape (N, K)."""
        with computing():
            return _own(self.compiled["value"](*self.split(params), x))

    def forward(self, params: Params, x: Array) -> tuple[Array, Any]:
        """Return f(x; θ), and what ``backward`` needs of this pass."""
        with computing():
            value, pull = self.compiled["forward"](*self.split(params), x)
            return _own(value), pull

    def backward(self, pull: Any, cotangent: Array) -> dict[str, Array]:
        """Jᵀ c, by name."""
        with computing():
            slopes = self.compiled["backward"](pull, cotangent)
            return {leaf.name: _own(v) for leaf, v in zip(self._trained, slopes, strict=True)}

    def push(self, params: Params, x: Array, tangent: Params) -> Array:
        """J v, where names missing from v stand still."""
        directions = [
            np.asarray(tangent[leaf.name]) if leaf.name in tangent else np.zeros(leaf.shape)
            for leaf in self._trained
        ]
        with computing():
            return _own(self.compiled["push"](*self.split(params), x, directions))

    def zero_gradient(self) -> dict[str, Array]:
        """Return the gradient of nothing."""
        return {leaf.name: np.zeros(leaf.shape) for leaf in self._trained}

    def split(self, params: Params) -> tuple[list[Array], list[Array]]:
        """Return trained and fixed parameters.

        Raises
        ------
        ValueError
            If one is missing.
        """
        missing = [leaf.name for leaf in self.leaves if leaf.name not in params]
        if missing:
            raise ValueError(f"parameter '{missing[0]}' is missing; there are {', '.join(params)}")
        return (
            [params[leaf.name] for leaf in self._trained],
            [params[leaf.name] for leaf in self._fixed],
        )


def _push(
    value: Callable[..., jax.Array], trained: Arrays, fixed: Arrays, x: jax.Array, tangent: Arrays
) -> jax.Array:
    return jax.jvp(lambda free: value(free, fixed, x), (trained,), (tangent,))[1]


def _gradients(
    value: Callable[..., jax.Array], trained: Arrays, fixed: Arrays, x: jax.Array, c: jax.Array
) -> Arrays:
    """Gradient of c_i·f(x_i) for every row i, in arrays (rows, *shape)."""

    def gradient(point: jax.Array, cotangent: jax.Array) -> Arrays:
        _, pull = jax.vjp(lambda free: value(free, fixed, point[None]), trained)
        return pull(cotangent[None])[0]

    return jax.vmap(gradient)(x, c)


def _contract(left: Arrays, right: Arrays) -> jax.Array:
    """Products of gradients over all parameters, (rows of left, rows of right)."""
    return jnp.asarray(
        sum(
            a.reshape(len(a), -1) @ b.reshape(len(b), -1).T
            for a, b in zip(left, right, strict=True)
        )
    )


def _key(data: jax.Array) -> jax.Array:
    # Named, so that the same generator draws the same numbers whatever JAX is set to.
    return jax.random.wrap_key_data(data, impl="threefry2x32")


def _points(count: int, input_shape: tuple[int, ...]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((count, *input_shape), np.float64)


def _own(value: jax.Array) -> Array:
    """Copy to an array that the caller may change."""
    return np.array(value, dtype=np.float64)


def _check_output(output: Any, shape: tuple[int, int]) -> None:
    found = f"{getattr(output, 'shape', type(output).__name__)} {getattr(output, 'dtype', '')}"
    if getattr(output, "shape", None) != shape:
        raise ValueError(
            f"apply returns {found.strip()} for 2 points; it must be {shape}: (points, outputs)"
        )
    if output.dtype != np.float64:
        raise ValueError(
            f"apply returns {output.dtype} for float64 inputs and parameters; leave the types of "
            "computation to JAX (dtype=None in Flax), as derivatives are compared in float64"
        )
