"""The report of a store: what is in the file, without a browser."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from click.testing import CliRunner
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from ntksim.cli import main
from ntksim.report import report_html
from ntksim.report.encoding import STEPS, decoded, encoded


class Page(HTMLParser):
    """Counts elements, and collects what would be loaded from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.loaded += [str(value) for key, value in attrs if key in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def html(report: Path) -> str:
    return report.read_text("utf-8")


def panels(html: str) -> list[dict[str, Any]]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_it_is_one_small_file_that_loads_nothing(html: str) -> None:
    assert len(html.encode()) < 1_000_000
    assert Page(html).loaded == ["data:,"]
    assert "default-src 'none'" in html


def test_it_says_study_provenance_cells_and_results(html: str, store: Path) -> None:
    text = Page(html).text
    for word in ("reported", "numpy", "plugin builtin", "sha256", "Results", "Cells", "done"):
        assert word in text
    assert "count: 12, include: [0, .inf]" in text  # the study as written
    loss = xarray.open_zarr(store).loss_train
    one = {"dataset": "iris", "architecture": "shallow_relu", "width": 8.0, "kernel": "empirical"}
    values = loss.sel(one).isel(time=-1).squeeze().values
    assert f"{values.mean():.4g} ± {values.std(ddof=1):.2g}" in text


def test_text_of_a_study_is_never_markup(html: str) -> None:
    page = Page(html)
    assert "b" not in page.elements
    assert "i" not in page.elements
    # One element for the data and one for the script: none was closed by the study's text.
    assert page.elements.count("script") == 2
    assert "<b>with</b> </script> in its text & a description." in page.text


def test_pictures_hold_the_stored_numbers(html: str, store: Path) -> None:
    found = {panel["title"]: panel for panel in panels(html)}
    panel = found["line: predictions in training"]
    points = xarray.open_zarr(store, group="line")
    mean = points.prediction_test.isel(output=0).mean("seed")
    dims = ("architecture", "width", "kernel", "solver", "time", "test_point")
    expected = mean.transpose(*dims).values
    values = decoded(panel["curves"][0]["center"]).reshape(expected.shape)
    # Half a step of the quantisation.
    step = (np.nanmax(expected) - np.nanmin(expected)) / STEPS
    np.testing.assert_allclose(values, expected, rtol=0, atol=0.51 * step)
    assert panel["x"] == points.x_test.values.ravel().tolist()
    assert panel["points"] == [
        [float(x), float(y)]
        for x, y in zip(points.x_train.values[:, 0], points.y_train.values[:, 0], strict=True)
    ]
    spread = decoded(panel["curves"][0]["spread"]).reshape(expected.shape)
    variance = points.prediction_variance_test.mean("seed").broadcast_like(mean)
    band = 2 * np.sqrt(variance.transpose(*dims).values)
    there = np.isfinite(band)
    np.testing.assert_allclose(
        spread[there], band[there], rtol=0, atol=0.51 * np.ptp(band[there]) / STEPS
    )


def test_inputs_of_many_features_are_drawn_over_their_targets(html: str) -> None:
    found = {panel["title"]: panel for panel in panels(html)}
    assert found["iris: predictions in training"]["x_label"] == "target"
    assert found["line: predictions in training"]["x_label"] == "input"


def test_every_kind_of_picture_is_there(html: str) -> None:
    for dataset in ("line", "iris"):
        keys = [p["key"] for p in panels(html) if p["title"].startswith(f"{dataset}:")]
        assert keys == ["fit", "loss", "spectrum", "projections", "width"]


# The largest numbers are left out: ten to their rounded logarithm may overflow.
NUMBERS = st.floats(-1e300, 1e300) | st.sampled_from([np.nan, np.inf, -np.inf])


@given(arrays(np.float64, st.integers(0, 20), elements=NUMBERS), st.booleans())
def test_what_is_encoded_is_decoded_to_half_a_step(values: np.ndarray, log: bool) -> None:
    there = np.isfinite(values) & ((values > 0) | (not log))
    back = decoded(encoded(values, log=log))
    assert np.array_equal(np.isnan(back), ~there)
    if there.any():
        shown = np.log10(values[there]) if log else values[there]
        read = np.log10(back[there]) if log else back[there]
        half = (shown.max() / 2 - shown.min() / 2) / STEPS
        # Beside half a step, what rounding does to the ends.
        slack = 1e-12 * np.abs(shown).max() + 5e-324
        assert (np.abs(read / 2 - shown / 2) <= 0.51 * half + slack).all()


def test_a_large_study_stays_small(tmp_path: Path) -> None:
    study = tmp_path / "large.yaml"
    study.write_text(
        "study: large\n"
        "dataset: {name: three_points, points: 400}\n"
        "architecture: [shallow_relu, shallow_erf, {name: mlp, depth: 2}]\n"
        "width: [4, 8, 16, 32, .inf]\n"
        "kernel: [analytic, empirical]\n"
        "solver: [eigh, gradient_descent]\n"
        "time: {logspace: [1.0e-2, 1.0e+3], count: 300}\n"
        "record: [predictions, loss, spectrum]\n",
        encoding="utf-8",
    )
    store = tmp_path / "large.zarr"
    done = CliRunner().invoke(main, ["run", str(study), "--store", str(store)])
    assert done.exit_code == 0, done.output
    html = report_html(store)
    assert len(html.encode()) < 1_000_000
    fit = panels(html)[0]
    # The first and the last time are always drawn.
    assert fit["times"][0] == "0.01"
    assert math.isclose(float(fit["times"][-1]), 1000.0)


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["report", str(tmp_path / "nothing.zarr")])
    assert done.exit_code == 3
    assert "there is no store" in done.output
    assert list(tmp_path.iterdir()) == []
