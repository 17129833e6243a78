"""The axes that are plugins: each value a name, or a mapping of a name, options and a label."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ntksim.hookspecs import KINDS
from ntksim.registry import OptionError, Registry, RegistryError
from ntksim.registry.errors import shown
from ntksim.study.place import Place
from ntksim.study.problems import KeyPath
from ntksim.study.reference import EMPTY, Reference
from ntksim.types import DatasetSource, Plugin

_LONGEST_LABEL = 100


@dataclass(frozen=True)
class AxisValue:
    """One value of an axis: a plugin with its canonical reference, or a number with an empty one.

    ``label`` is its coordinate in the results, ``path`` where the study gives it. Values are equal
    when label and reference are.
    """

    label: str
    value: Any = field(compare=False)
    reference: Reference = EMPTY
    path: KeyPath = field(default=(), compare=False)


def chosen(
    place: Place, kind: str, value: Any, registry: Registry, folder: Path
) -> tuple[AxisValue, ...]:
    """Return the plugins of one axis; each has options, a label and content of its own."""
    values = [
        found
        for at, item in place.elements(value, kind)
        if (found := _one(at, kind, item, registry, folder)) is not None
    ]
    _refuse_repeated(place, kind, values)
    return tuple(values)


def created(place: Place, kind: str, value: Any, registry: Registry) -> Plugin | None:
    """Make a plugin of what a study says, or note what is wrong with it, option by option."""
    base, _ = KINDS[kind]
    try:
        return registry.create(base, value)
    except OptionError as error:
        for problem in error.problems:
            place.at(*problem.path).refuse(problem.message, key=problem.at_key)
    except Exception as error:  # noqa: BLE001 - the options' checks are a stranger's code
        place.refuse(described(error))
    return None


def described(error: BaseException) -> str:
    """Return an exception as one sentence, with its notes."""
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
    return f"{kind}{error}{notes}"


def _one(place: Place, kind: str, item: Any, registry: Registry, folder: Path) -> AxisValue | None:
    given = None
    if isinstance(item, dict) and "label" in item:
        given = item["label"]
        item = {key: value for key, value in item.items() if key != "label"}
        if not _is_label(place.at("label"), given):
            return None
    plugin = created(place, kind, item, registry)
    if plugin is None:
        return None
    try:
        offer = registry.offer_of(plugin)
        with offer.blamed("reading its options"):
            if isinstance(plugin, DatasetSource):
                plugin = plugin.located(folder)
            label = plugin.label() if given is None else given  # type: ignore[attr-defined]
            reference = Reference.of(registry.reference(plugin))
    except RegistryError as error:
        place.refuse(str(error))
        return None
    except Exception as error:  # noqa: BLE001 - a stranger's code
        place.refuse(described(error))
        return None
    if given is None and not _is_label(place, label):
        return None
    return AxisValue(label, plugin, reference, place.path)


def _is_label(place: Place, label: Any) -> bool:
    fits = isinstance(label, str) and label.isprintable() and label.strip() == label != ""
    if not fits or len(label) > _LONGEST_LABEL:
        place.refuse(
            f"{shown(label)} is not a label: a printable text of 1 to {_LONGEST_LABEL} "
            "characters, without spaces at its ends"
        )
        return False
    return True


def _refuse_repeated(place: Place, kind: str, values: list[AxisValue]) -> None:
    contents: dict[Any, AxisValue] = {}
    labels: dict[str, AxisValue] = {}
    for value in values:
        at = Place(place.source, place.problems, value.path)
        if value.reference in contents:
            at.refuse(f"{kind} '{value.label}' is there twice, with the same options")
        elif value.label in labels:
            at.refuse(
                f"two values of {kind} have the label '{value.label}'; give one of them a label of "
                f"its own, such as {{name: …, label: {value.label}-2}}"
            )
        contents[value.reference] = labels[value.label] = value
