"""A journal that is gone is not silently replaced: the next run would pay for every answer again."""

import json

from running import Workplace, emulator


def files(place: Workplace) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.out.iterdir() if path.name != "journal.lock"}


def test_no_call_is_made_and_the_directory_stays_as_it_is(tmp_path):
    with emulator() as bedrock:
        place = Workplace(tmp_path, bedrock.url)
        place.sections(5)
        place.run("--no-cache")
        journal = place.out / "journal.sqlite"
        kept = journal.read_bytes()
        journal.unlink()
        before = files(place)
        for _ in range(2):
            ran = place.run("--no-cache", "--json")
            assert ran.returncode == 13, ran.stderr
            assert "journal.sqlite is missing or empty, but there are results" in ran.stderr
            assert json.loads(ran.stdout)["exit_code"] == 13
        assert files(place) == before
        assert len(bedrock.ledger()) == 5
        journal.write_bytes(kept)
        assert place.run("--no-cache").returncode == 0
        assert len(bedrock.ledger()) == 5
