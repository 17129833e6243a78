"""The plugin manager: discovery, lookup by name, validated options, errors that name the plugin."""

from ntksim.registry.errors import OptionError, OptionProblem, RegistryError
from ntksim.registry.loading import BrokenPlugin, LocalPlugin
from ntksim.registry.offers import Offer, Origin
from ntksim.registry.registry import Registry

__all__ = [
    "BrokenPlugin",
    "LocalPlugin",
    "Offer",
    "OptionError",
    "OptionProblem",
    "Origin",
    "Registry",
    "RegistryError",
]
