"""What a law is, and how a broken one is told."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from ntksim.registry.answers import require_answer as check_answer
from ntksim.types import Array, Plugin

S = TypeVar("S")


class LawBroken(AssertionError):  # noqa: N818 - reads as the sentence that it is
    """A plugin breaks a law; the message says which, in words and numbers."""


class NotApplicable(Exception):  # noqa: N818 - reads as the sentence that it is
    """A law that says nothing about this plugin; the message says why."""


@dataclass(frozen=True)
class Law:
    """One law about one plugin."""

    subject: str
    name: str
    statement: str
    holds: Callable[[], None]
    plugin: Any = None
    module: str = ""

    @property
    def hint(self) -> str:
        """Where the plugin is, and what checks the law."""
        return f"the plugin is {_place(type(self.plugin))}; the law is {self.module}.{self.name}"

    @property
    def id(self) -> str:
        """Name of the test: ``mlp-relu-3: vjp_agrees_with_finite_differences``."""
        return f"{self.subject}: {self.name}"

    def check(self) -> None:
        """Check it.

        Raises
        ------
        LawBroken
            If it does not hold.
        NotApplicable
            If it says nothing about this plugin.
        """
        about = f"{self.subject} breaks the law '{self.name}': {self.statement}"
        try:
            self.holds()
        except LawBroken as error:
            raise LawBroken(f"{about}\n  {error}") from None
        except NotApplicable:
            raise
        except Exception as error:
            error.add_note(f"raised while the law '{self.name}' was checked on {self.subject}")
            raise


def laws_about(
    plugin: Plugin, case: S, checks: Sequence[Callable[[S], None]], subject: str = ""
) -> list[Law]:
    """Make laws from functions of a case; the first line of a docstring states the law."""
    return [
        Law(
            subject or label_of(plugin),
            check.__name__,
            (check.__doc__ or "").partition("\n")[0],
            lambda check=check: check(case),
            plugin,
            check.__module__,
        )
        for check in checks
    ]


def label_of(plugin: Any) -> str:
    """Return the label of a plugin, or its name for a kind that has no labels."""
    return str(plugin.label() if hasattr(plugin, "label") else plugin.name)


def broken(laws: Sequence[Law]) -> list[LawBroken]:
    """Return the failures among laws, without pytest."""
    failures = []
    for law in laws:
        try:
            law.check()
        except LawBroken as failure:
            failures.append(failure)
        except NotApplicable:
            pass
    return failures


def as_tests(laws: Sequence[Law]) -> Callable[..., None]:
    """Return one parametrised pytest function that checks every law.

    Raises
    ------
    ValueError
        If there is none.
    """
    import pytest

    if not laws:
        raise ValueError("there is no plugin to test; give at least one instance")

    @pytest.mark.parametrize("law", [pytest.param(law, id=law.id) for law in laws])
    def test(law: Law) -> None:
        def __tracebackhide__(raised: Any) -> bool:  # noqa: N807 - what pytest looks for
            return not raised.errisinstance(pytest.fail.Exception)

        broken = ""
        try:
            law.check()
        except NotApplicable as reason:
            pytest.skip(str(reason))
        except LawBroken as failure:
            broken = f"{failure}\n  {law.hint}"
        except Exception as error:  # noqa: BLE001 - of the plugin, raised again
            error.add_note(law.hint)
            raise error.with_traceback(_outside(error.__traceback__)) from error.__cause__
        if broken:  # the source of the kit says nothing about the plugin; the message says all
            pytest.fail(broken, pytrace=False)

    return test


def _place(cls: type) -> str:
    try:
        _, line = inspect.getsourcelines(cls)
        return f"{cls.__name__}, line {line} of {inspect.getsourcefile(cls)}"
    except (OSError, TypeError):
        return cls.__name__


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that begins in the plugin, or all of it if no part does."""
    part = trace
    while part is not None:
        if str(part.tb_frame.f_globals.get("__name__", "")).partition(".")[0] != "ntksim":
            return part
        part = part.tb_next
    return trace


def require(condition: object, otherwise: str) -> None:
    """Break the law unless a condition holds."""
    if not condition:
        raise LawBroken(otherwise)


def require_answer(method: str, answer: Any, cls: type[S], wanted: str) -> S:
    """Break the law unless a method answers with what it must return, which is returned."""
    try:
        check_answer(method, answer, cls, wanted)
    except TypeError as error:
        raise LawBroken(str(error)) from None
    return answer


def require_shape(what: str, value: Array, shape: tuple[int, ...]) -> None:
    """Break the law unless an array is float64, finite and of a shape."""
    require(isinstance(value, np.ndarray), f"{what} is {type(value).__name__}, not an array")
    require(value.shape == shape, f"{what} has shape {value.shape}; it must be {shape}")
    require(value.dtype == np.float64, f"{what} is {value.dtype}; it must be float64")
    bad = ~np.isfinite(value)
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise LawBroken(f"{what} holds {value[at]} at {at}; it must be finite")


def require_close(
    what: str,
    value: Array,
    other: str,
    expected: Array,
    tolerance: float,
    scale: float | None = None,
) -> None:
    """Break the law unless two arrays agree to ``tolerance`` times ``scale``.

    The scale is the largest entry of ``expected`` unless it is given. NaN agrees with NaN only.
    """
    value, expected = np.asarray(value, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    require(
        value.shape == expected.shape,
        f"{what} has shape {value.shape}, {other} {expected.shape}",
    )
    if value.size == 0:
        return
    if scale is None:
        scale = float(np.nanmax(np.abs(expected), initial=0.0)) or 1.0
    same = (value == expected) | (np.isnan(value) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        distance = np.where(same, 0.0, np.abs(value - expected))
    distance = np.where(np.isnan(distance), np.inf, distance)
    at = np.unravel_index(int(distance.argmax()), distance.shape)
    where = f"at {tuple(int(i) for i in at)}" if at else ""
    require(
        distance[at] <= tolerance * scale,
        f"{what} is {value[at]:.10g} {where}, {other} {expected[at]:.10g}: they differ by "
        f"{distance[at]:.3g}, more than {tolerance:g} of {scale:.3g}",
    )


def require_symmetric_positive(what: str, matrix: Array) -> None:
    """Break the law unless a matrix is symmetric, and positive semi-definite up to rounding."""
    # Blocks of a kernel may be summed in another order on the two sides of the diagonal.
    require_close(what, matrix, "its transpose", matrix.T, 1e-12)
    values = np.linalg.eigvalsh(0.5 * (matrix + matrix.T))
    # n ε λ₁ is what rounding leaves of an eigenvalue 0; entries may be off by some ε themselves.
    limit = -1e3 * len(values) * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
    require(
        values[0] >= limit,
        f"{what} has the eigenvalue {values[0]:.6g} beside a largest of {values[-1]:.6g}; "
        "a kernel has none below 0",
    )
