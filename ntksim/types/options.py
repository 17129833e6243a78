"""Types for the options of plugins; each states its bounds in the JSON Schema too."""

from typing import Annotated, TypeAlias

from pydantic import Field

PositiveInt: TypeAlias = Annotated[int, Field(gt=0)]
NonNegativeInt: TypeAlias = Annotated[int, Field(ge=0)]
PositiveFloat: TypeAlias = Annotated[float, Field(gt=0)]
NonNegativeFloat: TypeAlias = Annotated[float, Field(ge=0)]
