"""The keys of journals of schema version 1, whose answers stay valid (pure)."""

from collections.abc import Iterable
from hashlib import sha256

from jobs.documents.splitting import Section
from jobs.requests.request import RequestTemplate, canonical, delimited

_KEY_VERSION = 1


def keys(template: RequestTemplate, document: str, section: Section, limits: Iterable[int]) -> list[bytes]:
    """The keys that the request for a section had in version 1, one for each `maxTokens` that may have been in force.

    The limit was part of the key, and names in a prompt were not tagged as data.
    """
    text = f"# {section.heading[-1]}\n\n{section.text}" if section.heading else section.text
    prompt = template.prompt.replace("{document}", document).replace("{heading_path}", " > ".join(section.heading))
    body = {"messages": [{"role": "user", "content": [{"text": f"{prompt}\n\n{delimited(text)}"}]}]}
    if template.system:
        body["system"] = [{"text": template.system}]
    given = {"temperature": template.temperature, "topP": template.top_p, "stopSequences": template.stop or None}
    inference = {name: value for name, value in given.items() if value is not None}
    call = {
        "endpoint": template.endpoint,
        "model": template.model,
        "model_class": template.model_class,
        "version": _KEY_VERSION,
    }
    return [
        sha256(canonical(call | {"body": body | {"inferenceConfig": inference | {"maxTokens": limit}}})).digest()
        for limit in limits
    ]
