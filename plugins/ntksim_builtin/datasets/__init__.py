"""Sources of training and test data."""

from ntksim import DatasetSource

from ntksim_builtin.datasets.bundled_classification import BreastCancer, Digits, Iris, Wine
from ntksim_builtin.datasets.bundled_regression import Diabetes, Linnerud
from ntksim_builtin.datasets.circle import Circle
from ntksim_builtin.datasets.file import File
from ntksim_builtin.datasets.line_function import LineFunction
from ntksim_builtin.datasets.linear_teacher import LinearTeacher
from ntksim_builtin.datasets.sphere import Sphere
from ntksim_builtin.datasets.three_points import ThreePoints

DATASETS: tuple[type[DatasetSource], ...] = (
    ThreePoints,
    Circle,
    Sphere,
    LineFunction,
    LinearTeacher,
    Digits,
    Iris,
    Wine,
    BreastCancer,
    Diabetes,
    Linnerud,
    File,
)
"""What the hook ``ntksim_datasets`` offers."""

__all__ = [
    "DATASETS",
    "BreastCancer",
    "Circle",
    "Diabetes",
    "Digits",
    "File",
    "Iris",
    "LineFunction",
    "LinearTeacher",
    "Linnerud",
    "Sphere",
    "ThreePoints",
    "Wine",
]
