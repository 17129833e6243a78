"""What ships with ntksim obeys the laws that plugin authors test theirs against."""

import numpy as np
from ntksim.linalg import discrete_decay
from ntksim.nn import Erf, LeakyRelu
from ntksim.nn.activations import ACTIVATIONS
from ntksim.testing import (
    activation_laws,
    architecture_laws,
    dataset_laws,
    diagnostic_laws,
    kernel_laws,
    solver_laws,
)
from ntksim.types import Array

from ntksim_builtin.architectures import Mlp, ResidualMlp, ShallowErf, ShallowRelu
from ntksim_builtin.datasets import DATASETS, Circle, File
from ntksim_builtin.diagnostics import DIAGNOSTICS, KernelField
from ntksim_builtin.kernels import Analytic, Empirical, MonteCarlo
from ntksim_builtin.solvers import (
    Eigh,
    Expm,
    GradientDescent,
    Krylov,
    NetworkGradientDescent,
    Ode,
)

RATE = 0.1
RIDGE = 0.3


def ridge_flow(eigenvalue: Array, time: Array) -> Array:
    """Kernel ridge regression at t = ∞: ρ/(λ + ρ) of the residual is left."""
    total = eigenvalue + RIDGE
    return (RIDGE + eigenvalue * np.exp(-total * time)) / total


def descent(eigenvalue: Array, time: Array) -> Array:
    return discrete_decay(eigenvalue, RATE, np.rint(time / RATE))


test_activations = activation_laws(*[cls() for cls in ACTIVATIONS], LeakyRelu(negative_slope=0.3))
test_architectures = architecture_laws(
    Mlp(depth=2), Mlp(activation=Erf(), bias_std=0.2, trained="readout"), ResidualMlp(blocks=1)
)
test_shallow_architectures = architecture_laws(
    ShallowRelu(), ShallowErf(bias_std=0.5, output_bias="inside"), samples=100
)
test_spatial_inputs = architecture_laws(Mlp(depth=1), input_shape=(2, 2), outputs=1, sampling=False)
test_kernels = kernel_laws(
    Analytic(), Empirical(), Empirical(outputs="full"), MonteCarlo(samples=4)
)
test_flows = solver_laws(Eigh(), Expm(), Krylov())
test_flows_with_ridge = solver_laws(
    Eigh(ridge=RIDGE),
    Expm(ridge=RIDGE),
    Krylov(ridge=RIDGE),
    residual=ridge_flow,
    restarts=False,
)
# Times one by one agree to 1e-10: the tolerance of a step must be well below.
test_integrator = solver_laws(Ode(relative_tolerance=1e-13))
test_descent = solver_laws(
    GradientDescent(learning_rate=RATE), residual=descent, order=("learning_rate", 1)
)
# It stops when the gradient is 1e-8 of the initial one: 1e-6 of the outputs for λ = 0.2.
test_training = solver_laws(
    NetworkGradientDescent(learning_rate=RATE, tolerance=1e-12),
    residual=descent,
    order=("learning_rate", 1),
    accuracy=1e-8,
)
test_datasets = dataset_laws(*[cls() for cls in DATASETS if cls is not File])
# What they measure is known for this network alone, or on the unit circle.
ON_CIRCLE = {"circle_spectrum", "harmonics", "learning_curve"}
test_diagnostics = diagnostic_laws(
    *[cls() for cls in DIAGNOSTICS if cls.name not in ON_CIRCLE | {"kernel_field"}],
    KernelField(points=5, angles=9),
)
test_diagnostics_on_the_circle = diagnostic_laws(
    *[cls() for cls in DIAGNOSTICS if cls.name in ON_CIRCLE],
    architecture=ShallowRelu(append_one=False),
    x_train=Circle(train=5).load().x_train,
)
