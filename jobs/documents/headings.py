"""The headings of a part: markdown-it-py's block rules, driven so that nothing is kept of a block that is done."""

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

LONGEST = 500
"""Characters of a heading; what is longer is text, though Markdown makes a heading of any paragraph above a `===`."""

_LINE_END = re.compile(r"\r\n?|\n")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?=[\w .-]+:).*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
"""YAML before the document; Markdown knows nothing of it and would make headings of its lines."""
_BLOCK = "`~>*-_+<#[0123456789"
"""What a line begins with, spaces aside, that may be more than a paragraph's."""
_TABLE = "|:-"
"""What the second line of a table begins with."""
_MARKUP = re.compile(r"[\\`*_\[\]<>!&\n]")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading that stands by itself: not in a list, a quote, a table, a fence or an HTML block."""

    level: int
    text: str
    """As it reads: one line, without markup."""
    start: int
    """With `end`: the characters of its lines, line end included."""
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
    for_prose = [rule for rule in rules if rule in (lheading, paragraph)]
    front_matter = _FRONT_MATTER.match(source) if part.syntax == "markdown" else None
    line = state.skipEmptyLines(source.count("\n", 0, front_matter.end()) if front_matter else 0)
    while line < state.lineMax:
        state.line = line
        prose = state.sCount[line] < 4 and _is_prose(state, line)
        if prose and state.isEmpty(line + 1):  # a paragraph of one line, as most are: no rule need be asked
            line = state.skipEmptyLines(line + 1)
            continue
        tried = for_prose if prose else rules
        rule = next(rule for rule in tried if rule(state, line, state.lineMax, False))
        if rule in (heading, lheading) and len(state.scratch.content) <= LONGEST:
            level = int(state.scratch.tag.removeprefix("h"))
            yield Heading(level, _plain(state.scratch.content), offset(line), offset(state.line))
        line = state.skipEmptyLines(state.line)


def _offsets(original: str, state: StateBlock) -> Callable[[int], int]:
    """From a line's number to the offset of its first character in the original."""
    if "\r" not in original:
        return state.bMarks.__getitem__
    starts = [0, *(match.end() for match in _LINE_END.finditer(original))]
    return lambda line: starts[line] if line < state.lineMax else len(original)


class _State(StateBlock):
    """Has one token instead of a list: those of 50 MB take gigabytes, and only a heading's are of interest."""

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
    """Whether a line, not indented, can be of a paragraph only."""
    this, following = state.bMarks[line] + state.tShift[line], state.bMarks[line + 1] + state.tShift[line + 1]
    return state.src[this : this + 1] not in _BLOCK and state.src[following : following + 1] not in _TABLE


class _Rules(Ruler[RuleFuncBlockType]):
    """Asks whether a line ends a paragraph only where it may: twice as fast on prose."""

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
        usual, self.ruler = self.ruler.__rules__, _Rules()
        for rule in usual:
            self.ruler.push(rule.name, rule.fn, {"alt": rule.alt if interruptible else []})

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:  # noqa: N803 (markdown-it's names)
        if state.level < state.md.options.maxNesting:
            return super().tokenize(state, startLine, endLine)
        # markdown-it-py drops the rest of the document here; only what belongs to this item or quote is passed over.
        line = startLine + 1
        while line < endLine and (state.isEmpty(line) or not 0 <= state.sCount[line] < state.blkIndent):
            line += 1
        state.line = line
        return None


@cache
def _parser(syntax: Literal["markdown", "converted"]) -> MarkdownIt:
    parser = MarkdownIt("commonmark")
    # A converter puts blank lines between blocks, and leaves what looks like a block within a paragraph as it was.
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
