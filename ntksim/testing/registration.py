"""Laws of every plugin: it can be registered, and a study can name it with its options."""

from __future__ import annotations

from collections.abc import Callable

from ntksim.registry import Origin, Registry
from ntksim.registry.offers import Offer, fault_of
from ntksim.testing.law import label_of, require
from ntksim.types import Plugin


def can_be_registered(plugin: Plugin) -> None:
    """The class has a name, a docstring and typed options, and is a frozen dataclass."""
    fault = fault_of(plugin.kind, type(plugin))
    require(fault is None, f"ntksim would refuse it: {fault}")


def survives_a_study(plugin: Plugin) -> None:
    """A study that names it with its options makes an equal plugin, with the same label."""
    offer = Offer(plugin.kind, type(plugin), Origin("under_test", "", "", ""))
    others = [other for other in Registry.load().offers if other.cls is not type(plugin)]
    registry = Registry((offer, *others), ())
    reference = registry.reference(plugin)
    again = registry.create(type(plugin).__mro__[_depth_of_kind(type(plugin))], reference)
    require(again == plugin, f"the options {reference} make {again!r}, not {plugin!r}")
    require(
        label_of(again) == label_of(plugin),
        f"it is labelled {label_of(plugin)!r}, and {label_of(again)!r} when it is made again",
    )


def has_a_label(plugin: Plugin) -> None:
    """Its label is a short text that can name a group and a coordinate."""
    label = label_of(plugin)
    require(
        label and len(label) <= 200 and "/" not in label and label.isprintable(),
        f"its label is {label!r}; it must be printable, without '/', of 1 to 200 characters",
    )


def _depth_of_kind(cls: type[Plugin]) -> int:
    return next(i for i, base in enumerate(cls.__mro__) if "kind" in vars(base))


EVERY_PLUGIN: tuple[Callable[[Plugin], None], ...] = (
    can_be_registered,
    survives_a_study,
    has_a_label,
)
