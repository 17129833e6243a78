"""What a benchmark declares: contenders that do the same, and the ratios that are asked for.

This module and those of the targets import the standard library alone at the top, so that a worker
in an environment of its own can read them; what a contender needs, its function imports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Run = Callable[[], Mapping[str, float] | None]
"""What is timed. Numbers that it returns (errors, seconds of a part) are recorded beside."""


@dataclass(frozen=True)
class Contender:
    """A function that prepares a run, in a process of its own.

    ``function`` is ``module:name`` under ``benchmarks``, such as ``analytic:numpy_recursion``. It
    is called once with ``arguments``, which must be plain JSON, makes its data and returns the
    ``Run``. ``environment`` names an entry of ``environments.ENVIRONMENTS``.
    """

    name: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    environment: str = "ntksim"
    threads: int = 1


@dataclass(frozen=True)
class Ratio:
    """A quotient of times, round by round: ``slow`` over ``fast``.

    ``at_least`` or ``at_most`` is what is wanted of its median; neither means that it is shown
    without judgement. ``slow`` may be a sum of contenders.
    """

    slow: str | tuple[str, ...]
    fast: str | tuple[str, ...]
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.at_least is not None and self.at_most is not None:
            raise ValueError("a ratio has at_least or at_most, not both")

    @property
    def label(self) -> str:
        """The quotient in words."""
        return f"{_sum(self.slow)} / {_sum(self.fast)}"


@dataclass(frozen=True)
class Comparison:
    """Contenders that are measured in turn, round after round, and the ratios between them."""

    name: str
    contenders: tuple[Contender, ...]
    ratios: tuple[Ratio, ...] = ()
    rounds: int = 5

    def __post_init__(self) -> None:
        names = [contender.name for contender in self.contenders]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: two contenders have one name among {names}")
        for ratio in self.ratios:
            for part in (*parts(ratio.slow), *parts(ratio.fast)):
                if part not in names:
                    raise ValueError(f"{self.name}: no contender {part!r} among {names}")


class Target(Protocol):
    """A module ``benchmarks/<target>.py``; its docstring's first line is its title."""

    __doc__: str | None

    @staticmethod
    def comparisons(*, quick: bool) -> Iterable[Comparison]:
        """What is measured; ``quick`` asks for sizes that take seconds."""
        ...


def parts(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the contenders of one side of a ratio."""
    return (names,) if isinstance(names, str) else names


def _sum(names: str | tuple[str, ...]) -> str:
    return names if isinstance(names, str) else "(" + " + ".join(names) + ")"
