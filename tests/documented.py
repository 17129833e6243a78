"""The code in a page of the documentation: files by name, and what is run as it stands."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def blocks(page: str) -> list[tuple[str, str]]:
    """Return language and content of every block of a page, in their order."""
    text = (DOCS / f"{page}.md").read_text("utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def file_name(content: str) -> str | None:
    """Return the name of the file that a block is, which its first line gives."""
    named = re.match(r"# ([\w.]+\.(?:py|yaml))\n", content)
    return named[1] if named else None


def files(page: str) -> dict[str, str]:
    """Return the contents of all files of a page."""
    return {name: content for _, content in blocks(page) if (name := file_name(content))}
