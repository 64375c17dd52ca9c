"""The built site loads nothing from another host: whoever reads it offline, or in private, misses and tells nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parents[2]

LINKS = {"a", "area"}
"""Elements whose href is followed by a click alone."""

PASSIVE = {"canonical", "alternate", "next", "prev", "author", "license"}
"""Kinds of <link> that load nothing."""

CONDITIONS = {
    "https://unpkg.com/mermaid": "mermaid",
    "https://api.github.com": "md-source",
}
"""What the theme's scripts load where a page has an element of that class, and nowhere else."""

OLD_BROWSERS = "https://unpkg.com/resize-observer-polyfill"
"""What the theme's scripts load in browsers without ResizeObserver, which those of 2020 and later have."""

HOST = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)


class Loads(HTMLParser):
    """The addresses that a page loads without a click, and the classes of its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.classes: set[str] = set()
        self.styles: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.classes |= set(attributes.get("class", "").split())
        self.styles.append(attributes.get("style", ""))
        self._style = tag == "style"
        self.addresses += [attributes[name] for name in ("src", "data", "poster") if name in attributes]
        self.addresses += [each.split()[0] for each in attributes.get("srcset", "").split(",") if each.strip()]
        passive = tag in LINKS or (tag == "link" and set(attributes.get("rel", "").split()) <= PASSIVE)
        if "href" in attributes and not passive:
            self.addresses.append(attributes["href"])

    def handle_data(self, data: str) -> None:
        if self._style:
            self.styles.append(data)


def in_style(text: str) -> list[str]:
    """Addresses that a style sheet loads."""
    return [match[1] or match[2] for match in re.finditer(r"url\(\s*[\"']?([^)\"']*)|@import\s+[\"']([^\"']*)", text)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        patch.chdir(ROOT)
        build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    return folder


def test_no_page_loads_from_another_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 15
    for path in pages:
        page = Loads()
        page.feed(path.read_text(encoding="utf-8"))
        assert page.addresses, path
        for address in [*page.addresses, *(each for style in page.styles for each in in_style(style))]:
            assert not HOST.match(address), f"{path.name}: {address}"
        for address, name in CONDITIONS.items():
            assert name not in page.classes, f"{path.name} makes the theme load {address}"


def test_no_style_loads_from_another_host(site: Path) -> None:
    styles = sorted(site.rglob("*.css"))
    assert styles
    for path in styles:
        for address in in_style(path.read_text(encoding="utf-8")):
            assert not HOST.match(address), f"{path.name}: {address}"


def test_scripts_know_no_hosts_but_those_that_no_page_asks_for(site: Path) -> None:
    scripts = sorted(site.rglob("*.js"))
    assert scripts
    for path in scripts:
        code = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)  # licences name pages
        for address in re.findall(r"[\"'`](https?://[\w.-]+[^\"'`]*)", code):
            assert address.startswith((*CONDITIONS, OLD_BROWSERS)), f"{path.name}: {address}"
