"""The array type that every number in ntksim has: float64, unless a docstring says otherwise."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
