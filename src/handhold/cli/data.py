"""Make data for refining and scoring."""

from __future__ import annotations

from typing import Annotated

import tyro

from handhold.cli.perturb import Perturb, run_perturb

Options = Annotated[Perturb, tyro.conf.subcommand("perturb")] | Annotated[None, tyro.conf.Suppress]
"""The subcommands; tyro takes one alone only beside a second that is never shown."""


def run(options: Perturb) -> int:
    """Do what the subcommand says. Returns the exit code."""
    return run_perturb(options)
