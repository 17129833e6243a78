"""Training time in whole steps of gradient descent."""

from __future__ import annotations

import numpy as np
from ntksim.types import Array


def whole_steps(times: Array, learning_rate: float) -> tuple[Array, Array]:
    """Return the nearest whole numbers of steps k = round(t/η) and the times ηk; both (T,).

    A time of so many steps that their number overflows counts as infinitely many, at its own time.
    """
    with np.errstate(over="ignore"):
        steps = np.rint(times / learning_rate)
    return steps, np.where(np.isfinite(steps), learning_rate * steps, times)
