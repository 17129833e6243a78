"""How the compiled loops are compiled, loaded and chosen, and the memory that they take."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntksim.nn import (
    ActivationLayer,
    ComposedNetwork,
    Dense,
    Erf,
    Gelu,
    LeakyRelu,
    Relu,
    Residual,
    Tanh,
    limit,
)
from ntksim.types import Array, Kernels

from small_networks import chain

CODE = """
import sys
import numpy as np
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Relu
layers = (Dense(1.3, 0.2), ActivationLayer(Relu()), Dense(1.1, 0.1, units=1))
network = ComposedNetwork(layers, (3,), 1)
x = np.random.default_rng(0).standard_normal((int(sys.argv[1]), 3))
kernels = network.kernels(x)
print("numba" in sys.modules, kernels.nngp.tobytes().hex()[:64], hash(kernels.ntk.tobytes()))
"""


def points(number: int, features: int = 3) -> Array:
    return np.random.default_rng(0).standard_normal((number, features))


def output(number: int, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE, str(number)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "0"} | environment,
    )
    return done.stdout.split()


def test_small_kernels_load_no_compiler() -> None:
    """As when a study is checked, which asks every network for the kernel of one point."""
    assert output(20)[0] == "False"


@pytest.mark.slow
def test_cold_warm_and_without_a_cache_the_bits_are_the_same(tmp_path: Path) -> None:
    cold = output(300, NUMBA_CACHE_DIR=str(tmp_path))
    assert cold[0] == "True"
    assert list(tmp_path.rglob("*.nbc"))
    assert output(300, NUMBA_CACHE_DIR=str(tmp_path)) == cold
    assert output(300, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_NUM_THREADS="2") == cold
    occupied = tmp_path / "file"
    occupied.touch()  # no folder can be made below it
    assert output(300, NUMBA_CACHE_DIR=str(occupied)) == cold


def test_the_path_depends_on_the_network_and_the_inputs() -> None:
    network = chain(Relu(), 2)
    few, many = points(8), points(256)
    assert len(many) ** 2 == limit.ENOUGH_PAIRS
    assert network.kernel_path(few) == "layers"
    assert network.kernel_path(many) == "fused"
    assert network.kernel_path(points(2**13), few) == "fused"
    # A smooth activation behind another, with preactivations that are too large for 1e-14.
    assert chain(Erf(), 2, weight_std=30.0).kernel_path(many) == "layers"
    # A series that would not end.
    assert chain(Tanh(), 1, weight_std=100.0).kernel_path(many) == "layers"
    residual = ComposedNetwork(
        (Dense(), Residual(ActivationLayer(Relu()), Dense()), Dense(units=1)), (3,), 1
    )
    assert residual.kernel_path(many) == "layers"
    with pytest.raises(ValueError, match="Residual"):
        residual.kernels(few, path="fused")


def test_packed_instructions_were_generated() -> None:
    """What a pair costs is the polynomials of its layers, four or more of them at a time."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"the instructions of {platform.machine()} have other names")
    import llvmlite.binding
    import numba
    from ntksim.nn.fused import loops

    if not llvmlite.binding.get_host_cpu_features().get("avx2"):
        pytest.skip("this processor has no AVX2")
    line, number = numba.float64[::1], numba.float64
    signatures = {
        # Correlations as they come in, the state of the pairs, vectors of the row and the columns.
        "_piecewise": (*(line,) * 4, *(number,) * 4),
        "_biased_piecewise": (*(line,) * 7, *(number,) * 4),
        "_biased_rectified": (*(line,) * 6, *(number,) * 4),
        "_rectified": (*(line,) * 3, *(number,) * 3),
        "_erf": (*(line,) * 10, number),
        "_gelu": (*(line,) * 7, number),
        "_series_terms": (line,) * 8,
        "_angle": (line,) * 4,
        "_horner8": (line,) * 5,
    }
    for name, signature in signatures.items():
        # Anew: code from the cache cannot be looked at.
        function = getattr(loops, name)
        compiled: Any = numba.njit(signature, **loops.OPTIONS)(function.py_func)
        assembly = compiled.inspect_asm(compiled.signatures[0])
        packed = re.findall(r"\b(?:vfn?m(?:add|sub)\d{3}pd|vmulpd)\s[^\n]*%[yz]mm", assembly)
        assert len(packed) >= 3, f"{name} is not vectorised"


@pytest.mark.parametrize("network", [chain(Relu(), 3), chain(Erf(), 2, bias_std=0.1)])
def test_memory_is_the_results_and_no_more_than_64_mib(network: ComposedNetwork) -> None:
    x = points(1200)
    network.kernels(x[:300])
    both, peak = with_peak(lambda: network.kernels(x))
    assert both.ntk is not None
    results = 2 * both.ntk.nbytes
    # The layers' own algebra would take 128² tiles; numpy's recursion, six more matrices.
    assert peak < results + 2**26
    assert peak < 2 * results + 2**24
    for kind in ("nngp", "ntk"):
        network.kernels(x[:300], wanted=(kind,))
        alone, peak = with_peak(partial(network.kernels, x, wanted=(kind,)))
        # Beside it: a tile, lists of near-parallel pairs and vectors over points, below 4 MB.
        assert peak < getattr(alone, kind).nbytes + 2**22


def with_peak(run: Callable[[], Kernels]) -> tuple[Kernels, int]:
    tracemalloc.start()
    try:
        return run(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "network",
    [
        chain(Relu(), 1),
        chain(Relu(), 3),
        chain(LeakyRelu(0.1), 2, bias_std=0.1),
        chain(Erf(), 2, bias_std=0.1),
        chain(Gelu(), 1),
        chain(Tanh(), 1),
        ComposedNetwork(
            (Dense(), Residual(ActivationLayer(Relu()), Dense()), Dense(units=1)), (3,), 1
        ),
    ],
)
def test_one_kernel_alone_is_the_same(network: ComposedNetwork) -> None:
    x = points(300)
    x[7] = 0.0  # without an angle: computed by layers
    for pair in ((x, None), (x[:270], x)):
        both = network.kernels(*pair)
        for kind in limit.BOTH:
            other = "ntk" if kind == "nngp" else "nngp"
            alone = network.kernels(*pair, wanted=(kind,))
            assert getattr(alone, other) is None
            one, whole = getattr(alone, kind), getattr(both, kind)
            # Without the other one multiplications and additions may be contracted otherwise.
            np.testing.assert_allclose(one, whole, rtol=0, atol=4e-15 * np.abs(whole).max())


def test_results_do_not_depend_on_the_threads() -> None:
    assert output(300, NUMBA_NUM_THREADS="1") == output(300, NUMBA_NUM_THREADS="2")
