"""The end of a run: from the record to the files of the output directory."""

from pathlib import Path

from jobs.errors import storage_error
from jobs.record import queries
from jobs.record.analysis import of_results
from jobs.record.journal import Journal
from jobs.record.migration import drop_adopted
from jobs.results.jsonl import DAMAGE, DAMAGED, write_documents, write_results
from jobs.results.summary import Summary


def write_output_files(journal: Journal, output: Path, summary: Summary) -> None:
    """Write results.jsonl and documents.jsonl, and add the record's counts to the summary.

    Raises:
        StorageError: a file cannot be written. Nothing is lost: the next run writes it from the record.
    """
    db, analysis = journal.db, journal.analysis
    _count(journal, summary)  # first, as the counts hold even if a file cannot be written
    try:
        damaged = write_results(output / "results.jsonl", queries.rows(db, analysis), analysis)
        write_documents(output / "documents.jsonl", (document for _, document in queries.documents(db, analysis)))
    except OSError as error:
        raise storage_error(f"results in {output}", error) from error
    if damaged:
        journal.fail_damaged(damaged, DAMAGED, DAMAGE)
        summary.damaged = len(damaged)
        _count(journal, summary)


def _count(journal: Journal, summary: Summary) -> None:
    maybe_paid_twice, _ = queries.maybe_paid_twice(journal.db)
    summary.add_tally(queries.tally(journal), queries.unique(journal), maybe_paid_twice)
    summary.not_refreshed = queries.not_refreshed(journal)
    summary.add_spend(queries.spend(journal.db))
    summary.add_lengths(*queries.answer_lengths(journal.db, journal.analysis))


def rows_that_left(journal: Journal, output: Path, *, all_listed: bool) -> list[tuple[str, str]]:
    """Take documents that are gone out of the results, if all inputs were listed.

    Returns a message and a hint for each reason why rows of results.jsonl leave it.
    """
    analysis, messages = journal.analysis, []
    before = of_results(journal.db, before=journal.run)
    drop_adopted(journal.db)
    if before and before.id != analysis.id and (left := queries.count_rows(journal.db, before)):
        text = f"results.jsonl has the analysis {analysis.name} now; rows of {before.name} that left it"
        hint = f"bedrock-batch export {output} --analysis {before.name} writes them"
        messages.append((f"{text}: {left}", hint))
    if all_listed and (gone := queries.mark_missing(journal)):
        hint = f"bedrock-batch export {output} --gone writes them as well"
        messages.append((f"rows that left results.jsonl, as their documents are not among the inputs: {gone}", hint))
    if journal.sections_left:
        text = "rows that left results.jsonl, as their documents no longer have these sections"
        messages.append((f"{text}: {journal.sections_left}", "the journal keeps their answers"))
    return messages
