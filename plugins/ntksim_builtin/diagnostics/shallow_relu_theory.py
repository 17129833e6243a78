"""What is known in closed form about shallow ReLU networks on circles and spheres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from ntksim import Array, Network
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Flatten, Relu


@dataclass(frozen=True)
class ShallowReluKernel:
    """Infinite-width tangent kernel between unit vectors, as a function of their angle θ.

    first · cos θ (π − θ)/(2π) + readout · (sin θ + (π − θ) cos θ)/(2π) + constant, the parts of
    training the first layer, the read-out weights and the output bias.
    """

    first: float
    readout: float
    constant: float


def shallow_relu_kernel(network: Network) -> ShallowReluKernel | None:
    """Read the parts off a network with one hidden layer of ReLU and no first-layer bias.

    ``None`` for every other network.
    """
    if not isinstance(network, ComposedNetwork):
        return None
    layers = [layer for layer in network.layers if not isinstance(layer, Flatten)]
    if len(layers) != 3:
        return None
    first, hidden, readout = layers
    if not (isinstance(first, Dense) and isinstance(hidden, ActivationLayer)):
        return None
    if not (isinstance(hidden.activation, Relu) and isinstance(readout, Dense)):
        return None
    if first.bias_std > 0 or not readout.fan_in_scaling:
        return None
    gain = first.weight_std**2
    if first.fan_in_scaling:
        gain /= math.prod(network.input_shape)
    weights, bias = readout.weight_std**2, readout.bias_std**2
    return ShallowReluKernel(
        first=gain * weights * readout.initial_weight_std**2 if first.trained else 0.0,
        readout=gain * first.initial_weight_std**2 * weights if readout.trained else 0.0,
        constant=bias if readout.trained and not readout.bias_inside else 0.0,
    )


def sphere_eigenvalues(kernel: ShallowReluKernel, degrees: int, dimension: int) -> Array:
    """Eigenvalues μ_k, k < ``degrees``, of the kernel on the unit sphere of ``dimension`` d ≥ 2.

    On harmonics of degree k, with the uniform probability measure. A Gaussian weight has the mean
    square norm d, so that the two parts are built of the Funk-Hecke coefficients c_k of the step
    and of ReLU (Bach 2017, appendix D; Bietti and Mairal 2019):

        relu(u)·relu(v) has d c_k(relu)²,      step(u)·step(v) has c_k(step)²,

    and the recurrence of Legendre polynomials multiplies by cos θ.
    """
    k = np.arange(degrees + 2)
    step = _step_coefficients(degrees + 3, dimension)
    relu = _times_cosine(step, dimension)
    readout = dimension * relu**2
    first = _times_cosine(step**2, dimension)
    total = kernel.first * first[k] + kernel.readout * readout[k]
    total[0] += kernel.constant
    return total[:degrees]


def multiplicities(degrees: int, dimension: int) -> Array:
    """Number N(d, k) of independent harmonics of each degree k < ``degrees`` in d ≥ 2 dimensions.

    (2k + d − 2)/k · C(k + d − 3, k − 1), and 1 for k = 0 (Müller 1966, lemma 3).
    """
    k, d = range(1, degrees), dimension
    if dimension == 2:
        return np.array([1.0, *(2.0 for _ in k)])
    return np.array([1.0, *((2 * i + d - 2) * math.comb(i + d - 3, i - 1) // i for i in k)], float)


def circle_eigenvalues(kernel: ShallowReluKernel, points: int) -> Array:
    """Eigenvalues of the kernel matrix of N equispaced points on the unit circle, descending.

    The matrix is circulant: frequency m has N Σ_j λ_{m+jN}, where λ_k are the Fourier coefficients
    of the kernel (Basri et al. 2019),

        first    ⅛ at k = ±1,   (k² + 1)/(π² (k² − 1)²) at even k,
        readout  ⅛ at k = ±1,   2/(π² (k² − 1)²) at even k,

    and 0 at other odd k. The sums over j are closed by partial fractions: with p the period of the
    even k, Σ 1/(a + jp)² = (π/p)²/sin²(πa/p) and Σ 1/(a + jp) = (π/p) cot(πa/p).
    """
    values = np.array([_circle_eigenvalue(kernel, m, points) for m in range(points)])
    return np.sort(values)[::-1]


def _circle_eigenvalue(kernel: ShallowReluKernel, m: int, points: int) -> float:
    odd = 0.125 * sum((m - k) % points == 0 for k in (1, -1))
    first, readout = odd, odd
    if points % 2 == 1 or m % 2 == 0:
        period = points if points % 2 == 0 else 2 * points
        even = m if m % 2 == 0 else m + points
        below, above = math.pi * (even - 1) / period, math.pi * (even + 1) / period
        unit = math.pi / period
        squares = unit**2 * (1 / math.sin(below) ** 2 + 1 / math.sin(above) ** 2)
        inverses = unit * (1 / math.tan(below) - 1 / math.tan(above))
        first += 0.5 * squares / math.pi**2
        readout += 0.5 * (squares - inverses) / math.pi**2
    total = kernel.first * first + kernel.readout * readout
    return points * (total + (kernel.constant if m == 0 else 0.0))


def _step_coefficients(degrees: int, dimension: int) -> Array:
    """c_k = ∫₀¹ P_k(t) w(t) dt for the density w of one coordinate of the uniform measure.

    ½ for k = 0; otherwise, by the differential equation of P_k, w(0) P_{k−1}(0)/(k + d − 2).
    """
    d = dimension
    density = math.exp(
        scipy.special.gammaln(d / 2) - scipy.special.gammaln((d - 1) / 2)
    ) / math.sqrt(math.pi)
    at_zero = np.zeros(degrees)
    at_zero[0] = 1.0
    for k in range(1, degrees - 1):
        at_zero[k + 1] = -k / (k + d - 2) * at_zero[k - 1]
    k = np.arange(1, degrees)
    return np.concatenate([[0.5], density * at_zero[k - 1] / (k + d - 2)])


def _times_cosine(coefficients: Array, dimension: int) -> Array:
    """Coefficients of cos θ times a function, one fewer than of the function itself.

    By t P_k = ((k + d − 2) P_{k+1} + k P_{k−1})/(2k + d − 2), and t P_0 = P_1.
    """
    k = np.arange(1, len(coefficients) - 1)
    inner = (k + dimension - 2) * coefficients[k + 1] + k * coefficients[k - 1]
    return np.concatenate([[coefficients[1]], inner / (2 * k + dimension - 2)])
