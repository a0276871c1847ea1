"""Stepping stochastic differential equations dX = f(X) dt + g(X) dW.

Drift, noise, stepping and step size are separate: a step is the textbook's Euler-Maruyama line, the noise
is an object that is asked for intervals, so that two step sizes can share one path, and the controller
limits how far anything may move in one step. It looks only at the present state (no step is rejected), so
the solution keeps its law.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor

from handhold.errors import InputError

NOISE_QUANTILE = 4.0
"""Increments are cut at so many standard deviations where a displacement is bounded (3e-4 of all in 3
axes)."""
Anneal = Literal["linear", "cosine", "geometric"]


class BrownianPath:
    """One path of Brownian motion from time 0, asked for increments over intervals in any order.

    Times asked for are remembered; a time between two known ones is drawn from the bridge between them, so
    that increments over neighbouring intervals add up whatever the step sizes.

    Args:
        shape: shape of the value.
        generator: source of randomness; the path depends on it and on the order of the times asked for.
        device: where values live.
        dtype: floating dtype.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        generator: torch.Generator,
        device=None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._generator = generator
        self._times = [0.0]
        self._values = [torch.zeros(*shape, device=device, dtype=dtype)]

    def increment(self, start: float, end: float) -> Tensor:
        """W(end) - W(start).

        Raises:
            InputError: the interval is not ordered, or begins before 0.
        """
        if not 0 <= start <= end:
            raise InputError(
                "not an interval", where="start, end", expected="0 <= start <= end", got=(start, end)
            )
        # The far end first: the near one is then drawn from a bridge, which is right in either order.
        last = self._value(float(end))
        return last - self._value(float(start))

    def _value(self, time: float) -> Tensor:
        place = bisect_left(self._times, time)
        if place < len(self._times) and self._times[place] == time:
            return self._values[place]
        left, before = self._times[place - 1], self._values[place - 1]
        if place == len(self._times):
            mean, variance = before, time - left
        else:
            right, after = self._times[place], self._values[place]
            share = (time - left) / (right - left)
            mean, variance = torch.lerp(before, after, share), share * (right - time)
        value = mean + math.sqrt(variance) * normal_like(before, generator=self._generator)
        self._times.insert(place, time)
        self._values.insert(place, value)
        return value


def normal_like(x: Tensor, *, generator: torch.Generator | None) -> Tensor:
    """Standard normal numbers in the shape, dtype and device of x."""
    return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


def euler_maruyama_step(
    x: Tensor,
    drift: Tensor,
    *,
    noise_scale: Tensor | float,
    dt: Tensor | float,
    generator: torch.Generator | None = None,
    increment: Tensor | None = None,
) -> Tensor:
    """X + f dt + g dW.

    Args:
        x: (*,) state.
        drift: f(x), as x.
        noise_scale: g(x), broadcastable to x; 0 for none.
        dt: step size, broadcastable to x (rows may have their own).
        generator: dW is drawn from it as sqrt(dt) N(0, I);
        increment: or dW itself, as x, from a `BrownianPath`.

    Raises:
        InputError: both or neither source of noise, where there is noise.
    """
    step = drift * dt
    if isinstance(noise_scale, float | int) and noise_scale == 0:
        return x + step
    if (generator is None) == (increment is None):
        raise InputError("one source of noise is needed", expected="generator or increment")
    if increment is None:
        assert generator is not None
        increment = torch.as_tensor(dt, dtype=x.dtype, device=x.device).sqrt() * normal_like(
            x, generator=generator
        )
    return x + step + noise_scale * increment


def limited_dt(drift: Tensor, *, noise_scale: Tensor | float, bound: float, largest: float) -> Tensor:
    """The largest step size with which no point moves further than a bound.

    Solves |f| dt + q g sqrt(dt) = bound, q = `NOISE_QUANTILE`; see `bounded_increment` for the cut of the
    noise.

    Args:
        drift: (B, N, D) drift of N points of B rows.
        noise_scale: (B, N) or a number.
        bound: largest displacement, in the unit of x.
        largest: largest step size.

    Returns:
        (B,) step sizes.
    """
    speed = drift.norm(dim=-1)
    wander = NOISE_QUANTILE * torch.as_tensor(noise_scale, dtype=drift.dtype, device=drift.device)
    # The stable root; at rest without noise it is infinite, and `largest` holds.
    root = 2 * bound / (wander + (wander.square() + 4 * bound * speed).sqrt())
    return root.square().amin(-1).clamp_max(largest)


def bounded_increment(x: Tensor, dt: Tensor, *, generator: torch.Generator | None) -> Tensor:
    """dW for step sizes dt (B,), each point's vector cut at `NOISE_QUANTILE` standard deviations, as x (B,
    N, D)."""
    noise = normal_like(x, generator=generator)
    length = noise.norm(dim=-1, keepdim=True).clamp_min(NOISE_QUANTILE)
    return noise * (NOISE_QUANTILE / length) * dt.sqrt()[:, None, None]


def integrate(
    x: Tensor,
    *,
    drift: Callable[[Tensor], Tensor],
    noise_scale: Callable[[Tensor], Tensor | float],
    times: Sequence[float],
    path: BrownianPath,
) -> Tensor:
    """Euler-Maruyama along given times with the noise of a path; the state at the last time."""
    for start, end in pairwise(times):
        noise = path.increment(start, end)
        x = euler_maruyama_step(x, drift(x), noise_scale=noise_scale(x), dt=end - start, increment=noise)
    return x


def annealed(start: float, end: float, *, progress: float, kind: Anneal = "linear") -> float:
    """A value on its way from start to end.

    Args:
        start: value at progress 0.
        end: value at progress 1.
        progress: 0 to 1.
        kind: "linear"; "cosine", flat at both ends; "geometric", equal ratios (both values positive).

    Raises:
        InputError: an unknown kind, progress outside [0, 1], or a geometric schedule through zero.
    """
    if not 0 <= progress <= 1:
        raise InputError("out of range", where="progress", expected="0 to 1", got=progress)
    if kind == "linear":
        return start + (end - start) * progress
    if kind == "cosine":
        return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))
    if kind == "geometric":
        if not (start > 0 and end > 0):
            raise InputError("a geometric schedule needs positive values", got=(start, end))
        return start * (end / start) ** progress
    raise InputError("unknown schedule", expected=" or ".join(get_args(Anneal)), got=kind)
