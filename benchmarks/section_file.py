"""Benchmarks that are run section by section: what is asked for, and all figures in a file beside their page."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import handhold
from handhold.io import write_json


def options_of(parser: argparse.ArgumentParser, sections: Sequence[str]) -> argparse.Namespace:
    """The command line, with --only, a list of sections, and --out, a folder; a wrong section ends the run."""
    parser.add_argument("--only", default=",".join(sections))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(sections):
        parser.error(f"no such section: {', '.join(unknown)}")
    return options


def machine(threads: int) -> str:
    """With what figures were made that take so many threads."""
    return (
        f"{platform.machine()}, {threads} cores, torch {torch.__version__}, handhold {handhold.__version__}"
    )


@dataclass(frozen=True)
class SectionFile:
    """NAME.json and NAME.md in a folder.

    Attributes:
        folder: where they are.
        name: of the benchmark.
        page: figures of all sections as Markdown.
    """

    folder: Path
    name: str
    page: Callable[[dict[str, Any]], str]

    def write(self, section: str, figures: dict[str, Any]) -> None:
        """Write the figures of a section beside what is known of the others, and the page."""
        file = self.folder / f"{self.name}.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        write_json(known | {section: figures}, file)
        # JSON's plain values, so that a page is the same whether its sections were run now or before
        self._text.write_text(self.page(json.loads(file.read_text())))

    def print(self) -> None:
        """Print the page."""
        print(self._text.read_text())

    @property
    def _text(self) -> Path:
        return self.folder / f"{self.name}.md"
