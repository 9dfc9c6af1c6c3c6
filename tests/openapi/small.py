"""Small documents for tests of commands: they load in milliseconds."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

Data = dict[str, Any]

SMALL: Data = {
    "openapi": "3.0.3",
    "info": {"title": "Small", "version": "1.2.3"},
    "paths": {
        "/things": {
            "post": {
                "operationId": "createThing",
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                    }
                },
                "responses": {
                    "201": {
                        "description": "Made.",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                        },
                    }
                },
            },
            "get": {
                "operationId": "getThings",
                "responses": {
                    "200": {
                        "description": "All.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "array",
                                    "items": {"$ref": "#/components/schemas/Thing"},
                                }
                            }
                        },
                    }
                },
            },
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 10, "title": "A name"}},
            }
        }
    },
}


def small(**name: Any) -> Data:
    """The small document; the keywords change the schema of ``name``."""
    data = copy.deepcopy(SMALL)
    data["components"]["schemas"]["Thing"]["properties"]["name"].update(name)
    return data


def written(path: Path, data: Data) -> Path:
    """Write a document as YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path
