"""Keys of journals of schema version 1."""

from jobs.documents.splitting import Section
from jobs.requests.request import RequestTemplate
from jobs.requests.version_1 import keys

TEMPLATE = RequestTemplate("m", "on-demand", "emulator", "Do {document} it", "S", 1024, 0.5, None, ("X",))
SECTION = Section(0, ("A", "B"), "texté", "", "0" * 16)


def test_the_keys_are_those_that_version_1_computed():
    # Computed with the code of version 1.
    (key,) = keys(TEMPLATE, "d.md", SECTION, [77])
    assert key.hex() == "dfdf3a22e80e1ced96fe00ef75ed55e34a25aa7039299730ac50ec59381d1d90"


def test_there_is_a_key_for_each_limit():
    assert len({*keys(TEMPLATE, "d.md", SECTION, [77, 80]), TEMPLATE.build("d.md", SECTION).key}) == 3
