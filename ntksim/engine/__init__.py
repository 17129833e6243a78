"""Runs the cells of a study with Dask."""

from ntksim.engine.cluster import NoScheduler
from ntksim.engine.events import CellFinished, Collecting, Event, Listener, RunStarted, Warned
from ntksim.engine.run import RunSummary, run

__all__ = [
    "CellFinished",
    "Collecting",
    "Event",
    "Listener",
    "NoScheduler",
    "RunStarted",
    "RunSummary",
    "Warned",
    "run",
]
