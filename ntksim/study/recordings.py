"""What a study records: diagnostics, whole or variable by variable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ntksim.registry import Offer, Registry
from ntksim.registry.errors import listing, nearest, shown
from ntksim.study.choices import created, described
from ntksim.study.place import Place
from ntksim.study.plain import as_text
from ntksim.study.problems import KeyPath
from ntksim.study.reference import Reference
from ntksim.types import Diagnostic

DEFAULT_RECORD = ["predictions", "loss"]


@dataclass(frozen=True)
class Recording:
    """A diagnostic and those of its variables that are kept, in the order it declares them."""

    diagnostic: Diagnostic = field(compare=False)
    variables: tuple[str, ...]
    reference: Reference
    path: KeyPath = field(default=(), compare=False)


def recordings(place: Place, value: Any, registry: Registry) -> tuple[Recording, ...]:
    """Return what is recorded: groups by the diagnostic's name, variables by their own."""
    merged: dict[Reference, Recording] = {}
    seen: set[str] = set()
    for at, item in place.elements(value, "record"):
        text = as_text(item)
        if text in seen:
            at.refuse(f"{shown(item)} is there twice")
            continue
        seen.add(text)
        found = _recording(at, item, registry)
        if found is None:
            continue
        before = merged.get(found.reference, found)
        names = {*before.variables, *found.variables}
        ordered = tuple(name for name in found.diagnostic.variables if name in names)
        merged[found.reference] = Recording(
            before.diagnostic, ordered, found.reference, before.path
        )
    _refuse_clashes(place, merged.values())
    return tuple(merged.values())


def _recording(place: Place, item: Any, registry: Registry) -> Recording | None:
    offers = registry.of_kind("diagnostic")
    wanted: tuple[str, ...] | None = None
    reference = item
    if isinstance(item, str) and not any(item in names_of(offer) for offer in offers):
        sources = [offer for offer in offers if item in offer.cls.variables]  # type: ignore[attr-defined]
        if len(sources) != 1:
            place.refuse(_unknown(item, offers, sources, registry))
            return None
        wanted, reference = (item,), sources[0].qualified_name
    diagnostic = created(place, "diagnostic", reference, registry)
    if not isinstance(diagnostic, Diagnostic):
        return None
    try:
        canonical = Reference.of(registry.reference(diagnostic))
    except Exception as error:  # noqa: BLE001 - a stranger's code
        place.refuse(described(error))
        return None
    return Recording(diagnostic, wanted or tuple(diagnostic.variables), canonical, place.path)


def names_of(offer: Offer) -> tuple[str, str]:
    """Return the two names by which a study can call a plugin."""
    return offer.cls.name, offer.qualified_name


def _unknown(
    name: str, offers: Iterable[Offer], sources: Iterable[Offer], registry: Registry
) -> str:
    if claims := [offer.qualified_name for offer in sources]:
        return f"'{name}' is recorded by several diagnostics; name one of them: {listing(claims)}"
    groups = {offer.cls.name for offer in offers}
    variables = {name for offer in offers for name in offer.cls.variables}  # type: ignore[attr-defined]
    close = nearest(name, groups | variables)
    message = f"there is no diagnostic or variable {shown(name)}{close}; "
    message += f"diagnostics are {listing(groups)}"
    if not close:  # the variables are many, and of use only where the name is not a slip of the pen
        message += f"; variables are {listing(variables)}"
    if registry.broken:
        reasons = "; ".join(f"{broken.origin}: {broken.reason}" for broken in registry.broken)
        message += f" (not loaded: {reasons})"
    return message


def _refuse_clashes(place: Place, found: Iterable[Recording]) -> None:
    owners: dict[str, str] = {}
    for recording in found:
        at = Place(place.source, place.problems, recording.path)
        name = recording.reference["name"]
        for variable in recording.variables:
            if variable in owners:
                at.refuse(
                    f"'{variable}' is recorded twice, by {owners[variable]} and by {name}; record "
                    "each variable once"
                )
            owners[variable] = name
