"""The dense layer, in a parameterisation that its kernels follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ntksim.nn.layers.base import NOTHING, Layer, Sensitivity, Separable, Shape, Tape
from ntksim.nn.moments import Moments
from ntksim.nn.recycling import empty
from ntksim.types import Array, Params, SecondMoments

SMALLEST_STD = 2.0**-511
LARGEST_STD = 2.0**511
"""Between these a standard deviation has a square with all its digits."""


@dataclass(frozen=True)
class Dense(Layer):
    """z = (weight_std/√fan_in) W h + bias_std b, with ``units`` outputs.

    Initially W ~ N(0, initial_weight_std²) and b ~ N(0, initial_bias_std²). Multipliers and
    initial deviations play different parts in the limit: the covariance of z is

        Σ′ = (weight_std · initial_weight_std)² Σ + (bias_std · initial_bias_std)²,

    while training the layer adds weight_std² Σ + bias_std² to the tangent kernel (Jacot et al.
    2018; Lee et al. 2019), so that

        Θ′ = (weight_std · initial_weight_std)² Θ + weight_std² Σ + bias_std².

    One layer gives both, which keeps prior and tangent kernel those of one network. Parameters are
    ``weight`` (fan_in, units) and, where bias_std > 0, ``bias`` (units,).
    """

    weight_std: float = 1.0
    bias_std: float = 0.0
    units: int | None = None
    """Number of outputs; ``None`` is the width of the network."""
    initial_weight_std: float = 1.0
    initial_bias_std: float = 1.0
    fan_in_scaling: bool = True
    """Without it 1/√fan_in is left out, which has a limit only where fan_in is known."""
    bias_inside: bool = False
    """Divide the bias by √fan_in too; behind hidden units it then vanishes at infinite width."""
    trained: bool = True

    centred: ClassVar[bool] = True
    takes_separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.weight_std > 0:
            raise ValueError(f"weight_std is {self.weight_std}; it must be positive")
        for name in ("bias_std", "initial_weight_std", "initial_bias_std"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")
        for name in ("weight_std", "bias_std", "initial_weight_std", "initial_bias_std"):
            value = getattr(self, name)
            if value != 0 and not SMALLEST_STD <= value <= LARGEST_STD:
                raise ValueError(
                    f"{name} is {value}; its square, a variance, must be within the floats: "
                    f"from {SMALLEST_STD:.2g} to {LARGEST_STD:.2g}"
                )
        if self.units is not None and self.units < 1:
            raise ValueError(f"units is {self.units}; it must be at least 1 or None for the width")

    @property
    def stackable(self) -> bool:
        """True."""
        return True

    @property
    def has_parameters(self) -> bool:
        """True."""
        return True

    @property
    def has_trained_parameters(self) -> bool:
        """Whether ``trained`` is set."""
        return self.trained

    def output_shape(self, input_shape: Shape, width: int | None) -> Shape:
        """Return the input's shape with ``units`` features."""
        if input_shape[-1] is None and not self.fan_in_scaling:
            raise ValueError(
                "fan_in_scaling=False needs a fan-in that does not grow with the width: without "
                "1/√fan_in the output of a layer behind hidden units has no limit"
            )
        return (*input_shape[:-1], width if self.units is None else self.units)

    def initialise(
        self, input_shape: tuple[int, ...], width: int, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Draw ``weight`` and ``bias``, in this order."""
        fan_in, units = input_shape[-1], width if self.units is None else self.units
        params = {"weight": rng.standard_normal((fan_in, units))}
        params["weight"] *= self.initial_weight_std
        if self.bias_std > 0:
            params["bias"] = self.initial_bias_std * rng.standard_normal(units)
        return params

    def forward(self, params: Params, x: Array) -> tuple[Array, Tape]:
        """Return z; the tape is h."""
        z = _scaled_product(x, params["weight"], self._weight_scale(x.shape[-1]))
        if self.bias_std > 0:
            shift = self._bias_scale(x.shape[-1]) * params["bias"]
            z += shift[:, None] if shift.ndim > 1 else shift
        return z, x

    def pushforward(
        self, params: Params, tape: Tape, tangent: Params, input_tangent: Array | None
    ) -> Array | None:
        """Return scale·(ḣ W + h Ẇ) + bias_scale·ḃ."""
        fan_in, result = tape.shape[-1], None
        if input_tangent is not None:
            result = input_tangent @ params["weight"]
        if self.trained and "weight" in tangent:
            direct = tape @ tangent["weight"]
            result = direct if result is None else result + direct
        if result is not None:
            result *= self._weight_scale(fan_in)
        if self.trained and self.bias_std > 0 and "bias" in tangent:
            shift = self._bias_scale(fan_in) * tangent["bias"]
            if result is None:
                return np.broadcast_to(shift, (*tape.shape[:-1], len(shift)))
            result += shift
        return result

    def backward(
        self, params: Params, tape: Tape, cotangent: Array, *, to_input: bool = True
    ) -> tuple[dict[str, Array], Array | None]:
        """Return scale·hᵀδ and bias_scale·Σδ, and scale·δ Wᵀ."""
        gradients = {}
        if self.trained:
            *members, fan_in, units = params["weight"].shape
            rows, inputs = cotangent, np.swapaxes(tape, -1, -2)
            if not members and (tape.ndim != 2 or rows.shape != (len(tape), units)):
                rows = np.broadcast_to(cotangent, (*tape.shape[:-1], units)).reshape(-1, units)
                inputs = tape.reshape(-1, fan_in).T
            gradients["weight"] = _scaled_product(inputs, rows, self._weight_scale(fan_in))
            if self.bias_std > 0:
                sums = [own.sum(axis=0) for own in rows] if members else rows.sum(axis=0)
                gradients["bias"] = self._bias_scale(fan_in) * np.asarray(sums)
        return gradients, self.pullback(params, cotangent) if to_input else None

    def sensitivity(
        self, params: Params, tape: Tape, cotangent: Any, *, to_input: bool = True
    ) -> tuple[Sensitivity, Array | None]:
        """Return (h, δ), positions in one axis: (N, P, fan_in) and (N or 1, P, K, units).

        Separable δ stay what they are.
        """
        kept = None
        if self.trained:
            n, *positions, fan_in = tape.shape
            inputs = tape.reshape(n, math.prod(positions), fan_in)
            kept = inputs, cotangent
            if not isinstance(cotangent, Separable):
                outputs, points, *_, units = cotangent.shape
                rows = np.moveaxis(
                    np.broadcast_to(cotangent, (outputs, points, *positions, units)), 0, -2
                )
                kept = inputs, rows.reshape(points, math.prod(positions), outputs, units)
        if not to_input:
            return kept, None
        if isinstance(cotangent, Separable):
            cotangent = cotangent.expanded()
        rows = np.moveaxis(cotangent, 0, -2)  # the outputs of a point are neighbours in memory
        return kept, np.moveaxis(self.pullback(params, rows), -2, 0)

    def contract(self, first: Sensitivity, second: Sensitivity, *, full: bool) -> Array:
        """Σ over positions of (scale² h·h′ + bias_scale²) δ·δ′, from two Gram matrices."""
        if first is None:
            return NOTHING
        return self._contracted(_gram(first[0], second[0]), first, second, full=full)

    def contract_and_covariance(
        self,
        params: Params,
        hidden: tuple[Array, Array],
        sensitivities: tuple[Sensitivity, Sensitivity],
        *,
        full: bool,
    ) -> tuple[Array, Array | None]:
        """Return ``contract`` and ``output_covariance``, both from one Gram matrix of h."""
        first, second = sensitivities
        if first is None or hidden[0].ndim != 2:
            return super().contract_and_covariance(params, hidden, sensitivities, full=full)
        gram = _gram(*hidden)
        covariance = self.covariance_of_gram(gram.copy(), hidden[0].shape[-1])
        return self._contracted(gram, first, second, full=full), covariance

    def _contracted(
        self, inputs: Array, first: Sensitivity, second: Sensitivity, *, full: bool
    ) -> Array:
        """Finish a contraction in the place of the Gram matrix of the inputs."""
        (h1, d1), (h2, d2) = first, second
        (n1, p1, fan_in), (n2, p2) = h1.shape, h2.shape[:2]
        inputs = self.parameter_gram(inputs, fan_in)
        if isinstance(d1, Separable) and isinstance(d2, Separable):
            return _separable_products(inputs, d1, d2, full=full)
        # Of a single point nobody can tell whether its cotangents are those of all points.
        d1, d2 = (_by_point(d) if isinstance(d, Separable) else d for d in (d1, d2))
        if p1 == p2 == 1:
            left = d1[:, 0]
            return _products(inputs, left, left if d1 is d2 else d2[:, 0], full=full)
        return _sums_over_positions(inputs.reshape(n1, p1, n2, p2), d1, d2, full=full)

    def moments(self, moments: Moments) -> Moments:
        """Apply the equations for Σ′ and Θ′ above."""
        moments.require_infinite_width("Dense")
        gain, bias = self.multipliers(moments.fan_in)
        ntk = (gain * self.initial_weight_std) ** 2 * moments.ntk
        if self.trained:
            ntk = ntk + gain**2 * moments.second.covariance + bias**2
        std = bias * self.initial_bias_std

        def change(second: SecondMoments) -> SecondMoments:
            scaled = second.scaled(gain * self.initial_weight_std)
            return scaled.plus(constant_moments(std)) if std > 0 else scaled

        return moments.mapped(change, ntk, law="gaussian", fan_in=self.units)

    def multipliers(self, fan_in: int | None) -> tuple[float, float]:
        """Return what multiplies the mean over features and the bias; ``None`` is the width."""
        if fan_in is None and not self.fan_in_scaling:
            raise ValueError("fan_in_scaling=False needs a known fan-in")
        gain = self.weight_std if self.fan_in_scaling else self.weight_std * math.sqrt(fan_in or 1)
        if not self.bias_inside:
            return gain, self.bias_std
        return gain, 0.0 if fan_in is None else self.bias_std / math.sqrt(fan_in)

    def output_covariance(self, params: Params, h1: Array, h2: Array) -> Array:
        """(scale · initial_weight_std)² h·h′ + (bias_scale · initial_bias_std)², shape (N, M)."""
        del params
        return self.covariance_of_gram(h1 @ h2.T, h1.shape[-1])

    def parameter_gram(self, gram: Array, fan_in: int) -> Array:
        """Turn h·h′ into scale² h·h′ + bias_scale², in its place: ∂z/∂θ · ∂z′/∂θ of one unit."""
        gram *= self._weight_scale(fan_in) ** 2
        if self.bias_std > 0:
            gram += self._bias_scale(fan_in) ** 2
        return gram

    def covariance_of_gram(self, gram: Array, fan_in: int) -> Array:
        """Turn the Gram matrix of h into the covariance of an output, in its place."""
        gram *= (self._weight_scale(fan_in) * self.initial_weight_std) ** 2
        gram += (self._bias_scale(fan_in) * self.initial_bias_std) ** 2
        return gram

    def _weight_scale(self, fan_in: int) -> float:
        return self.weight_std / math.sqrt(fan_in) if self.fan_in_scaling else self.weight_std

    def _bias_scale(self, fan_in: int) -> float:
        return self.bias_std / math.sqrt(fan_in) if self.bias_inside else self.bias_std

    def pullback(self, params: Params, cotangent: Array) -> Array:
        """Return scale·δ Wᵀ of cotangents (…, units)."""
        weight = params["weight"]
        scale = self._weight_scale(weight.shape[-2])
        return _scaled_product(cotangent, np.swapaxes(weight, -1, -2), scale)


def constant_moments(std: float) -> SecondMoments:
    """Moments of one random number added to all points, to broadcast: nothing tells them apart."""
    one = np.full((1, 1), std)
    return SecondMoments(one, one, np.zeros((1, 1)), 2.0 * one * one)


def _scaled_product(left: Array, right: Array, scale: float) -> Array:
    """Return ``scale`` · left (…, n) · right (n, m), scaling the smaller of left and product.

    With right (S, n, m), one matrix a network, left is (N, n) or (S, N, n): each network's product
    is made by the same call as if it were alone, so its bits are the same.
    """
    n, m = right.shape[-2:]
    if right.ndim == 2:
        rows = left.reshape(math.prod(left.shape[:-1]), n)
        product = empty((len(rows), m))
    else:
        rows, product = left, empty((len(right), left.shape[-2], m))
    if n == 1:
        np.multiply(scale * rows, right, out=product)  # of two vectors faster so than by gemm
    elif n < m:
        np.matmul(scale * rows, right, out=product)
    else:
        np.matmul(rows, right, out=product)
        product *= scale
    return product.reshape(*left.shape[:-1], m) if right.ndim == 2 else product


def _gram(left: Array, right: Array) -> Array:
    """Inner products of all rows (…, features); half the work where both are the same array."""
    rows1 = left.reshape(-1, left.shape[-1])
    rows2 = rows1 if right is left else right.reshape(-1, right.shape[-1])
    return np.matmul(rows1, rows2.T, out=empty((len(rows1), len(rows2))))


def _by_point(cotangents: Separable) -> Array:
    """Return separable cotangents as those of a layer without positions, (N, 1, K, units)."""
    return np.moveaxis(cotangents.expanded(), 0, 1)[:, None]


def _products(inputs: Array, left: Array, right: Array, *, full: bool) -> Array:
    """``inputs`` (N, M) times inner products of (N or 1, K, units) and (M or 1, K, units)."""
    (n, outputs, units), m = left.shape, len(right)
    if not full:
        rows = left.reshape(n, outputs * units)
        inputs *= _gram(rows, rows if right is left else right.reshape(m, outputs * units))
        return inputs
    pairs = _gram(left, right).reshape(n, outputs, m, outputs)
    if inputs.shape != (n, m):
        return inputs[:, None, :, None] * pairs
    pairs *= inputs[:, None, :, None]
    return pairs


def _separable_products(inputs: Array, first: Separable, second: Separable, *, full: bool) -> Array:
    """``inputs`` (N, M) times inner products of a(x) ∘ b_k and a(x′) ∘ b_m, in place.

    The sum over k = m needs Σ_k b_k² alone. Of a pair k, m the product is that of m, k.
    """
    a1, a2, b = first.of_point, second.of_point, first.of_output
    if not full:
        left = a1 * np.sqrt(np.square(b).sum(axis=0))
        right = left if second is first else a2 * np.sqrt(np.square(b).sum(axis=0))
        inputs *= _gram(left, right)
        return inputs
    outputs = len(b)
    blocks = np.empty((len(a1), outputs, len(a2), outputs))
    for k in range(outputs):
        left = a1 * b[k]
        for m in range(k + 1):
            right = left if second is first and m == k else a2 * b[m]
            product = _gram(left, right)
            product *= inputs
            blocks[:, k, :, m] = product
            blocks[:, m, :, k] = product.T if second is first else product
    return blocks


def _sums_over_positions(inputs: Array, first: Array, second: Array, *, full: bool) -> Array:
    """Σ over positions of ``inputs`` (N, P, M, P) times inner products of (N or 1, P, K, units)."""
    (points1, p1, outputs, units), (points2, p2) = first.shape, second.shape[:2]

    def summed(left: Array, right: Array) -> Array:
        gram = _gram(left, right).reshape(points1, p1, points2, p2)
        return (inputs * gram).sum(axis=(1, 3))

    if not full:
        left = first.reshape(points1, p1, outputs * units)
        same = first is second
        return summed(left, left if same else second.reshape(points2, p2, outputs * units))
    blocks = np.empty((len(inputs), outputs, inputs.shape[2], outputs))
    for k in range(outputs):
        for m in range(outputs):
            if first is second and m < k:
                blocks[:, k, :, m] = blocks[:, m, :, k].T
            else:
                blocks[:, k, :, m] = summed(first[:, :, k], second[:, :, m])
    return blocks
