"""Calling an activation that somebody else wrote."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from ntksim.types import Activation, Array

Part: TypeAlias = Literal["value", "derivative"]
"""Which function of an activation is meant: φ or φ′."""


class ActivationError(ValueError):
    """An activation returned something that is not a function value at every argument."""


class QuadratureError(ValueError):
    """No quadrature of an activation converged."""


def evaluated(activation: Activation, what: Part, x: Array) -> Array:
    """Return φ(x) or φ′(x), ``what`` being ``"value"`` or ``"derivative"``.

    Raises
    ------
    ActivationError
        If the result is not an array of real numbers, its shape is not that of x, or a value is
        not finite.
    FloatingPointError
        If that is because an argument is not finite.
    """
    # The result is checked: an overflow on the way to it, as in 1/(1 + exp(−x)), is not news.
    with np.errstate(all="ignore"):
        result = np.asarray(getattr(activation, what)(x))
    if result.dtype.kind not in "fiub":
        raise ActivationError(
            f"{what} of activation '{activation.name}' returned {result.dtype}, not real numbers"
        )
    if result.shape != x.shape:
        raise ActivationError(
            f"{what} of activation '{activation.name}' turned shape {x.shape} into {result.shape}"
        )
    finite = np.isfinite(result)
    if not finite.all():
        if not np.isfinite(x[~finite]).all():
            raise FloatingPointError(
                f"the size of an argument of activation '{activation.name}' is beyond the largest "
                "float; use inputs and standard deviations of ordinary size, or fewer layers"
            )
        raise ActivationError(
            f"{what} of activation '{activation.name}' is {result[~finite][0]} at "
            f"{x[~finite][0]:g}; it must be finite everywhere"
        )
    return result.astype(np.float64, copy=False)
