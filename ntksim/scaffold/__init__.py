"""New projects for people who extend ntksim and new studies, written from templates."""

from ntksim.scaffold.plugin import PluginNameError, new_plugin
from ntksim.scaffold.study import StudyNameError, new_study

__all__ = ["PluginNameError", "StudyNameError", "new_plugin", "new_study"]
