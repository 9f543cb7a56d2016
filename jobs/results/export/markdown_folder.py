"""Markdown: a folder that mirrors the inputs, with a file for each document."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

MAX_NAME = 240
"""Bytes of a file name, with room for an extension."""


def write_markdown(rows: Iterable[Mapping[str, Any]], folder: Path) -> None:
    """`docs/a.html` becomes `docs/a.html.md`; a name that ends in .md stays. `folder` is a new folder."""
    folder.mkdir()
    for document, sections in groupby(rows, key=lambda row: row["document"]):
        path = _free(folder / _relative(document))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(f"# {_one_line(document)}\n")
            file.writelines(map(_section, sections))


def _section(row: Mapping[str, Any]) -> str:
    parts = [f"\n## {_one_line(' > '.join(row['heading']) or '(no heading)')}\n"]
    if row.get("section_text"):
        parts.append("".join(f"> {line}\n" for line in row["section_text"].splitlines()))
    if row["status"] != "ok":
        error = row["error"] or {}
        parts.append(f"**{row['status']}**{_one_line(': ' + error['message'] if error.get('message') else '')}\n")
    if row["text"] is not None:
        parts.append(f"{row['text'].strip()}\n")
    return "\n".join(parts)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _relative(document: str) -> Path:
    """The document's path below the folder, whatever it is: `..` and the root become names."""
    parts = [part for part in document.split("/") if part not in ("", ".")] or ["document"]
    parts = ["_" if part == ".." else _short(part.replace("\0", "_")) for part in parts]
    name = parts[-1] if parts[-1].lower().endswith(".md") else f"{parts[-1]}.md"
    return Path(*parts[:-1], name)


def _short(name: str) -> str:
    """A name that a file system takes; a long one is cut and made unique by a hash."""
    encoded = os.fsencode(name.encode("utf-8", "backslashreplace").decode())
    if len(encoded) <= MAX_NAME:
        return encoded.decode()
    return f"{encoded[: MAX_NAME - 9].decode(errors='ignore')}-{hashlib.sha256(encoded).hexdigest()[:8]}"


def _free(path: Path) -> Path:
    """`a.md` and `a` in one folder, or names that differ in what was replaced, get files of their own."""
    while path.exists():
        path = path.with_name(f"{path.name}.md")
    return path
