"""The plugin test kit: one line in a test file checks all laws of a kind of plugin.

::

    from ntksim.testing import architecture_laws
    from my_package import MyArchitecture

    test_laws = architecture_laws(MyArchitecture())

Each function takes instances, any number of them, and returns one parametrised test of pytest; a
failure says in words and numbers which law is broken. What ships with ntksim passes the same.
"""

from ntksim.testing.activation import activation_laws
from ntksim.testing.architecture import architecture_laws
from ntksim.testing.dataset import dataset_laws
from ntksim.testing.diagnostic import diagnostic_laws
from ntksim.testing.evolutions import gradient_flow
from ntksim.testing.kernel import kernel_laws
from ntksim.testing.law import LawBroken
from ntksim.testing.solver import solver_laws

__all__ = [
    "LawBroken",
    "activation_laws",
    "architecture_laws",
    "dataset_laws",
    "diagnostic_laws",
    "gradient_flow",
    "kernel_laws",
    "solver_laws",
]
