"""One `export` as its user sees it."""

import sqlite3
import sys
from contextlib import closing
from io import TextIOWrapper
from pathlib import Path

from cli.errors import ExitCode, UserError
from jobs.errors import storage_error
from jobs.record.journal_file import naming_damage, open_for_reading
from jobs.results.export.formats import TO_STREAM, Format, write_export
from jobs.results.export.rows import chosen, exported_rows


def export(
    directory: Path, format_: Format, name: str | None, output: Path | None, *, with_text: bool, gone: bool
) -> None:
    """Write the rows of an analysis to `output`, or to standard output."""
    if output is None and format_ not in TO_STREAM:
        what = "folder" if format_ == "markdown" else "file"
        raise UserError(f"--format {format_} cannot go to standard output", f"name a new {what} with --output")
    path = directory / "journal.sqlite"
    with naming_damage(path), closing(open_for_reading(path)) as db:
        rows = exported_rows(db, chosen(db, name), gone=gone, with_text=with_text)
        if output is None:
            # Bytes that do not depend on the locale.
            stream = TextIOWrapper(sys.stdout.buffer, "utf-8", newline="")
            try:
                TO_STREAM[format_](rows, stream)
                stream.flush()
            finally:
                stream.detach()
            return
        try:
            write_export(rows, format_, output)
        except FileExistsError:
            raise UserError(f"{output} exists already", "name another --output, or remove it") from None
        except ImportError:
            hint = "install the extra: pip install 'bedrock-batch[parquet]'"
            raise UserError("--format parquet needs pyarrow", hint) from None
        except (OSError, sqlite3.Error) as error:
            known = storage_error(str(output), error)
            hint = f"{known.hint}; nothing was written, and the journal is as it was"
            raise UserError(known.message, hint, ExitCode.STORAGE) from error
