"""Arrays handed to metrics, checked: a wrong shape or a stray NaN is told, never scored."""

from __future__ import annotations

from typing import Any

import numpy as np

from handhold.errors import InputError


def numbers(
    value: Any, shape: tuple[int | None, ...], *, where: str, missing: bool = False, exact: bool = False
) -> np.ndarray:
    """The value as float64 numbers (*, *shape).

    Args:
        value: an array of numbers.
        shape: its last axes; None for any length above zero.
        where: the argument's name.
        missing: let NaN stand for what is not known (infinity never does).
        exact: allow no leading axes.

    Raises:
        InputError: not numbers, another shape, or not finite.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise InputError("is not made of numbers", where=where, expected="real numbers", got=array.dtype)
    array = array.astype(np.float64)
    _check_shape(array, shape, where=where, exact=exact)
    bad = np.isinf(array) if missing else ~np.isfinite(array)
    if bad.any():
        expected = "finite numbers, NaN where missing" if missing else "finite numbers"
        raise InputError("is not finite", where=where, expected=expected, got=f"{bad.sum()} that are not")
    return array


def mask(value: Any, shape: tuple[int | None, ...], *, where: str, exact: bool = False) -> np.ndarray:
    """The value as booleans (*, *shape).

    Raises:
        InputError: not booleans, or another shape.
    """
    array = np.asarray(value)
    if array.dtype.kind != "b":
        raise InputError("is not made of booleans", where=where, expected="true or false", got=array.dtype)
    _check_shape(array, shape, where=where, exact=exact)
    return array


def require_same_shape(value: np.ndarray, reference: np.ndarray, *, where: str) -> None:
    """Refuse a value of another shape than its reference.

    Raises:
        InputError: they differ.
    """
    if value.shape != reference.shape:
        raise InputError(
            "has another shape than the reference", where=where, expected=reference.shape, got=value.shape
        )


def require_frames(count: int, *, needed: int, where: str) -> None:
    """Refuse a motion that is too short.

    Raises:
        InputError: fewer frames than needed.
    """
    if count < needed:
        raise InputError("has too few frames", where=where, expected=f"at least {needed}", got=count)


def rate(fps: Any) -> float:
    """Frames a second, if above zero.

    Raises:
        InputError: not a finite number above zero.
    """
    number = isinstance(fps, int | float | np.number) and not isinstance(fps, bool)
    if not number or not 0 < fps < np.inf:
        raise InputError("is no frame rate", where="fps", expected="a number above 0", got=fps)
    return float(fps)


def _check_shape(array: np.ndarray, shape: tuple[int | None, ...], *, where: str, exact: bool) -> None:
    leading = array.ndim - len(shape)
    tail = array.shape[leading:] if leading >= 0 else ()
    fits = leading == 0 or (leading > 0 and not exact)
    if not fits or 0 in tail or any(n not in (None, m) for n, m in zip(shape, tail, strict=True)):
        sizes = ", ".join("n" if n is None else str(n) for n in shape)
        expected = f"({sizes})" if exact else f"(*, {sizes})"
        raise InputError("has the wrong shape", where=where, expected=expected, got=array.shape)
