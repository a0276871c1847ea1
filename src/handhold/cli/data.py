"""Make data for refining, scoring and training."""

from __future__ import annotations

from typing import Annotated

import tyro

from handhold.cli.data_make import Make, run_make
from handhold.cli.perturb import Perturb, run_perturb

Options = Annotated[Make, tyro.conf.subcommand("make")] | Annotated[Perturb, tyro.conf.subcommand("perturb")]


def run(options: Make | Perturb) -> int:
    """Do what the subcommand says. Returns the exit code."""
    return run_make(options) if isinstance(options, Make) else run_perturb(options)
