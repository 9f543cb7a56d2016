"""The HTML page in a real browser; everything is measured in one visit."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sample_simulation as sample
from chromium import Tab, needs_chromium, open_tab

from cli.render.html.page import page

pytestmark = [needs_chromium, pytest.mark.xdist_group("chromium")]

PHONE, DESKTOP = 375, 1280


@dataclass
class Visit:
    """What the browser measured and logged."""

    phone: dict[str, Any]
    desktop: dict[str, Any]
    dark: str
    """Background in dark mode."""
    print: str
    """Background in print."""
    sheets: int
    log: list[str]
    requests: list[str]
    injected_log: list[str]
    """Log of a copy of the page with an injected script."""
    injected_ran: bool


MEASUREMENTS = """({
  width: document.documentElement.scrollWidth,
  overflowing: [...document.querySelectorAll('main *, header *')].filter(e => !e.closest('.scroll, svg')
    && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName),
  table_scrolls: document.querySelector('.scroll').scrollWidth > document.querySelector('.scroll').clientWidth,
  charts: Object.fromEntries([...document.querySelectorAll('section')].map(s => [s.querySelector('h3').textContent,
    [...s.querySelectorAll('svg.chart')].filter(c => c.getBoundingClientRect().height > 50).length])),
  small_texts: [...document.querySelectorAll('svg.chart text')].map(t => t.getBoundingClientRect().height)
    .filter(h => h < 9).length,
  clipped_texts: [...document.querySelectorAll('svg.chart text')].filter(t => { const a = t.getBoundingClientRect(),
    b = t.ownerSVGElement.getBoundingClientRect(); return a.left < b.left - 1 || a.right > b.right + 1; }).length,
  rejected_fill: getComputedStyle(document.querySelector('path.rejected')).fill,
})"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


async def visit_page(file: Path, injected: Path, profile: Path) -> Visit:
    async with open_tab(profile) as tab:
        await tab.emulate(PHONE)
        await tab.open(file)
        phone = await tab.evaluate(MEASUREMENTS)
        await tab.emulate(DESKTOP)
        desktop = await tab.evaluate(MEASUREMENTS)
        await tab.emulate(DESKTOP, scheme="dark")
        dark = await tab.evaluate(BACKGROUND)
        await tab.emulate(DESKTOP, scheme="dark", media="print")
        printed = await tab.evaluate(BACKGROUND)
        sheets = len(re.findall(rb"/Type\s*/Page\b", await tab.pdf()))
        log, requests = tab.log(), tab.requests()
        injected_log, injected_ran = await visit_injected(tab, injected)
    return Visit(phone, desktop, dark, printed, sheets, log, requests, injected_log, injected_ran)


async def visit_injected(tab: Tab, file: Path) -> tuple[list[str], bool]:
    await tab.open(file)
    ran = await tab.evaluate("window.ran === true")
    return tab.log(), ran


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    folder, document = tmp_path_factory.mktemp("page"), page(*sample.everything())
    file, injected = folder / "page.html", folder / "injected.html"
    file.write_text(document, "utf-8")
    injected.write_text(document.replace("</body>", "<script>window.ran = true</script></body>"), "utf-8")
    return asyncio.run(visit_page(file, injected, tmp_path_factory.mktemp("profile")))


def test_the_page_fetches_nothing_and_logs_nothing(visit: Visit) -> None:
    assert [url.rpartition("/")[2] for url in visit.requests] == ["page.html"]
    assert visit.log == []


def test_an_injected_script_does_not_run(visit: Visit) -> None:
    assert not visit.injected_ran
    assert len(visit.injected_log) == 1
    assert "Content Security Policy" in visit.injected_log[0]


def test_on_a_phone_only_the_table_scrolls(visit: Visit) -> None:
    assert (visit.phone["width"], visit.phone["overflowing"], visit.phone["table_scrolls"]) == (PHONE, [], True)


def test_on_a_desktop_nothing_scrolls_sideways(visit: Visit) -> None:
    assert (visit.desktop["overflowing"], visit.desktop["table_scrolls"]) == ([], False)


@pytest.mark.parametrize("device", ["phone", "desktop"])
def test_every_algorithm_has_its_charts_with_legible_text(visit: Visit, device: str) -> None:
    measured = getattr(visit, device)
    optional = set(sample.WITH_BREAKER), set(sample.WITH_ESTIMATE)
    assert measured["charts"] == {name: 2 + sum(name in names for names in optional) for name in sample.ALGORITHMS}
    assert (measured["small_texts"], measured["clipped_texts"]) == (0, 0)
    assert measured["rejected_fill"].startswith('url("#stripes")')  # a pattern, not only a colour


def test_dark_mode_is_dark_and_print_is_white(visit: Visit) -> None:
    assert (visit.dark, visit.print) == ("rgb(20, 23, 26)", "rgb(255, 255, 255)")


def test_the_page_prints_on_a_few_sheets(visit: Visit) -> None:
    assert 3 <= visit.sheets <= 8
