"""Calling an activation that somebody else wrote."""

from __future__ import annotations

import numpy as np

from ntksim.types import Activation, Array


class ActivationError(ValueError):
    """An activation returned something that is not a function value at every argument."""


class QuadratureError(ValueError):
    """No quadrature of an activation converged."""


def evaluated(activation: Activation, what: str, x: Array) -> Array:
    """Return φ(x) or φ′(x), ``what`` being ``"value"`` or ``"derivative"``.

    Raises
    ------
    ActivationError
        If the shape changes or a value is not finite.
    """
    result = np.asarray(getattr(activation, what)(x), dtype=np.float64)
    if result.shape != x.shape:
        raise ActivationError(
            f"{what} of activation '{activation.name}' turned shape {x.shape} into {result.shape}"
        )
    if not np.isfinite(result).all():
        at = x[~np.isfinite(result)].flat[0]
        raise ActivationError(f"{what} of activation '{activation.name}' is not finite at {at:g}")
    return result
