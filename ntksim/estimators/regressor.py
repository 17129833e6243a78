"""Regression by a network in training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin

from ntksim.estimators.base import NTKEstimator
from ntksim.types import Array


class NTKRegressor(MultiOutputMixin, RegressorMixin, NTKEstimator):
    """Regression by a wide network, stopped at any time of its training.

    The network is linearised at its start, which is exact at infinite width, and trained by
    gradient flow on ½ Σ (f − y)² + ½ ridge ‖θ − θ₀‖²:

        f(x, t) = f₀(x) + k(x, X) V diag(g(λ + ridge, t)) Vᵀ (y − f₀(X)),
        g(λ, t) = (1 − e^{−λt})/λ,

    with K = V diag(λ) Vᵀ the tangent kernel of the training points (Jacot et al. 2018; Lee et al.
    2019). At ``time=inf`` this is kernel ridge regression. ``fit`` decomposes K once; ``time``,
    ``ridge`` and ``noise`` may be changed afterwards (``set_params``) at the cost of a prediction.

    Parameters
    ----------
    architecture
        What a study accepts: a name, a mapping of ``name`` and options such as
        ``{"name": "mlp", "depth": 2, "bias_std": 0.1}``, or an ``Architecture``. Any installed
        plugin will do.
    time
        Training time at which it predicts, from 0 to infinity; early stopping. Time is that of
        gradient flow on a sum over points, not a mean: the slowest mode is learned at about 1/λ_min
        of ``eigenvalues_``.
    ridge
        Strength of the pull to the initial parameters.
    noise
        Variance of independent noise in the targets, which ``return_std`` counts as it reaches the
        predictions through training. The predictions themselves do not depend on it.
    kernel
        ``"analytic"``, the kernel at infinite width; ``"empirical"``, that of one network of
        ``width`` hidden units; or any other kernel provider, written as in a study.
    width
        Hidden units, where the kernel is that of a finite network.
    initial_output
        ``"network"``: training starts at the outputs of the network, which at infinite width are
        zero in the mean and spread as a Gaussian process. ``"zero"``: f(x; θ) − f(x; θ₀) is
        trained, which starts at zero and has no spread.
    input_shape
        Shape of one input, for architectures that need more than a row of features.
    random_state
        Seed of the parameters, where the kernel is that of a finite network.

    Attributes
    ----------
    eigenvalues_
        Eigenvalues λ of the tangent kernel of the training points, in descending order.
    dynamics_
        The decomposed kernel.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Decompose the tangent kernel of the training points; y is (N,) or (N, K).

        Raises
        ------
        ValueError
            If the data or a parameter cannot be used.
        """
        x, targets = self._validated(X, y, multi_output=True, y_numeric=True)
        targets = np.asarray(targets, dtype=np.float64)
        self._is_single = targets.ndim == 1
        self._train(x, targets.reshape(len(x), -1))
        return self

    @overload
    def predict(self, X: ArrayLike, return_std: Literal[False] = False) -> Array: ...
    @overload
    def predict(self, X: ArrayLike, return_std: Literal[True]) -> tuple[Array, Array]: ...

    def predict(self, X: ArrayLike, return_std: bool = False) -> Array | tuple[Array, Array]:
        """Return f(x, time), shape (M,) or (M, K) as the targets, on request with its deviation.

        The standard deviation is over initialisations of infinitely wide networks, all trained to
        ``time``, and over ``noise`` in the targets; the same for all outputs. With an estimated
        kernel it is that which the estimate gives.

        Raises
        ------
        ValueError
            If the kernel gives no covariance at initialisation, which ``return_std`` needs.
        """
        if not return_std:
            return self._as_targets(self._outputs(X, self._now())[0])
        outputs, std = self._outputs_and_std(X)
        return self._as_targets(outputs), self._as_targets(
            np.broadcast_to(std[:, None], outputs.shape).copy()
        )

    def staged_predict(self, X: ArrayLike, times: ArrayLike | None = None) -> Iterator[Array]:
        """Yield the predictions at every time of training.

        Parameters
        ----------
        X
            Points (M, features).
        times
            Times, from 0 to infinity; by default those of ``staged_times``.
        """
        for outputs in self._outputs(X, self._stages(times)):
            yield self._as_targets(outputs)

    def _as_targets(self, outputs: Array) -> Any:
        return outputs[:, 0] if self._is_single else outputs
