"""Ways to obtain kernels that ship with ntksim."""

from ntksim.types import KernelProvider

from ntksim_builtin.kernels.analytic import Analytic
from ntksim_builtin.kernels.empirical import Empirical
from ntksim_builtin.kernels.monte_carlo import MonteCarlo

KERNELS: tuple[type[KernelProvider], ...] = (Analytic, Empirical, MonteCarlo)

__all__ = ["KERNELS", "Analytic", "Empirical", "MonteCarlo"]
