"""What the API is, in OpenAPI 3.1, for programs that make clients of it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, get_args

from edgeseg.serve.event_log import Kind as EventKind
from edgeseg.serve.web.snapshot import TYPES
from edgeseg.serve.web.view import Kind
from edgeseg.video.supervised.status import State

Schema = dict[str, Any]

NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
COUNTS: Schema = {"type": "object", "additionalProperties": WHOLE}


def description() -> Schema:
    """The document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "edgeseg serve", "version": version("edgeseg")},
        "paths": _paths(),
        "components": {
            "schemas": {
                "Status": _status(),
                "Camera": _camera(),
                "Event": _event(),
                "Error": _object(error=TEXT),
                "Health": _object(healthy=BOOLEAN, live=WHOLE, cameras=WHOLE),
                "Life": _object(well=BOOLEAN),
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _paths() -> Schema:
    camera = _parameter("camera", TEXT)
    picture = _parameter("picture", {"enum": list(TYPES)})
    number, file = _parameter("number", WHOLE), _parameter("file", {"enum": ["still", "clip"]})
    pictures: Schema = {kind: {} for kind in sorted({*TYPES.values()})}
    return {
        "/api/status": {"get": _operation("Where the service and its cameras stand", _json("Status"))},
        "/api/cameras/{camera}/{picture}": {
            "parameters": [camera, picture],
            "get": _operation(
                "The newest frame, its mask (class ids as grey levels; labels that may overlap one below the other) or "
                "both; the header Age says how old it is in seconds",
                pictures,
                {"404": "There is no such camera or picture", "503": "The camera has given no frame yet"},
            ),
        },
        "/api/events": {
            "get": _operation(
                "Events as they come, as server-sent events whose data is an Event; an event `lost` says how many a "
                "slow reader missed. Last-Event-ID goes on where a reader stopped",
                {"text/event-stream": {"schema": _reference("Event")}},
                {"503": "Too many read already"},
            )
        },
        "/api/events/{number}/{file}": {
            "parameters": [number, file],
            "get": _operation(
                "A picture of an event, or the video that led to it",
                {"image/jpeg": {}, "video/mp4": {}},
                {"404": "There is none, or not any more"},
            ),
        },
        "/api/openapi.json": {"get": _operation("This document", {"application/json": {}})},
        "/live/{camera}/{kind}": {
            "parameters": [camera, _parameter("kind", {"enum": list(get_args(Kind))})],
            "get": {
                "summary": 'A WebSocket: {"mime": ...} as text, the initialisation segment, then MP4 fragments; the '
                "first two again when the size changes. Close code 1012: ask again",
                "responses": {
                    "101": {"description": "The video follows"},
                    **_errors({"404": "There is no such video", "503": "There is none now, or too many watch"}),
                },
            },
        },
        "/metrics": {"get": _operation("Figures for Prometheus", {"text/plain": {}})},
        "/healthz": {
            "get": {
                **_operation("Whether every camera is live, or connects for the first time", _json("Health")),
                "security": [{}],
                "responses": {
                    "200": {"description": "They are", "content": _json("Health")},
                    "503": {"description": "One is not", "content": _json("Health")},
                },
            }
        },
        "/livez": {
            "get": {
                **_operation("Whether the network works, wherever the cameras are", _json("Life")),
                "security": [{}],
                "responses": {
                    "200": {"description": "It does", "content": _json("Life")},
                    "503": {"description": "It hangs, and only a new start helps", "content": _json("Life")},
                },
            }
        },
    }


def _status() -> Schema:
    colour = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}, "minItems": 3, "maxItems": 3}
    return _object(
        version=TEXT,
        bundle=TEXT,
        sha256=TEXT,
        engine=TEXT,
        precision=TEXT,
        classes=_list(TEXT),
        palette={**_list(colour), "description": "RGB by class id"},
        batch={**WHOLE, "description": "Frames of several cameras in one call of the network, at most"},
        seconds={**NUMBER, "description": "Since the service was started"},
        healthy=BOOLEAN,
        fps={**NUMBER, "description": "Masks a second of all cameras, over the last 10 s"},
        lost_events={**COUNTS, "description": "Events that did not reach a slow or absent reader, by reader"},
        cameras=_list(_reference("Camera")),
        latency_bounds={**_list(NUMBER), "description": "Milliseconds: the upper bounds of each camera's `latency`"},
    )


def _camera() -> Schema:
    summary = _object(count=WHOLE, **dict.fromkeys(("mean", "p50", "p95", "p99", "max"), NUMBER))
    connection = _object(reconnects=COUNTS, stalls=WHOLE, gaps=WHOLE, gap_seconds=NUMBER, freezes=WHOLE)
    recording = _object(recording=BOOLEAN, reason=_or_null(TEXT), segments=WHOLE, bytes=WHOLE, lost=WHOLE)
    figures: Schema = {"type": "object", "additionalProperties": NUMBER}
    drift = _object(
        state={"enum": ["learning", "steady", "drifting"]},
        learnt={**NUMBER, "description": "Part of the reference, 0 to 1"},
        values={**figures, "description": "mix (distance from the reference), confidence, churn: 0 to 1"},
        deviations={**figures, "description": "Of the same, in the reference's spreads"},
    )
    return _object(
        name=TEXT,
        source=TEXT,
        state={"enum": list(get_args(State))},
        seconds={**NUMBER, "description": "In this state"},
        cause={**_or_null(TEXT), "description": "One word for what last went wrong"},
        reason=_or_null(TEXT),
        retry_in=_or_null(NUMBER),
        frozen=BOOLEAN,
        width=WHOLE,
        height=WHOLE,
        fps=NUMBER,
        masks=WHOLE,
        skipped={**COUNTS, "description": "Frames without a mask, by cause"},
        age={**_or_null(NUMBER), "description": "Seconds since the newest mask's frame was captured"},
        connection=connection,
        stages={"type": "object", "additionalProperties": summary, "description": "Milliseconds"},
        fractions={"type": "object", "additionalProperties": NUMBER, "description": "Of the newest mask, 0 to 1"},
        recording=_or_null(recording),
        drift=_or_null(drift),
        missed={**COUNTS, "description": "Masks that came faster than rules and drift watch looked at them"},
        latency={**_list(WHOLE), "description": "From capture to mask: how many took at most `latency_bounds`"},
    )


def _event() -> Schema:
    return _object(
        number=WHOLE,
        time={"type": "string", "format": "date-time"},
        camera=_or_null(TEXT),
        kind={"enum": list(get_args(EventKind))},
        name=TEXT,
        text=TEXT,
        active=_or_null(BOOLEAN),
        still=_or_null(TEXT),
        clip=_or_null(TEXT),
    )


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str) -> Schema:
    return {"application/json": {"schema": _reference(name)}}


def _parameter(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _operation(summary: str, content: Schema, errors: dict[str, str] | None = None) -> Schema:
    return {
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}, **_errors(errors or {})},
    }


def _errors(errors: dict[str, str]) -> Schema:
    known = {"401": "The token is missing or wrong", **errors}
    return {status: {"description": text, "content": _json("Error")} for status, text in known.items()}
