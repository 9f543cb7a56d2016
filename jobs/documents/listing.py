"""Lists the files to read, and the reason for each one that cannot be read."""

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath

from jobs.documents.document import Source
from jobs.documents.readers import reader_for

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class FileRules:
    """Which files are read.

    Globs are those of fnmatch, where `*` also matches `/`. They match the name or the path below the argument: `*.md`,
    `drafts/**`, `**/notes.txt`. An excluded folder is not entered. Files left out by globs are not reported.
    """

    include: tuple[str, ...] = ()
    """Read only files that match one of these; all files if empty."""
    exclude: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    """Read files that match one of these before all others."""
    follow_symlinks: bool = False
    """Follow links inside folders. Arguments that are links are always followed."""
    max_file_size: int = 64 << 20
    """Bytes."""
    skip_folders: tuple[Path, ...] = ()
    """Folders that are never read, as the run itself writes to them."""

    def accepts(self, path: str) -> bool:
        """Whether the globs select a file; `path` is below the argument."""
        return (not self.include or _matches(self.include, path)) and not self.excludes(path)

    def excludes(self, path: str) -> bool:
        """Whether the globs exclude a file or folder; `path` is below the argument."""
        return _matches(self.exclude, path)

    def is_first(self, path: str) -> bool:
        """Whether a file is read before all others; `path` is below the argument."""
        return _matches(self.first, path)


@dataclass(slots=True)
class ListingState:
    """Counters of a listing, and its cancellation."""

    hidden: int = 0
    """Files and folders left out because their name starts with a dot."""
    unlisted: int = 0
    """Arguments and folders that could not be listed: their files are not known to be gone."""
    first: int = 0
    """Files that are read before all others."""
    cancelled: bool = False
    """Ends the listing at the next name. Any thread may set it."""


def list_files(arguments: Sequence[str], rules: FileRules, state: ListingState | None = None) -> Iterator[Source]:
    """The files named by the arguments, and those below folders, lazily and in a stable order.

    Unreadable files are listed with the reason. No file is listed twice, even if arguments overlap.
    """
    listing = _Listing(rules, state or ListingState())
    for argument in arguments:
        yield from listing.argument(argument)


