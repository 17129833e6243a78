"""Points of a dataset on their way from the source to the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ntksim import Array, DataError

from ntksim_builtin.datasets.preparing.splitting import Indices


@dataclass(frozen=True)
class Points:
    """Inputs (n, …) with targets (n, K) or, in a classification, classes (n,).

    ``y`` is ``None`` where it is not known, which only test points may be. ``names`` are those of
    the features, if they have any.
    """

    x: Array
    y: np.ndarray[Any, Any] | None
    names: tuple[str, ...] = ()

    def __getitem__(self, which: Indices) -> Points:
        y = None if self.y is None else self.y[which]
        return Points(self.x[which], y, self.names)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def known(self) -> np.ndarray[Any, Any]:
        """Targets or classes of points that must have them."""
        if self.y is None:
            raise DataError("training points need targets")
        return self.y

    def reshaped(self, shape: Sequence[int]) -> Points:
        """Give every input a shape; an empty one leaves it as it is.

        Raises
        ------
        DataError
            If the number of features does not fit.
        """
        if not shape:
            return self
        if np.prod(self.x.shape[1:]) != np.prod(shape):
            raise DataError(
                f"inputs of shape {self.x.shape[1:]} cannot be given shape {tuple(shape)}"
            )
        names = self.names if len(shape) == 1 else ()
        return Points(self.x.reshape(len(self.x), *shape), self.y, names)
