"""Lets docstrings be plain text: |x| is a magnitude, `name` is code, an indented line an equation.

reStructuredText would take the first for a substitution, the second for a title and would fold the
third into a paragraph.
"""

import re
from collections.abc import Iterable
from typing import Any

_CODE = re.compile(r"(``.+?``|(?<![`:\w])`[^`]+`(?![`_]))", re.DOTALL)
_MARKUP = re.compile(r"([|*])")


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-process-signature", _process_signature)
    return {"parallel_read_safe": True}


def _process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    del app, what, name, obj, options
    lines[:] = _restructured(lines)


def _process_signature(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str, returned: str
) -> tuple[str | None, str | None]:
    """Show an alias such as Array by its name, which Sphinx wraps where it stands in a union."""
    del app, what, name, obj, options
    return _plain_alias(signature), _plain_alias(returned)


def _plain_alias(text: str | None) -> str | None:
    return None if text is None else re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text)


def _restructured(lines: Iterable[str]) -> list[str]:
    """Return a docstring in which only code, equations and sections are markup."""
    made: list[str] = []
    for block in re.split(r"\n[ \t]*\n", "\n".join(lines)):
        if made and block.startswith("    "):
            made += ["::", "", *block.splitlines(), ""]
        else:
            made += [*_escaped(block).splitlines(), ""]
    return made


def _escaped(text: str) -> str:
    parts = _CODE.split(text)
    made = ""
    for i, part in enumerate(parts):
        if i % 2 == 0:
            made += _MARKUP.sub(r"\\\1", part)
            continue
        # A backslash and a blank, which vanish, let code begin and end inside of a word.
        before = "\\ " if made and not made[-1].isspace() else ""
        after = "\\ " if re.match(r"[\w(]", parts[i + 1]) else ""
        made += f"{before}``{' '.join(part.strip('`').split())}``{after}"
    return made
