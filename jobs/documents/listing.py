"""Intake: which files the arguments mean, and why some of them will not be read."""

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

from jobs.documents.document import Source
from jobs.documents.readers import reader_for

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True)
class FileRules:
    """Which files are read.

    Globs are those of fnmatch, where `*` matches `/` as well, and are tried on the name and on the path below the
    argument: `*.md`, `drafts/**`, `**/notes.txt`. An excluded folder is not entered. Files that globs leave out are not
    reported. (The standard library is enough for this; the rules of .gitignore would need a package.)
    """

    include: tuple[str, ...] = ()
    """Only files that match one of these; all if empty."""
    exclude: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    """Files that match one of these go before all others."""
    follow_symlinks: bool = False
    """Read what links in folders lead to. An argument that is a link is followed in any case."""
    max_file_size: int = 64 << 20
    """Bytes."""
    leave_out: tuple[Path, ...] = ()
    """Folders that are never read: what the run itself writes."""

    def wanted(self, path: str) -> bool:
        """Whether the globs let in a file with this path below the argument."""
        return (not self.include or _matches(self._included, path)) and not self.shut(path)

    def shut(self, path: str) -> bool:
        """Whether the globs exclude a file or folder."""
        return bool(self.exclude) and _matches(self._excluded, path)

    def goes_first(self, path: str) -> bool:
        """Whether a file with this path below the argument goes before all others."""
        return bool(self.first) and _matches(self._first, path)

    @cached_property
    def _included(self) -> re.Pattern[str]:
        return _pattern(self.include)

    @cached_property
    def _excluded(self) -> re.Pattern[str]:
        return _pattern(self.exclude)

    @cached_property
    def _first(self) -> re.Pattern[str]:
        return _pattern(self.first)


@dataclass(slots=True)
class ListingNotes:
    """What a listing tells beside the files, and how it is told to end."""

    hidden: int = 0
    """Files and folders inside of folders whose name begins with a dot: left out, without naming them."""
    unlisted: int = 0
    """Arguments and folders that could not be listed: what is in them is not known to be gone."""
    first: int = 0
    """Files that go before all others."""
    ended: bool = False
    """Set by whoever has no more use for the listing, from any thread: it ends at the next name."""


def find(arguments: Sequence[str], rules: FileRules, notes: ListingNotes | None = None) -> Iterator[Source]:
    """The files that the arguments mean, folders with all that is below them, lazily and in a stable order.

    What cannot be read is listed as well, with the reason. Nothing is listed twice, whatever the arguments.
    """
    search = _Search(rules, notes or ListingNotes())
    for argument in arguments:
        yield from search.argument(argument)


