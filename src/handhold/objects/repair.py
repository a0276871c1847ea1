"""Repairs of triangle meshes, on arrays: each takes faces (and vertices) and gives them back mended."""

from __future__ import annotations

import numpy as np

from handhold.geometry.mesh import boundary_loops


def edge_use(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each face's edges (M, 3) as numbers, how many faces use each (E,), one direction's excess (E,)."""
    half = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    key = half.min(1) * (int(faces.max(initial=0)) + 1) + half.max(1)
    _, edge, count = np.unique(key, return_inverse=True, return_counts=True)
    excess = np.bincount(edge, np.where(half[:, 0] < half[:, 1], 1, -1)).astype(np.int64)
    return edge.reshape(-1, 3), count, excess


def is_closed(faces: np.ndarray) -> bool:
    """Whether every edge is used once in each direction, or n times in each."""
    return bool((edge_use(faces)[2] == 0).all())


def open_edges(faces: np.ndarray) -> int:
    """How many edges have one face only."""
    return int((edge_use(faces)[1] == 1).sum())


def triangle_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(M,) [m²]."""
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)


def signed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume of a closed mesh [m³], positive where its faces look outward."""
    corners = vertices[faces]
    a, b, c = np.moveaxis(corners - corners.reshape(-1, 3).mean(0), 1, 0)
    return float(np.einsum("ij,ij->", np.cross(a, b), c) / 6)


def merge_seams(vertices: np.ndarray, faces: np.ndarray, *, tolerance: float) -> tuple[np.ndarray, int]:
    """Sew coincident vertices together along open edges only, so that walls that merely touch stay apart.

    Returns:
        Faces that use one vertex of each coincident group (the first), and how many vertices that saves.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    edge, count, _ = edge_use(faces)
    open_edges = count[edge] == 1
    ends = np.concatenate([faces[:, [k, (k + 1) % 3]][open_edges[:, k]] for k in range(3)])
    rim = np.flatnonzero(np.bincount(ends.reshape(-1)))
    if not len(rim):
        return faces, 0
    same = _exact_groups(vertices[rim])
    lead = np.flatnonzero(same == np.arange(len(same)))
    pairs = KDTree(vertices[rim[lead]]).query_pairs(tolerance, output_type="ndarray")
    joined = coo_matrix((np.ones(len(pairs)), (lead[pairs[:, 0]], lead[pairs[:, 1]])), (len(rim), len(rim)))
    chain = coo_matrix((np.ones(len(rim)), (np.arange(len(rim)), same)), (len(rim), len(rim)))
    _, group = connected_components(joined + chain, directed=False)
    _, first = np.unique(group, return_index=True)
    target = np.arange(len(vertices))
    target[rim] = rim[first[group]]
    return target[faces], int(len(rim) - len(first))


