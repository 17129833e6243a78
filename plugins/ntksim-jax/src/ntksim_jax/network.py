"""A network of ntksim around functions of JAX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from ntksim import Array, Kernels, Network, Params

from ntksim_jax.blocks import blocks, padded
from ntksim_jax.functions import Functions

if TYPE_CHECKING:
    from ntksim_jax.architecture import JaxArchitecture
    from ntksim_jax.program import Program

WIDTH = "width"
"""The entry of the parameters that says for which width they are; it is never trained."""


@dataclass(frozen=True)
class JaxNetwork(Network):
    """A function family whose values and derivatives are computed by JAX, in float64.

    Parameters have the names of the pytree's leaves, and ``width``. Blocks of points and of
    gradients fit ``block_bytes``: a Jacobian of all points is never held beyond that. JAX's own
    settings are left as they are.
    """

    architecture: JaxArchitecture
    input_shape: tuple[int, ...]
    outputs: int
    block_bytes: int = 2**27

    def program(self, width: int) -> Program:
        """Return what is compiled for one width: the same object for equal networks."""
        try:
            hash(self.architecture)
        except TypeError:
            own = self._own_programs
            if width not in own:
                own[width] = _traced(self.architecture, self.input_shape, self.outputs, width)
            return own[width]
        return _shared(self.architecture, self.input_shape, self.outputs, width)

    @cached_property
    def _own_programs(self) -> dict[int, Program]:
        return {}

    def __getstate__(self) -> dict[str, object]:
        """Leave out what is compiled: another process compiles its own."""
        return {name: value for name, value in vars(self).items() if name != "_own_programs"}

    def initialise(self, width: int, rng: np.random.Generator) -> Params:
        """Draw initial parameters by ``init``, with a key of 64 random bits from ``rng``."""
        if width < 1:
            raise ValueError(f"width is {width}; a network needs at least 1 hidden unit")
        key = rng.integers(0, 2**32, size=2, dtype=np.uint32)
        return {**self.program(width).initial(key), WIDTH: np.array(float(width))}

    def parameter_count(self, width: int) -> int:
        """Return the number of parameters, from their shapes alone."""
        return 1 + sum(leaf.size for leaf in self.program(width).leaves)

    def apply(self, params: Params, x: Array) -> Array:
        """f(x; θ), shape (N, K)."""
        program, x = self._program_of(params), self._checked(x)
        result = np.empty((len(x), self.outputs))
        for part, size in blocks(len(x), self.block_bytes // program.point_bytes):
            result[part] = program.value(params, padded(x[part], size))[: part.stop - part.start]
        return result

    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        """Jᵀ c: gradient of Σ c·f(x; θ) in the trained parameters; ``cotangent`` is (N, K)."""
        return self._value_and_vjp(params, x, lambda _, part: cotangent[part])[1]

    def value_and_vjp(
        self, params: Params, x: Array, cotangent: Callable[[Array], Array]
    ) -> tuple[Array, Params]:
        """f(x; θ) and Jᵀ c for c = ``cotangent``(f(x; θ)), in one pass where memory allows."""
        if len(x) > self.block_bytes // self._program_of(params).point_bytes:
            return super().value_and_vjp(params, x, cotangent)
        return self._value_and_vjp(params, x, lambda value, _: cotangent(value))

    def jvp(self, params: Params, x: Array, tangent: Params) -> Array:
        """J v: derivative of f along ``tangent`` in the trained parameters, shape (N, K)."""
        program, x = self._program_of(params), self._checked(x)
        result = np.empty((len(x), self.outputs))
        for part, size in blocks(len(x), self.block_bytes // program.point_bytes):
            change = program.push(params, padded(x[part], size), tangent)
            result[part] = change[: part.stop - part.start]
        return result

    def tangent_kernel(
        self, params: Params, x1: Array, x2: Array | None = None, *, full: bool = False
    ) -> Array:
        """Empirical tangent kernel, (N, M) averaged over outputs or with ``full`` (N, K, M, K).

        The average contracts gradients of blocks of points, one output at a time. The full kernel
        is J (Jᵀ e) for unit vectors e, a vjp and then a jvp, which costs a factor K less than
        contracting all pairs of outputs (Novak et al. 2022).
        """
        from ntksim_jax.tangents import averaged_kernel, full_kernel

        program, x1 = self._program_of(params), self._checked(x1)
        x2 = None if x2 is None else self._checked(x2)
        if not full:
            return averaged_kernel(program, params, x1, x2, self.block_bytes)
        if self.outputs == 1:
            return averaged_kernel(program, params, x1, x2, self.block_bytes)[:, None, :, None]
        return full_kernel(program, params, x1, x2, self.block_bytes)

    def kernels(self, x1: Array, x2: Array | None = None) -> Kernels:
        """Infinite-width kernels, where the architecture knows a network that has them."""
        return self.architecture.limit(self.input_shape, self.outputs).kernels(x1, x2)

    def _value_and_vjp(
        self, params: Params, x: Array, cotangent: Callable[[Array, slice], Array]
    ) -> tuple[Array, Params]:
        program, x = self._program_of(params), self._checked(x)
        values = np.empty((len(x), self.outputs))
        total: dict[str, Array] = program.zero_gradient() if len(x) == 0 else {}
        for part, size in blocks(len(x), self.block_bytes // program.point_bytes):
            count = part.stop - part.start
            value, pull = program.forward(params, padded(x[part], size))
            values[part] = value[:count]
            weights = np.zeros((size, self.outputs))
            weights[:count] = cotangent(values[part], part)
            for name, slope in program.backward(pull, weights).items():
                total[name] = total[name] + slope if name in total else slope
        return values, total

    def _program_of(self, params: Params) -> Program:
        if WIDTH not in params:
            raise ValueError(
                f"the parameters have no entry '{WIDTH}'; take those that initialise returns, or "
                f"add it: params | {{'{WIDTH}': numpy.array(64.0)}}"
            )
        return self.program(int(params[WIDTH]))

    def _checked(self, x: Array) -> Array:
        x = np.asarray(x, dtype=np.float64)
        if x.shape[1:] != self.input_shape or x.ndim < 2:
            raise ValueError(
                f"inputs have shape {x.shape}; the network takes (points, "
                f"{', '.join(map(str, self.input_shape))})"
            )
        return x


def _traced(
    architecture: JaxArchitecture, input_shape: tuple[int, ...], outputs: int, width: int
) -> Program:
    # Importing JAX takes seconds, which those who only list plugins should not wait.
    from ntksim_jax.program import Program

    functions = architecture.functions(input_shape, outputs, width)
    if not isinstance(functions, Functions):
        functions = Functions(*functions)
    try:
        return Program(functions, input_shape, outputs, reserved=WIDTH)
    except Exception as error:
        error.add_note(
            f"raised while '{architecture.label()}' was traced at width {width} for inputs of "
            f"shape {input_shape} and {outputs} output(s)"
        )
        raise


# Seeds, repetitions and both sides of a comparison share what is compiled.
_shared = lru_cache(maxsize=32)(_traced)
