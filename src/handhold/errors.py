"""Errors that a user can act on."""

from __future__ import annotations


class HandholdError(Exception):
    """Base of every error that handhold raises on purpose."""


class InputError(HandholdError, ValueError):
    """Bad input: one message that says what, where, what was expected, what was got, and the remedy.

    Args:
        what: what is wrong, in one clause ("hand.keypoints has the wrong shape").
        where: the file, key or argument.
        expected: what would have been right.
        got: what was found.
        remedy: what the user can do.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        expected: object = None,
        got: object = None,
        remedy: str | None = None,
    ) -> None:
        self.what, self.where, self.expected, self.got, self.remedy = what, where, expected, got, remedy
        parts = [what if where is None else f"{where}: {what}"]
        if expected is not None:
            parts.append(f"expected {expected}")
        if got is not None:
            parts.append(f"got {got}")
        message = "; ".join(parts) + "."
        super().__init__(message if remedy is None else f"{message} {remedy}")


class MissingExtra(HandholdError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


def demand(config: object, name: str, expected: str, got: object, *, holds: bool) -> None:
    """Refuse a setting that is not what it must be.

    Args:
        config: the settings; their class is named.
        name: the setting.
        expected: what it must be.
        got: what it is.
        holds: whether it is.

    Raises:
        InputError: it is not.
    """
    if not holds:
        raise InputError("not allowed", where=f"{type(config).__name__}.{name}", expected=expected, got=got)
