"""Dagster's pages as a person uses them: what can be clicked, and what is to be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

_LOCATION = "dfplan_assets.definitions"


@dataclass(frozen=True)
class Dagster:
    """The UI at ``url`` in one window."""

    page: Page
    url: str

    def materialize(self, selection: str, assets: int) -> None:
        """Select so many assets in the global graph, in Dagster's syntax, and press its button."""
        self._open("/asset-groups")
        expect(self.page.get_by_role("button", name=re.compile("Materialize all"))).to_be_visible()
        self.page.locator(".CodeMirror").first.click()
        self.page.keyboard.type(selection)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("button", name=f"Materialize all ({assets})").click()
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

    def settle(self) -> None:
        """Wait until the page asks for nothing more: what it does not show then, it does not show."""
        self.page.wait_for_load_state("networkidle")

    def row_count(self) -> Locator:
        """The number below "Row count"."""
        label = self.page.get_by_text("Row count", exact=True)
        return label.locator("xpath=..").get_by_text(re.compile(r"^[\d,]+$"))

    def column(self, name: str) -> Locator:
        """The row of a column in the table of columns."""
        name_cell = self.page.get_by_role("cell", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=name_cell)

    def says_failed(self) -> Locator:
        """What the head says of a run that failed since the latest materialisation."""
        return self.page.get_by_text(re.compile("^Failed in"))

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


@dataclass(frozen=True)
class SensorPage:
    """The page of one sensor."""

    page: Page

    def turn_on(self) -> None:
        """The switch in the row "Running"."""
        self.page.get_by_role("row", name="Running").locator("label").click()

    @property
    def latest_tick(self) -> Locator:
        """The row that says when the sensor looked last, and what came of it."""
        return self.page.get_by_role("row", name="Latest tick")

    def run(self, run_id: str) -> Locator:
        """The link to a run that a tick asked for."""
        return self.page.get_by_role("link", name=run_id[:8])


@dataclass(frozen=True)
class Report:
    """The page that ``dfplan report`` writes, opened from the disk."""

    page: Page

    @classmethod
    def open(cls, page: Page, file: Path) -> Report:
        """Open the file in a window."""
        page.goto(file.as_uri())
        expect(page.get_by_placeholder("Search")).to_be_visible()
        return cls(page)

    def search(self, words: str) -> Locator:
        """Type into the field at the top, as by its key; gives what is found."""
        self.page.keyboard.press("/")
        self.page.keyboard.type(words)
        return self.page.get_by_role("listbox").get_by_role("option")

    @property
    def heading(self) -> Locator:
        """What the page is about now."""
        return self.page.get_by_role("heading", level=1)


def open_picture(page: Page, key: str) -> Locator:
    """Open the dialog behind a piece of metadata; gives the image in it."""
    # Tables of events hold tables of metadata: the innermost row that names the key is the one.
    row = page.get_by_role("row").filter(has=page.get_by_text(key, exact=True)).last
    row.get_by_text("[Show Markdown]").click()
    return page.get_by_role("dialog").locator("img")


def close_dialog(page: Page) -> None:
    """Close what ``open_picture`` opened."""
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def picture_size(image: Locator) -> tuple[int, int]:
    """Width and height in pixels at which the browser has drawn an image; zeros where it could not."""
    expect(image).to_be_visible()
    script = """async image => {
        const drawn = await image.decode().then(() => image.naturalWidth > 0, () => false);
        return drawn ? [image.clientWidth, image.clientHeight] : [0, 0];
    }"""
    width, height = image.evaluate(script)
    return int(width), int(height)


def cut_off(image: Locator) -> int:
    """How many pixels of an image lie beyond an edge of its dialog."""
    expect(image).to_be_visible()
    script = """image => {
        const [shown, dialog] = [image, image.closest('[role=dialog]')].map(
            each => each.getBoundingClientRect());
        return Math.max(0, shown.right - dialog.right, dialog.left - shown.left);
    }"""
    return int(image.evaluate(script))


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
