"""The sizes of real documents' sections, as `analyze` would send them; nothing is called."""

from collections.abc import Sequence
from contextlib import aclosing

from jobs.documents.listing import FileRules
from jobs.documents.parser_pool import read
from jobs.requests.request import RequestTemplate

BYTES_PER_TOKEN = 4.0
"""Of English prose, as jobs/bedrock/models.toml has it."""


class _All:
    """Wants everything: a jobs.documents.parser_pool.Demand."""

    async def wait_for_document_slot(self) -> None:
        """At once."""

    async def wants_more(self, document: str) -> bool:
        """Always."""
        return True

    async def wait_until_wanted(self, document: str) -> None:
        """At once."""


async def measured(
    paths: Sequence[str], rules: FileRules, section_tokens: int, template: RequestTemplate
) -> tuple[list[int], list[tuple[str, str]]]:
    """Input tokens of the requests for all distinct sections, in order; and what could not be read, with the reason.

    Tokens are estimated from bytes (BYTES_PER_TOKEN), the task included.
    """
    sizes: dict[bytes, int] = {}
    unread = []
    async with aclosing(read(paths, rules, section_tokens, _All())) as chunks:
        async for chunk in chunks:
            if chunk.done and chunk.document.error:
                unread.append((chunk.document.path, chunk.document.error))
            for section in chunk.sections:
                request = template.build(chunk.document.path, section)
                sizes[request.key] = max(1, round(len(request.body) / BYTES_PER_TOKEN))
    return list(sizes.values()), unread
