"""New projects for people who extend ntksim, written from templates."""

from ntksim.scaffold.plugin import PluginNameError, new_plugin

__all__ = ["PluginNameError", "new_plugin"]
