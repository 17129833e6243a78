"""Infinite-width kernels against values from 40-digit arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from ntksim.nn import Abs, Erf, Gelu, Identity, LeakyRelu, Relu, Sin, Tanh

from ntksim_builtin.architectures import Mlp
from reference_values import keys, reference
from small_networks import nngp, ntk

pytestmark = pytest.mark.usefixtures("kernel_path")

ACTIVATIONS = {
    "relu": Relu(),
    "erf": Erf(),
    "sin": Sin(),
    "gelu": Gelu(),
    "tanh": Tanh(),
    "leaky_relu_0.1": LeakyRelu(0.1),
    "abs": Abs(),
    "identity": Identity(),
}
BLOCKS = {
    "train": ("x_train", None),
    "test_train": ("x_test", "x_train"),
    "hard": ("x_hard", None),
    "hard as two sets": ("x_hard", "x_hard"),
}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("key", keys("kernels", "k"))
def test_kernels_agree_to_ten_digits(key: str, block: str) -> None:
    arrays, manifest = reference("kernels")
    options = manifest[key]
    stored = f"{key}_{block.removesuffix(' as two sets')}"
    if f"{stored}_ntk" not in arrays:
        pytest.skip(f"no {stored} in the reference values")
    architecture = Mlp(
        depth=options["depth"],
        activation=ACTIVATIONS[options["activation"]],
        weight_std=options["weight_std"],
        bias_std=options["bias_std"],
    )
    network = architecture.network((7,), 1)
    first, second = BLOCKS[block]
    x1, x2 = arrays[first], None if second is None else arrays[second].copy()
    for kernel, name in ((nngp, "nngp"), (ntk, "ntk")):
        expected = arrays[f"{stored}_{name}"]
        scale1, scale2 = (
            np.sqrt(np.diagonal(kernel(network, x))) for x in (x1, x1 if x2 is None else x2)
        )
        # Relative to the entry itself; where its true value is 0 (antipodal points without bias),
        # relative to the sizes of the two points.
        scale = np.outer(scale1, scale2)
        size = np.where(np.abs(expected) < 1e-12 * scale, scale, np.abs(expected))
        assert np.max(np.abs(kernel(network, x1, x2) - expected) / size) < 1e-10
