"""`--stream`: each row once, the moment it is answered."""

import json
import subprocess

from running import PATIENCE, Workplace, emulator


def by_section(rows: list[dict]) -> dict[str, dict]:
    found = {row["section_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def streamed(place: Workplace, *options: str, code: int = 0) -> list[dict]:
    run = place.run("--stream", *options)
    assert run.returncode == code, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_the_rows_are_those_of_the_results_each_once(place):
    place.write("a.md", "".join(f"# H{n % 7}\n\nText {n % 7}.\n\n" for n in range(60)))
    place.sections(40, "b.md")
    assert by_section(streamed(place)) == by_section(place.results())
    place.sections(45, "b.md")
    assert by_section(streamed(place)) == by_section(place.results())
    assert by_section(streamed(place, "--refresh")) == by_section(place.results())


def test_cached_incomplete_and_failed_rows_are_there_and_pending_ones_are_not(place, bedrock):
    place.sections(5)
    place.run("--max-tokens", "2", output="other")
    place.sections(8)
    bedrock.faults({"kind": "invalid", "every": 3})
    rows = streamed(place, "--max-tokens", "2", code=4)
    assert by_section(rows) == by_section(place.results())
    assert {row["status"] for row in rows} == {"incomplete", "failed"}
    bedrock.faults()
    place.sections(400, "c.md", start=1000)
    rows = streamed(place, "--budget", "0.0002", "--prompt", "Other.", code=5)
    assert by_section(rows) == by_section([row for row in place.results() if row["status"] != "pending"])


def test_a_row_comes_before_the_run_has_ended(tmp_path):
    with emulator(latency=0.2) as bedrock:
        place = Workplace(tmp_path, bedrock.url)
        place.sections(40)
        process = place.start("--stream", "--concurrency", "2")
        assert process.stdout
        row = json.loads(process.stdout.readline())
        assert (row["status"], process.poll()) == ("ok", None)
        process.terminate()
        process.communicate(timeout=PATIENCE)


def test_the_summary_is_the_last_line(place):
    place.sections(2)
    *rows, summary = streamed(place, "--json")
    assert (len(rows), summary) == (2, place.summary())


def test_if_the_reader_goes_away_the_run_stops_and_nothing_is_lost(tmp_path):
    with emulator(latency=0.05) as bedrock:
        place = Workplace(tmp_path, bedrock.url)
        place.sections(500)
        process = place.start("--stream", "--concurrency", "4")
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr
        with process.stderr:
            assert process.wait(PATIENCE) == 141
        answered = sum(row["status"] == "ok" for row in place.results())
        assert answered == len(bedrock.ledger()) < 500
        assert "the rows of --stream cannot be written" in place.summary()["error"]
        with subprocess.Popen(place.command("--stream"), cwd=place.folder, env=place.env(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as again:  # fmt: skip
            assert again.wait(PATIENCE) == 0
        assert len(bedrock.ledger()) == 500
