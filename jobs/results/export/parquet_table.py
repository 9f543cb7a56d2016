"""Parquet, through pyarrow (the extra `parquet`)."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from jobs.results.export.columns import COLUMNS, flat

ROW_GROUP = 5000
"""Rows in memory at once."""


def write_parquet(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """One table with the columns of the CSV.

    Raises:
        ImportError: pyarrow is not installed.
    """
    import pyarrow
    from pyarrow import parquet

    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    schema = pyarrow.schema([(name, types[type_]) for name, type_ in COLUMNS.items()])
    flat_rows = map(flat, rows)
    with parquet.ParquetWriter(path, schema) as writer:
        while group := list(islice(flat_rows, ROW_GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
