"""Runs over bad and unusual input."""

import json
import os
import shlex
import subprocess

import pytest
from running import PATIENCE, Workplace, emulator, until, without_times


class TestInput:
    """Bad input is reported, and everything else is still done."""

    def test_unreadable_documents_are_named_with_their_reason_and_the_rest_is_done(self, place, bedrock):
        place.sections(2)
        place.write("b.xyz", "x")
        place.write("c.txt", bytes(range(256)) * 8)
        place.write("empty.md", "")
        ran = place.run()
        assert ran.returncode == 3, ran.stderr
        assert "docs/b.xyz" in ran.stderr
        assert "docs/empty.md" in ran.stderr
        assert {doc["path"]: doc["status"] for doc in place.documents()} == {
            "docs/a.md": "ok",
            "docs/b.xyz": "unreadable",
            "docs/c.txt": "unreadable",
            "docs/empty.md": "empty",
        }
        assert place.summary()["unreadable"] == 2
        assert len(place.results()) == 2

    def test_no_files_at_all_is_a_usage_error(self, place):
        place.docs.mkdir()
        ran = place.run()
        assert ran.returncode == 2
        assert "no files" in ran.stderr

    def test_if_every_path_is_missing_it_is_a_usage_error(self, place):
        ran = place.run(paths=("nowhere",))
        assert ran.returncode == 2
        assert "no such file or folder: nowhere" in ran.stderr

    def test_a_missing_path_is_named_and_the_others_are_done(self, place):
        place.sections(2)
        ran = place.run(paths=("docs", "nowhere"))
        assert ran.returncode == 3, ran.stderr
        assert "nowhere" in ran.stderr
        assert len(place.results()) == 2

    def test_without_credentials_it_ends_with_12_and_one_message(self, place):
        place.sections(1)
        place.environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        ran = place.run()
        assert ran.returncode == 12
        start, error, hint = without_times(ran.stderr).splitlines()
        assert start.startswith("note: reading docs; ")
        assert error == "error: no AWS credentials were found"
        assert "--emulate" in hint

    def test_an_output_that_cannot_be_written_is_named(self, place):
        place.sections(1)
        ran = place.run(output="/proc/nothing/here")
        assert ran.returncode == 13
        assert "error: the output directory /proc/nothing/here cannot be used: No such file" in ran.stderr

    def test_an_output_that_is_a_file_is_a_usage_error(self, place):
        place.sections(1)
        (place.folder / "file").touch()
        ran = place.run(output="file")
        assert ran.returncode == 2
        assert without_times(ran.stderr).endswith(
            "error: the output file is a file, not a directory\nhint: name a directory with --output\n"
        )

    @pytest.mark.parametrize(
        ("limit", "message"), [(10, "the limit of open files is 10"), (24, "the limit of open files is 24")]
    )
    def test_a_low_limit_of_open_files_is_named_with_what_to_do(self, place, limit, message):
        place.sections(1)
        command = shlex.join(place.command("--emulate"))
        ran = subprocess.run(
            ["bash", "-c", f"ulimit -n {limit}; {command}"],
            cwd=place.folder, env=place.env(), capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert ran.returncode == 13
        assert f"the limit of open files is {limit}" in ran.stderr
        assert "hint: raise the limit of open files: `ulimit -n 4096`" in ran.stderr
        assert "output directory" not in ran.stderr

    @pytest.mark.parametrize("limit", [50_000, 100_000, 300_000])
    def test_a_low_limit_of_address_space_is_one_error(self, place, limit):
        """Native code would abort the program. At 50 MB it does not even start."""
        place.sections(3)
        command = shlex.join(place.command())
        ran = subprocess.run(
            ["bash", "-c", f"ulimit -v {limit}; {command}"],
            cwd=place.folder, env=place.env(), capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert ran.returncode == 13, ran.stderr
        assert "`ulimit -v unlimited`" in ran.stderr
        assert "Traceback" not in ran.stderr

    def test_a_locked_directory_is_not_touched(self, tmp_path):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(1)
            running = place.start()
            until(lambda: len(bedrock.ledger()) == 1)
            second = place.run("--json")
            assert second.returncode == 11
            assert str(running.pid) in second.stderr
            assert json.loads(second.stdout)["exit_code"] == 11
            running.kill()
            running.communicate(timeout=PATIENCE)

    def test_budget_and_deadline_end_it_with_5(self, place, bedrock):
        place.sections(500)
        ran = place.run("--budget", "0.002")
        assert ran.returncode == 5, ran.stderr
        assert 0 < place.summary()["cost_usd"] <= 0.002
        assert place.summary()["pending"] > 0
        bedrock.faults({"kind": "hang"})
        ran = place.run("--deadline", "1s", "--grace", "100ms")
        assert ran.returncode == 5, ran.stderr

    def test_a_sample_within_the_first_document_is_all_done(self, place, bedrock):
        place.sections(20)
        ran = place.run("--sample", "5")
        assert ran.returncode == 0, ran.stderr
        assert len(place.results()) == len(bedrock.ledger()) == 5
        assert place.run().returncode == 0
        assert len(bedrock.ledger()) == 20

    def test_a_missing_folder_does_not_empty_the_results(self, place):
        place.sections(5)
        place.run()
        place.docs.rename(place.folder / "elsewhere")
        assert place.run().returncode == 2
        assert len(place.results()) == 5
        place.docs.mkdir()
        assert place.run().returncode == 2
        assert len(place.results()) == 5

    def test_a_removed_lock_file_admits_no_second_run(self, tmp_path):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(1)
            running = place.start()
            until(lambda: len(bedrock.ledger()) == 1)
            (place.out / "journal.lock").unlink()
            assert place.run().returncode == 11
            running.kill()
            running.communicate(timeout=PATIENCE)
            assert len(bedrock.ledger()) == 1

    def test_one_section_without_access_ends_with_12(self, place, bedrock):
        bedrock.faults({"kind": "denied"})
        place.sections(1)
        assert place.run().returncode == 12

    def test_a_section_too_large_for_a_quota_fits_a_larger_one(self, place):
        place.sections(2)
        assert place.run("--tpm", "500").returncode == 4
        assert place.run("--tpm", "500000").returncode == 0

    def test_a_document_that_becomes_unreadable_keeps_its_paid_rows_until_it_is_readable_or_gone(self, place, bedrock):
        place.sections(3, "a.md")
        place.sections(2, "b.md", start=10)
        place.run()
        rows = place.results()
        good = place.write("b.md", b"\0" * 99)
        ran = place.run()
        assert ran.returncode == 3, ran.stderr
        marked = place.results()
        reason = place.documents()[1]["error"]
        assert reason
        assert [row.pop("document_error", None) for row in marked] == [None] * 3 + [reason] * 2
        assert marked == rows
        assert [(row["status"], row["sections"]) for row in place.documents()] == [("ok", 3), ("unreadable", 2)]
        place.sections(2, "b.md", start=10)
        assert place.run().returncode == 0
        assert place.results() == rows
        good.unlink()
        assert place.run().returncode == 0
        assert place.results() == rows[:3]
        assert len(bedrock.ledger()) == 5

    @pytest.mark.parametrize(("name", "option"), [("other", "--output"), ("cache2", "--cache-dir")])
    def test_directories_that_are_links_or_that_all_users_can_write_to_are_reported(self, place, name, option):
        place.sections(1)
        directory = place.folder / "real"
        directory.mkdir(mode=0o755)
        (place.folder / name).symlink_to("real")
        assert f"note: {name} is a symbolic link to {directory}\n" in place.run(option, name).stderr
        directory.chmod(0o777)
        message = "note: every user of this machine can replace the files in real\nhint: run: chmod o-w real\n"
        assert message in without_times(place.run(option, "real").stderr)
        directory.chmod(0o755)
        assert "note: every user" not in place.run(option, "real").stderr

    def test_without_a_umask_no_other_user_can_write_to_what_the_run_makes(self, place):
        place.sections(1)
        before = os.umask(0)
        try:
            assert place.run().returncode == 0
        finally:
            os.umask(before)
        made = [place.out, *place.out.iterdir(), place.folder / "cache", *(place.folder / "cache").iterdir()]
        assert [path.name for path in made if path.stat().st_mode & 0o022] == []

    def test_a_linked_directory_of_learned_quotas_is_reported(self, place):
        place.sections(1)
        state = place.folder / "home/.local/state"
        state.mkdir(parents=True)
        (place.folder / "elsewhere").mkdir()
        (state / "bedrock-batch").symlink_to(place.folder / "elsewhere")
        assert "state/bedrock-batch is a symbolic link" in place.run().stderr
