"""Laws of kernel providers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Erf, Flatten
from ntksim.registry.answers import KERNELS
from ntksim.testing.law import (
    Law,
    LawBroken,
    as_tests,
    laws_about,
    require,
    require_answer,
    require_close,
    require_shape,
    require_symmetric_positive,
)
from ntksim.testing.registration import EVERY_PLUGIN
from ntksim.types import Array, KernelProvider, Kernels, Model, Network, SeedTree


def kernel_laws(
    *providers: KernelProvider, network: Network | None = None, width: int = 16
) -> Callable[..., None]:
    """Return tests of all laws of kernel providers, for a test file of pytest.

    ::

        from ntksim.testing import kernel_laws
        test_laws = kernel_laws(MyKernel(), MyKernel(length=2.0))

    Checked with ``network`` (two hidden layers of error functions, three inputs, two outputs,
    unless it is given) at ``width`` and at infinity, where the provider does not refuse them: it
    provides what it says; kernels are symmetric, positive semi-definite, the same every time;
    blocks equal the whole; no second set means the first; no points give no rows; they depend on
    width and seed only as ``varies_with`` says.
    """
    return as_tests([law for p in providers for law in laws_of_kernel(p, network, width)])


def laws_of_kernel(
    provider: KernelProvider, network: Network | None = None, width: int = 16
) -> list[Law]:
    """Return the laws one by one, as ``kernel_laws`` describes them."""
    case = KernelCase(provider, network or _example_network(), width)
    return [
        *laws_about(provider, provider, EVERY_PLUGIN),
        *laws_about(provider, case, LAWS),
    ]


@dataclass(frozen=True)
class KernelCase:
    """A provider with models and points."""

    provider: KernelProvider
    network: Network
    width: int

    @cached_property
    def x(self) -> Array:
        """Five points, two of them equal, as a study gives them: read-only."""
        x = np.random.default_rng(1).standard_normal((5, *self.network.input_shape))
        x[4] = x[0]
        x.setflags(write=False)
        return x

    @cached_property
    def models(self) -> list[Model]:
        """The models that the provider takes: finite, infinite or both."""
        refusals, models = [], []
        for width in (float(self.width), math.inf):
            refusal = self.provider.refuses(self.network, width)
            if refusal is None:
                models.append(Model(self.network, width, SeedTree(0).child("seed", 0)))
            else:
                refusals.append(refusal)
        if not models:
            raise LawBroken(f"it refuses the network at every width: {'; '.join(refusals)}")
        return models

    def kernels(self, x2: Array | None = None) -> Iterator[tuple[Model, Kernels]]:
        """Kernels of every model between all points and ``x2``."""
        for model in self.models:
            kernels = self.provider.kernels(model, self.x, x2)
            yield model, require_answer("kernels", kernels, Kernels, KERNELS)


def provides_what_it_says(case: KernelCase) -> None:
    """Every kernel in ``provides`` is there, float64 and finite, with its standard errors."""
    n, k = len(case.x), case.network.outputs
    for _, kernels in case.kernels():
        for name in ("ntk", "nngp"):
            value, error = getattr(kernels, name), getattr(kernels, f"{name}_standard_error")
            if name in case.provider.provides:
                require(value is not None, f"'{name}' is in provides but it returned none")
            else:
                require(value is None, f"it returned '{name}', which provides does not name")
            if value is not None:
                require_shape(name, value, (n, n))
            if error is not None:
                require_shape(f"the standard error of {name}", error, (n, n))
                require(error.min() >= 0, f"a standard error of {name} is {error.min():g}")
        if kernels.ntk_full is not None:
            require_shape("ntk_full", kernels.ntk_full, (n, k, n, k))
            mean = np.einsum("ikjk->ij", kernels.ntk_full) / k
            if kernels.ntk is not None:
                require_close("ntk", kernels.ntk, "the mean of ntk_full over outputs", mean, 1e-10)


def gives_one_alone(case: KernelCase) -> None:
    """A kernel that is asked for alone is there, with the bits that it has beside the other."""
    for model, kernels in case.kernels():
        for name in case.provider.provides:
            found = case.provider.kernels_wanted(model, case.x, None, (name,))
            require_answer("kernels_wanted", found, Kernels, KERNELS)
            alone, value = getattr(found, name), getattr(kernels, name)
            require(alone is not None, f"'{name}' is wanted but kernels_wanted returned none")
            if value is not None:
                require_close(f"{name} alone", alone, "that of kernels", value, 0.0)


def is_symmetric_and_positive(case: KernelCase) -> None:
    """Kernels of one set of points are symmetric and positive semi-definite."""
    for model, kernels in case.kernels():
        for name, value in _named(kernels):
            flat = value.reshape(math.prod(value.shape[: value.ndim // 2]), -1)
            require_symmetric_positive(f"{name} at width {model.width:g}", flat)


def repeats_itself(case: KernelCase) -> None:
    """The same model and points give the same kernels, whatever was drawn before."""
    for model, kernels in case.kernels():
        np.random.default_rng().standard_normal(3)
        again = case.provider.kernels(replace(model), case.x)
        for name, value in _named(kernels):
            require_close(name, getattr(again, name), "the first time", value, 0.0)


def needs_no_second_set(case: KernelCase) -> None:
    """No second set of points means the first."""
    for (_, one), (_, two) in zip(case.kernels(), case.kernels(case.x), strict=True):
        for name, value in _named(one):
            # A diagonal may be computed apart, to more digits.
            require_close(f"{name} without x2", value, "with x2 = x1", getattr(two, name), 1e-9)


def blocks_agree_with_the_whole(case: KernelCase) -> None:
    """The kernel between two parts of the points is that block of the whole."""
    for model, whole in case.kernels():
        block = case.provider.kernels(model, case.x[:2], case.x[1:])
        none = case.provider.kernels(model, case.x[:0], case.x)
        for name, value in _named(whole):
            expected = value[:2, 1:] if value.ndim == 2 else value[:2, :, 1:]
            require_close(
                f"a block of {name}", getattr(block, name), "that part of the whole", expected, 1e-9
            )
            require_shape(f"{name} of no points", getattr(none, name), (0, *value.shape[1:]))


def varies_only_with_what_it_says(case: KernelCase) -> None:
    """Kernels are the same for another width or seed, unless ``varies_with`` names it."""
    for model, kernels in case.kernels():
        others = {"seed": replace(model, seeds=SeedTree(0).child("seed", 1))}
        if model.is_finite:
            others["width"] = replace(model, width=model.width + 4)
        for what, other in others.items():
            if what in case.provider.varies_with:
                continue
            changed = case.provider.kernels(other, case.x)
            for name, value in _named(kernels):
                require_close(
                    f"{name} with another {what}",
                    getattr(changed, name),
                    f"as {what} is not in varies_with it should be",
                    value,
                    0.0,
                )


def _named(kernels: Kernels) -> list[tuple[str, Array]]:
    found = ((name, getattr(kernels, name)) for name in ("ntk", "nngp", "ntk_full"))
    return [(name, value) for name, value in found if value is not None]


def _example_network() -> Network:
    hidden = (Dense(1.5, 0.1), ActivationLayer(Erf()))
    return ComposedNetwork((Flatten(), *hidden, *hidden, Dense(1.5, 0.1, units=2)), (3,), 2)


LAWS: tuple[Callable[[KernelCase], None], ...] = (
    provides_what_it_says,
    gives_one_alone,
    is_symmetric_and_positive,
    repeats_itself,
    needs_no_second_set,
    blocks_agree_with_the_whole,
    varies_only_with_what_it_says,
)
