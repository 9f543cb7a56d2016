"""Instances of JSON Schemas."""

import pytest

from jobs.emulator.schema_instance import UnsatisfiableError, schema_instance

TEXT = "the text"
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 4},
                "next": {"$ref": "#/$defs/node"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "children"],
        }
    },
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, TEXT),
        ({"type": "string", "maxLength": 3}, "the"),
        ({"type": "string", "minLength": 10}, "the text.."),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "string", "pattern": "^the"}, TEXT),
        ({"type": "string", "pattern": "^x$", "examples": ["y", "x"]}, "x"),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "integer", "exclusiveMaximum": -2}, -3),
        ({"type": "integer", "minimum": 4, "multipleOf": 5}, 5),
        ({"type": "integer", "minimum": 1.5}, 2),
        ({"type": "number", "minimum": 1.5}, 1.5),
        ({"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, 1.5),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 2, "uniqueItems": True}, ["a", "b"]),
        ({"type": "array", "prefixItems": [{"const": 1}, {"type": "string"}]}, [1, TEXT]),
        ({"properties": {"a": {"type": "integer"}}, "required": ["a", "b"]}, {"a": 0, "b": TEXT}),
        ({"anyOf": [{"type": "string", "pattern": "^x$"}, {"type": "integer"}]}, 0),
        ({"oneOf": [False, {"const": 2}]}, 2),
        ({"allOf": [{"minimum": 2}, {"type": "integer", "minimum": 1}, {"maximum": 9}]}, 2),
        ({"allOf": [{"$ref": "#/$defs/a"}, {"required": ["x"]}], "$defs": {"a": {"type": "object"}}}, {"x": TEXT}),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 7}}}, 7),
        (TREE, {"name": "the ", "children": []}),
        ({"anyOf": [{"$ref": "#"}, {"type": "integer"}]}, 0),
        (True, TEXT),
    ],
    ids=str,
)  # fmt: skip
def test_the_instance_of_a_schema(schema, value):
    assert schema_instance(schema, TEXT) == value


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}}},
        {"type": "string", "pattern": "^x$"},
        {"type": "string", "pattern": "("},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "integer", "minimum": 1, "maximum": 2, "multipleOf": 5},
        {"type": "file"},
        {"anyOf": []},
        {"allOf": [{"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}]},
        {"anyOf": 3},
        {"properties": [1]},
        {"type": "array", "minItems": "many"},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**12},
    ],
    ids=str,
)
def test_a_schema_without_known_instance_raises_unsatisfiable_error(schema):
    with pytest.raises(UnsatisfiableError):
        schema_instance(schema, TEXT)
