"""Which points of a grid lie inside a closed mesh, by scanning columns, and meshes as blocks of voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from handhold.errors import InputError

CELLS = 2**22
"""At most so many grid points, or crossings of columns with triangles, are worked on at a time."""
HALVINGS = 10
"""trimesh halves edges so many times and then gives up."""
MOST_VOXELS = 2**28
"""Meshes with more voxels in their bounding box are refused."""


def inside_grid(
    vertices: np.ndarray, faces: np.ndarray, axes: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Which points of a rectangular grid lie inside a closed mesh: those with a positive winding number.

    Every triangle is scanned over the columns along z that it covers; the signed crossings above a point sum to
    its winding number. What lies in several overlapping shells counts once. A column exactly through an edge
    or a corner is resolved as if it were shifted by (e, e², e³), e > 0 infinitely small (simulation of simplicity,
    Edelsbrunner and Muecke 1990): triangles that share an edge decide by the same floats, so every column
    leaves the mesh as often as it enters it. Meshes that are not closed need `ExactDistance.winding`.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3), closed, counter-clockwise seen from outside.
        axes: ascending coordinates of the grid along x, y and z [m].

    Returns:
        (nx, ny, nz) bool.

    Raises:
        InputError: wrong shapes, numbers that are not finite, or an axis that does not ascend.
    """
    corners = _corners(vertices, faces)
    x, y, z = (_axis(values, name) for values, name in zip(axes, "xyz", strict=True))
    inside = np.zeros((len(x), len(y), len(z)), bool)
    if not inside.size or not len(corners):
        return inside
    low, high = corners.min(1), corners.max(1)
    # A triangle below the whole grid crosses no column above a point.
    reached = (high[:, 0] >= x[0]) & (low[:, 0] <= x[-1]) & (high[:, 1] >= y[0]) & (low[:, 1] <= y[-1])
    corners = corners[reached & (high[:, 2] >= z[0])]
    width = max(1, CELLS // (len(y) * (len(z) + 1)))
    for start in range(0, len(x), width):
        slab = slice(start, start + width)
        inside[slab] = _winding(corners, x[slab], y, z) > 0
    return inside


@dataclass(frozen=True, eq=False)
class VoxelBlock:
    """A block of cubes on a lattice with one cube centred at its origin.

    Attributes:
        filled: (nx, ny, nz) bool, which cubes are filled.
        low: (3,) whole numbers, which cube of the lattice the block's first one is.
    """

    filled: np.ndarray
    low: np.ndarray

    def shared(self, other: VoxelBlock) -> int:
        """How many cubes both blocks fill; they lie on the same lattice."""
        low = np.maximum(self.low, other.low)
        high = np.minimum(self.low + self.filled.shape, other.low + other.filled.shape)
        if (low >= high).any():
            return 0
        mine, theirs = (
            block.filled[tuple(slice(a, b) for a, b in zip(low - block.low, high - block.low, strict=True))]
            for block in (self, other)
        )
        return int(np.count_nonzero(mine & theirs))


def solid_block(
    vertices: np.ndarray, faces: np.ndarray, *, origin: np.ndarray, pitch: float, radius: int
) -> VoxelBlock | None:
    """A closed mesh as filled voxels, as trimesh's `local_voxelize(..., fill=True).fill()` gives them.

    Filled are the voxels that hold a vertex of the mesh subdivided until its edges are at most half a pitch,
    those whose centre lies inside, and pockets that these enclose. trimesh labels the connected regions of the
    whole cube instead and asks whether one voxel of each lies inside: with edges that short no region reaches
    through the surface, so the voxels are the same, and only a block around the mesh is looked at.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3), closed, outward.
        origin: (3,) centre of the cube [m].
        pitch: side of a voxel [m].
        radius: the cube reaches so many voxels from its middle one.

    Returns:
        The voxels, or None where the mesh has no surface in the cube.
    """
    from scipy.ndimage import label

    local = np.asarray(vertices, np.float64) - origin
    low = np.maximum(np.floor(local.min(0) / pitch).astype(np.int64), -radius)
    high = np.minimum(np.ceil(local.max(0) / pitch).astype(np.int64), radius)
    if (low > high).any():
        return None
    x, y, z = (np.arange(a, b + 1) * pitch for a, b in zip(low, high, strict=True))
    filled = inside_grid(local, faces, (x, y, z))
    _fill_surface(filled, low, local[faces.T], pitch=pitch)
    if not filled.any():
        return None
    regions, _ = label(~np.pad(filled, 1))  # pyright: ignore[reportGeneralTypeIssues]
    return VoxelBlock((regions != regions[0, 0, 0])[1:-1, 1:-1, 1:-1], low)


def surface_voxels(
    vertices: np.ndarray, faces: np.ndarray, *, pitch: float
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The voxels of a mesh's surface, those that trimesh's `voxelized` finds; one is centred at the frame's origin.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3), open or closed.
        pitch: side of a voxel [m].

    Returns:
        Where they lie along each axis, (n, 3) whole numbers, and what coordinates [m] these numbers mean.

    Raises:
        InputError: far too large for the pitch.
    """
    triangles = np.moveaxis(_corners(vertices, faces), 1, 0)
    low, high = (_cells(extreme, pitch) for extreme in (triangles.min((0, 1)), triangles.max((0, 1))))
    if np.prod(high - low + 1.0) > MOST_VOXELS:
        raise _too_large(pitch)
    filled = np.zeros(high - low + 1, bool)
    _fill_surface(filled, low, triangles, pitch=pitch)
    # Written as trimesh's transform does it, so that the coordinates are those of its `points` to the last bit.
    x, y, z = (np.arange(n) * pitch + start * pitch for n, start in zip(filled.shape, low, strict=True))
    return np.argwhere(filled), (x, y, z)


def _fill_surface(filled: np.ndarray, low: np.ndarray, triangles: np.ndarray, *, pitch: float) -> None:
    """Fill the voxels that hold a vertex of the subdivided triangles (3 corners, n, 3).

    As trimesh 5's `voxelize_subdivide`: edges longer than half a pitch are halved until there are none, and every
    vertex is rounded to its voxel. Triangles are split one by one, which spares looking for shared edges, and
    only where that can fill another voxel.
    """
    corners = triangles.reshape(-1, 3)
    for _ in range(HALVINGS + 1):
        cells = _cells(corners, pitch) - low
        within = ((cells >= 0) & (cells < filled.shape)).all(1)
        filled[tuple(cells[within].T)] = True
        triangles = triangles[:, _may_fill(filled, _cells(triangles, pitch) - low)]
        triangles, corners = _halved(triangles, longest=pitch / 2)
        if not len(corners):
            return
    raise _too_large(pitch)


def _too_large(pitch: float) -> InputError:
    return InputError(
        "the mesh is far too large for its voxels",
        where="vertices",
        expected=f"at {pitch * 1000:.3g} mm, edges under {2**HALVINGS * pitch / 2:.3g} m and a box under "
        f"{MOST_VOXELS * pitch**3:.3g} m³",
        remedy="Lengths are metres.",
    )


def _may_fill(filled: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Which triangles, with corners in cells (3, n, 3), reach a voxel of the block that is not filled, (n,) bool.

    Only those within two voxels a side are looked into; larger ones may.
    """
    a, b, c = cells
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    limit = np.array(filled.shape) - 1
    may = ~((high < 0) | (low > limit)).any(1)
    small = np.flatnonzero(may & (high - low <= 1).all(1))
    low, high = np.clip(low[small], 0, limit), np.clip(high[small], 0, limit)
    steps = np.array([filled.shape[1] * filled.shape[2], filled.shape[2], 1])
    first, (x, y, z) = low @ steps, ((high - low) * steps).T
    flat = filled.reshape(-1)
    full = flat[first] & flat[first + x] & flat[first + y] & flat[first + z]
    full &= flat[first + x + y] & flat[first + x + z] & flat[first + y + z] & flat[first + x + y + z]
    may[small] = ~full
    return may


def _halved(triangles: np.ndarray, *, longest: float) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (3 corners, n, 3) with every edge halved that is too long, and the new vertices (k, 3).

    Those without such an edge are left out: they are done. One long edge gives two triangles, two give three
    (across the shorter diagonal), three give four.
    """
    following = triangles[[1, 2, 0]]
    split = _length(triangles - following) > longest
    middle = (triangles + following) / 2
    count = split.sum(0)

    def turned(chosen: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Chosen triangles from corner `first` on, and the middles of the edges after each corner."""
        turn = (first + np.arange(3)[:, None]) % 3
        return triangles[turn, chosen], middle[turn, chosen]

    one, two, three = (np.flatnonzero(count == n) for n in (1, 2, 3))
    (a, b, c), (p, _, _) = turned(one, np.argmax(split[:, one], axis=0))
    parts = [(a, p, c), (p, b, c)]
    (a, b, c), (p, q, _) = turned(two, np.argmin(split[:, two], axis=0) + 1)
    across = (_length(a - q) <= _length(p - c))[:, None]
    parts += [(p, b, q), (a, p, np.where(across, q, c)), (np.where(across, a, p), q, c)]
    (a, b, c), (p, q, r) = turned(three, np.zeros(len(three), np.int64))
    parts += [(a, p, r), (p, b, q), (r, q, c), (p, q, r)]
    return np.concatenate([np.stack(part) for part in parts], axis=1), middle[split]


def _length(vectors: np.ndarray) -> np.ndarray:
    squared = vectors * vectors
    return np.sqrt(squared[..., 0] + squared[..., 1] + squared[..., 2])


def _cells(points: np.ndarray, pitch: float) -> np.ndarray:
    return np.round(points / pitch).astype(np.int64)


def _winding(corners: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Winding numbers (nx, ny, nz) of a closed mesh with corners (m, 3, 3)."""
    steps = np.zeros((len(x), len(y), len(z) + 1), np.int32)
    flat = steps.reshape(-1)
    for part in _portions(corners, x, y):
        column, height, sign = _crossings(part, x, y)
        # The crossing lies above the points under `level`; one at its very height counts as above it.
        level = np.searchsorted(z, height)
        np.add.at(flat, column * (len(z) + 1) + level, sign)
    above = steps[:, :, ::-1]
    np.cumsum(above, axis=2, out=above)
    return steps[:, :, 1:]


def _portions(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Triangles in portions that cross about `CELLS` columns at most (a single one may cross them all)."""
    low, high = corners.min(1), corners.max(1)
    columns = 1 + np.searchsorted(x, high[:, 0]) - np.searchsorted(x, low[:, 0])
    rows = 1 + np.searchsorted(y, high[:, 1]) - np.searchsorted(y, low[:, 1])
    work = np.cumsum(columns * rows)
    if not len(work):
        return
    cuts = np.searchsorted(work, np.arange(CELLS, work[-1], CELLS))
    for part in np.split(corners, np.unique(cuts)):
        if len(part):
            yield part


def _crossings(
    corners: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where columns cross triangles (m, 3, 3): the column's number, the height, and +1 upward or -1 downward.

    A row of columns at y meets two edges of a triangle, the long one (from the lowest to the highest corner in
    y) and a short one; the columns between the two cross the triangle. An edge's place in the row is computed from
    its lower to its upper end, whichever triangle asks.
    """
    order = np.argsort(corners[:, :, 1], axis=1, kind="stable")
    low, middle, high = np.moveaxis(np.take_along_axis(corners, order[:, :, None], 1), 1, 0)
    turn = np.where((order[:, 1] - order[:, 0]) % 3 == 1, 1, -1)
    triangle, row = _ranges(np.searchsorted(y, low[:, 1]), np.searchsorted(y, high[:, 1]))
    at = y[row]
    upper = (middle[triangle, 1] <= at)[:, None]
    x_long, z_long = _on_edge(low[triangle], high[triangle], at)
    x_short, z_short = _on_edge(
        np.where(upper, middle[triangle], low[triangle]),
        np.where(upper, high[triangle], middle[triangle]),
        at,
    )
    sign = turn[triangle] * np.where(x_short > x_long, 1, -1)
    left, right = np.minimum(x_long, x_short), np.maximum(x_long, x_short)
    span, column = _ranges(np.searchsorted(x, left), np.searchsorted(x, right))
    along = (x[column] - x_long[span]) / (x_short[span] - x_long[span])
    height = z_long[span] + along * (z_short[span] - z_long[span])
    return column * len(y) + row[span], height, sign[span].astype(np.int32)


def _on_edge(low: np.ndarray, high: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and z at heights y of edges from low (n, 3) to high (n, 3), low in y < high in y."""
    along = (y - low[:, 1]) / (high[:, 1] - low[:, 1])
    return low[:, 0] + along * (high[:, 0] - low[:, 0]), low[:, 2] + along * (high[:, 2] - low[:, 2])


def _ranges(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All whole numbers of many half-open ranges: which range, and the number."""
    count = np.maximum(end - start, 0)
    which = np.repeat(np.arange(len(count)), count)
    return which, np.arange(len(which)) - (np.cumsum(count) - count - start)[which]


def _corners(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    vertices, faces = np.asarray(vertices, np.float64), np.asarray(faces)
    for name, value in (("vertices", vertices), ("faces", faces)):
        if value.ndim != 2 or value.shape[1] != 3:
            raise InputError("wrong shape", where=name, expected="(n, 3)", got=value.shape)
    if not np.isfinite(vertices).all():
        raise InputError("there are numbers that are not finite", where="vertices")
    return vertices[faces]


def _axis(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or (np.diff(values) < 0).any():
        raise InputError("no axis of a grid", where=f"axes: {name}", expected="finite numbers, ascending")
    return values
