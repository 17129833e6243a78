"""Options that several sources share, each with the description that a study's author reads.

They are written as annotations, because a docstring below a field is not inherited with it.
"""

from typing import Annotated, Literal, TypeAlias

from ntksim import NonNegativeInt, PositiveInt
from pydantic import Field

from ntksim_builtin.datasets.preparing.coding import Coding
from ntksim_builtin.datasets.preparing.scaling import InputScaling

TrainPoints: TypeAlias = Annotated[
    PositiveInt | None,
    Field(description="Number of training points; all that `test` leaves when not given."),
]

TestPoints: TypeAlias = Annotated[
    NonNegativeInt | None,
    Field(
        description="Number of test points; all that `train` leaves when not given, and a fifth of "
        "the points when neither is."
    ),
]

SplitSeed: TypeAlias = Annotated[
    NonNegativeInt, Field(description="Seed of the random choice of training and test points.")
]

ScalingOption: TypeAlias = Annotated[
    InputScaling,
    Field(
        description="Scaling of the inputs, with statistics of the training points: `standard` "
        "(every feature to mean 0 and variance 1), `min_max` (every feature to 0…1), `unit_max` "
        "(largest absolute value 1), `unit_norm` (every point to norm 1), `standard_unit_norm` "
        "(one after the other) or `none`."
    ),
]

CentreTargets: TypeAlias = Annotated[
    bool, Field(description="Subtract the mean of the training targets, output by output.")
]

ScaleTargets: TypeAlias = Annotated[
    bool,
    Field(description="Divide by the standard deviation of the training targets, each output."),
]

CodingOption: TypeAlias = Annotated[
    Coding,
    Field(
        description="Coding of the classes: `sign` (one output, -1 for the first of two classes "
        "and +1 for the second), `one_hot`, `centred_one_hot` (minus 1/classes), or `auto`: "
        "`sign` for two classes and `centred_one_hot` for more."
    ),
]

LabelsOption: TypeAlias = Annotated[
    Literal["original", "random"],
    Field(
        description="`random` draws every training label uniformly from the classes; test labels "
        "stay as they are."
    ),
]

LabelSeed: TypeAlias = Annotated[NonNegativeInt, Field(description="Seed of random labels.")]
