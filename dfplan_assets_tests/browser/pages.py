"""Dagster's pages as a person uses them: what can be clicked, and what is to be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

_LOCATION = "dfplan_assets.definitions"


@dataclass(frozen=True)
class Dagster:
    """The UI at ``url`` in one window."""

    page: Page
    url: str

    def materialize_everything(self) -> None:
        """The button of the global graph."""
        self._open("/asset-groups")
        self.page.get_by_role("button", name="Materialize all").click()
        expect(self.page.get_by_text("Launched run")).to_be_visible()

    def asset(self, key: str) -> AssetPage:
        """The page of an asset, shown with its overview."""
        self._open(f"/assets/{key}?view=overview")
        page = AssetPage(self.page, self.url, key)
        expect(page.status).to_be_visible()
        return page

    def run(self, run_id: str) -> RunPage:
        """The page of a run that has ended."""
        self._open(f"/runs/{run_id}")
        expect(self.page.get_by_text("Process for run exited")).to_be_visible()
        return RunPage(self.page)

    def sensor(self, name: str) -> SensorPage:
        """The page of a sensor."""
        self._open(f"/locations/{_LOCATION}/sensors/{name}")
        expect(self.page.get_by_text("Latest tick")).to_be_visible()
        return SensorPage(self.page)

    def reload_code(self) -> None:
        """Ask for the code location to be loaded again; that it was is for the server to say."""
        self._open("/deployment/locations")
        self.page.get_by_role("button", name=re.compile("Reload$")).click()

    def _open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")


@dataclass(frozen=True)
class AssetPage:
    """The page of one asset."""

    page: Page
    url: str
    key: str

    @property
    def status(self) -> Locator:
        """The head of the overview."""
        return self.page.get_by_text("Latest materialization")

    @property
    def unsynced(self) -> Locator:
        """The badge that calls the asset stale."""
        return self.page.get_by_text(re.compile(r"^Unsynced"))

    def row_count(self) -> Locator:
        """The number below "Row count"."""
        label = self.page.get_by_text("Row count", exact=True)
        return label.locator("xpath=..").get_by_text(re.compile(r"^[\d,]+$"))

    def column(self, name: str) -> Locator:
        """The row of a column in the table of columns."""
        name_cell = self.page.get_by_role("cell", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=name_cell)

    def metadata(self, key: str) -> Locator:
        """The row of a key in the latest materialisation's metadata."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_text(key, exact=True))

    def says_failed(self) -> Locator:
        """What the head says of a run that failed since the latest materialisation."""
        return self.page.get_by_text(re.compile("Run .* failed|Failed", re.IGNORECASE)).first

    def materialize(self) -> None:
        """The button of this page."""
        self.page.get_by_role("button", name="Materialize").first.click()
        expect(self.page.get_by_text("Launched run")).to_be_visible()

    def show_plots(self) -> None:
        """Turn the metadata's table into plots over time."""
        self.page.get_by_role("button", name="Plots").click()

    def plot(self, key: str) -> Locator:
        """The drawing of one number over time."""
        title = self.page.get_by_text(key, exact=True)
        return title.locator("xpath=following::canvas[1]")


@dataclass(frozen=True)
class RunPage:
    """The page of one run: Dagster's Gantt chart above its events."""

    page: Page

    def says(self, text: str | re.Pattern[str]) -> Locator:
        """A line among the run's events."""
        return self.page.get_by_text(text)

    def show(self, key: str) -> Locator:
        """Open the dialog behind a piece of Markdown and give it."""
        row = self.page.get_by_role("row").filter(has=self.page.get_by_text(key, exact=True))
        row.get_by_text("[Show Markdown]").click()
        return self.page.get_by_role("dialog")

    def close_dialog(self) -> None:
        """Close what ``show`` opened."""
        self.page.keyboard.press("Escape")
        expect(self.page.get_by_role("dialog")).to_have_count(0)


@dataclass(frozen=True)
class SensorPage:
    """The page of one sensor."""

    page: Page

    def turn_on(self) -> None:
        """The switch in the row "Running"."""
        self.page.get_by_role("row", name="Running").locator("label").click()

    def latest_run(self) -> Locator:
        """The link to the run that the latest tick asked for."""
        return self.page.get_by_role("row", name="Latest tick")


def picture_size(image: Locator) -> tuple[int, int]:
    """Width and height in pixels of an image that the browser has drawn; zeros where it could not."""
    expect(image).to_be_visible()
    image.evaluate("image => image.decode().catch(() => undefined)")
    width, height = image.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    return int(width), int(height)


def inked_pixels(canvas: Locator) -> int:
    """How many pixels of a canvas are not transparent."""
    script = """canvas => {
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let inked = 0;
        for (let i = 3; i < data.length; i += 4) inked += data[i] > 0;
        return inked;
    }"""
    expect(canvas).to_be_visible()
    return int(canvas.evaluate(script))
