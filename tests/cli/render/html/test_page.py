"""The content of the HTML page; test_page_in_chromium.py tests how a browser shows it."""

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pytest
import sample_simulation as sample

from cli.render.html.page import DEFAULT_TITLE, page
from jobs.simulation.ranking import best


def whole() -> str:
    """The page of the sample."""
    return page(*sample.everything())


class Reader(HTMLParser):
    """The elements with their attributes, and all text that is neither style nor script."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._tag = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self._tag != "style" and data.strip():
            self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def rows(document: str) -> dict[str, list[str]]:
    """The cells of each algorithm's row."""
    table = document[document.index("<table>") : document.index("</table>")]
    texts = [re.sub(r"<.*?>|&nbsp;", "", row) for row in table.split("<tbody>")[1:]]
    split = [[cell.strip() for cell in text.split("\n") if cell.strip()] for text in texts]
    return {name: cells for name, *cells in split}


def test_the_page_has_the_title_and_the_settings_in_a_sentence() -> None:
    document = whole()
    assert "<h1>What happens to a batch when the quota is cut in the middle?</h1>" in document
    sentence = "300 requests of 2 users, arriving at once, quota 100 requests/minute (token bucket, 1 s burst)."
    assert f"<p>{sentence} " in document


@pytest.mark.parametrize(
    ("scenario", "sentence"),
    [
        ({}, "Requests."),
        ({"requests": 1, "rate": 0.5}, "1 request, quota 0.5 requests/minute."),
        (
            {"duration": 600.0, "arrivals": "poisson", "users": 3, "rate": 90, "tpm": 4e5},
            "Requests for 10m 00s of 3 users, arriving at random, quota 90 requests/minute and 400,000 tokens/minute.",
        ),
    ],
    ids=["nothing", "little", "much"],
)
def test_the_settings_in_a_sentence(scenario: dict[str, object], sentence: str) -> None:
    document = page(scenario, [], [])
    assert f"<p>{sentence} " in document
    assert f"<h1>{DEFAULT_TITLE}</h1>" in document
    assert "Recommendation" not in document


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("rate", 1200.0, "1,200 requests/minute"),
        ("seed", 0, "0"),
        ("server", "bucket", "bucket"),
        ("docs", ["a.md", "b.md"], "a.md; b.md"),
        ("outages", [[60.0, 100.5], [200.0, 300.0]], "60 s to 100.5 s; 200 s to 300 s"),
        ("quota_changes", [[120.0, 50.0]], "from 120 s on: 50 requests/minute"),
        ("tenants", [[300.0, 600.0, 40.0]], "300 s to 600 s: 40 requests/minute"),
        ("outages", [{"from": 60, "to": 100}], "from 60, to 100"),
        ("users", [{"name": "legal", "input": [5, 1000]}, {"name": "ops"}], "name legal, input 5 to 1,000; name ops"),
        ("of_two_words", True, "yes"),
    ],
)
def test_a_setting_in_the_list(key: str, value: object, written: str) -> None:
    document = page({key: value}, [], [])
    assert f"<dt>{key.replace('_', ' ')}</dt><dd>{written}</dd>" in document


@pytest.mark.parametrize("value", [None, "", [], ()])
def test_empty_settings_are_left_out(value: object) -> None:
    assert "<dt>" not in page({"tpm": value}, [], [], "Why?")


def test_the_table_has_figures_winners_and_explanations() -> None:
    bad = {"served": 3, "lost": 297, "calls": 2379, "throttle_rate": 0.99873, "makespan_s": 0.61, "wait_p50_s": 0.04}
    trials = [
        sample.trial(sample.result("none", **bad), explanation="gave up nearly all"),
        sample.trial(sample.result("bedrock-batch", makespan_s=7325.0, fairness=0.99)),
    ]
    assert rows(page({}, trials, [])) == {
        "none": "3|297|0.6s|2,379|99.9%|97.8%|0s|4m 00s|-|1.00★|Gave up nearly all".split("|"),
        "bedrock-batch": "300★|0★|2h 02m★|300★|0.0%★|97.8%★|2m 01s★|4m 00s★|71.0%★|0.99".split("|"),
    }


def test_fairness_is_left_out_for_one_user() -> None:
    trials = [sample.trial(sample.result(name, fairness=1.0)) for name in ("kong", "nginx")]
    document = page({}, trials, [])
    assert "fairness" not in document[document.index("<table>") :]
    assert len(rows(document)["kong"]) == len(best([])) - 1


def test_the_marks_follow_the_ranking() -> None:
    marks = sum(cell.endswith("★") for cells in rows(whole()).values() for cell in cells)
    assert marks == sum(map(len, best(sample.results()).values()))