def count_files(arguments: Sequence[str], rules: FileRules, state: ListingState | None = None) -> tuple[int, int]:
    """The number of documents, unreadable ones included, and the bytes to read."""
    documents = size = 0
    for source in list_files(arguments, rules, state):
        documents += 1
        size += source.size
    return documents, size


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that is being listed."""

    path: Path
    relative: PurePath
    """Its path below the argument."""
    names: list[str]
    """The names not yet listed, in reverse."""


class _Listing:
    """Remembers only folders and files that are arguments, so a million files take no memory."""

    def __init__(self, rules: FileRules, state: ListingState) -> None:
        self._rules, self._state = rules, state
        self._skip_folders = [path.resolve() for path in rules.skip_folders]
        self._entered: set[tuple[int, int]] = set()
        """Folders that were entered or are skipped, by identity."""
        for path in self._skip_folders:
            with suppress(OSError):
                self._entered.add(_identity(path.stat()))
        self._named: set[Path] = set()
        """Files that are arguments."""

    def argument(self, argument: str) -> Iterator[Source]:
        """The files of one argument."""
        path = Path(argument)
        try:
            status = path.stat()
            real = path.resolve()
            listed = real in self._named or (
                _identity(real.parent.stat()) in self._entered and not real.name.startswith(".")
            )
        except OSError as error:
            self._state.unlisted += 1
            yield Source(argument, _display(path), f"{_reason(error)}; check the name and the permissions")
            return
        if any(real.is_relative_to(folder) for folder in self._skip_folders):
            reason = "it is in the output or cache directory, which is never read"
            yield Source(argument, _display(path), reason)
        elif stat.S_ISDIR(status.st_mode):
            yield from self._walk(path, status)
        elif not listed and self._rules.accepts(path.name):
            self._named.add(real)
            yield self._source(real, path, PurePath(path.name), status)

    def _walk(self, path: Path, status: os.stat_result) -> Iterator[Source]:
        folders: list[_Folder] = []  # a stack: recursion would limit how deeply folders nest
        yield from self._enter(folders, path, PurePath(), status)
        while folders and not self._state.cancelled:
            folder = folders[-1]
            if not folder.names:
                folders.pop()
            elif (name := folder.names.pop()).startswith("."):
                self._state.hidden += 1
            else:
                yield from self._member(folders, folder.path / name, folder.relative / name)

    def _member(self, folders: list[_Folder], path: Path, relative: PurePath) -> Iterator[Source]:
        try:
            status = path.stat(follow_symlinks=self._rules.follow_symlinks)
        except OSError as error:
            if self._rules.accepts(str(relative)):
                yield Source(str(path), _display(path), f"{_reason(error)}; check the link and the permissions")
            return
        if stat.S_ISDIR(status.st_mode):
            if not self._rules.excludes(str(relative)):
                yield from self._enter(folders, path, relative, status)
        elif self._rules.accepts(str(relative)) and not (self._named and path.resolve() in self._named):
            yield self._source(path, path, relative, status)

    def _enter(
        self, folders: list[_Folder], path: Path, relative: PurePath, status: os.stat_result
    ) -> Iterator[Source]:
        """Enter a folder once, even if several names lead to it."""
        if _identity(status) in self._entered:
            return
        try:
            with os.scandir(path) as entries:
                names = sorted((entry.name for entry in entries), key=os.fsencode, reverse=True)
        except OSError as error:
            self._state.unlisted += 1
            yield Source(str(path), _display(path), f"it cannot be listed: {_reason(error)}; check the permissions")
        else:
            self._entered.add(_identity(status))
            folders.append(_Folder(path, relative, names))

    def _source(self, path: Path, document: Path, relative: PurePath, status: os.stat_result) -> Source:
        reason = self._unreadable_reason(document, status)
        first = self._rules.is_first(str(relative))
        self._state.first += first
        return Source(str(path), _display(document), reason, 0 if reason else status.st_size, first)

    def _unreadable_reason(self, document: Path, status: os.stat_result) -> str:
        kind, suffix = stat.S_IFMT(status.st_mode), document.suffix
        if kind == stat.S_IFLNK:
            return "it is a symbolic link; --follow-symlinks follows links"
        if kind != stat.S_IFREG:
            return f"it is {_KINDS.get(kind, 'something')}, not a regular file; exclude it"
        if reader_for(document.name) is None:
            if suffix:
                return f"there is no reader for {suffix} files; --exclude '*{suffix}' leaves them out"
            return "there is no reader for files without an extension; exclude it, or rename it to .md or .txt"
        if status.st_size > self._rules.max_file_size:
            return too_large(status.st_size, self._rules.max_file_size)
        return ""


def too_large(size: int, limit: int) -> str:
    """The reason for a file of `size` bytes, with a limit of `limit` bytes."""
    return f"it has {size:,} bytes and the limit is {limit:,}; --max-file-size raises it"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _display(document: Path) -> str:
    """Two names never become one: a % that reads like an encoded byte is encoded too."""
    # Surrogates stand for bytes that are not UTF-8.
    return re.sub("%(?=[0-9A-Fa-f]{2})|[\udc80-\udcff]", lambda match: f"%{ord(match[0]) & 0xFF:02X}", str(document))


@lru_cache
def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(glob.removeprefix("./").rstrip("/")) for glob in globs))


def _matches(globs: tuple[str, ...], path: str) -> bool:
    # With a leading slash, so that `**/name` matches at the top as well.
    return bool(globs) and any(_pattern(globs).match(text) for text in (path, f"/{path}", path.rpartition("/")[2]))
