"""Objects as convex pieces, which physics engines need; kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from handhold.errors import InputError
from handhold.geometry.convex import Piece
from handhold.objects.halves import halved_pieces
from handhold.objects.object import ObjectMesh
from handhold.optional import require

Method = Literal["coacd", "halves"]

CONVEX_SHARE = 0.999
"""An object that fills this share of its convex hull is one convex piece."""
SETTINGS = {
    "mcts_iterations": 60,
    "mcts_nodes": 10,
    "mcts_max_depth": 2,
    "decimate": True,
    "max_ch_vertex": 128,
}
"""CoACD's search at a third of its defaults (a third of the time, a few pieces more, the same volume), and
hulls of at most 128 vertices (volumes differ by one percent), which physics engines like."""


def convex_pieces(
    item: ObjectMesh,
    *,
    method: Method = "coacd",
    threshold: float = 0.05,
    faces: int = 4000,
    seed: int = 0,
    tolerance: float = 0.0015,
    least: float = 0.012,
    cache: bool = True,
) -> list[Piece]:
    """Cut an object into convex pieces that together cover it.

    An object that is convex already is returned as it is, in one piece. "coacd" gives few pieces, and takes
    seconds for a bottle, up to a minute for a thin-walled cup; it works on a simplified surface, and whatever
    mesh it is given. "halves" needs a solid, gives up to some hundred pieces within a second, and keeps closer
    to the surface. Pieces are cached by the object's content.

    On 17 YCB scans (benchmarks/stability.md), "halves" against "coacd": 0.03 to 0.9 s (mean 0.2) against 0.3 to 23 s
    (6.3); 109 pieces against 17 in the mean; 95 % of the pieces' outer surface lies within 0.3 to 1.3 mm (0.5)
    of the true one against 0.4 to 3.6 mm (1.4); and no part of the true surface is left bare (but 4 mm
    of one bowl that folds through itself) against up to 6.6 mm.

    Args:
        item: the object.
        method: "coacd" or "halves".
        threshold: CoACD's concavity, 0.01 (fine) to 1; the wall of a thin cup needs 0.05 or
            finer, and comes out somewhat thicker than it is.
        faces: for CoACD the object is simplified to so many faces first; the report of `item.simplified` says
            how far that moves the surface.
        seed: CoACD's search is random; the same seed gives the same pieces.
        tolerance: how far the hull of a part may stick out before it is halved again [m].
        least: a part no larger than this is not halved [m].
        cache: read and write the cache.

    Returns:
        Vertices (N, 3) float64 [m] in the object's own frame and outward faces (M, 3) int64 of each piece.

    Raises:
        InputError: an unknown method, no piece could be cut, or the object is no solid and is to be halved.
        MissingExtra: coacd is not installed (and the object is not convex).
    """
    if method not in get_args(Method):
        raise InputError("unknown method", where="method", expected=" or ".join(get_args(Method)), got=method)
    if is_convex(item):
        return [(item.vertices, item.faces)]
    settings = f"{threshold!r} {faces} {seed} {sorted(SETTINGS.items())}"
    if method == "halves":
        settings = f"halves {tolerance!r} {least!r}"
    digest = hashlib.blake2b(f"{item.content_hash} {settings}".encode(), digest_size=16).hexdigest()
    path = cache_folder() / "pieces" / f"{digest}.npz"
    pieces = _read(path) if cache else None
    if pieces is not None:
        return pieces
    if method == "halves":
        pieces = halved_pieces(item, tolerance=tolerance, least=least)
    else:
        pieces = _cut(item.simplified(faces=faces), threshold, seed)
    if not pieces:
        raise InputError("CoACD finds no convex pieces", where=item.name, remedy="Check the mesh.")
    if cache:
        _write(pieces, path)
    return pieces


def is_convex(item: ObjectMesh) -> bool:
    """Whether the object is closed and fills its convex hull."""
    from scipy.spatial import ConvexHull

    volume = item.volume_m3
    return volume is not None and volume >= CONVEX_SHARE * ConvexHull(item.vertices).volume


def cache_folder() -> Path:
    """The user's cache folder for handhold; the environment variable HANDHOLD_CACHE overrides it."""
    if chosen := os.environ.get("HANDHOLD_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "handhold"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "handhold" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handhold"


def _cut(item: ObjectMesh, threshold: float, seed: int) -> list[Piece]:
    coacd = require("coacd", extra="physics")
    coacd.set_log_level("off")
    mesh = coacd.Mesh(np.array(item.vertices), np.array(item.faces))
    pieces = coacd.run_coacd(mesh, threshold=threshold, seed=seed, **SETTINGS)
    return [(np.asarray(v, np.float64), np.asarray(f, np.int64)) for v, f in pieces]


def _read(path: Path) -> list[Piece] | None:
    """Pieces from the cache; None if they are not there or the file is damaged in whatever way."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            count = len(archive.files) // 2
            pieces = [(archive[f"vertices_{i}"], archive[f"faces_{i}"]) for i in range(count)]
        sound = all(
            v.shape[1:] == f.shape[1:] == (3,) and f.min() >= 0 and f.max() < len(v) for v, f in pieces
        )
    except Exception:  # a cache is never worth an error
        return None
    return pieces if pieces and sound else None


def _write(pieces: list[Piece], path: Path) -> None:
    """Into the cache, whole or not at all; a cache that cannot be written to is done without."""
    arrays = {f"vertices_{i}": v for i, (v, _) in enumerate(pieces)} | {
        f"faces_{i}": f for i, (_, f) in enumerate(pieces)
    }
    draft = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.npz")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(draft, allow_pickle=False, **arrays)
        os.replace(draft, path)
    with suppress(OSError):
        draft.unlink()
