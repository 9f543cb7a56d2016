"""Whole runs of the installed command against the emulator, checked against its ledger."""

import json
import subprocess
from pathlib import Path

import pytest
from running import PATIENCE, Workplace, emulator, without_times


class TestOnce:
    """No answer is paid for twice."""

    def test_every_section_is_called_once_and_a_second_run_makes_no_call(self, place, bedrock):
        place.sections(50)
        first = place.run()
        assert first.returncode == 0, first.stderr
        assert len(bedrock.ledger()) == 50
        rows = place.results()
        assert [row["section"] for row in rows] == list(range(50))
        assert all(row["status"] == "ok" and row["text"].startswith("[emulated]") for row in rows)
        assert rows[7]["heading"] == ["Section 7"]
        assert rows[7]["document"] == "docs/a.md"
        second = place.run()
        assert second.returncode == 0, second.stderr
        assert len(bedrock.ledger()) == 50
        assert place.results() == rows
        assert (place.summary()["calls"], place.summary()["resumed"]) == (0, 50)

    def test_duplicates_cost_one_call_an_edited_section_one_and_a_renamed_file_none(self, place, bedrock):
        same = "## Confidentiality\n\nKeep it to yourself.\n\n"
        for n in range(5):
            place.write(f"{n}.md", f"# Document {n}\n\nNumber {n}.\n\n" + same * 20)
        place.run()
        assert len(bedrock.ledger()) == 6
        assert place.summary()["duplicates"] == 99
        place.write("3.md", f"# Document 3\n\nNumber three.\n\n{same * 20}")
        place.run()
        assert len(bedrock.ledger()) == 7
        (place.docs / "0.md").rename(place.docs / "renamed.md")
        place.run()
        assert len(bedrock.ledger()) == 7
        rows = place.results()
        assert len(rows) == 105
        assert {row["document"] for row in rows} == {f"docs/{name}.md" for name in ("renamed", "1", "2", "3", "4")}
        assert [row["source"] for row in rows].count("bedrock") == 6

    def test_the_cache_answers_in_another_output_directory(self, place, bedrock):
        place.sections(20)
        place.run()
        assert place.run(output="other").returncode == 0
        assert len(bedrock.ledger()) == 20
        assert place.summary("other")["cached"] == 20
        assert {row["source"] for row in place.results("other")} == {"cache"}
        place.run("--no-cache", output="third")
        assert len(bedrock.ledger()) == 40
        place.run("--refresh")
        assert len(bedrock.ledger()) == 60

    def test_another_prompt_is_another_request(self, place, bedrock):
        place.sections(5)
        place.run()
        place.run("--prompt", "Translate it.")
        place.run("--prompt", "Translate it.")
        assert len(bedrock.ledger()) == 10

    def test_an_emulated_answer_never_serves_another_endpoint(self, place, bedrock):
        place.sections(5)
        place.run("--emulate")
        assert bedrock.ledger() == []
        assert place.summary()["emulated"]
        place.run()
        assert len(bedrock.ledger()) == 5


class TestOrder:
    """One huge document is listed before five small ones, and the deadline allows a fraction of it."""

    @pytest.mark.parametrize(
        ("options", "answered"),
        [([], 25), (["--fair-by", "none"], 0), (["--fair-by", "none", "--first", "b*"], 25), (["--sample", "60"], 25)],
        ids=["by document", "in order", "first", "a sample"],
    )
    def test_which_documents_are_answered(self, place, options, answered):
        place.sections(3000, "a.md")
        for number in range(5):
            place.sections(5, f"b{number}.md", start=10_000 * (number + 1))
        ran = place.run("--rpm", "1500", "--deadline", "4s", *options)
        assert ran.returncode in (0, 5), ran.stderr
        documents = [row["document"] for row in place.results() if row["status"] != "pending"]
        assert sum(document != "docs/a.md" for document in documents) == answered
        assert documents == sorted(documents)
        assert "docs/a.md" in documents

    @pytest.mark.parametrize("options", [[], ["--sample", "1"]])
    def test_a_glob_without_a_match_is_a_warning(self, tmp_path, options):
        with emulator(latency=0.5) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(2)
            ran = place.run("--first", "urgent/*", *options)
            assert ran.returncode == 0
            assert ran.stderr.count("note: no file matches --first urgent/*\n") == 1
            assert "no file matches" not in place.run("--first", "*.md", *options).stderr


