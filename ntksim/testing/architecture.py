"""Laws of architectures: a network, its derivatives, and its limit of infinite width."""

from __future__ import annotations

from collections.abc import Callable

from ntksim.testing.derivatives import DERIVATIVES
from ntksim.testing.infinite_width import INFINITE_WIDTH
from ntksim.testing.law import Law, as_tests, laws_about
from ntksim.testing.networks import NetworkCase
from ntksim.testing.registration import EVERY_PLUGIN
from ntksim.types import Architecture


def architecture_laws(
    *architectures: Architecture,
    input_shape: tuple[int, ...] = (3,),
    outputs: int = 2,
    width: int = 64,
    samples: int = 150,
    sampling: bool = True,
) -> Callable[..., None]:
    """Return tests of all laws of architectures, for a test file of pytest.

    ::

        from ntksim.testing import architecture_laws
        test_laws = architecture_laws(MyArchitecture(), MyArchitecture(depth=1))

    Checked for inputs of one shape: parameters come from the given generator; shapes; points one
    by one equal all at once; ``vjp`` against finite differences of ``apply``, ``jvp`` against
    ``vjp``; the structured tangent kernel against J Jᵀ; kernels symmetric, positive
    semi-definite, blocks equal to the whole; the infinite-width kernels against the mean over
    ``samples`` networks of ``width`` and of 4 ``width``, whose deviation is judged by its own
    standard error and an allowance of O(1/width); and the fluctuation of the tangent kernel, which
    falls as width^(−1/2). ``sampling=False`` leaves out the last two, which take longest; laws of
    the limit are skipped where the network raises ``NoClosedForm``.
    """
    return as_tests(
        [
            law
            for architecture in architectures
            for law in laws_of_architecture(
                architecture, input_shape, outputs, width, samples, sampling=sampling
            )
        ]
    )


def laws_of_architecture(
    architecture: Architecture,
    input_shape: tuple[int, ...] = (3,),
    outputs: int = 2,
    width: int = 64,
    samples: int = 150,
    *,
    sampling: bool = True,
) -> list[Law]:
    """Return the laws one by one, as ``architecture_laws`` describes them."""
    case = NetworkCase(architecture, input_shape, outputs, width, samples)
    chosen = [law for law in INFINITE_WIDTH if sampling or not law.__name__.startswith("sampled")]
    return [
        *laws_about(architecture, architecture, EVERY_PLUGIN),
        *laws_about(architecture, case, DERIVATIVES),
        *laws_about(architecture, case, chosen),
    ]
