"""Packages that only a feature needs."""

from __future__ import annotations

import importlib
from types import ModuleType

from handhold.errors import MissingExtra


def require(package: str, *, extra: str) -> ModuleType:
    """Import an optional package, or say which extra brings it.

    Raises:
        MissingExtra: the package cannot be imported.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingExtra(
            f"this needs the package '{package}', which could not be imported ({error}). "
            f"Install it with: pip install 'handhold[{extra}]'"
        ) from error
