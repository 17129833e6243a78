"""What a network written in JAX is: two functions of a pytree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def everything(name: str) -> bool:
    """Return true: every floating-point parameter is trained."""
    del name
    return True


@dataclass(frozen=True)
class Functions:
    """A network of one width.

    ``init(key)`` draws the parameters as a pytree, and ``apply(params, x)`` evaluates the network
    at points x (N, *input_shape), each by itself, with outputs (N, K). Both are pure and can be
    traced by JAX. ``is_trained(name)`` says which floating-point leaves are trained; a name is the
    path to a leaf, such as ``params.Dense_0.kernel``. Integers and random keys never are.
    """

    init: Callable[[Any], Any]
    apply: Callable[[Any, Any], Any]
    is_trained: Callable[[str], bool] = everything
