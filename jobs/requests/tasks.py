"""The ready-made tasks.

A task's text is part of every request key: changing it means paying for the answers again.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DEFAULT: Final = "summarize"

TASKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        DEFAULT: (
            "Summarize the document below in at most five sentences. Keep names, figures, dates and obligations. "
            "Write in the language of the document. State only what the document says. Reply with the summary only."
        ),
        "keywords": (
            "List the five to ten terms that best describe the document below, most important first. Copy each term "
            "as it is written in the document, one per line, without numbering. Reply with the list only."
        ),
        "actions": (
            "List every task, decision and deadline in the document below, one per line, in the form: what | who | "
            "due date. Write a dash where the document does not say. Do not invent anything. "
            'If there are none, reply "none". Reply with the list only.'
        ),
        "questions": (
            "Write up to eight questions that the document below answers. Put each question on a line of its own and "
            "its answer, in one or two sentences, on the next line. Write in the language of the document. Use only "
            "what the document says. Reply with the questions and answers only."
        ),
    }
)
"""Prompts by name, as `--task` takes them. The document follows the prompt."""
