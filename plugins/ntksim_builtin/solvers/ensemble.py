"""Gradient descent of several networks of one architecture together, on the same points."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from ntksim.nn import ComposedNetwork, Recycling
from ntksim.types import Array, Network, Params

from ntksim_builtin.solvers.descent import TrainingState, descend, steepness

Together: TypeAlias = Generator[dict[int, TrainingState], Collection[int] | None, None]
"""States of all members that are still trained, by their number; members that are sent are left
out from then on."""


def descend_together(
    network: Network,
    starts: Sequence[Params],
    x: Array,
    targets: Sequence[Array],
    learning_rates: Sequence[float],
    ridge: float = 0.0,
) -> Together:
    """Yield what ``descend`` yields for each of the starts, step by step, to the last bit.

    Small networks are stacked, so that a step of many of them takes hardly more calls than one of a
    single network; it ends when all members are left out.
    """
    parts: list[_Alone | _Stack] = []
    most = 1
    if type(network) is ComposedNetwork and starts:
        most = network.members_at_once(starts[0], len(x))
    for first in range(0, len(starts), most):
        members = list(range(first, min(first + most, len(starts))))
        if type(network) is ComposedNetwork and len(members) > 1:
            parts.append(_Stack(network, members, starts, x, targets, learning_rates, ridge))
        else:
            parts += [
                _Alone(m, descend(network, starts[m], x, targets[m], learning_rates[m], ridge))
                for m in members
            ]
    while parts:
        states: dict[int, TrainingState] = {}
        for part in parts:
            states |= part.next()
        gone = set((yield states) or ())
        parts = [part for part in parts if part.keep_without(gone)]


class _Alone:
    """A member that takes its steps by itself."""

    def __init__(self, member: int, states: Iterator[TrainingState]) -> None:
        self._member, self._states = member, states

    def next(self) -> dict[int, TrainingState]:
        return {self._member: next(self._states)}

    def keep_without(self, gone: set[int]) -> bool:
        return self._member not in gone


class _Stack:
    """Members whose parameters lie behind each other, in arrays with an axis more in front."""

    def __init__(
        self,
        network: ComposedNetwork,
        members: list[int],
        starts: Sequence[Params],
        x: Array,
        targets: Sequence[Array],
        learning_rates: Sequence[float],
        ridge: float,
    ) -> None:
        self._network, self._members, self._x, self._ridge = network, members, x, ridge
        self._starts = [starts[member] for member in members]
        self._current = {
            name: np.stack([np.asarray(start[name], dtype=np.float64) for start in self._starts])
            for name in self._starts[0]
        }
        self._targets = np.stack([targets[member] for member in members])
        self._rates = np.array([learning_rates[member] for member in members])
        self._slopes: dict[str, Array] = {}
        self._params: list[Params] = []  # views of the members, made when there are others
        self._step = -1
        self._recycling = Recycling()

    def next(self) -> dict[int, TrainingState]:
        """Take a step, but the first time, and return the states after it."""
        for name, slope in self._slopes.items():
            rates = self._rates.reshape(-1, *(1,) * (slope.ndim - 1))
            self._current[name] -= rates * slope
        self._slopes.clear()
        self._step += 1
        with self._recycling:
            values, gradients = self._network.values_and_vjps(
                self._current, self._x, lambda outputs: outputs - self._targets
            )
        self._slopes = dict(gradients)
        number = len(self._members)
        losses = 0.5 * ((values - self._targets) ** 2).reshape(number, -1).sum(axis=1)
        if self._ridge > 0:
            for name, slope in gradients.items():
                initial = np.stack([start[name] for start in self._starts])
                moved = self._current[name] - initial
                losses += 0.5 * self._ridge * _squares(moved)
                moved *= self._ridge
                moved += slope
                self._slopes[name] = moved
        # Added up by Python as in ``descend``: from 3.12 on it carries rounding errors along.
        parts = [_squares(slope).tolist() for slope in self._slopes.values()]
        squares = [sum(own) for own in zip(*parts, strict=True)] if parts else [0.0] * number
        if not self._params:
            self._params = [
                {
                    name: self._current[name][index] if name in self._slopes else value
                    for name, value in start.items()
                }
                for index, start in enumerate(self._starts)
            ]
        members = enumerate(zip(self._members, losses.tolist(), squares, strict=True))
        return {
            member: TrainingState(
                self._step,
                self._params[index],
                values[index],
                loss,
                steepness(square, (slope[index] for slope in self._slopes.values())),
            )
            for index, (member, loss, square) in members
        }

    def keep_without(self, gone: set[int]) -> bool:
        """Forget members, and say whether there are any left."""
        left = [index for index, member in enumerate(self._members) if member not in gone]
        if len(left) < len(self._members):
            self._members = [self._members[index] for index in left]
            self._starts = [self._starts[index] for index in left]
            self._current = {name: value[left] for name, value in self._current.items()}
            self._slopes = {name: value[left] for name, value in self._slopes.items()}
            self._targets, self._rates = self._targets[left], self._rates[left]
            self._params = []
        return bool(left)


def _squares(stacked: Array) -> Array:
    """Sum of squares of each member, (S,)."""
    rows = stacked.reshape(len(stacked), -1)
    return np.vecdot(rows, rows)
