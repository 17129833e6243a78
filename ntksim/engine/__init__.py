"""Runs the cells of a study with Dask."""

from ntksim.engine.cluster import NoScheduler
from ntksim.engine.events import (
    CellFinished,
    Collecting,
    Event,
    Interrupted,
    Listener,
    RunStarted,
    Warned,
)
from ntksim.engine.outlook import Outlook, check
from ntksim.engine.resources import BadRequest
from ntksim.engine.run import RunSummary, run

__all__ = [
    "BadRequest",
    "CellFinished",
    "Collecting",
    "Event",
    "Interrupted",
    "Listener",
    "NoScheduler",
    "Outlook",
    "RunStarted",
    "RunSummary",
    "Warned",
    "check",
    "run",
]
