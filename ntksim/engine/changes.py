"""What differs between a study and the one that a store was computed with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ntksim.registry.errors import shown
from ntksim.store import StoreIdentity, belongs_to
from ntksim.store.identity import require_readable, require_study
from ntksim.study import Cell, Plan, Study
from ntksim.types import Dataset

OWN = "ntksim"
"""The distribution of what comes with ntksim."""

_DIGITS = 12
"""Characters of a SHA-256 that are shown."""


def store_of(study: Study, path: Path) -> StoreIdentity | None:
    """Return what lies at a path if it is the store of a study, ``None`` if nothing does.

    Raises
    ------
    StoreUnusable
        If it belongs to another study or cannot be read.
    """
    identity = belongs_to(path)
    if identity is None:
        return None
    return require_study(require_readable(identity, path), study.name, path)


def code_changes(identity: StoreIdentity, study: Study) -> list[str]:
    """Say which plugins of a study have other code than those that computed a store.

    Plugins that only one of both uses do not count, and neither does what a store does not say.
    """
    return list(_Before(identity.attributes).code(study.resolved()))


class Comparison:
    """Says for each cell of a plan that is not stored why it is not."""

    def __init__(self, identity: StoreIdentity | None, study: Study, plan: Plan) -> None:
        self._before = None if identity is None else _Before(identity.attributes)
        self._now = study.resolved()
        self._plan = plan

    def reasons(self, keys: set[str]) -> dict[str, str]:
        """Return a reason for each of some cells.

        ``changed: …`` where the store has a cell with the same labels that was another one, with
        what differs; ``not computed yet`` where it is the same one; ``new`` everywhere else.
        """
        found = dict.fromkeys(keys, "new")
        if self._before is None:
            return found
        code = list(self._before.code(self._now))
        left = set(keys)
        for index, key in self._plan.cells.items():
            if not isinstance(key, str) or key not in left:
                continue
            cell = self._plan.cell(index)
            if self._before.knows(cell):
                left.remove(key)
                data = self._plan.datasets[cell.dataset.label]
                uses_kernel = self._plan.tasks[key].kernel_key is not None
                changes = [*self._before.changes(cell, data, uses_kernel, self._now), *code]
                found[key] = f"changed: {'; '.join(changes)}" if changes else "not computed yet"
        return found


class _Before:
    """The study that a store was computed with, as far as its root's attributes tell."""

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        study: dict[str, Any] = _parsed(attributes.get("study_resolved"), {})
        self.study = study if _is_resolved(study) else {}
        plugins: dict[str, Any] = _parsed(attributes.get("plugins"), {})
        self.plugins = {name: item for name, item in plugins.items() if isinstance(item, dict)}
        self.numerics = attributes.get("numerics_version")
        datasets: list[Any] = _parsed(attributes.get("datasets"), [])
        self.data = {item["label"]: item.get("sha256") for item in datasets if _is_labelled(item)}
        self.choices = {axis: _choices(self.study, axis) for axis in _CHOSEN}

    def code(self, now: Mapping[str, Any]) -> Iterator[str]:
        """Yield what differs in the code."""
        after = now["plugins"]
        for name in sorted(self.plugins.keys() & after.keys()):
            before, now_ = self.plugins[name], after[name]
            if before.get("distribution") == now_["distribution"] == OWN:
                continue  # governed by the version of the numerics, below
            old, new = _version(before), _version(now_)
            if old != new:
                yield f"plugin '{name}' was {old} and is {new}"
            elif (was := before.get("code")) and was != now_["code"]:
                yield (
                    f"plugin '{name}' still is {new}, but its code has changed: SHA-256 "
                    f"{str(was)[:_DIGITS]}… before, {now_['code'][:_DIGITS]}… now"
                )
        if self.numerics not in (None, now["numerics"]):
            yield f"ntksim's numerics were version {self.numerics} and are {now['numerics']}"

    def changes(
        self, cell: Cell, data: Dataset, uses_kernel: bool, now: Mapping[str, Any]
    ) -> Iterator[str]:
        """Yield what differs in a cell with labels that are known."""
        if self.data.get(cell.dataset.label) != data.content_hash:
            yield f"the data of '{cell.dataset.label}'"
        for axis in ("architecture", "kernel", "solver"):
            if axis == "kernel" and not uses_kernel:
                continue
            label = getattr(cell, axis).label
            old, new = self.choices[axis][label], _choices(now, axis)[label]
            for option, was, is_ in _differences(old, new):
                yield f"{option} of {axis} '{label}' was {shown(was)} and is {shown(is_)}"
        if self.study.get("root") != now["root"]:
            yield f"the root of seeds was {self.study.get('root')} and is {now['root']}"
        for name, words in (
            ("time", "the times"),
            ("record", "what is recorded"),
            ("initial_output", "the initial output"),
        ):
            if self.study.get(name) != now[name]:
                yield words

    def knows(self, cell: Cell) -> bool:
        """Whether there was a cell with the same labels."""
        return (
            bool(self.study)
            and all(getattr(cell, axis).label in self.choices[axis] for axis in _CHOSEN)
            and _strict(cell.width.value) in self.study["width"]
            and cell.seed.value in self.study["seed"]
        )


_CHOSEN = ("dataset", "architecture", "kernel", "solver")


def _is_labelled(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("label"), str)


def _is_resolved(study: Mapping[str, Any]) -> bool:
    """Whether it is a study as ``Study.resolved`` writes it: a store may come from anywhere."""
    choices = (study.get(axis) for axis in _CHOSEN)
    numbers = (study.get(axis) for axis in ("width", "seed"))
    return all(isinstance(c, list) and all(map(_is_labelled, c)) for c in choices) and all(
        isinstance(values, list) for values in numbers
    )


def _choices(study: Mapping[str, Any], axis: str) -> dict[str, Any]:
    return {item["label"]: item for item in study.get(axis, [])}


def _strict(width: float) -> Any:
    return ".inf" if width == float("inf") else width


def _differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the options that differ, at any depth, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _differences(
                old.get(name), new.get(name), f"{path}.{name}" if path else name
            )
    elif old != new:
        yield path, old, new


def _parsed(text: Any, default: Any) -> Any:
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return default
    return found if isinstance(found, type(default)) else default


def _version(plugin: Mapping[str, Any]) -> str:
    if digest := plugin.get("sha256"):
        return f"a file with SHA-256 {str(digest)[:_DIGITS]}…"
    return f"{plugin.get('distribution', '')} {plugin.get('version', '')}".strip()
