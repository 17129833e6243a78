"""Networks of every library obey the laws of architectures."""

from ntksim.testing import architecture_laws

from ntksim_jax.architectures import EquinoxMlp, FlaxCnn, FlaxMlp, JaxMlp
from strange_networks import Nested, Stateful

# Against its limit of infinite width, which is that of the toolkit's layers.
test_jax_mlp = architecture_laws(
    JaxMlp(depth=1, activation="erf", weight_std=1.5, bias_std=0.2), samples=100
)
test_modules = architecture_laws(FlaxMlp(depth=1), EquinoxMlp(depth=1), sampling=False)
test_images = architecture_laws(
    FlaxCnn(depth=1, activation="tanh"), input_shape=(4, 4, 1), sampling=False
)
test_strange_parameters = architecture_laws(Nested(), Stateful(), sampling=False)
