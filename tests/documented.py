"""The code in docs/cookbook.md: files by name, and what is run as it stands."""

import re
from pathlib import Path

COOKBOOK = Path(__file__).parent.parent / "docs" / "cookbook.md"


def blocks() -> list[tuple[str, str]]:
    """Return language and content of every block, in their order."""
    return re.findall(
        r"^```(\w+)\n(.*?)^```", COOKBOOK.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )


def file_name(content: str) -> str | None:
    """Return the name of the file that a block is, which its first line gives."""
    named = re.match(r"# ([\w.]+\.(?:py|yaml))\n", content)
    return named[1] if named else None


def files() -> dict[str, str]:
    """Return the contents of all files."""
    return {name: content for _, content in blocks() if (name := file_name(content))}
