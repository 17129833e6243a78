"""Ways to evolve outputs in training time."""

from ntksim_builtin.solvers.eigh import Eigh
from ntksim_builtin.solvers.expm import Expm
from ntksim_builtin.solvers.gradient_descent import GradientDescent
from ntksim_builtin.solvers.krylov import Krylov
from ntksim_builtin.solvers.network_gradient_descent import NetworkGradientDescent
from ntksim_builtin.solvers.ode import Ode

SOLVERS = (Eigh, Expm, GradientDescent, Krylov, NetworkGradientDescent, Ode)
