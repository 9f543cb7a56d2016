"""The sizes of real documents' sections, as `analyze` would send them."""

from collections.abc import Sequence
from contextlib import aclosing

from jobs.documents.listing import FileRules
from jobs.documents.parser_pool import read
from jobs.requests.request import RequestTemplate

BYTES_PER_TOKEN = 4.0
"""Of English prose; the default in jobs/bedrock/models.toml."""


class _Everything:
    """A jobs.documents.parser_pool.Demand without a limit."""

    async def wait_for_document_slot(self) -> None:
        pass

    async def wants_more(self, document: str) -> bool:
        return True

    async def wait_until_wanted(self, document: str) -> None:
        pass


async def measure_sections(
    paths: Sequence[str], rules: FileRules, section_tokens: int, template: RequestTemplate
) -> tuple[list[int], list[tuple[str, str]]]:
    """Input tokens of each unique request, in order; and (path, error) of each unreadable document.

    Tokens include the prompt and are estimated from bytes.
    """
    sizes: dict[bytes, int] = {}
    unreadable = []
    async with aclosing(read(paths, rules, section_tokens, _Everything())) as chunks:
        async for chunk in chunks:
            if chunk.done and chunk.document.error:
                unreadable.append((chunk.document.path, chunk.document.error))
            for section in chunk.sections:
                request = template.build(chunk.document.path, section)
                sizes[request.key] = max(1, round(len(request.body) / BYTES_PER_TOKEN))
    return list(sizes.values()), unreadable
