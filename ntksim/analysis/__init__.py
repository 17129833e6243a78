"""What is asked of stored results again and again, as functions and as the accessor ``.ntk``.

Importing this registers the accessor for trees and datasets of xarray, whoever opened them. Every
function takes and returns plain objects of xarray, with attributes, and computes nothing before it
is needed where the data are arrays of Dask.
"""

from __future__ import annotations

from ntksim.analysis.accessor import DatasetAccessor, TreeAccessor
from ntksim.analysis.bounds import bounds
from ntksim.analysis.cells import cells, done
from ntksim.analysis.choice import AnalysisError, at_time, chosen
from ntksim.analysis.gap import predictor_gap
from ntksim.analysis.seeds import over_seeds
from ntksim.analysis.spectra import spectrum
from ntksim.analysis.text import provenance_text, study_text
from ntksim.analysis.widths import width_exponent
from ntksim.store import open_results

__all__ = [
    "AnalysisError",
    "DatasetAccessor",
    "TreeAccessor",
    "at_time",
    "bounds",
    "cells",
    "chosen",
    "done",
    "open_results",
    "over_seeds",
    "predictor_gap",
    "provenance_text",
    "spectrum",
    "study_text",
    "width_exponent",
]
