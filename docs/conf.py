"""Builds the documentation: ``sphinx-build -W docs docs/_build``."""

import sys
from pathlib import Path

from ntksim.version import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "ntksim"
author = "The ntksim developers"
copyright = author  # noqa: A001 - Sphinx's name
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "plain_docstrings",
    "plugin_options",
    "sphinx_click",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_extensions"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
autodoc_type_aliases = {"Array": "Array", "Params": "Params"}
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False

# Other projects are linked where their pages can be reached; a build without a network works too.
intersphinx_mapping = {}

html_theme = "furo"
html_title = f"ntksim {version}"
html_static_path: list[str] = []