def test_every_ranked_column_is_shown() -> None:
    width = {len(cells) for name, cells in rows(whole()).items() if name not in sample.EXPLANATIONS}
    assert width == {len(best([]))}


def test_headers_have_a_scope() -> None:
    assert {attributes.get("scope") for attributes in Reader(whole()).all("th")} == {"col", "row"}


def test_each_drawing_has_a_title_and_a_description() -> None:
    reader = Reader(whole())
    named = [attributes["aria-labelledby"] for attributes in reader.all("svg") if attributes.get("role") == "img"]
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(named) >= 2 * len(sample.ALGORITHMS)
    assert len(ids) == len(set(ids))
    assert {name for names in named for name in (names or "").split()} <= set(ids)
    assert "Outage from 1:00 to 1:40." in whole()


def test_an_algorithm_without_a_timeline_has_no_charts() -> None:
    trials = [sample.trial(sample.result("none")), sample.trial(sample.result("kong"), sample.timeline("kong"))]
    document = page({}, trials, [])
    assert document.count("<section") == 1
    assert "<h3>kong</h3>" in document


def test_a_run_beyond_the_time_axis_shows_its_end() -> None:
    trials = [
        sample.trial(sample.result("kong", lost=9), sample.timeline("kong", 3_000.0)),
        sample.trial(sample.result("nginx"), sample.timeline("nginx")),
    ]
    document = page({}, trials, [])
    assert document.count("ends at 50:00") == 2
    assert "ends at" not in whole()


HOSTILE = "a</style><script>x()</script><img src=//x> {{ 7*7 }} \x1b[31m\u202e\u200b\x00 & \"'"
HARMLESS = "a</style><script>x()</script><img src=//x> {{ 7*7 }} \\x1b[31m\\u202e\\u200b\\x00 & \"'"


def test_foreign_text_is_escaped() -> None:
    trials = [sample.trial(sample.result(HOSTILE), sample.timeline("kong"), HOSTILE)]
    scenario = {HOSTILE: HOSTILE, "users": [{HOSTILE: HOSTILE}], "arrivals": HOSTILE}
    document = page(scenario, trials, [HOSTILE, HOSTILE], HOSTILE)
    reader = Reader(document)
    tags = {tag for tag, _ in reader.elements}
    assert tags.isdisjoint({"script", "img"})
    assert not any(char in document for char in "\x1b\u202e\u200b\x00")
    assert sum(HARMLESS in text for text in reader.texts) >= 10
    assert {attributes["class"] for attributes in reader.all("path")} <= {
        "rejected", "admitted", "quota", "waiting", "axis", "grid", "outage", "beyond", "stripe", "dot", "bar",
    }  # fmt: skip


def test_the_content_security_policy_allows_only_the_style_sheet() -> None:
    document = whole()
    style = document[document.index("<style>") + len("<style>") : document.index("</style>")]
    policy = next(
        m["content"] for m in Reader(document).all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    assert not any({"style", "onload", "src"} & attributes.keys() for _, attributes in Reader(document).elements)
    assert not re.search(r"https?:|@import|url\((?!#)", document)


def test_the_largest_page_is_under_500_kb() -> None:
    """All algorithms, with a different value at each step."""
    jagged = [
        replace(sample.timeline(name), estimate=tuple(1 + i % 7 / 10 for i in range(600))) for name in sample.ALGORITHMS
    ]
    jagged = [replace(timeline, waiting=tuple(i * 7 % 300 for i in range(600))) for timeline in jagged]
    document = page({}, list(map(sample.trial, sample.results(), jagged)), [])
    assert len(document.encode()) < 500_000


def test_equal_results_give_equal_pages() -> None:
    assert whole() == whole()


def test_jinja2_is_imported_only_for_a_page() -> None:
    program = "import sys, cli.render.html.page; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


def schemes() -> list[dict[str, str]]:
    """The colours of the light and of the dark scheme, by name."""
    style = files("cli.render.html").joinpath("page.css").read_text("utf-8")
    light, dark = re.findall(r":root \{\s+(--paper.*?)\}", style, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#\w{6});", scheme)) for scheme in (light, dark)]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio" and "relative luminance"."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", schemes(), ids=["light", "dark"])
def test_colours_have_enough_contrast(colours: dict[str, str]) -> None:
    assert len(colours) == 10
    text = {(a, b): contrast(colours[a], colours[b]) for a in ("ink", "soft", "link") for b in ("paper", "raised")}
    drawn = {
        name: contrast(colours[name], colours["paper"]) for name in ("admitted", "rejected", "waiting", "estimate")
    }
    drawn["quota over admitted"] = contrast(colours["ink"], colours["admitted"])
    assert {pair: ratio for pair, ratio in text.items() if ratio < 4.5} == {}
    assert {name: ratio for name, ratio in drawn.items() if ratio < 3} == {}
