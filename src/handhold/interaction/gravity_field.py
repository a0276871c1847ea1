"""The hierarchical gravity field that draws hand points onto the contact region of an object.

GravityDB (sections 3.2 and 3.3), its symbols beside our names:

    X    points                    p    points of a source (object surface)
    w_p  weights of a source       k_l  strengths              sigma_l  sigmas [m]
    phi  potential (eq. 1)         -grad phi  force (eq. 2, 3)

Two things are mended. As printed phi is a positive bump, so -grad phi pushes hands away from the surface that
the text says attracts them: here the potential is minus the bump. And the printed sum grows with the number
of
points: here it is divided by the weights (or by the kernel sum: mean shift), so that a step size means the
same for 500 and for 8,192 points. The printed sum is kept as an option.

A field is smooth on the scale of its sigma, so it is tabulated once, exactly (a Gaussian is a product over
the axes, so the sums at all nodes are matrix products), and read off cubic B-splines. A force then costs 64
numbers a point, however many surface points there are and whatever sigma is; and being the exact gradient
of the spline, it is the gradient of the potential to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.interaction.kernel_table import KernelTable

Normalize = Literal["raw", "weights", "mean_shift"]
FLOOR = 1e-2
"""Mean shift fades where the kernel sum falls below this share of its peak; far away it would pull as hard
as near."""
PEAK_POINTS = 256
CHUNK = 128
LEAST_EXPONENT = -80.0
"""Below it single precision is subnormal, and processors take ten times as long."""


@dataclass(frozen=True)
class GravitySource:
    """What attracts: points (N, 3) [m] and the weight of each at each scale (L, N), in [0, 1]."""

    points: Tensor
    weights: Tensor


@dataclass(frozen=True)
class FieldSample:
    """A field at points (*, 3).

    Attributes:
        potential: (*,), no unit; for mean shift [m²].
        force: (*, 3) [1/m]; for mean shift [m].
        closeness: (*,) kernel sum at the finest scale over its peak, in [0, 1].
    """

    potential: Tensor
    force: Tensor
    closeness: Tensor


@dataclass(frozen=True)
class GravityField:
    """The fields of F objects (or of F contact regions), all with the same scales.

    Get one with `GravityField.build`, several as one with `GravityField.stack`.

    Attributes:
        sources: F sources.
        sigmas: receptive radius of each scale [m].
        strengths: attraction of each scale, no unit.
        normalize: "raw" is the paper's sum, the force in 1/m; "weights" divides it by the sum of the
            weights, 1/m; "mean_shift" divides by the kernel sum: the force is the way to the weighted mean
            of the near points [m].
        tables: a table for each scale, None where one would not fit and the sum is done directly.
        totals: (F, L) sums of weights.
        peaks: (F, L) largest kernel sums.
    """

    sources: tuple[GravitySource, ...]
    sigmas: tuple[float, ...]
    strengths: tuple[float, ...]
    normalize: Normalize
    tables: tuple[KernelTable | None, ...]
    totals: Tensor
    peaks: Tensor

    @staticmethod
    def build(
        points: Tensor,
        weights: Tensor | None = None,
        *,
        sigmas: Sequence[float],
        strengths: Sequence[float] | None = None,
        normalize: Normalize = "weights",
        fast: bool = True,
    ) -> GravityField:
        """The field of one object's surface points.

        Args:
            points: (N, 3) [m].
            weights: (N,) or, for each scale, (L, N), the contact mask in [0, 1]; all ones by default. Points
                without weight are dropped.
            sigmas: L receptive radii [m].
            strengths: L attractions; ones by default.
            normalize: what the sum is divided by.
            fast: tabulate; otherwise every force is a direct sum. The table's force has an RMS error below
                1 % (0.2 to 0.6 %: benchmarks/gravity_field.md).

        Raises:
            InputError: wrong shapes, a scale that is not positive, or weights outside [0, 1].
        """
        strengths = (1.0,) * len(sigmas) if strengths is None else tuple(strengths)
        masks = points.new_ones(len(points)) if weights is None else weights
        masks = masks.expand(len(sigmas), -1) if masks.ndim == 1 else masks
        _check(points, masks, sigmas, strengths, normalize)
        used = masks.amax(0) > 0
        points, masks = points[used], masks[:, used]
        tables = tuple(KernelTable.build(points, w, sigma=s) if fast else None for w, s in zip(masks, sigmas))
        some = points[:: max(len(points) // PEAK_POINTS, 1)]
        sums = [direct_sum(some, points, w, sigma=s)[0] for w, s in zip(masks, sigmas)]
        peaks = torch.stack([s.amax() if len(some) else s.new_zeros(()) for s in sums])
        source = GravitySource(points, masks)
        return GravityField(
            (source,), tuple(sigmas), strengths, normalize, tables, masks.sum(1)[None], peaks[None]
        )

    @staticmethod
    def stack(fields: Sequence[GravityField]) -> GravityField:
        """Fields with the same scales as one, so that a batch of hands is one call.

        Raises:
            InputError: none, or fields with different scales.
        """
        if not fields or len({(f.sigmas, f.strengths, f.normalize) for f in fields}) != 1:
            raise InputError(
                "fields cannot be stacked", expected="one or more with the same scales and normalization"
            )
        first = fields[0]
        tables = []
        for column in zip(*(f.tables for f in fields)):
            present = [t for t in column if t is not None]
            tables.append(KernelTable.stack(present) if len(present) == len(column) else None)
        return GravityField(
            tuple(s for f in fields for s in f.sources),
            first.sigmas,
            first.strengths,
            first.normalize,
            tuple(tables),
            torch.cat([f.totals for f in fields]),
            torch.cat([f.peaks for f in fields]),
        )

    def potential(self, points: Tensor) -> Tensor:
        """Potential at points: lowest at the contact region, zero far away.

        Args:
            points: (*, 3) for a single field; (F, *, 3) for F stacked ones [m].

        Returns:
            (*,), no unit; in m² for mean shift.
        """
        return self.sample(points).potential

    def force(self, points: Tensor) -> Tensor:
        """Minus the gradient of the potential, towards the contact region.

        Args:
            points: (*, 3) for a single field; (F, *, 3) for F stacked ones [m].

        Returns:
            As points; [1/m], for mean shift [m].
        """
        return self.sample(points).force

    def sample(self, points: Tensor) -> FieldSample:
        """Potential, force and closeness at points for the price of one."""
        own = self._by_field(points)
        potential, force = torch.zeros_like(own[..., 0]), torch.zeros_like(own)
        finest, closeness = min(self.sigmas), potential
        for scale, (sigma, strength) in enumerate(zip(self.sigmas, self.strengths)):
            bump, slope = self._sums(own, scale)
            tiny = torch.finfo(bump.dtype).tiny
            peak = self.peaks[:, scale, None].clamp_min(tiny)
            if sigma == finest:
                closeness = (bump / peak).clamp(0, 1)
            if self.normalize == "mean_shift":
                floor, half = (FLOOR * peak).clamp_min(tiny), strength * sigma**2 / 2
                potential = potential - half * torch.log1p(bump / floor)
                force = force + slope * (half / (bump + floor))[..., None]
                continue
            gain = torch.full_like(peak, strength)
            if self.normalize == "weights":
                gain = strength / self.totals[:, scale, None].clamp_min(tiny)
            potential = potential - gain * bump
            force = force + gain[..., None] * slope
        shape = points.shape[:-1]
        return FieldSample(potential.view(shape), force.view(points.shape), closeness.view(shape))

    def _by_field(self, points: Tensor) -> Tensor:
        """Points as (F, M, 3)."""
        count = len(self.sources)
        if points.shape[-1] != 3 or (count > 1 and points.shape[0] != count):
            expected = "(*, 3)" if count == 1 else f"({count}, *, 3)"
            raise InputError("wrong shape", where="points", expected=expected, got=tuple(points.shape))
        return points.reshape(count, points.numel() // (3 * count), 3)

    def _sums(self, points: Tensor, scale: int) -> tuple[Tensor, Tensor]:
        """Kernel sums (F, M) at one scale and their gradients (F, M, 3)."""
        table = self.tables[scale]
        if table is not None:
            bump, slope = table.query(points)
            return bump.clamp_min(0), slope
        sigma = self.sigmas[scale]
        parts = [
            direct_sum(own, s.points, s.weights[scale], sigma=sigma) for own, s in zip(points, self.sources)
        ]
        return torch.stack([p[0] for p in parts]), torch.stack([p[1] for p in parts])


def direct_sum(points: Tensor, sources: Tensor, weights: Tensor, *, sigma: float) -> tuple[Tensor, Tensor]:
    """Kernel sums S = sum_p w_p exp(-|x - p|²/sigma²) (M,) and their gradients (M, 3), by brute force.

    Args:
        points: (M, 3) [m].
        sources: (N, 3) [m].
        weights: (N,).
        sigma: [m].
    """
    value, slope = points.new_zeros(len(points)), torch.zeros_like(points)
    if not len(sources):
        return value, slope
    # Centred: |x|² - 2 x.p + |p|² loses digits where both are far from the origin.
    centre = sources.mean(0)
    x, p = (points - centre) / sigma, (sources - centre) / sigma
    carried = torch.cat((p * weights[:, None], weights[:, None]), 1)
    squared = p.square().sum(1)
    for start in range(0, len(x), CHUNK):
        own = x[start : start + CHUNK]
        exponent = torch.addmm(squared[None], own, p.T, beta=-1.0, alpha=2.0)
        kernel = exponent.sub_(own.square().sum(1)[:, None]).clamp_(LEAST_EXPONENT, 0).exp_()
        sums = kernel @ carried
        value[start : start + CHUNK] = sums[:, 3]
        slope[start : start + CHUNK] = (sums[:, :3] - own * sums[:, 3:]) * (2 / sigma)
    return value, slope


def _check(points: Tensor, weights: Tensor, sigmas, strengths, normalize: str) -> None:
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError("wrong shape", where="points", expected="(N, 3)", got=tuple(points.shape))
    if not sigmas or any(not s > 0 for s in sigmas) or len(strengths) != len(sigmas):
        raise InputError(
            "bad scales", where="sigmas", expected="positive, one strength each", got=tuple(sigmas)
        )
    if weights.shape != (len(sigmas), len(points)):
        expected = f"({len(points)},) or ({len(sigmas)}, {len(points)})"
        raise InputError("wrong shape", where="weights", expected=expected, got=tuple(weights.shape))
    if len(points) and not (weights.amin() >= 0 and weights.amax() <= 1):
        raise InputError("weights out of range", where="weights", expected="0 to 1")
    if normalize not in get_args(Normalize):
        raise InputError("unknown normalization", expected=" or ".join(get_args(Normalize)), got=normalize)
