"""Laws of solvers, judged by solutions that are known mode by mode."""

from __future__ import annotations

from collections.abc import Callable

from ntksim.testing.evolutions import LAWS, ModeFactor, SolverCase, gradient_flow
from ntksim.testing.law import Law, as_tests, laws_about
from ntksim.testing.registration import EVERY_PLUGIN
from ntksim.types import Solver


def solver_laws(
    *solvers: Solver,
    residual: ModeFactor = gradient_flow,
    restarts: bool = True,
    order: tuple[str, float] | None = None,
    accuracy: float = 1e-9,
) -> Callable[..., None]:
    """Return tests of all laws of solvers, for a test file of pytest.

    ::

        from ntksim.testing import solver_laws
        test_laws = solver_laws(MySolver())

    Checked on networks linear in their parameters, where training and solving with the kernel are
    the same: the exact solution at all times, 0 and infinity included, at training and test
    points; singular kernels; test points that are training points; no test points; starting at
    zero output; any order of points, each output alone, and times asked for one by one give the
    same, and so do problems solved together; the semigroup and the order of convergence; variance,
    covariance and parameters where the solver provides them.

    Parameters
    ----------
    solvers
        Instances that all obey what the other arguments say.
    residual
        The solver's exact solution: r(λ, t), the share of the initial residual that is left in a
        mode of eigenvalue λ at a *reached* time t. Gradient flow, e^{−λt}, unless it is given; for
        gradient descent with learning rate η it is ``lambda λ, t: (1 - η * λ) ** (t / η)``.
    restarts
        Whether training can be stopped and started anew from where it was (a semigroup). Not so
        with momentum, nor with a pull to the initial parameters.
    order
        For solvers in steps: the option that is the step in time, and the order with which the
        outputs converge to gradient flow as it goes to 0, such as ``("learning_rate", 1)``.
    accuracy
        Agreement with the exact solution, relative to the largest output.
    """
    return as_tests(
        [
            law
            for solver in solvers
            for law in laws_of_solver(
                solver, residual, restarts=restarts, order=order, accuracy=accuracy
            )
        ]
    )


def laws_of_solver(
    solver: Solver,
    residual: ModeFactor = gradient_flow,
    *,
    restarts: bool = True,
    order: tuple[str, float] | None = None,
    accuracy: float = 1e-9,
) -> list[Law]:
    """Return the laws one by one, as ``solver_laws`` describes them."""
    case = SolverCase(solver, residual, restarts, order, accuracy)
    return [*laws_about(solver, solver, EVERY_PLUGIN), *laws_about(solver, case, LAWS)]
