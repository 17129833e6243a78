"""Pytrees of JAX as the named float64 arrays that ntksim has for parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Leaf:
    """One array of a pytree: its path, shape and type, and whether it is trained.

    Floating-point numbers are widened to float64; integers travel as float64, which holds 53 bits.
    So do random keys, as their words of 32 bits: ``shape`` and ``dtype`` are of those, and
    ``key_implementation`` says what they are keys of.
    """

    name: str
    shape: tuple[int, ...]
    dtype: Any
    is_trained: bool
    key_implementation: Any = None

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    def stored(self, value: jax.Array) -> jax.Array:
        """Return the value as float64."""
        words = value if self.key_implementation is None else jax.random.key_data(value)
        return words.astype(jnp.float64)

    def restored(self, value: jax.Array) -> jax.Array:
        """Return what a stored value was, floating-point numbers as float64."""
        if jnp.issubdtype(self.dtype, jnp.floating):
            return value
        words = value.astype(self.dtype)
        if self.key_implementation is None:
            return words
        return jax.random.wrap_key_data(words, impl=self.key_implementation)


def leaves_of(tree: Any, is_trained: Callable[[str], bool], reserved: str) -> list[Leaf]:
    """Describe the arrays of a pytree, in its order; they may be tracers.

    Raises
    ------
    ValueError
        If a name would stand for two of them or is ``reserved``, a leaf has complex numbers, or
        none is trained.
    """
    found: dict[str, Leaf] = {}
    for path, array in jax.tree_util.tree_flatten_with_path(tree)[0]:
        value = jnp.asarray(array)
        name = jax.tree_util.keystr(path, simple=True, separator=".") or "parameters"
        if name in found or name == reserved:
            raise ValueError(
                f"init returns two arrays that would be called '{name}'; rename one"
                if name in found
                else f"init returns an array called '{name}', a name that is taken; rename it"
            )
        if jnp.issubdtype(value.dtype, jnp.complexfloating):
            raise ValueError(f"parameter '{name}' is complex; write its real and imaginary parts")
        implementation = None
        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            implementation = jax.random.key_impl(value)
            value = jax.random.key_data(value)
        trained = jnp.issubdtype(value.dtype, jnp.floating) and is_trained(name)
        found[name] = Leaf(name, tuple(value.shape), value.dtype, bool(trained), implementation)
    if not any(leaf.is_trained for leaf in found.values()):
        names = ", ".join(found) or "none at all"
        raise ValueError(f"no parameter is trained; init returns {names}")
    return list(found.values())