class TestOutput:
    """Data on standard output, everything else on standard error."""

    def test_json_prints_the_summary_and_nothing_else(self, place):
        place.sections(3)
        ran = place.run("--json")
        assert json.loads(ran.stdout) == place.summary()
        assert ran.stdout.count("\n") == 1

    def test_the_final_block_is_printed_even_if_nothing_was_processed(self, place):
        place.write("b.xyz", "x")
        ran = place.run()
        assert ran.returncode == 3
        assert "Finished with problems (exit code 3):\nout/results.jsonl\ndocuments  1  unreadable 1\n" in ran.stderr
        place.sections(1)
        ran = place.run("--deadline", "1ms", output="other")
        assert ran.returncode == 5
        assert "Stopped: the deadline is reached\n" in ran.stderr
        assert "\ndocuments  " in ran.stderr

    def test_a_second_run_says_that_all_sections_are_answered(self, place):
        place.sections(3)
        place.run()
        assert "all 3 sections already answered" in place.run().stderr

    def test_a_reason_that_stops_the_run_is_printed_once_and_in_the_final_block(self, place, bedrock):
        place.sections(20)
        bedrock.faults({"kind": "denied"})
        ran = place.run("--concurrency", "1")
        lines = [line for line in without_times(ran.stderr).splitlines() if "don't have" in line and line[0] != "["]
        assert [line.split(":")[0] for line in lines] == ["note", "Stopped"]

    def test_without_json_standard_output_is_empty(self, place):
        place.sections(3)
        assert place.run().stdout == ""

    def test_quiet_prints_one_line_only_if_there_are_problems(self, place):
        place.sections(3)
        assert place.run("--quiet", "--emulate").stderr == ""
        place.write("b.xyz", "x")
        assert place.run("--quiet", "--emulate").stderr == "bedrock-batch: exit code 3: 1 of 2 documents unreadable\n"
        stopped = place.run("--quiet", "--emulate", "--deadline", "1ms", output="other")
        assert stopped.stderr == "bedrock-batch: exit code 5: the deadline is reached\n"

    def test_quiet_still_names_an_endpoint_that_is_not_one_of_aws(self, place):
        place.sections(3)
        expected = f"bedrock-batch: calling amazon.nova-lite-v1:0 at {place.url}\n"
        assert place.run("--quiet").stderr == expected

    def test_a_closed_standard_error_loses_no_answer(self, place, bedrock):
        place.sections(30)
        running = place.start("--json")
        assert running.stderr
        running.stderr.close()
        assert running.stdout
        out = running.stdout.read()
        running.stdout.close()
        assert running.wait(PATIENCE) == 0
        assert json.loads(out)["ok"] == 30
        assert len(place.results()) == 30

    def test_a_full_standard_output_loses_no_answer(self, place):
        place.sections(3)
        with Path("/dev/full").open("w") as full:
            running = subprocess.Popen(
                place.command("--json"), cwd=place.folder, env=place.env(), stdout=full, stderr=subprocess.PIPE
            )
            _, err = running.communicate(timeout=PATIENCE)
        assert running.returncode == 13, err
        assert err.count(b"cannot write to standard output") == 1
        assert place.summary()["exit_code"] == 13
        assert len(place.results()) == 3

    def test_the_files_of_a_run_are_private_and_keep_a_mode_that_you_gave_them(self, place):
        place.sections(1)
        place.run()
        names = ("journal.sqlite", "results.jsonl", "documents.jsonl", "summary.json")
        assert {(place.out / name).stat().st_mode & 0o777 for name in names} == {0o600}
        (place.out / "results.jsonl").chmod(0o644)
        place.run()
        assert (place.out / "results.jsonl").stat().st_mode & 0o777 == 0o644

    def test_secrets_are_written_nowhere_and_texts_not_to_the_terminal(self, place):
        place.write("a.md", "## H\n\nThe canary text.\n")
        ran = place.run("--verbose")
        assert "canary" not in ran.stderr
        for path in place.out.iterdir():
            assert b"canary-secret" not in path.read_bytes()
