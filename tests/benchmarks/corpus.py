"""Deterministic folders of realistic Markdown, with no two equal sections."""

import random
from pathlib import Path

WORDS = """
the of and to in that is for it as was with be by on not are this from at or an have which their has were been service
customer account refund policy report quarter region network incident recovery database latency budget contract supplier
invoice delivery warehouse audit employee manager training schedule release feature support request response security
access review approval change document section clause notice period payment between within before after during against
under above across whenever although because therefore however
""".split()


def sentence(rng: random.Random) -> str:
    """A sentence of 8 to 22 words."""
    words = rng.choices(WORDS, k=rng.randint(8, 22))
    return " ".join(words).capitalize() + "."


def section(rng: random.Random, number: int, size: int) -> str:
    """A section with a heading and paragraphs, of about `size` bytes, unique by its number."""
    paragraphs = [f"Item {number} of the record."]
    length = len(paragraphs[0])
    while length < size:
        paragraph = " ".join(sentence(rng) for _ in range(rng.randint(2, 4)))[: max(40, size - length)]
        paragraphs.append(paragraph)
        length += len(paragraph) + 2
    return f"## {sentence(rng)[:40].strip(' .')} {number}\n\n" + "\n\n".join(paragraphs) + "\n\n"


def write(folder: Path, *, documents: int, sections: int, size: int, seed: int = 1) -> None:
    """Write `documents` files of `sections` sections of about `size` bytes below `folder`, 100 files to a folder."""
    rng = random.Random(seed)
    number = 0
    for document in range(documents):
        path = folder / f"{document // 100:03}" / f"{document:06}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            file.write(f"# Document {document}\n\n")
            for _ in range(sections):
                number += 1
                file.write(section(rng, number, size))
