"""Networks with one hidden layer, with every convention for biases and scales that is in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ntksim import Activation, Architecture, Network, NonNegativeFloat, PositiveFloat
from ntksim.nn import ActivationLayer, AppendOne, ComposedNetwork, Dense, Erf, Flatten, Layer, Relu
from pydantic import Field

from ntksim_builtin.architectures.labels import label
from ntksim_builtin.architectures.training import Trained, trained_layers


@dataclass(frozen=True)
class _Shallow(Architecture):
    """f(x) = output_bias_std b₁ + (weight_std/√D) w₁·φ(weight_std W₀ (x, 1) + bias_std b₀).

    D is the width. By default all weights are N(0, 1), first-layer biases are the weights of the
    appended 1, and the output bias is outside 1/√D, is trained and starts at 0: it adds 1 to the
    tangent kernel and nothing to the prior.
    """

    activation: ClassVar[Activation]

    # Descriptions are spelled out: docstrings of attributes are found in a plugin's own class only.
    weight_std: Annotated[
        PositiveFloat,
        Field(description="Multiplier of the weights of both layers."),
    ] = 1.0
    bias_std: Annotated[
        NonNegativeFloat,
        Field(description="Multiplier of a first-layer bias drawn from N(0, 1); 0 for none."),
    ] = 0.0
    append_one: Annotated[
        bool,
        Field(description="Append a constant feature 1 to the input."),
    ] = True
    input_scaling: Annotated[
        Literal["none", "fan_in"],
        Field(
            description="Divide the first layer by the square root of the number of its inputs "
            "(fan_in) or not."
        ),
    ] = "none"
    output_bias: Annotated[
        Literal["outside", "inside", "none"],
        Field(
            description="Output bias outside or inside the factor 1/√width, or none. It adds "
            "output_bias_std² to the tangent kernel, divided by the width where it is inside."
        ),
    ] = "outside"
    output_bias_std: Annotated[
        PositiveFloat,
        Field(description="Multiplier of the output bias."),
    ] = 1.0
    initial_output_bias_std: Annotated[
        NonNegativeFloat,
        Field(description="Standard deviation from which the output bias is drawn."),
    ] = 0.0
    initial_weight_std: Annotated[
        PositiveFloat | tuple[PositiveFloat, PositiveFloat],
        Field(
            description="Standard deviation from which weights are drawn: of both layers, or "
            "(first, read-out)."
        ),
    ] = 1.0
    trained: Annotated[
        Trained,
        Field(
            description="Trained layers: all, first, readout, or numbers, 0 for the first and 1 "
            "for the read-out."
        ),
    ] = "all"

    def __post_init__(self) -> None:
        trained_layers(self.trained, 2)
        if self.output_bias == "none" and (self.output_bias_std, self.initial_output_bias_std) != (
            1.0,
            0.0,
        ):
            raise ValueError(
                f"output_bias is none, but output_bias_std is {self.output_bias_std} and "
                f"initial_output_bias_std is {self.initial_output_bias_std}; leave both out, or "
                "put the bias outside or inside"
            )

    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Build the network; inputs with several axes are flattened."""
        trained = trained_layers(self.trained, 2)
        initial = self.initial_weight_std
        first_std, readout_std = initial if isinstance(initial, tuple) else (initial, initial)
        layers: tuple[Layer, ...] = (
            Flatten(),
            *((AppendOne(),) if self.append_one else ()),
            Dense(
                self.weight_std,
                self.bias_std,
                initial_weight_std=first_std,
                fan_in_scaling=self.input_scaling == "fan_in",
                trained=0 in trained,
            ),
            ActivationLayer(self.activation),
            Dense(
                self.weight_std,
                0.0 if self.output_bias == "none" else self.output_bias_std,
                units=outputs,
                initial_weight_std=readout_std,
                initial_bias_std=self.initial_output_bias_std,
                bias_inside=self.output_bias == "inside",
                trained=1 in trained,
            ),
        )
        return ComposedNetwork(layers, input_shape, outputs)

    def label(self) -> str:
        """Return the name with the options that are not the default."""
        return label(self, self.name)


@dataclass(frozen=True)
class ShallowRelu(_Shallow):
    """One hidden layer of ReLU units: every convention for scales and biases.

    By default f(x) = b₁ + w₁·max(W₀ (x, 1), 0)/√width, with all weights drawn from N(0, 1) and b₁
    starting at 0, trained throughout.
    """

    name: ClassVar[str] = "shallow_relu"
    activation: ClassVar[Activation] = Relu()


@dataclass(frozen=True)
class ShallowErf(_Shallow):
    """One hidden layer of error-function units: every convention for scales and biases.

    By default f(x) = b₁ + w₁·erf(W₀ (x, 1))/√width, with all weights drawn from N(0, 1) and b₁
    starting at 0, trained throughout.
    """

    name: ClassVar[str] = "shallow_erf"
    activation: ClassVar[Activation] = Erf()
