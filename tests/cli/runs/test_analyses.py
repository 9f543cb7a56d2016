"""Whole runs: one question, one set of answers."""

import json

import pytest

LONG = "one two three four five six seven eight nine ten eleven twelve"


def statuses(place, output="out") -> list[str]:
    return [row["status"] for row in place.results(output)]


class TestNames:
    def test_the_name_is_the_tasks_or_a_hash_or_what_you_give(self, place):
        place.sections(2)
        for options, name in (((), "summarize"), (("--task", "keywords"), "keywords"), (("--name", "q1"), "q1")):
            place.run(*options)
            assert place.summary()["analysis"] == name
            assert {row["analysis"] for row in place.results()} == {name}
        place.run("--prompt", "Translate.")
        prompt, hash_ = place.summary()["analysis"].split("-")
        assert (prompt, len(hash_)) == ("prompt", 8)
        assert place.summary()["question"]["prompt"] == "Translate."

    def test_a_name_of_another_question_is_refused_before_a_call(self, place, bedrock):
        place.sections(2)
        place.run("--name", "parties", "--prompt", "Name the parties.")
        before = place.results()
        refused = place.run("--name", "parties", "--prompt", "Name the dates.")
        assert refused.returncode == 2
        assert "the analysis parties of this output directory has another prompt" in refused.stderr
        assert (len(bedrock.ledger()), place.results()) == (2, before)

    def test_the_same_question_under_another_name_is_not_paid_for_again(self, place, bedrock):
        place.sections(3)
        place.run("--no-cache", "--name", "a")
        again = place.run("--no-cache", "--name", "b")
        assert again.returncode == 0, again.stderr
        assert len(bedrock.ledger()) == 3
        assert {(row["source"], row["cost_usd"], row["analysis"]) for row in place.results()} == {("duplicate", 0, "b")}
        total = place.summary()["total"]
        assert (total["calls"], total["analyses"]["a"]["calls"], total["analyses"]["b"]["calls"]) == (3, 3, 0)

    @pytest.mark.parametrize("name", ["../x", "-x", "a b", "[red]", "x" * 65, "a\nb"])
    def test_a_name_with_odd_characters_is_refused_in_one_line(self, place, name):
        place.sections(1)
        run = place.run(f"--name={name}")
        assert run.returncode == 2
        assert "must be letters, digits" in run.stderr
        assert not place.out.exists()


class TestRows:
    def test_results_never_mix_and_what_is_not_answered_yet_is_pending(self, place):
        for n in range(40):
            place.sections(20, f"{n:02}.md", start=20 * n)
        place.run("--prompt", "Old.")
        run = place.run("--prompt", "New.", "--max-tokens", "10", "--budget", "0.0001")
        assert run.returncode == 5
        name, summary, rows = place.summary()["analysis"], place.summary(), place.results()
        assert {row["analysis"] for row in rows} == {name}
        assert {row["status"] for row in rows} <= {"ok", "incomplete", "pending"}
        assert {(row["text"], row["usage"], row["answered_at"]) for row in rows if row["status"] == "pending"} == {
            (None, None, None)
        }
        assert summary["pending"] == statuses(place).count("pending") > 0
        assert (summary["documents_listed"], summary["documents_read"]) == (40, len({row["document"] for row in rows}))
        assert "rows of prompt-" in run.stderr
        assert "that left it: 800" in run.stderr

    def test_columns_add_up_to_the_bill(self, place, bedrock):
        for n in range(5):
            place.write(f"{n}.md", f"# Document {n}\n\nNumber {n}.\n\n## Terms\n\nThirty days.\n")
        place.run()
        rows, summary = place.results(), place.summary()
        for name in ("input_tokens", "output_tokens"):
            assert sum(row["usage"][name] for row in rows) == summary[name] == summary["total"][name]
        assert sum(row["cost_usd"] for row in rows) == pytest.approx(summary["total"]["cost_usd"], abs=1e-9)
        assert summary["total"]["calls"] == len(bedrock.ledger()) == 6
        place.run()
        assert (place.summary()["input_tokens"], place.summary()["total"]) == (0, summary["total"])

    def test_each_row_says_which_run_answered_and_when(self, place):
        place.sections(2)
        place.run()
        first = place.summary()
        place.sections(3)
        place.run()
        rows = place.results()
        assert [row["run_id"] for row in rows] == [first["run_id"]] * 2 + [place.summary()["run_id"]]
        assert all(first["started_at"] <= row["answered_at"] for row in rows)
        assert {row["stop_reason"] for row in rows} == {"end_turn"}

    def test_answers_of_the_built_in_emulator_are_marked(self, place):
        place.sections(2)
        place.run("--emulate")
        assert {row["source"] for row in place.results()} == {"emulator"}

    def test_rows_of_other_inputs_leave_with_a_line_and_come_back_without_a_call(self, place, bedrock):
        place.sections(3, "a.md")
        place.sections(2, "b.md", start=10)
        place.run()
        before = place.results()
        part = place.run(paths=("docs/b.md",))
        assert "rows that left results.jsonl, as their documents are not among the inputs: 3" in part.stderr
        assert len(place.results()) == 2
        back = place.run()
        assert "left results.jsonl" not in back.stderr
        assert (place.results(), len(bedrock.ledger())) == (before, 5)

    def test_rows_of_sections_that_an_edit_removed_leave_with_a_line(self, place):
        place.sections(3)
        place.run()
        place.sections(2)
        assert "as their documents no longer have these sections: 1" in place.run().stderr


class TestMaxTokens:
    def test_a_larger_limit_calls_again_for_the_answers_that_were_cut_off_and_for_nothing_else(self, place, bedrock):
        place.write("a.md", f"# Short\n\nTwo words.\n\n# Long\n\n{LONG}\n\n# Longer\n\n{LONG} {LONG}\n")
        assert place.run("--max-tokens", "8").returncode == 4
        assert statuses(place) == ["ok", "incomplete", "incomplete"]
        for limit in ("8", "4"):
            place.run("--max-tokens", limit)
            assert len(bedrock.ledger()) == 3
        assert place.run("--max-tokens", "400").returncode == 0
        assert (statuses(place), len(bedrock.ledger())) == (["ok"] * 3, 5)
        assert place.run("--max-tokens", "2").returncode == 0
        assert (statuses(place), len(bedrock.ledger())) == (["ok"] * 3, 5)

    def test_the_cache_serves_any_limit(self, place, bedrock):
        place.sections(3)
        place.run("--max-tokens", "200")
        place.run("--max-tokens", "300", output="other")
        assert (len(bedrock.ledger()), statuses(place, "other")) == (3, ["ok"] * 3)


class TestKeptText:
    def test_the_text_is_in_the_journal_unless_you_say_no(self, place):
        canary = "canary-0123456789"
        place.write("a.md", f"# A\n\n{canary}\n")
        place.run("--no-keep-text", "--max-tokens", "1", "--no-cache")
        assert canary.encode() not in (place.out / "journal.sqlite").read_bytes()
        place.run("--max-tokens", "1", "--no-cache")
        assert canary.encode() in (place.out / "journal.sqlite").read_bytes()


def test_every_exit_leaves_the_question_in_the_summary(place):
    place.sections(1)
    run = place.run("--json", "--max-tokens", "77")
    summary = json.loads(run.stdout)
    assert summary == place.summary()
    assert {"prompt", "system", "model", "endpoint", "temperature", "top_p", "stop", "max_tokens"} <= {
        *summary["question"]
    }
    assert summary["question"]["max_tokens"] == 77
