"""The description of the API has every path that there is, and no other."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")


from starlette.routing import Route, WebSocketRoute

from edgeseg.serve.settings import ListenSettings
from edgeseg.serve.web.app import App
from edgeseg.serve.web.openapi import description
from edgeseg.serve.web.page_files import PATHS
from tests.serve.web.conftest import Served


def test_every_route_is_described(served: Served) -> None:
    routes = App(served.service, ListenSettings("127.0.0.1", 0)).routes
    paths = {route.path.replace(":int", "") for route in routes if isinstance(route, Route | WebSocketRoute)}
    assert paths - PATHS.keys() == description()["paths"].keys()


def test_parameters_are_those_of_the_paths() -> None:
    for path, item in description()["paths"].items():
        named = {parameter["name"] for parameter in item.get("parameters", [])}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path
