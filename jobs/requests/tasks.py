"""The ready-made tasks: what is asked of a model when nobody writes a prompt.

The text of a task is part of a call's key: changing a word here buys the answers anew.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DEFAULT: Final = "summarize"

TASKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        DEFAULT: (
            "Summarize the document below in at most five sentences. Keep names, figures, dates and obligations. "
            "Write in the language of the document. State only what it says. Answer with the summary alone."
        ),
        "keywords": (
            "List the five to ten terms that best say what the document below is about, the most telling first: as "
            "they are written in it, one a line, without numbering. Answer with the list alone."
        ),
        "actions": (
            "List every task, decision and deadline that the document below states, one a line, as: what is to be "
            "done | by whom | until when. Write a dash for what it does not say. Invent nothing. "
            'If there are none, answer "none". Answer with the list alone.'
        ),
        "questions": (
            "Write the questions that the document below answers, at most eight, each on a line of its own, with its "
            "answer in one or two sentences on the next line. Write in the language of the document. Use only what it "
            "says. Answer with questions and answers alone."
        ),
    }
)
"""By name, as `--task` takes it. The document follows after each."""
