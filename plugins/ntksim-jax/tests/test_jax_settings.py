"""JAX is used in float64 and within the host's threads, and left as it was."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ntksim import NoClosedForm

from ntksim_jax import Functions, JaxArchitecture, JaxNetwork
from ntksim_jax.architectures import FlaxCnn, FlaxMlp, JaxMlp

X = np.random.default_rng(0).standard_normal((4, 3))


@dataclass(frozen=True)
class Odd(JaxArchitecture):
    """A linear network with something wrong about it."""

    name: ClassVar[str] = "odd"
    fault: str = ""
    numbers: list[int] = field(default_factory=list)

    def functions(self, input_shape: tuple[int, ...], outputs: int, width: int) -> Any:
        del width

        def init(key: Any) -> Any:
            weight = jax.random.normal(key, (input_shape[0], outputs))
            return {
                "complex": {"w": weight, "c": weight + 1j},
                "twice": {"w": weight, "a": {"b": weight}, "a.b": weight},
                "taken": {"w": weight, "width": weight},
                "integers": {"w": jnp.ones((input_shape[0], outputs), int)},
            }.get(self.fault, {"w": weight})

        def apply(params: Any, x: Any) -> Any:
            if self.fault == "flat":
                return (x @ params["w"])[:, 0]
            if self.fault == "narrow":
                return (x @ params["w"]).astype(jnp.float32)
            if self.fault == "user":
                raise TypeError("a mistake of the user")
            return x @ params["w"]

        return init, apply


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_users_precision_stays() -> None:
    network = JaxMlp(depth=1).network((3,), 1)
    params = network.initialise(8, np.random.default_rng(0))
    assert network.apply(params, X).dtype == np.float64
    assert jnp.ones(2).dtype == jnp.float32


def test_values_are_those_of_float64() -> None:
    network = JaxMlp(depth=1, activation="tanh").network((3,), 1)
    params = network.initialise(8, np.random.default_rng(0))
    w0, w1 = params["0.weight"], params["1.weight"]
    expected = np.sqrt(2 / 8) * np.tanh(np.sqrt(2 / 3) * X @ w0) @ w1
    np.testing.assert_allclose(network.apply(params, X), expected, rtol=1e-13, atol=1e-14)


def test_initial_parameters_do_not_depend_on_the_users_generator() -> None:
    network = JaxMlp(depth=1).network((3,), 1)
    expected = network.initialise(8, np.random.default_rng(5))
    script = (
        "import jax; jax.config.update('jax_default_prng_impl', 'rbg')\n"
        "import numpy as np; from ntksim_jax.architectures import JaxMlp\n"
        "network = JaxMlp(depth=1).network((3,), 1)\n"
        "print(network.initialise(8, np.random.default_rng(5))['0.weight'].tobytes().hex())"
    )
    assert run(script) == expected["0.weight"].tobytes().hex()


def test_the_weights_are_drawn_independently() -> None:
    params = JaxMlp(depth=2, bias_std=1.0).network((3,), 1).initialise(64, np.random.default_rng(0))
    numbers = np.concatenate([v.ravel() for name, v in params.items() if name != "width"])
    assert len(np.unique(numbers)) == len(numbers)
    # The mean of 4,481 normal numbers has a standard deviation of 0.015, their variance 0.021.
    assert abs(numbers.mean()) < 0.075
    assert abs(numbers.var() - 1) < 0.11


def test_listing_plugins_does_not_import_jax() -> None:
    script = (
        "import sys; from ntksim.registry import Registry\n"
        "registry = Registry.load()\n"
        "print(registry.offer('architecture', 'jax_mlp').origin, 'jax' in sys.modules)"
    )
    assert run(script) == "plugin 'jax' (ntksim-jax 0.1.0) False"


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads as Linux does")
@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({"OPENBLAS_NUM_THREADS": "1"}, 1),
        ({"OPENBLAS_NUM_THREADS": "1", "PJRT_NPROC": "3"}, 3),
    ],
)
def test_xla_has_the_threads_of_blas(environment: dict[str, str], threads: int) -> None:
    script = (
        "import os, time, numpy as np; from ntksim_jax.architectures import JaxMlp\n"
        "def count():\n"
        "    names = []\n"
        "    for task in os.listdir('/proc/self/task'):\n"
        "        try: names.append(open(f'/proc/self/task/{task}/comm').read().strip())\n"
        "        except OSError: pass\n"
        "    return names.count('tf_XLAEigen')\n"
        "network = JaxMlp(depth=1).network((3,), 1)\n"
        "network.parameter_count(8)\n"
        "print(count())\n"  # building and counting start nothing: that is done in planning
        "network.apply(network.initialise(8, np.random.default_rng(0)), np.ones((4, 3)))\n"
        "print(count(), os.environ.get('PJRT_NPROC', ''))"
    )
    expected = f"0\n{threads} {environment.get('PJRT_NPROC', '')}".strip()
    assert run(script, **environment) == expected


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("flat", r"apply returns \(2,\) float64 for 2 points; it must be \(2, 2\)"),
        ("narrow", "apply returns float32 for float64 inputs"),
        ("complex", "'c' is complex"),
        ("twice", "two arrays that would be called 'a.b'"),
        ("taken", "called 'width', a name that is taken"),
        ("integers", "no parameter is trained; init returns w"),
    ],
)
def test_mistakes_are_told_when_the_network_is_built(fault: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Odd(fault).network((3,), 2)
    assert any("was traced at width 64" in note for note in caught.value.__notes__)


def test_what_the_users_functions_raise_says_where() -> None:
    with pytest.raises(TypeError, match="a mistake of the user") as caught:
        Odd("user").network((3,), 2)
    # JAX may add a note of its own.
    assert caught.value.__notes__[-1] == (
        "raised while 'odd-fault-user' was traced at width 64 for inputs of shape (3,) and 2 "
        "output(s)"
    )


def test_options_that_cannot_be_hashed_work() -> None:
    network = Odd(numbers=[1, 2]).network((3,), 2)
    assert isinstance(network, JaxNetwork)
    assert network.program(4) is network.program(4)
    assert network.apply(network.initialise(4, np.random.default_rng(0)), X).shape == (4, 2)
    again = pickle.loads(pickle.dumps(network))
    assert again == network


def test_wrong_inputs_and_parameters_are_refused() -> None:
    network = JaxMlp(depth=1).network((3,), 1)
    params = dict(network.initialise(8, np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"inputs have shape \(4, 2\); the network takes"):
        network.apply(params, X[:, :2])
    with pytest.raises(ValueError, match="width is 0"):
        network.initialise(0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="have no entry 'width'"):
        network.apply({"0.weight": params["0.weight"]}, X)
    del params["1.weight"]
    with pytest.raises(ValueError, match=r"parameter '1\.weight' is missing; there are 0\.weight"):
        network.apply(params, X)


def test_a_limit_that_is_not_known_is_refused() -> None:
    with pytest.raises(NoClosedForm, match="take kernel empirical or monte_carlo"):
        FlaxMlp().network((3,), 1).kernels(X)


def test_images_are_asked_for() -> None:
    with pytest.raises(ValueError, match="image: true"):
        FlaxCnn().network((64,), 1)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ntksim_jax.architectures.requirements.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install 'ntksim-jax\[flax\]'"):
        FlaxMlp(activation="softplus").network((3,), 1)


def test_functions_may_be_returned_as_a_pair_or_whole() -> None:
    architecture = JaxMlp(depth=1)
    init, apply = architecture.functions((3,), 1, 8)
    assert Functions(init, apply).is_trained("0.weight")
