"""Laws of the limit of infinite width, and of how networks approach it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ntksim.testing.law import (
    LawBroken,
    require,
    require_close,
    require_shape,
    require_symmetric_positive,
)
from ntksim.testing.networks import NetworkCase
from ntksim.types import Array

SIGMA = 5.0
"""Standard errors that a mean may be off: by chance once in a million entries."""

SAMPLED = [0, 1, 4]
"""Points whose kernels are averaged: few, since a network from scratch asks for gradients one by
one. The last is parallel to the first."""


def limits_are_kernels(case: NetworkCase) -> None:
    """Infinite-width kernels are symmetric, positive semi-definite; blocks equal the whole."""
    whole = case.limit(case.x)
    other = case.limit(case.x, case.x)
    block = case.limit(case.x[:2], case.x[1:])
    none = case.limit(case.x[:0], case.x)
    for name in ("nngp", "ntk"):
        kernel = getattr(whole, name)
        if kernel is None:
            continue
        require_shape(name, kernel, (len(case.x), len(case.x)))
        require_symmetric_positive(name, kernel)
        # Without a second set the diagonal may be computed apart, to more digits.
        require_close(f"{name} without x2", kernel, "with x2 = x1", getattr(other, name), 1e-9)
        part = getattr(block, name)
        require_close(f"a block of {name}", part, "that part of the whole", kernel[:2, 1:], 1e-9)
        require_shape(f"{name} between no points and {len(case.x)}", getattr(none, name), (0, 5))


def sampled_kernels_approach_the_limit(case: NetworkCase) -> None:
    """Kernels of networks, averaged over initialisations, approach the infinite-width kernels."""
    limit = case.limit(case.x[SAMPLED])
    for width in (case.width, 4 * case.width):
        for name, samples in _samples(case, width, case.samples).items():
            expected = getattr(limit, name)
            if expected is None:
                continue
            mean = samples.mean(axis=0)
            error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
            deviations = np.sqrt(np.abs(np.diagonal(expected)))
            # Deep networks differ from their limit by some multiple of 1/width (Hanin and Nica
            # 2020; Yaida 2020): for a few layers of order one.
            allowance = 4.0 / width * np.outer(deviations, deviations)
            excess = np.abs(mean - expected) - allowance
            scores = np.divide(
                excess, error, out=np.where(excess > 1e-12, np.inf, 0.0), where=error > 0
            )
            i, j = (int(v) for v in np.unravel_index(int(scores.argmax()), scores.shape))
            if scores[i, j] > SIGMA:
                raise LawBroken(
                    f"{name} at ({i}, {j}): the limit is {expected[i, j]:.6g}, the mean of "
                    f"{len(samples)} networks of width {width} is {mean[i, j]:.6g} with standard "
                    f"error {error[i, j]:.2g}. Beyond the allowance of {allowance[i, j]:.2g} for "
                    f"the width, that is {scores[i, j]:.1f} standard errors; {SIGMA:g} are allowed"
                )


def sampled_kernel_settles_with_width(case: NetworkCase) -> None:
    """The tangent kernel of one network fluctuates by O(1/√width) around its mean."""
    widths = (case.width, 4 * case.width)
    spreads = []
    for width in widths:
        samples = _samples(case, width, max(20, case.samples // 2))["ntk"]
        spreads.append(
            float(
                np.linalg.norm(samples.std(axis=0, ddof=1)) / np.linalg.norm(samples.mean(axis=0))
            )
        )
    if max(spreads) < 1e-10:  # a kernel that does not depend on the initialisation
        return
    slope = np.log(spreads[1] / spreads[0]) / np.log(4.0)
    # n samples give a spread to about 1/√(2n), 8 % for the fewest; the next order in 1/width and
    # the heavy tails of deep networks bend the rest.
    require(
        -0.85 < slope < -0.25,
        f"relative fluctuation {spreads[0]:.3g} at width {widths[0]} and {spreads[1]:.3g} at width "
        f"{widths[1]}: it changes as width^{slope:.2f}, not width^-0.5. Is a factor 1/√width "
        "missing, or one too many?",
    )


def _samples(case: NetworkCase, width: int, count: int) -> dict[str, Array]:
    """Draw kernels of independent networks, (count, N, N) each."""
    found: dict[str, list[Array]] = {"ntk": [], "nngp": []}
    for sample in range(count):
        params = case.network.initialise(width, np.random.default_rng([6, width, sample]))
        found["ntk"].append(case.network.tangent_kernel(params, case.x[SAMPLED]))
        found["nngp"].append(case.network.prior_kernel(params, case.x[SAMPLED]))
    return {name: np.array(values) for name, values in found.items()}


INFINITE_WIDTH: tuple[Callable[[NetworkCase], None], ...] = (
    limits_are_kernels,
    sampled_kernels_approach_the_limit,
    sampled_kernel_settles_with_width,
)
