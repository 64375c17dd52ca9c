"""A hook of MkDocs: the page on the commands is made from the commands' own help, each time the site is built."""

from __future__ import annotations

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from edgeseg.cli import app


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds cli.md."""
    files.append(File.generated(config, "cli.md", content=reference()))
    return files


def reference() -> str:
    """The help of every command, in Markdown."""
    text = app.generate_docs(output_format="markdown")
    text = re.sub(r"## Table of Contents\n.*?\n(?=\*\*Commands)", "", text, flags=re.DOTALL)  # the site has its own
    return text.replace("# edgeseg\n", "# Commands\n", 1)
