"""Choosing values of axes, and what is said where there are none."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from ntksim.plot import PlotError, parse_selection
from ntksim.plot.selection import selected


def one(labels: tuple[str, ...] = ("relu", "erf, wide")) -> dict[str, xr.Dataset]:
    data = xr.Dataset(
        {"loss_train": (("architecture", "width", "seed"), np.zeros((2, 3, 2)))},
        {"architecture": list(labels), "width": [64.0, 512.0, np.inf], "seed": [0, 1]},
    )
    return {"points": data, "digits": data.isel(width=[0, 2])}


def test_values_are_read_from_the_command_line():
    found = parse_selection(["width=64,inf", "kernel = analytic", "width=512"])
    assert found == {"width": ["64,inf", "512"], "kernel": ["analytic"]}


@pytest.mark.parametrize("text", ["width", "=64", "width=", "width= , "])
def test_what_is_no_selection_is_refused(text):
    with pytest.raises(PlotError, match=r"is not a selection; write axis=value"):
        parse_selection([text])


@pytest.mark.parametrize("given", ["64,inf", ["64,inf"], [64, np.inf], ["64.0", ".inf"]])
def test_several_values_of_one_axis(given):
    found = selected(one(), {"width": given})
    assert found["points"]["width"].values.tolist() == [64.0, np.inf]


def test_one_number():
    assert selected(one(), {"seed": 1})["points"]["seed"].values.tolist() == [1]


def test_a_value_that_one_dataset_has_leaves_that_dataset():
    assert list(selected(one(), {"width": 512})) == ["points"]


def test_datasets_are_chosen_by_their_labels():
    assert list(selected(one(), {"dataset": "digits"})) == ["digits"]
    assert list(selected(one(), {"dataset": "digits,points"})) == ["points", "digits"]


def test_a_label_with_a_comma_is_one_label():
    found = selected(one(), {"architecture": "erf, wide"})
    assert found["points"]["architecture"].values.tolist() == ["erf, wide"]


def test_an_unknown_number_is_refused_with_the_nearest():
    with pytest.raises(
        PlotError, match=r"width has no value 500; it has 64, 512, inf; nearest is 512"
    ):
        selected(one(), {"width": "64,500"})


def test_an_unknown_label_is_refused_with_the_nearest():
    with pytest.raises(PlotError, match=r"architecture has no value rellu; .*did you mean 'relu'"):
        selected(one(), {"architecture": "rellu"})
    with pytest.raises(PlotError, match=r"dataset has no value digit; .*did you mean 'digits'"):
        selected(one(), {"dataset": "digit"})


def test_an_unknown_axis_is_refused_with_the_nearest():
    with pytest.raises(PlotError, match=r"no axis 'widht'; .*did you mean 'width'"):
        selected(one(), {"widht": 64})
