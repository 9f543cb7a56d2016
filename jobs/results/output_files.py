"""The end of a run: from the record to the files of the output directory."""

from pathlib import Path

from jobs.errors import storage_error
from jobs.record import queries as report
from jobs.record.journal import Journal
from jobs.results.jsonl import write_documents, write_results
from jobs.results.summary import Summary


def conclude(journal: Journal, output: Path, summary: Summary) -> None:
    """Write results.jsonl and documents.jsonl, and let the summary know what the journal knows.

    Raises:
        StorageError: a file cannot be written; the record has everything, and the next run writes it again.
    """
    try:
        write_results(output / "results.jsonl", report.rows(journal))
        write_documents(output / "documents.jsonl", (document for _, document in report.documents(journal)))
    except OSError as error:
        raise storage_error(f"results in {output}", error) from error
    summary.take_tally(report.tally(journal), report.unique(journal), report.maybe_paid_twice(journal))
