"""Looking plugins up by name and making them from what a study says."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from ntksim.hookspecs import KINDS
from ntksim.registry.errors import (
    OptionError,
    OptionProblem,
    RegistryError,
    listing,
    nearest,
    problems_of,
    shown,
)
from ntksim.registry.loading import BrokenPlugin, LocalPlugin, load_installed, load_local
from ntksim.registry.offers import Offer
from ntksim.registry.options import adapter, unannotated
from ntksim.types import Plugin

P = TypeVar("P", bound=Plugin)


@dataclass(frozen=True)
class Registry:
    """All plugins of one study, fixed once loaded; nothing is registered globally."""

    offers: tuple[Offer, ...]
    broken: tuple[BrokenPlugin, ...]
    local: tuple[LocalPlugin, ...] = ()
    blocked: frozenset[str] = frozenset()

    @classmethod
    def load(cls, local: Iterable[LocalPlugin] = (), block: Collection[str] = ()) -> Registry:
        """Load every installed plugin but the blocked ones, and the given local files."""
        local = tuple(local)
        offers: list[Offer] = []
        broken: list[BrokenPlugin] = []
        for loaded in (*load_installed(block), *load_local(local)):
            if isinstance(loaded, BrokenPlugin):
                broken.append(loaded)
            else:
                offers.extend(loaded)
        return cls(tuple(offers), tuple(broken), local, frozenset(block))

    def of_kind(self, kind: str) -> tuple[Offer, ...]:
        """Return all offers of a kind."""
        return tuple(offer for offer in self.offers if offer.kind == kind)

    def offer(self, kind: str, name: str) -> Offer:
        """Find an offer by its name or its qualified name ``plugin:name``.

        Raises
        ------
        RegistryError
            If there is none, or several under a bare name; the message says what there is.
        """
        offers = self.of_kind(kind)
        found = [o for o in offers if name in (o.cls.name, o.qualified_name)]
        if len(found) == 1:
            return found[0]
        if found:
            origins = " and ".join(f"'{o.qualified_name}' ({o.origin})" for o in found)
            raise RegistryError(f"{kind} '{name}' is offered more than once; write {origins}")
        names = {o.cls.name for o in offers} | (
            {o.qualified_name for o in offers} if ":" in name else set()
        )
        message = (
            f"there is no {kind} '{name}'; there are {listing(o.cls.name for o in offers)}"
            f"{nearest(name, names)}"
        )
        if self.broken:
            reasons = "; ".join(f"{b.origin}: {b.reason}" for b in self.broken)
            message += f" (not loaded: {reasons})"
        raise RegistryError(message)

    def offer_of(self, plugin: Plugin) -> Offer:
        """Find the offer that an instance belongs to.

        Raises
        ------
        RegistryError
            If its class is not one of this registry's.
        """
        for offer in self.offers:
            if offer.cls is type(plugin):
                return offer
        raise RegistryError(f"{type(plugin).__name__} is not offered by any loaded plugin")

    def create(self, kind: type[P], reference: Any) -> P:
        """Make a plugin from a name, or a mapping of ``name`` and options.

        Raises
        ------
        RegistryError
            If there is no such plugin; as an ``OptionError`` if its options are wrong.
        """
        return cast("P", self._resolve(kind.kind, reference))

    def reference(self, plugin: Plugin) -> dict[str, Any]:
        """Return the canonical reference to a plugin: qualified name and every option.

        It is plain JSON (infinity excepted) and ``create`` makes an equal plugin of it.
        """
        offer = self.offer_of(plugin)
        options = adapter(type(plugin)).dump_python(
            plugin, mode="json", context={"refer": self.reference}, warnings="error"
        )
        return {"name": offer.qualified_name, **options}

    def _resolve(self, kind: str, reference: Any) -> Plugin:
        base, _ = KINDS[kind]
        if isinstance(reference, base):
            return reference
        if isinstance(reference, str):
            reference = {"name": reference}
        if not isinstance(reference, Mapping) or not isinstance(reference.get("name"), str):
            problem = f"{shown(reference)} names no {kind}: write a name, or a mapping with 'name'"
            raise OptionError(kind, [OptionProblem((), problem)])
        try:
            offer = self.offer(kind, reference["name"])
        except OptionError:
            raise
        except RegistryError as error:
            raise OptionError(kind, [OptionProblem(("name",), str(error))]) from None
        options = {key: value for key, value in reference.items() if key != "name"}
        try:
            text = json.dumps(options)
        except TypeError as error:
            raise OptionError(kind, [OptionProblem((), str(error))]) from None
        context = {"resolve": self._resolve}
        try:
            return adapter(offer.cls).validate_json(text, strict=True, context=context)
        except ValidationError as error:
            problems = problems_of(
                error,
                options,
                offer.cls.name,
                offer.options,
                hint=lambda name: unannotated(offer.cls, name),
            )
            raise OptionError(offer.cls.name, problems) from None
