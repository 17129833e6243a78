"""The tangent kernel as a function of one point, the other one held fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Network, NoClosedForm, Variable, VariableSpec
from pydantic import Field


@dataclass(frozen=True)
class KernelField(Diagnostic):
    """Infinite-width tangent kernel k(x, anchor) over a plane of points x, for several anchors.

    It says how a residual at the anchor moves the output at x when training sets off. For inputs
    with two features only. ``kernel_profile`` goes around the circle through the anchor: for a
    ReLU network without biases, ‖x‖ ‖anchor‖ k(θ) with

        k(θ) = (2 (π − θ) cos θ + sin θ)/(2π)

    for one hidden layer, which falls with the angle through 0 to a minimum, and returns to 0 at π
    (Jacot et al. 2018; Bietti and Mairal 2019).
    """

    name: ClassVar[str] = "kernel_field"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "kernel_field": VariableSpec(
            ("anchor", "field_y", "field_x"),
            "tangent kernel between a point of the plane and an anchor",
            description="at infinite width; entry (a, j, i) belongs to the point with first "
            "feature kernel_field_x[i] and second feature kernel_field_y[j].",
        ),
        "kernel_field_x": VariableSpec(("field_x",), "first feature of the points of the plane"),
        "kernel_field_y": VariableSpec(("field_y",), "second feature of the points of the plane"),
        "kernel_field_anchor": VariableSpec(
            ("anchor", "anchor_feature"), "anchors of the kernel field"
        ),
        "kernel_profile": VariableSpec(
            ("anchor", "angle"),
            "tangent kernel between an anchor and itself turned by an angle",
            description="at infinite width; the angles are kernel_profile_angle.",
        ),
        "kernel_profile_angle": VariableSpec(
            ("angle",), "angle by which an anchor is turned", "degree"
        ),
    }

    anchors: tuple[tuple[float, float], ...] = ()
    """Points (x₁, x₂) that are held fast; the training points when empty."""
    interval: tuple[float, float] = (-4.0, 4.0)
    """Range of both features of the plane."""
    points: Annotated[int, Field(ge=2, le=2001)] = 81
    """Number of points along each side of the plane."""
    angles: Annotated[int, Field(ge=2, le=100_001)] = 721
    """Number of angles from −180° to 180°, both included."""

    def __post_init__(self) -> None:
        low, high = self.interval
        if not low < high:
            raise ValueError(f"interval is [{low}, {high}]; the smaller number comes first")

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the field and its axes.

        Nothing for inputs that are not points of a plane, or without a known limit.
        """
        model = cell.problem.model
        if model is None or model.network.input_shape != (2,):
            return {}
        anchors = np.array(self.anchors) if self.anchors else cell.dataset.x_train
        axis = np.linspace(*self.interval, self.points)
        plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        try:
            field = _kernel(model.network, anchors, plane)
        except NoClosedForm:
            return {}
        angle = np.linspace(-180.0, 180.0, self.angles)
        return {
            "kernel_field": field.reshape(len(anchors), len(axis), len(axis)),
            "kernel_field_x": axis,
            "kernel_field_y": axis,
            "kernel_field_anchor": anchors,
            "kernel_profile": np.concatenate(
                [_kernel(model.network, anchor[None], _turned(anchor, angle)) for anchor in anchors]
            ),
            "kernel_profile_angle": angle,
        }


def _kernel(network: Network, x1: Array, x2: Array) -> Array:
    kernel = network.kernels(x1, x2).ntk
    if kernel is None:
        raise ValueError("the network has no infinite-width tangent kernel")
    return kernel


def _turned(point: Array, degrees: Array) -> Array:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = point
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1)
