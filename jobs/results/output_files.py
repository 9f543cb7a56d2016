"""Writes the files of the output directory from the record, at the end of a run."""

from pathlib import Path

from jobs.record import queries
from jobs.record.journal import Journal
from jobs.results.jsonl import write_documents, write_results
from jobs.results.summary import Summary


def write_output_files(journal: Journal, output: Path, summary: Summary) -> None:
    """Write results.jsonl and documents.jsonl, and add the record's counts to the summary.

    Raises:
        OSError: a file cannot be written. Nothing is lost: the next run writes it from the record.
    """
    write_results(output / "results.jsonl", queries.rows(journal))
    write_documents(output / "documents.jsonl", (document for _, document in queries.documents(journal)))
    summary.add_tally(queries.tally(journal), queries.unique(journal), queries.maybe_paid_twice(journal))
