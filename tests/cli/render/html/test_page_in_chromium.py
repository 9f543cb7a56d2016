"""What a real browser makes of the page of a simulation: all is measured in one visit."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import made_up_timelines as made_up
import pytest
from chromium import Tab, needs_chromium, tab

from cli.render.html.page import page

pytestmark = [needs_chromium, pytest.mark.xdist_group("chromium")]

PHONE, DESKTOP = 375, 1280


@dataclass
class Seen:
    """What a browser made of the page."""

    phone: dict[str, Any]
    desktop: dict[str, Any]
    dark: str
    paper: str
    pages: int
    complaints: list[str]
    requests: list[str]
    forbidden: list[str]
    """Complaints about a script that was put into a copy."""
    ran: bool
    """Whether it ran all the same."""


MEASURES = """({
  width: document.documentElement.scrollWidth,
  wide: [...document.querySelectorAll('main *, header *')].filter(e => !e.closest('.scroll, svg')
    && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName),
  box: document.querySelector('.scroll').scrollWidth > document.querySelector('.scroll').clientWidth,
  charts: Object.fromEntries([...document.querySelectorAll('section')].map(s => [s.querySelector('h3').textContent,
    [...s.querySelectorAll('svg.chart')].filter(c => c.getBoundingClientRect().height > 50).length])),
  small: [...document.querySelectorAll('svg.chart text')].map(t => t.getBoundingClientRect().height)
    .filter(h => h < 9).length,
  spilt: [...document.querySelectorAll('svg.chart text')].filter(t => { const a = t.getBoundingClientRect(),
    b = t.ownerSVGElement.getBoundingClientRect(); return a.left < b.left - 1 || a.right > b.right + 1; }).length,
  striped: getComputedStyle(document.querySelector('path.refused')).fill,
})"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


async def look_at(file: Path, spoilt: Path, profile: Path) -> Seen:
    async with tab(profile) as shown:
        await shown.look(PHONE)
        await shown.open(file)
        phone = await shown.value(MEASURES)
        await shown.look(DESKTOP)
        desktop = await shown.value(MEASURES)
        await shown.look(DESKTOP, scheme="dark")
        dark = await shown.value(BACKGROUND)
        await shown.look(DESKTOP, scheme="dark", media="print")
        paper = await shown.value(BACKGROUND)
        pages = len(re.findall(rb"/Type\s*/Page\b", await shown.pdf()))
        complaints, requests = shown.complaints(), shown.requests()
        forbidden, ran = await spoil(shown, spoilt)
    return Seen(phone, desktop, dark, paper, pages, complaints, requests, forbidden, ran)


async def spoil(shown: Tab, file: Path) -> tuple[list[str], bool]:
    await shown.open(file)
    ran = await shown.value("window.ran === true")
    return shown.complaints(), ran


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder, document = tmp_path_factory.mktemp("page"), page(*made_up.everything())
    file, spoilt = folder / "page.html", folder / "spoilt.html"
    file.write_text(document, "utf-8")
    spoilt.write_text(document.replace("</body>", "<script>window.ran = true</script></body>"), "utf-8")
    return asyncio.run(look_at(file, spoilt, tmp_path_factory.mktemp("profile")))


def test_nothing_is_fetched_and_nothing_complained_of(seen: Seen) -> None:
    assert [address.rpartition("/")[2] for address in seen.requests] == ["page.html"]
    assert seen.complaints == []


def test_a_script_that_got_in_would_not_run(seen: Seen) -> None:
    assert not seen.ran
    assert len(seen.forbidden) == 1
    assert "Content Security Policy" in seen.forbidden[0]


def test_on_a_phone_only_the_table_scrolls_and_in_its_own_box(seen: Seen) -> None:
    assert (seen.phone["width"], seen.phone["wide"], seen.phone["box"]) == (PHONE, [], True)


def test_on_a_desk_nothing_scrolls_sideways(seen: Seen) -> None:
    assert (seen.desktop["wide"], seen.desktop["box"]) == ([], False)


@pytest.mark.parametrize("where", ["phone", "desktop"])
def test_every_algorithm_has_its_charts_and_their_text_can_be_read(seen: Seen, where: str) -> None:
    measured = getattr(seen, where)
    both = set(made_up.WITH_BREAKER), set(made_up.WITH_BELIEF)
    assert measured["charts"] == {name: 2 + sum(name in some for some in both) for name in made_up.ALGORITHMS}
    assert (measured["small"], measured["spilt"]) == (0, 0)
    assert measured["striped"].startswith('url("#stripes")')  # not by colour alone


def test_dark_is_dark_and_paper_is_white(seen: Seen) -> None:
    assert (seen.dark, seen.paper) == ("rgb(20, 23, 26)", "rgb(255, 255, 255)")


def test_it_prints_on_a_few_pages(seen: Seen) -> None:
    assert 3 <= seen.pages <= 8
