"""The report in a browser: its controls work, it says no error, and it asks nobody for anything.

Needs Chromium and playwright; ``NTKSIM_REQUIRE_BROWSER=1`` makes their absence a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if not os.environ.get("NTKSIM_REQUIRE_BROWSER"):
    pytest.importorskip("playwright", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium", allow_module_level=True)

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


class Opened:
    """A page with everything that it said and asked for."""

    def __init__(self, page: Page, report: Path) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(report.as_uri())

    def curves(self, figure: str) -> list[str | None]:
        found = self.page.locator(f"{figure} polyline.curve").all()
        return [curve.get_attribute("points") for curve in found]


@pytest.fixture
def opened(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    options: dict[str, Any] = getattr(request, "param", {})
    context = browser.new_context(**options)
    found = Opened(context.new_page(), report)
    yield found
    assert found.said == []
    assert [url for url in found.asked if not url.startswith(("file:", "data:"))] == []
    assert found.asked == [report.as_uri()]
    context.close()


FIT = "#fit-0"


def test_every_picture_is_drawn(opened: Opened) -> None:
    figures = opened.page.locator("figure")
    assert figures.count() == 10
    for figure in figures.all():
        assert figure.locator(".curve").count() > 0
        assert figure.locator(".legend li").count() > 0
        box = figure.locator(".picture svg").bounding_box()
        assert box is not None
        assert box["height"] > 150


def test_the_slider_changes_the_picture_by_keyboard(opened: Opened) -> None:
    slider = opened.page.locator(f"{FIT} input[type=range]")
    last = opened.curves(FIT)
    assert opened.page.locator(f"{FIT} output").inner_text() == "∞"
    slider.focus()
    opened.page.keyboard.press("Home")
    first = opened.curves(FIT)
    assert first != last
    assert opened.page.locator(f"{FIT} output").inner_text() == "0"
    assert slider.get_attribute("aria-valuetext") == "time 0"
    for _ in range(4):
        opened.page.keyboard.press("ArrowRight")
    assert opened.curves(FIT) not in (first, last)
    opened.page.keyboard.press("End")
    assert opened.curves(FIT) == last


def test_the_slider_changes_the_picture_by_mouse(opened: Opened) -> None:
    slider = opened.page.locator(f"{FIT} input[type=range]")
    before = opened.curves(FIT)
    box = slider.bounding_box()
    assert box is not None
    opened.page.mouse.move(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2, steps=4)
    opened.page.mouse.up()
    assert opened.curves(FIT) != before
    assert slider.input_value() == "0"


def test_a_choice_changes_the_picture(opened: Opened) -> None:
    before = opened.curves(FIT)
    opened.page.locator(f"{FIT} select[data-choice=width]").select_option(label="32")
    assert opened.curves(FIT) != before


def test_trained_networks_go_through_the_targets(opened: Opened) -> None:
    """At the end of training the curve of the limit passes through every target on screen."""
    opened.page.locator(f"{FIT} select[data-choice=width]").select_option(label="∞")
    (points,) = [points for points in opened.curves(FIT) if points]
    curve = [tuple(map(float, point.split(","))) for point in points.split()]
    targets = opened.page.locator(f"{FIT} circle.target").all()
    assert len(targets) == 3
    for target in targets:
        x, y = (float(target.get_attribute(name) or "nan") for name in ("cx", "cy"))
        nearest = min(curve, key=lambda point: abs(point[0] - x))
        # The targets' inputs are among the 21 test inputs; a pixel is the eye's tolerance.
        assert nearest == pytest.approx((x, y), abs=1.0)


def test_a_choice_of_which_nothing_was_computed_says_so(opened: Opened) -> None:
    # The kernel of a finite network does not exist at infinite width, where lines are kernels:
    # one line remains.
    opened.page.locator(f"{FIT} select[data-choice=width]").select_option(label="∞")
    assert opened.page.locator(f"{FIT} .legend li").count() == 1


def test_all_controls_are_reached_by_keyboard(opened: Opened) -> None:
    controls = opened.page.locator("figure select, figure input").count()
    reached = set()
    for _ in range(controls + 20):
        opened.page.keyboard.press("Tab")
        reached.add(
            opened.page.evaluate(
                "() => [...document.querySelectorAll('figure select, figure input')]"
                ".indexOf(document.activeElement)"
            )
        )
    assert reached >= set(range(controls))
    names = opened.page.locator("figure select, figure input").evaluate_all(
        "all => all.map(one => one.labels.length > 0 || one.hasAttribute('aria-label'))"
    )
    assert all(names)


@pytest.mark.parametrize("opened", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
def test_a_phone_shows_it_without_scrolling_sideways(opened: Opened) -> None:
    width = opened.page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 360
    box = opened.page.locator(f"{FIT} svg").first.bounding_box()
    assert box is not None
    assert box["width"] <= 360


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    channels = [int(part) / 255 for part in colour.strip("rgb()").split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    "opened", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True
)
def test_text_and_curves_stand_out_in_light_and_dark(opened: Opened) -> None:
    def colour(selector: str, name: str) -> str:
        return opened.page.locator(selector).first.evaluate(
            f"element => getComputedStyle(element).{name}"
        )

    ground = _luminance(colour("figure", "backgroundColor"))
    for selector, name, least in (
        ("h2", "color", 4.5),
        ("figcaption p", "color", 4.5),
        ("svg text", "fill", 4.5),
        ("polyline.curve", "stroke", 3.0),
    ):
        other = _luminance(colour(selector, name))
        contrast = (max(ground, other) + 0.05) / (min(ground, other) + 0.05)
        assert contrast >= least, f"{selector}: {contrast:.2f}"
