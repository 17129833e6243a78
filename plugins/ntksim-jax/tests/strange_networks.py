"""Networks whose parameters are more than a few arrays that are all trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx

from ntksim_jax import Functions, JaxArchitecture, from_nnx


@dataclass(frozen=True)
class Nested(JaxArchitecture):
    """Parameters in lists and dictionaries, among them integers, a key and a frozen layer."""

    name: ClassVar[str] = "nested"

    def functions(self, input_shape: tuple[int, ...], outputs: int, width: int) -> Functions:
        features = math.prod(input_shape)

        def init(key: Any) -> Any:
            first, last, own = jax.random.split(key, 3)
            return {
                "layers": [
                    {"frozen": jax.random.normal(first, (features, width), jnp.float32)},
                    (jax.random.normal(last, (width, outputs)),),
                ],
                "permutation": jax.random.permutation(key, width),
                "noise": own,
            }

        def apply(tree: Any, x: Any) -> Any:
            frozen, (weight,) = tree["layers"]
            hidden = jnp.tanh(x.reshape(len(x), -1) @ frozen["frozen"])[:, tree["permutation"]]
            assert jnp.issubdtype(tree["permutation"].dtype, jnp.integer)
            # A fixed disturbance, drawn with the key that is among the parameters.
            return (hidden + jax.random.normal(tree["noise"], (width,))) @ weight / math.sqrt(width)

        return Functions(init, apply, lambda name: "frozen" not in name)


@dataclass(frozen=True)
class Stateful(JaxArchitecture):
    """Flax nnx with dropout and batch normalisation, both in evaluation mode."""

    name: ClassVar[str] = "stateful"

    def functions(self, input_shape: tuple[int, ...], outputs: int, width: int) -> Functions:
        def make(rngs: nnx.Rngs) -> nnx.Module:
            return nnx.Sequential(
                nnx.Linear(math.prod(input_shape), width, rngs=rngs),
                nnx.BatchNorm(width, rngs=rngs),
                nnx.Dropout(0.5, rngs=rngs),
                jnp.tanh,
                nnx.Linear(width, outputs, rngs=rngs),
            )

        return from_nnx(make)
