"""The end of a run: from the record to the files of the output directory."""

from pathlib import Path

from jobs.errors import storage_error
from jobs.record import queries
from jobs.record.journal import Journal
from jobs.results.jsonl import DAMAGE, DAMAGED, write_documents, write_results
from jobs.results.summary import Summary


def write_output_files(journal: Journal, output: Path, summary: Summary) -> None:
    """Write results.jsonl and documents.jsonl, and add the record's counts to the summary.

    Raises:
        StorageError: a file cannot be written. Nothing is lost: the next run writes it from the record.
    """
    try:
        damaged = write_results(output / "results.jsonl", queries.rows(journal))
        write_documents(output / "documents.jsonl", (document for _, document in queries.documents(journal)))
    except OSError as error:
        raise storage_error(f"results in {output}", error) from error
    if damaged:
        journal.fail_damaged(damaged, DAMAGED, DAMAGE)
    summary.damaged = len(damaged)
    summary.add_tally(queries.tally(journal), queries.unique(journal), queries.maybe_paid_twice(journal))
    summary.not_refreshed = queries.not_refreshed(journal)