def survey(arguments: Sequence[str], rules: FileRules, notes: ListingNotes | None = None) -> tuple[int, int]:
    """How many documents there are (those that cannot be read among them), and bytes to read."""
    documents = size = 0
    for source in find(arguments, rules, notes):
        documents += 1
        size += source.size
    return documents, size


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that is being listed."""

    path: Path
    below: PurePath
    """Its path below the argument."""
    names: list[str]
    """What is still to come in it, in reverse."""


class _Search:
    """Lists files; remembers folders and named files only, so that a million files take no memory."""

    def __init__(self, rules: FileRules, notes: ListingNotes) -> None:
        self._rules, self._notes = rules, notes
        self._left_out = [path.resolve() for path in rules.leave_out]
        self._entered: set[tuple[int, int]] = set()
        for path in self._left_out:
            with suppress(OSError):
                self._entered.add(_identity(path.stat()))
        self._named: set[Path] = set()

    def argument(self, argument: str) -> Iterator[Source]:
        """What one argument means."""
        path = Path(argument)
        try:
            status = path.stat()
            real = path.resolve()
            listed = real in self._named or (
                _identity(real.parent.stat()) in self._entered and not real.name.startswith(".")
            )
        except OSError as error:
            self._notes.unlisted += 1
            yield Source(argument, _display(path), f"{_reason(error)}; check the name and the permissions")
            return
        if any(real.is_relative_to(folder) for folder in self._left_out):
            refused = "it belongs to the output or cache directory, which is never read"
            yield Source(argument, _display(path), refused)
        elif stat.S_ISDIR(status.st_mode):
            yield from self._walk(path, status)
        elif not listed and self._rules.wanted(path.name):
            self._named.add(real)
            yield self._source(real, path, PurePath(path.name), status)

    def _walk(self, path: Path, status: os.stat_result) -> Iterator[Source]:
        folders: list[_Folder] = []  # a stack of our own: folders may be nested more deeply than calls
        yield from self._enter(folders, path, PurePath(), status)
        while folders and not self._notes.ended:
            folder = folders[-1]
            if not folder.names:
                folders.pop()
            elif (name := folder.names.pop()).startswith("."):
                self._notes.hidden += 1
            else:
                yield from self._member(folders, folder.path / name, folder.below / name)

    def _member(self, folders: list[_Folder], path: Path, below: PurePath) -> Iterator[Source]:
        try:
            status = path.stat(follow_symlinks=self._rules.follow_symlinks)
        except OSError as error:
            if self._rules.wanted(str(below)):
                yield Source(str(path), _display(path), f"{_reason(error)}; check where it leads, and the permissions")
            return
        if stat.S_ISDIR(status.st_mode):
            if not self._rules.shut(str(below)):
                yield from self._enter(folders, path, below, status)
        elif self._rules.wanted(str(below)) and not (self._named and path.resolve() in self._named):
            yield self._source(path, path, below, status)

    def _enter(self, folders: list[_Folder], path: Path, below: PurePath, status: os.stat_result) -> Iterator[Source]:
        """Go into a folder, unless that was done before, under whatever name."""
        if _identity(status) in self._entered:
            return
        try:
            with os.scandir(path) as entries:
                names = sorted((entry.name for entry in entries), key=os.fsencode, reverse=True)
        except OSError as error:
            self._notes.unlisted += 1
            yield Source(str(path), _display(path), f"it cannot be listed: {_reason(error)}; check the permissions")
        else:
            self._entered.add(_identity(status))
            folders.append(_Folder(path, below, names))

    def _source(self, path: Path, document: Path, below: PurePath, status: os.stat_result) -> Source:
        refused = self._refused(document, status)
        first = self._rules.goes_first(str(below))
        self._notes.first += first
        return Source(str(path), _display(document), refused, 0 if refused else status.st_size, first)

    def _refused(self, document: Path, status: os.stat_result) -> str:
        kind, suffix = stat.S_IFMT(status.st_mode), document.suffix
        if kind == stat.S_IFLNK:
            return "it is a symbolic link; --follow-symlinks reads what links lead to"
        if kind != stat.S_IFREG:
            return f"it is {_KINDS.get(kind, 'something')}, not a regular file; exclude it"
        if reader_for(document.name) is None:
            if suffix:
                return f"there is no reader for {suffix} files; --exclude '*{suffix}' leaves them out"
            return "there is no reader for names without an ending; exclude it, or call it .md or .txt"
        if status.st_size > self._rules.max_file_size:
            return too_large(status.st_size, self._rules.max_file_size)
        return ""


def too_large(size: int, limit: int) -> str:
    """Why a file of `size` bytes is refused."""
    return f"it has {size:,} bytes and the limit is {limit:,}; --max-file-size raises it"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _display(document: Path) -> str:
    # Surrogates stand for the bytes of a name that are not UTF-8.
    return re.sub("[\udc80-\udcff]", lambda match: f"%{ord(match[0]) - 0xDC00:02X}", str(document))


def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(glob.removeprefix("./").rstrip("/")) for glob in globs))


def _matches(pattern: re.Pattern[str], path: str) -> bool:
    # With a slash before it, so that `**/name` matches at the top as well.
    return any(pattern.match(text) for text in (path, f"/{path}", path.rpartition("/")[2]))
