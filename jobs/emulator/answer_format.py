"""The tool or JSON Schema that a request demands of its answer, where the APIs agree (pure)."""

from typing import Any

from jobs.emulator.json_checks import InvalidRequestError, Json, check, optional, required


def forced_tool(schemas: dict[str, Any], *, any_tool: bool, name: str | None) -> tuple[str, Any]:
    """Name and input schema of the tool that the model must call; ("", None) if it need not call one.

    `schemas` holds the input schemas by tool name. `any_tool` forces the first, `name` that one.
    """
    if any_tool and schemas:
        name = next(iter(schemas))
    if name is None:
        return "", None
    if name not in schemas:
        raise InvalidRequestError(f"The tool {name} of the tool choice is not among the tools.")
    return name, schemas[name]


def anthropic_output_schema(fields: Json, path: str = "") -> Any:
    """The schema of Anthropic's `output_config.format` (in its beta: `output_format`); None if there is none."""
    config = optional(fields, "output_config", dict, path) or {}
    output_format = config.get("format") or fields.get("output_format")
    if output_format is None:
        return None
    path += "output_format"
    return required(check(output_format, dict, path), "schema", dict, path + "/")
