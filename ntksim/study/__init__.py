"""Studies: YAML to a validated study, and a study to the cells of its grid."""

from ntksim.study.applicability import NotApplicable
from ntksim.study.choices import AxisValue
from ntksim.study.grid import plan_cells
from ntksim.study.load import load_study
from ntksim.study.model import AXES, Study
from ntksim.study.plan import Cell, CellIndex, Plan, Positions
from ntksim.study.problems import StudyError, StudyProblem
from ntksim.study.recordings import Recording
from ntksim.study.reference import Reference
from ntksim.study.schema import json_schema
from ntksim.study.source import Source
from ntksim.study.task import CellTask, KernelTask, ModelTask, RecordTask

__all__ = [
    "AXES",
    "AxisValue",
    "Cell",
    "CellIndex",
    "CellTask",
    "KernelTask",
    "ModelTask",
    "NotApplicable",
    "Plan",
    "Positions",
    "RecordTask",
    "Recording",
    "Reference",
    "Source",
    "Study",
    "StudyError",
    "StudyProblem",
    "json_schema",
    "load_study",
    "plan_cells",
]
