"""Reading folders in parser processes."""

import asyncio
from contextlib import aclosing
from pathlib import Path

from jobs.documents.listing import FileRules
from jobs.documents.parser_pool import read

RULES = FileRules(max_file_size=16 << 20)


def proc(process, name):
    return Path(f"/proc/{process.pid}/{name}").read_bytes()


class Demand:
    """More is wanted of all documents except the blocked ones."""

    def __init__(self):
        self.blocked = set()
        """Names of documents."""
        self.changed = asyncio.Condition()

    async def wait_for_document_slot(self):
        pass

    async def wants_more(self, document):
        return Path(document).name not in self.blocked

    async def wait_until_wanted(self, document):
        async with self.changed:
            await self.changed.wait_for(lambda: Path(document).name not in self.blocked)

    async def unblock(self, *names):
        async with self.changed:
            self.blocked -= set(names)
            self.changed.notify_all()


def reading(*arguments, rules=RULES, demand=None, state=None):
    return aclosing(read([str(argument) for argument in arguments], rules, 2000, demand or Demand(), state))


async def chunks_of(*arguments, **options):
    async with reading(*arguments, **options) as chunks:
        return [chunk async for chunk in chunks]


def documents_of(chunks):
    return [chunk.document for chunk in chunks if chunk.done]


def write(folder, documents, sections=3):
    for number in range(documents):
        path = folder / f"{number // 10:02}" / f"{number:03}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"# H {number} {n}\n\ntext {number} {n}\n" for n in range(sections)))


def write_large(folder, *names, sections=2000):
    for name in names:
        (folder / name).write_text(
            "".join(f"# {name} {n}\n\ntext of {n} in {name} {'x' * 50}\n" for n in range(sections))
        )


def names_of(chunks):
    """The names of the documents in the order in which they ended."""
    return [Path(document.path).name for document in documents_of(chunks)]
