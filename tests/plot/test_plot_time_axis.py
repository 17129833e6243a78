"""Where 0, infinity and everything between them are drawn."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
from hypothesis import given, strategies as st
from ntksim.plot.time_axis import TimeAxis

from drawn_axes import places_of, values_of, x_ticks

TIMES = np.array([0.0, 0.01, 1.0, 100.0, math.inf])


def test_zero_and_infinity_stand_beside_a_logarithmic_axis():
    axis = TimeAxis.of(TIMES)
    assert axis.is_log
    places = axis.positions(TIMES)
    assert np.array_equal(places[1:4], TIMES[1:4])
    assert 0 < places[0] < 0.01
    assert 100 < places[4] < math.inf


def test_both_are_labelled_as_what_they_are():
    _, ax = plt.subplots()
    axis = TimeAxis.of(TIMES)
    axis.set_up(ax, "t")
    ticks = x_ticks(ax)
    places = axis.positions(TIMES)
    assert ticks["0"] == places[0]
    assert ticks["∞"] == places[-1]
    assert ticks["10⁰"] == 1.0
    low, high = ax.get_xlim()
    assert low < places[0]
    assert places[-1] < high


def test_a_few_times_of_one_size_have_a_linear_axis_with_zero_in_it():
    times = np.array([0.0, 1.0, 2.0, 10.0, math.inf])
    axis = TimeAxis.of(times)
    assert not axis.is_log
    assert np.array_equal(axis.positions(times)[:4], times[:4])
    assert axis.positions(times)[4] > 10


def test_only_zero_and_infinity_have_two_places():
    axis = TimeAxis.of(np.array([0.0, math.inf]))
    first, second = axis.positions(np.array([0.0, math.inf]))
    assert first < second < math.inf


@given(
    st.lists(
        st.floats(1e-100, 1e12) | st.just(0.0) | st.just(math.inf),
        min_size=1,
        max_size=20,
        unique=True,
    )
)
def test_places_are_finite_and_in_the_order_of_the_times(times):
    ordered = np.sort(np.array(times))
    places = TimeAxis.of(ordered).positions(ordered)
    assert np.isfinite(places).all()
    assert (np.diff(places) > 0).all()


def test_a_line_holds_every_value_and_is_broken_beside_zero_and_infinity():
    _, ax = plt.subplots()
    axis = TimeAxis.of(TIMES)
    values = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    line = axis.line(ax, TIMES, values, {"color": "black"}, "loss")
    assert np.array_equal(values_of(line), values)
    assert np.array_equal(places_of(line), axis.positions(TIMES))
    # A gap after 0 and one before infinity: what lies between was not computed.
    assert np.array_equal(np.flatnonzero(np.isnan(line.get_ydata())), [1, 5])


def test_a_value_below_a_logarithmic_axis_is_pointed_to():
    _, ax = plt.subplots()
    ax.set_yscale("log")
    ax.set_ylim(1e-3, 1)
    axis = TimeAxis.of(TIMES)
    axis.off_scale(ax, TIMES, np.array([1.0, 0.5, 0.1, 0.01, 0.0]), "black")
    (mark,) = ax.lines
    assert places_of(mark) == axis.positions(TIMES)[-1]
    assert values_of(mark) == 1e-3
    assert mark.get_marker() == "v"
