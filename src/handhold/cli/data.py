"""Make data for refining, scoring and training, and look at it."""

from __future__ import annotations

from typing import Annotated

import tyro

from handhold.cli.data_make import Make, run_make
from handhold.cli.data_view import View, run_view
from handhold.cli.perturb import Perturb, run_perturb

Options = (
    Annotated[Make, tyro.conf.subcommand("make")]
    | Annotated[View, tyro.conf.subcommand("view")]
    | Annotated[Perturb, tyro.conf.subcommand("perturb")]
)


def run(options: Make | View | Perturb) -> int:
    """Do what the subcommand says. Returns the exit code."""
    if isinstance(options, View):
        return run_view(options)
    return run_make(options) if isinstance(options, Make) else run_perturb(options)
