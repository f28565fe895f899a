"""The JSON Schema of the parameter file, for editors.

It knows fields, words and simple patterns; the grammars and the rules between fields know more.
A file that `loading` takes, it takes too.
"""

from __future__ import annotations

import json

from runbook_lib.topology.models import Topology

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """Return what `parameters/schema.json` holds."""
    schema = {"$schema": DIALECT, **Topology.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"
