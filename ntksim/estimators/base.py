"""What regressor and classifier share: parameters, fitting, outputs at any time."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ntksim.estimators.dynamics import Dynamics
from ntksim.estimators.models import created, model_of, shaped
from ntksim.types import Architecture, Array, KernelProvider

ArchitectureLike: TypeAlias = str | Mapping[str, Any] | Architecture
KernelLike: TypeAlias = str | Mapping[str, Any] | KernelProvider

_DEFAULT_TIMES = 50


class NTKEstimator(BaseEstimator):
    """A network in training by its tangent kernel; see ``NTKRegressor`` and ``NTKClassifier``."""

    def __init__(
        self,
        architecture: ArchitectureLike = "mlp",
        *,
        time: float = np.inf,
        ridge: float = 0.0,
        noise: float = 0.0,
        kernel: KernelLike = "analytic",
        width: float = 1024,
        initial_output: Literal["network", "zero"] = "network",
        input_shape: tuple[int, ...] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.architecture = architecture
        self.time = time
        self.ridge = ridge
        self.noise = noise
        self.kernel = kernel
        self.width = width
        self.initial_output = initial_output
        self.input_shape = input_shape
        self.random_state = random_state

    def _validated(self, x: ArrayLike, y: ArrayLike, **how: Any) -> tuple[Array, Any]:
        """Return points and targets, checked as scikit-learn does."""
        found: Any = validate_data(self, x, y, dtype=np.float64, **how)  # pyright: ignore[reportArgumentType]
        return found

    def _train(self, x: Array, targets: Array) -> None:
        """Decompose the kernel of the checked training points (N, features); targets (N, K)."""
        self._check_parameters()
        inputs = shaped(x, self.input_shape)
        provider = created(KernelProvider, self.kernel)
        model = model_of(
            created(Architecture, self.architecture),
            provider,
            inputs.shape[1:],
            targets.shape[1],
            self.width,
            self._root(),
        )
        self.dynamics_ = Dynamics.of(
            model, provider, inputs, targets, zero_start=self.initial_output == "zero"
        )
        self.eigenvalues_ = self.dynamics_.spectrum.eigenvalues

    def staged_times(self) -> Array:
        """Return the times of ``staged_predict``, between which training happens.

        They are 0, 50 in equal steps of the logarithm from a tenth of 1/λ_max to ten times 1/λ_min,
        and infinity; ridge counts as part of λ.
        """
        check_is_fitted(self)
        spectrum = self.dynamics_.spectrum
        resolved = spectrum.eigenvalues[spectrum.eigenvalues > spectrum.null_tolerance] + self.ridge
        if not len(resolved):
            return np.array([0.0, np.inf])
        between = np.geomspace(0.1 / resolved[0], 10 / resolved[-1], _DEFAULT_TIMES)
        return np.concatenate([[0.0], between, [np.inf]])

    def _outputs(self, x: ArrayLike, times: Array) -> Array:
        """f(x, t) at new points, shape (T, M, K)."""
        inputs = self._inputs(x)
        return self.dynamics_.outputs(inputs, times, self.ridge)

    def _outputs_and_std(self, x: ArrayLike) -> tuple[Array, Array]:
        """f(x, time), shape (M, K), and its standard deviation (M,)."""
        inputs = self._inputs(x)
        outputs, variance = self.dynamics_.outputs_and_variance(
            inputs, self._now(), self.ridge, self.noise
        )
        return outputs[0], np.sqrt(variance[0])

    def _inputs(self, x: ArrayLike) -> Array:
        check_is_fitted(self)
        self._check_parameters()
        checked: Any = validate_data(self, x, reset=False, dtype=np.float64)  # pyright: ignore[reportArgumentType]
        return shaped(checked, self.input_shape)

    def _now(self) -> Array:
        return np.array([self.time], dtype=np.float64)

    def _stages(self, times: ArrayLike | None) -> Array:
        """Return the given times in their order, or those of ``staged_times``.

        Raises
        ------
        ValueError
            If a time is negative or no number.
        """
        if times is None:
            return self.staged_times()
        given = np.asarray(times, dtype=np.float64).ravel()
        for time in given:
            _check_number("a time", float(time), infinite=True)
        return given

    def _check_parameters(self) -> None:
        _check_number("time", self.time, infinite=True)
        _check_number("ridge", self.ridge)
        _check_number("noise", self.noise)
        if self.initial_output not in ("network", "zero"):
            raise ValueError(
                f"initial_output is {self.initial_output!r}; it must be 'network' or 'zero'"
            )

    def _root(self) -> int:
        if isinstance(self.random_state, Integral):
            check_random_state(self.random_state)  # refuses what is no seed
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))


def _check_number(name: str, value: Any, *, infinite: bool = False) -> None:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    number = float(value) if is_number else np.nan
    if not number >= 0 or (number == np.inf and not infinite):
        allowed = "a number from 0, or infinity" if infinite else "a finite number from 0"
        raise ValueError(f"{name} is {value!r}; it must be {allowed}")
