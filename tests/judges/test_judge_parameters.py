"""A parameter file as an editor with the schema sees it."""

from __future__ import annotations

import json

import jsonschema  # type: ignore[import-untyped]
from ruamel.yaml import YAML

from runbook_lib.topology.schema import schema_text
from tests.builders import LAB

EXAMPLE = LAB.with_name("production.example.yaml")


def test_an_editor_has_nothing_against_the_rehearsal() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.validate(YAML(typ="safe", pure=True).load(LAB), schema)


def test_an_editor_underlines_a_slip_and_a_placeholder() -> None:
    document = YAML(typ="safe", pure=True).load(EXAMPLE)
    document["cluster1"] = document.pop("cluster")
    validator = jsonschema.Draft202012Validator(json.loads(schema_text()))
    errors = {error.json_path: error.validator for error in validator.iter_errors(document)}

    assert errors["$"] in {"additionalProperties", "required"}
    assert errors["$.nodes[0].public.mac"] == "pattern"
