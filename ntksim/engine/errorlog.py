"""What went wrong in a run, in full, as text beside the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ntksim.store import CellRecord


@dataclass(frozen=True)
class ErrorLog:
    """A text file to which every failure of a cell is added: time, cell, what happened and where.

    The message names the plugin. What earlier runs wrote stays.
    """

    path: Path

    def add(self, label: str, record: CellRecord) -> None:
        """Write the failure of a cell."""
        info = record.info
        text = (
            f"{info.get('finished_at', '')} {label}\n"
            f"cell {record.key}\n"
            f"{info.get('error', '')}\n"
            f"{info.get('traceback', '')}\n"
        )
        with open(self.path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
