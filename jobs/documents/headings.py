"""Finds the headings of a part with markdown-it-py's block rules, without keeping tokens in memory."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.parser_block import ParserBlock, RuleFuncBlockType
from markdown_it.ruler import Ruler
from markdown_it.rules_block import StateBlock, heading, lheading, paragraph
from markdown_it.token import Token

from jobs.documents.document import Part

MAX_LENGTH = 500
"""Characters of a heading. Longer ones are text: Markdown makes a heading of any paragraph above a `===`."""

_LINE_END = re.compile(r"\r\n?|\n")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?=[\w .-]+:).*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
"""YAML before the document. Markdown would take its lines for headings."""
_BLOCK = "`~>*-_+<#[0123456789"
"""First characters, after spaces, of lines that may not be paragraph text."""
_TABLE = "|:-"
"""First characters of the second line of a table."""
_MARKUP = re.compile(r"[\\`*_\[\]<>!&\n]")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading at the top level: not in a list, quote, table, fence or HTML block."""

    level: int
    text: str
    """One line, without markup."""
    start: int
    """With `end`: the span of its lines in characters, line end included."""
    end: int


def headings(part: Part) -> Iterator[Heading]:
    """The headings of a part, in order."""
    if part.syntax == "plain":
        return
    parser = _parser(part.syntax)
    source = _LINE_END.sub("\n", part.markdown) if "\r" in part.markdown else part.markdown
    state = _State(source.replace("\0", "\N{REPLACEMENT CHARACTER}"), parser)
    offset = _offsets(part.markdown, state)
    rules = parser.block.ruler.getRules("")
    prose_rules = [rule for rule in rules if rule in (lheading, paragraph)]
    front_matter = _FRONT_MATTER.match(source) if part.syntax == "markdown" else None
    line = state.skipEmptyLines(source.count("\n", 0, front_matter.end()) if front_matter else 0)
    while line < state.lineMax:
        state.line = line
        prose = state.sCount[line] < 4 and _is_prose(state, line)
        if prose and state.isEmpty(line + 1):  # a paragraph of one line, the most common case: no rule is needed
            line = state.skipEmptyLines(line + 1)
            continue
        candidates = prose_rules if prose else rules
        rule = next(rule for rule in candidates if rule(state, line, state.lineMax, False))
        if rule in (heading, lheading) and len(state.scratch.content) <= MAX_LENGTH:
            level = int(state.scratch.tag.removeprefix("h"))
            yield Heading(level, _plain(state.scratch.content), offset(line), offset(state.line))
        line = state.skipEmptyLines(state.line)


def _offsets(original: str, state: StateBlock) -> Callable[[int], int]:
    """Maps a line number to the offset of the line's first character in the original."""
    if "\r" not in original:
        return state.bMarks.__getitem__
    starts = [0, *(match.end() for match in _LINE_END.finditer(original))]
    return lambda line: starts[line] if line < state.lineMax else len(original)


class _State(StateBlock):
    """Keeps one token instead of a list: the tokens of 50 MB take gigabytes, and only headings matter."""

    def __init__(self, source: str, parser: MarkdownIt) -> None:
        super().__init__(source, parser, {}, [])
        self.scratch = Token("", "", 0)

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        if nesting < 0:
            self.level -= 1
        elif nesting > 0:
            self.level += 1
        if tag:
            self.scratch.tag = tag
        return self.scratch


def _is_prose(state: StateBlock, line: int) -> bool:
    """Whether a line that is not indented can only be paragraph text."""
    this, following = state.bMarks[line] + state.tShift[line], state.bMarks[line + 1] + state.tShift[line + 1]
    return state.src[this : this + 1] not in _BLOCK and state.src[following : following + 1] not in _TABLE


class _Rules(Ruler[RuleFuncBlockType]):
    """Skips the rules that may end a paragraph on lines that are prose: twice as fast."""

    def getRules(self, chainName: str = "") -> list[RuleFuncBlockType]:  # noqa: N802, N803 (markdown-it's names)
        rules = super().getRules(chainName)
        if not chainName:
            return rules

        def ends(state: StateBlock, line: int, end: int, silent: bool) -> bool:
            return not _is_prose(state, line) and any(rule(state, line, end, silent) for rule in rules)

        return [ends]


class _Blocks(ParserBlock):
    def __init__(self, *, interruptible: bool) -> None:
        super().__init__()
        default_rules, self.ruler = self.ruler.__rules__, _Rules()
        for rule in default_rules:
            self.ruler.push(rule.name, rule.fn, {"alt": rule.alt if interruptible else []})

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:  # noqa: N803 (markdown-it's names)
        if state.level < state.md.options.maxNesting:
            return super().tokenize(state, startLine, endLine)
        # markdown-it-py would drop the rest of the document; skip only the rest of this item or quote.
        line = startLine + 1
        while line < endLine and (state.isEmpty(line) or not 0 <= state.sCount[line] < state.blkIndent):
            line += 1
        state.line = line
        return None


@cache
def _parser(syntax: Literal["markdown", "converted"]) -> MarkdownIt:
    parser = MarkdownIt("commonmark")
    # A converter puts blank lines between blocks; a line inside a paragraph that looks like a block is text.
    parser.block = _Blocks(interruptible=syntax == "markdown")
    parser.configure("commonmark").enable("table")
    return parser if syntax == "markdown" else parser.disable(["lheading", "html_block"])


def _plain(content: str) -> str:
    if _MARKUP.search(content):
        tokens: list[Token] = []
        parser = _parser("markdown")
        parser.inline.parse(content, parser, {}, tokens)
        content = "".join(_texts(tokens))
    return " ".join(content.split())


def _texts(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            yield " "
        elif token.type == "image":
            yield from _texts(token.children or [])
        elif token.type != "html_inline":
            yield token.content
