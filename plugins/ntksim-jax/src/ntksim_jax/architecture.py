"""The base of architectures that are written in JAX."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, ClassVar, cast

from ntksim import Architecture, Network, NoClosedForm

from ntksim_jax.functions import Functions
from ntksim_jax.network import JaxNetwork


class JaxArchitecture(Architecture):
    """An architecture that is two functions of JAX.

    ::

        @dataclass(frozen=True)
        class MyNet(JaxArchitecture):
            \"\"\"One line that says what it is.\"\"\"

            name: ClassVar[str] = "my_net"
            scale: float = 1.0

            def functions(self, input_shape, outputs, width):
                def init(key): ...
                def apply(params, x): ...
                return init, apply

    Fields are the options that a study can set. Programs are compiled once for all networks whose
    options, shapes and width are equal; options that cannot be hashed cost a compilation for every
    seed, so write tuples, not lists.
    """

    trial_width: ClassVar[int] = 64
    """A width at which the functions are traced, without computing, when a study is checked."""

    @abstractmethod
    def functions(
        self, input_shape: tuple[int, ...], outputs: int, width: int
    ) -> Functions | tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]:
        """Return ``init(key)`` and ``apply(params, x)`` of the network of one width.

        They may import JAX here. Everything is traced and computed in float64.

        Raises
        ------
        ValueError
            If the architecture cannot take such data; the message is shown before a study runs.
        """

    def limit(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Return a network that knows the infinite-width kernels of this one, where there is one.

        Most are to be had as a ``ntksim.nn.ComposedNetwork`` of the corresponding layers.

        Raises
        ------
        NoClosedForm
            If there is none.
        """
        del input_shape, outputs
        raise NoClosedForm(
            f"'{self.name}' is written in JAX and does not say what its infinite-width kernels "
            "are; take kernel empirical or monte_carlo"
        )

    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Build the network, and trace it once to see that it takes such inputs."""
        network = JaxNetwork(self, tuple(input_shape), outputs)
        network.program(self.trial_width)
        return network

    def label(self) -> str:
        """Return the name with the options that are not the default."""
        words = [self.name]
        for field in fields(cast("Any", self)):
            value, factory = getattr(self, field.name), field.default_factory
            default = field.default if factory is MISSING else factory()
            if value != default:
                shown = f"{value:g}" if isinstance(value, float) else str(value)
                exact = not isinstance(value, float) or float(shown) == value
                words += [field.name, shown if exact else repr(value)]
        return "-".join(words).replace("/", "_")