def drop_degenerate(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Faces but those that use a vertex twice, and flat ones unless they hold the surface closed."""
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[distinct]
    corners = vertices[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1, initial=0)
    flat = 2 * triangle_areas(vertices, faces) <= 1e-9 * longest**2
    if not flat.any():
        return faces
    edge, count, _ = edge_use(faces)
    needed = (count[edge] == 2).all(1)  # a needle between two good neighbours: without it there is a crack
    return faces[~flat | needed]


def drop_duplicates(faces: np.ndarray) -> np.ndarray:
    """One face for each set of corners.

    Where a face is there with both its sides, it is a flap that encloses nothing, and goes altogether; unless
    the surface would be more open without it than with one side of it.
    """
    group, count = _same_corners(faces)
    if (count == 1).all():
        return faces
    rolled = np.take_along_axis(faces, (faces.argmin(1)[:, None] + np.arange(3)) % 3, axis=1)
    side = np.where(rolled[:, 1] < rolled[:, 2], 1, -1)
    net = np.sign(np.bincount(group, side)).astype(np.int64)
    without = faces[_first_of_each(group, net[group] == side)]
    with_flaps = faces[_first_of_each(group, (net[group] == side) | (net[group] == 0))]
    if not len(without) or open_edges(with_flaps) < open_edges(without):
        return with_flaps
    return without


def _first_of_each(group: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    candidates = np.flatnonzero(allowed)
    _, first = np.unique(group[candidates], return_index=True)
    return np.sort(candidates[first])


def _same_corners(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A number for each set of corners, (M,), and how many faces have it."""
    ordered = np.sort(faces, 1)
    _, pair = np.unique(ordered[:, 0] * (faces.max() + 1) + ordered[:, 1], return_inverse=True)
    _, group, count = np.unique(
        pair * (faces.max() + 1) + ordered[:, 2], return_inverse=True, return_counts=True
    )
    return group, count


def drop_unreferenced(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices that faces use, in their order, and the faces renumbered."""
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    if used.all():
        return vertices, faces
    return vertices[used], (np.cumsum(used) - 1)[faces]


def orient_consistently(faces: np.ndarray) -> tuple[np.ndarray, int]:
    """Turn faces so that neighbours agree, each patch the way most of it was; how many were turned."""
    import igl

    _, count, excess = edge_use(faces)
    if not ((count == 2) & (excess != 0)).any():
        return faces, 0
    turned, patch = (np.asarray(part) for part in igl.bfs_orient(np.ascontiguousarray(faces)))
    flipped = (turned != faces).any(1)
    too_many = np.bincount(patch, flipped) > 0.5 * np.bincount(patch)
    flipped ^= too_many[patch]
    return np.where(flipped[:, None], faces[:, ::-1], faces), int(flipped.sum())


def components(faces: np.ndarray) -> tuple[int, np.ndarray]:
    """How many pieces hang together by edges, and the piece of each face (M,)."""
    import igl

    count, piece = igl.facet_components(np.ascontiguousarray(faces))
    return int(count), np.asarray(piece)


def face_outward(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, int]:
    """Turn inside-out pieces, each with its cavities; how many pieces were turned."""
    count, piece = components(faces)
    members = [np.flatnonzero(piece == k) for k in range(count)] if count <= 1000 else []
    if not members:
        return (faces[:, ::-1], 1) if signed_volume(vertices, faces) < 0 else (faces, 0)
    inverted = [k for k in range(count) if _capped_volume(vertices, faces[members[k]]) < 0]
    if not inverted:
        return faces, 0
    around = nesting(vertices, [faces[m] for m in members])
    faces, turned = faces.copy(), 0
    for k in range(count):
        outermost = max((k, *around[k]), key=lambda j: -len(around[j]))
        if outermost in inverted:
            faces[members[k]] = faces[members[k]][:, ::-1]
            turned += 1
    return faces, turned


def nesting(vertices: np.ndarray, pieces: list[np.ndarray]) -> list[list[int]]:
    """For each closed piece, the pieces that hold it wholly."""
    import igl

    boxes = [(vertices[p].min((0, 1)), vertices[p].max((0, 1))) for p in pieces]
    around: list[list[int]] = [[] for _ in pieces]
    for inner, (low, high) in enumerate(boxes):
        for outer, (outer_low, outer_high) in enumerate(boxes):
            if outer == inner or (low < outer_low).any() or (high > outer_high).any():
                continue
            if not is_closed(pieces[outer]):
                continue
            points = vertices[np.unique(pieces[inner])]
            points = np.ascontiguousarray(points[:: max(1, len(points) // 200)])
            if (np.abs(igl.winding_number(vertices, pieces[outer], points)) > 0.5).all():
                around[inner].append(outer)
    return around


def drop_debris(vertices: np.ndarray, faces: np.ndarray, *, share: float) -> tuple[np.ndarray, int]:
    """Faces without the pieces whose area is under a share of the whole; how many pieces went.

    Where such pieces add up to more than a hundredth of the surface, they are the surface, and stay.
    """
    count, piece = components(faces)
    area = np.bincount(piece, triangle_areas(vertices, faces), count)
    small = area < share * area.sum()
    if area[small].sum() > 0.01 * area.sum():
        return faces, 0
    return faces[~small[piece]], int(small.sum())


def loop_width(vertices: np.ndarray, loop: np.ndarray) -> float:
    """Diameter of a boundary loop [m]: twice its farthest vertex's distance from its middle."""
    points = vertices[loop]
    return float(2 * np.linalg.norm(points - points.mean(0), axis=1).max())


def fill_holes(
    vertices: np.ndarray, faces: np.ndarray, *, share: float
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Close missing triangles, and loops no wider than a share of the whole extent, by fans.

    A loop as wide as its own piece is the rim of a sheet or bowl and stays, unless the share is infinite.

    Returns:
        Vertices, faces, and the widths of the holes that were closed [m].
    """
    loops = boundary_loops(faces)
    if not loops:
        return vertices, faces, []
    _, piece = components(faces)
    piece_of = np.zeros(len(vertices), np.int64)
    piece_of[faces] = piece[:, None]
    whole = np.ptp(vertices[faces], axis=(0, 1)).max()
    alone = np.bincount(piece) == 1  # a lone triangle's rim is no hole

    def extent(number: int) -> float:
        return np.ptp(vertices[faces[piece == number]], axis=(0, 1)).max()

    added_vertices, added_faces, widths = [vertices], [faces], []
    for loop in loops:
        own, width = piece_of[loop[0]], loop_width(vertices, loop)
        if len(loop) == 3 and not alone[own]:
            added_faces.append(loop[None, ::-1])
        elif np.isinf(share) or (width <= share * whole and width <= 0.9 * extent(int(own))):
            middle = len(vertices) + len(added_vertices) - 1
            added_vertices.append(vertices[loop].mean(0, keepdims=True))
            added_faces.append(np.stack((np.roll(loop, -1), loop, np.full_like(loop, middle)), 1))
        else:
            continue
        widths.append(width)
    return np.concatenate(added_vertices), np.concatenate(added_faces), widths


def _capped_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed volume after every loop is closed by a fan: an open cup, too, has an inside."""
    vertices, faces, _ = fill_holes(vertices, faces, share=np.inf)
    size = np.ptp(vertices[faces].reshape(-1, 3), axis=0).max()
    volume = signed_volume(vertices, faces)
    return 0.0 if abs(volume) < 1e-6 * size**3 else volume  # a flat sheet has no inside


def _exact_groups(points: np.ndarray) -> np.ndarray:
    """For each point, the index of the first one at exactly the same place."""
    order = np.lexsort(points.T)
    ordered = points[order]
    new = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(1)))
    group = np.empty(len(points), np.int64)
    group[order] = np.cumsum(new) - 1
    _, first = np.unique(group, return_index=True)
    return first[group]
