"""What varies, what is the same, and what a reader sees of it."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from ntksim.plot.arrange import Multiple, arranged, thinned
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import described, members, trimmed, varying
from ntksim.plot.kind import Kind
from ntksim.plot.kinds.loss import loss
from ntksim.plot.seeds import over_seeds
from ntksim.plot.wording import number


def losses(values: np.ndarray) -> xr.Dataset:
    """Return a loss (width, seed, kernel, time) as a store has it."""
    return xr.Dataset(
        {"loss_train": (("width", "seed", "kernel", "time"), values)},
        {
            "width": [64.0, 512.0, np.inf][: values.shape[0]],
            "seed": range(values.shape[1]),
            "kernel": ["analytic", "empirical"][: values.shape[2]],
            "time": range(values.shape[3]),
        },
    )


def random_losses(*shape: int) -> xr.Dataset:
    return losses(np.random.default_rng(0).uniform(1, 2, shape))


def test_positions_where_nothing_was_computed_are_left_out():
    data = random_losses(3, 2, 2, 4)
    data["loss_train"][2] = np.nan
    found = trimmed(data, ["loss_train"])
    assert found["width"].values.tolist() == [64.0, 512.0]


def test_an_axis_along_which_nothing_changes_is_no_axis():
    data = random_losses(3, 2, 2, 4)
    data["loss_train"][:] = data["loss_train"].values[:, :, :1]
    found = trimmed(data, ["loss_train"])
    assert varying(found, ["loss_train"]) == ["width"]
    assert "kernel" not in found.coords


def test_the_seed_goes_where_it_changes_nothing_and_stays_where_it_does():
    data = random_losses(1, 3, 1, 4)
    assert "seed" in trimmed(data, ["loss_train"]).dims
    data["loss_train"][:] = data["loss_train"].values[:, :1]
    assert "seed" not in trimmed(data, ["loss_train"]).dims


def test_members_with_the_same_numbers_are_one_and_are_called_by_what_tells_them_apart():
    data = random_losses(2, 1, 2, 4)
    data["loss_train"][1, :, 0] = data["loss_train"][0, :, 0]  # an analytic kernel has no width
    found = trimmed(data, ["loss_train"])
    labels = [m.label for m in members(found, ["loss_train"], ["width", "kernel"])]
    assert labels == ["analytic", "width 64, empirical", "width 512, empirical"]


def test_numbers_that_differ_by_rounding_are_the_same_and_by_a_thousandth_are_not():
    data = random_losses(2, 1, 1, 4)
    data["loss_train"][1] = data["loss_train"][0] * (1 + 1e-9)
    assert varying(trimmed(data, ["loss_train"]), ["loss_train"]) == []
    data["loss_train"][1] = data["loss_train"][0] * (1 + 1e-3)
    assert varying(trimmed(data, ["loss_train"]), ["loss_train"]) == ["width"]


def test_small_values_beside_large_ones_are_told_apart():
    """A logarithmic axis shows both: 1e-9 and 2e-9 are not the same below a loss of 1."""
    data = losses(np.array([1.0, 1e-9]).reshape(1, 1, 1, 2).repeat(2, axis=0))
    data["loss_train"][1, ..., 1] = 2e-9
    assert varying(trimmed(data, ["loss_train"]), ["loss_train"]) == ["width"]


def test_nothing_at_all_is_an_error():
    with pytest.raises(PlotError, match="no value of loss_train"):
        trimmed(losses(np.full((1, 1, 1, 3), np.nan)), ["loss_train"])


def test_axes_become_lines_in_the_order_of_the_kind_as_long_as_they_fit():
    data = random_losses(3, 1, 2, 4)
    kind = Kind("k", "", (("loss_train",),), (), loss, lines=("width", "kernel"))
    assert len(arranged(kind, {"d": data}).rows) == 1  # six lines
    kind = Kind("k", "", (("loss_train",),), (), loss, lines=("width",))
    titles = [row[0].title for row in arranged(kind, {"d": data}).rows]
    assert titles == ["analytic", "empirical"]
    wide = xr.concat([data.assign_coords(width=data["width"] + i) for i in range(3)], "width")
    wide = wide.assign_coords(width=np.arange(9.0))
    wide["loss_train"][:] = np.random.default_rng(1).uniform(size=wide["loss_train"].shape)
    kind = Kind("k", "", (("loss_train",),), (), loss, lines=("width", "kernel"))
    assert [len(row) for row in arranged(kind, {"d": wide}).rows] == [
        1
    ] * 9  # nine lines are too many


def widths(count: int) -> xr.Dataset:
    data = random_losses(1, 1, 1, 2)
    many = xr.concat([data * (i + 2) for i in range(count)], "width")
    return many.assign_coords(width=np.arange(1.0, count + 1))


def test_of_too_many_panels_evenly_spaced_ones_are_drawn_and_a_note_says_which():
    kind = Kind("k", "", (("loss_train",),), (), loss)
    assert len(arranged(kind, {"d": widths(12)}).rows) == 12
    assert not arranged(kind, {"d": widths(12)}).notes
    found = arranged(kind, {"d": widths(23)})
    titles = [row[0].title for row in found.rows]
    assert titles == [f"width {i}" for i in range(1, 24, 2)]
    (note,) = found.notes
    assert note.startswith("12 of 23 values of width are drawn: 1, 3, 5, 7, 9, 11, 13, 15, 17, 19")
    assert note.endswith("--select 'width=2'")


def test_the_axis_is_thinned_that_leaves_most():
    """Of 4 × 5 × 2 = 40 twelve fit."""
    grid = [
        Multiple("", xr.Dataset(), {"dataset": a, "width": b, "kernel": c})
        for a in "abcd"
        for b in "12345"
        for c in "xy"
    ]
    found, notes = thinned(grid, 12)
    # One of four datasets leaves 10, one of five widths 8.
    assert len(found) == 10
    assert [note.split(" are")[0] for note in notes] == ["1 of 4 values of dataset"]
    found, notes = thinned(grid, 1)
    assert found == [grid[0]]
    assert len(notes) == 3


def test_mean_and_deviation_over_seeds_are_those_of_a_sample():
    values = np.random.default_rng(2).normal(size=(4, 5))
    found = over_seeds(xr.DataArray(values, dims=("seed", "time")))
    # Sums of five numbers of order one, in another order: a few units in the last place.
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-12)
    deviation = values.std(axis=0, ddof=1)
    assert found.low is not None
    assert found.high is not None
    np.testing.assert_allclose(found.high - found.mean, deviation, rtol=1e-12)
    np.testing.assert_allclose(found.mean - found.low, deviation, rtol=1e-12)
    assert found.label == "±1 s.d., 4 seeds"


def test_on_a_logarithmic_axis_the_logarithm_is_averaged():
    values = np.array([[1.0], [10.0], [100.0]])
    found = over_seeds(xr.DataArray(values, dims=("seed", "time")), logarithmic=True)
    assert found.low is not None
    assert found.high is not None
    # log10 is 0, 1, 2: mean 1 and standard deviation 1, so 10 between 1 and 100.
    np.testing.assert_allclose([found.low[0], found.mean[0], found.high[0]], [1, 10, 100])


def test_seeds_that_are_missing_do_not_count():
    values = np.array([[1.0, 4.0], [3.0, np.nan], [np.nan, np.nan]])
    found = over_seeds(xr.DataArray(values, dims=("seed", "time")))
    assert found.mean.values.tolist() == [2.0, 4.0]
    assert found.high is not None
    assert found.high[0] == 2.0 + np.sqrt(2.0)  # of 1 and 3
    assert np.isnan(found.high[1])  # one value has no deviation


def test_one_seed_has_no_band_and_keeps_its_bits():
    values = np.array([[0.1, 0.2]])
    found = over_seeds(xr.DataArray(values, dims=("seed", "time")), logarithmic=True)
    assert found.low is None
    assert found.mean.values.tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (np.inf, "∞"),
        (0.01, "0.01"),
        (-0.5, "−0.5"),
        (25.0, "25"),
        (5000.0, "5,000"),
        (1e7, "10⁷"),
        (3.16e-5, "3.16×10⁻⁵"),
        (np.nan, "NaN"),
    ],
)
def test_numbers_are_written_for_readers(value, text):
    assert number(value) == text


def test_values_of_axes_are_written_for_readers():
    assert described("width", 10000.0) == "width 10,000"
    assert described("width", np.inf) == "width ∞"
    assert described("kernel", "empirical") == "empirical"
    assert described("output", 2) == "output 2"
