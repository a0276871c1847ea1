"""Files in MANO's layout, with a made-up hand in them: no value comes from MANO.

The hand lies as MANO's right hand does (fingers along -x, back of the hand up y, thumb towards +z). Its palm
and fingers are tubes; faces are split until there are 778 vertices and, with a wrist of 16 edges, 1538 faces.
"""

from __future__ import annotations

import functools
import io
import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from handhold.hand.skeleton import FINGERS, MANO_FINGERS, PARENTS

TIPS = (744, 320, 443, 554, 671)  # thumb to pinky, where MANO has them
VERTICES, FACES, WRIST = 778, 1538, 16
KNUCKLES = {  # places on the palm's ring of 16 (0: thumb's side, 1 to 7 back, 8: other side, 9 to 15 palm)
    "index": (0, 1, 2, 14, 15),
    "middle": (2, 3, 4, 12, 13, 14),
    "ring": (4, 5, 6, 10, 11, 12),
    "pinky": (6, 7, 8, 9, 10),
}
BONES_M = {
    "index": (0.032, 0.023, 0.022),
    "middle": (0.036, 0.025, 0.022),
    "ring": (0.034, 0.024, 0.022),
    "pinky": (0.026, 0.018, 0.019),
    "thumb": (0.030, 0.028, 0.026),
}
STEPS = (0.0, 0.2, 0.5, 0.8, 1.0, 1.2, 1.5, 1.8, 2.0, 2.2, 2.5, 2.8)  # rings along a finger, in bones


class _Mesh:
    """Vertices with weights and the faces between them, as it grows."""

    def __init__(self) -> None:
        self.points: list[np.ndarray] = []
        self.weights: list[np.ndarray] = []
        self.faces: list[tuple[int, ...]] = []
        self.tips: dict[str, int] = {}

    def add(self, point: np.ndarray, weights: np.ndarray) -> int:
        self.points.append(np.asarray(point, dtype=float))
        self.weights.append(weights)
        return len(self.points) - 1

    def join(self, near: list[int], far: list[int]) -> None:
        """A band of quads between two rings."""
        for k in range(len(near)):
            a, b, c, d = near[k - 1], near[k], far[k], far[k - 1]
            self.faces += [(a, b, c), (a, c, d)]

    def cap(self, ring: list[int], top: int) -> None:
        self.faces += [(ring[k - 1], ring[k], top) for k in range(len(ring))]


def _weights(finger: str | None, along: float) -> np.ndarray:
    """Weights of a place `along` a finger, in bones from its knuckle; linear near a joint."""
    out = np.zeros(16)
    if finger is None:
        out[0] = 1.0
        return out
    first = 1 + 3 * MANO_FINGERS.index(finger)
    chain = (0, first, first + 1, first + 2)
    passed = [float(np.clip((along - k) / 0.3 + 0.5, 0, 1)) for k in range(3)]
    for k, joint in enumerate(chain):
        out[joint] = (passed[k - 1] if k else 1.0) - (passed[k] if k < 3 else 0.0)
    return out


def _palm_ring(x: float, half_width: float, half_thick: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, WRIST, endpoint=False)
    z, y = half_width * np.cos(angle), half_thick * np.sin(angle)
    return np.stack((np.full(WRIST, x), y, z), 1)


def _grow(mesh: _Mesh, base: list[int], finger: str, direction: np.ndarray, joints: np.ndarray) -> None:
    """A finger on the ring `base`; fills its three joints."""
    lengths = BONES_M[finger]
    first = 1 + 3 * MANO_FINGERS.index(finger)
    points = np.array([mesh.points[k] for k in base])
    centre = points.mean(0)
    flat = points - centre
    flat -= np.outer(flat @ direction, direction)
    starts = np.concatenate(([0.0], np.cumsum(lengths)))
    joints[first : first + 3] = centre + starts[:3, None] * direction
    radius = 0.0085 / np.linalg.norm(flat, axis=1, keepdims=True)
    ring = base
    for step in STEPS[1:]:
        at = np.interp(step, range(4), starts)
        blend = min(step / 0.5, 1.0)
        shape = flat * (1 - blend + blend * radius) * (1 - 0.08 * step)
        shape[:, 1] *= 1 - 0.25 * blend  # broader than thick, as nails are
        new = [mesh.add(centre + at * direction + s, _weights(finger, step)) for s in shape]
        mesh.join(ring, new)
        ring = new
    mesh.tips[finger] = mesh.add(centre + starts[3] * direction, _weights(finger, 3.0))
    mesh.cap(ring, mesh.tips[finger])


def _split(mesh: _Mesh) -> None:
    """Split the largest faces in three until there are as many vertices as MANO has."""
    while len(mesh.points) < VERTICES + 1:  # one has lost its faces to the thumb
        p = np.array(mesh.points)
        corners = p[np.array(mesh.faces)]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        for face in np.argsort(-area)[: max(1, min(40, VERTICES + 1 - len(mesh.points)))]:
            a, b, c = mesh.faces[face]
            middle = mesh.add(p[[a, b, c]].mean(0), np.mean([mesh.weights[k] for k in (a, b, c)], axis=0))
            mesh.faces[face] = (a, b, middle)
            mesh.faces += [(b, c, middle), (c, a, middle)]


@functools.cache
def _hand() -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Vertices (778, 3), weights (778, 16) and faces (1538, 3) of a right hand, and joints (16, 3)."""
    mesh, joints = _Mesh(), np.zeros((16, 3))
    joints[0] = (0.09, 0.0, 0.0)
    sections = [(0.105, 0.027), (0.09, 0.028), (0.07, 0.034), (0.05, 0.038), (0.03, 0.040), (0.012, 0.041)]
    rings = []
    for x, half_width in sections:
        rings.append([mesh.add(p, _weights(None, 0)) for p in _palm_ring(x, half_width, 0.014)])
    knuckles = [mesh.add(p, _weights("middle", 0.0)) for p in _palm_ring(0.0, 0.041, 0.010)]
    rings.append(knuckles)
    for near, far in pairwise(rings):
        mesh.join(near, far)
    for finger, places in KNUCKLES.items():
        for place in places:
            mesh.weights[knuckles[place]] = _weights(finger, 0.0)
        spread = {"index": 0.12, "middle": 0.02, "ring": -0.08, "pinky": -0.18}[finger]
        direction = np.array([-np.cos(spread), 0.0, np.sin(spread)])
        _grow(mesh, [knuckles[k] for k in places], finger, direction, joints)
    # The thumb grows from the hole that a vertex on the palm's side and its six faces leave.
    root = rings[3][15]
    patch = [f for f in mesh.faces if root in f]
    mesh.faces = [f for f in mesh.faces if root not in f]
    onward = {f[(f.index(root) + 1) % 3]: f[(f.index(root) + 2) % 3] for f in patch}
    rim = [next(iter(onward))]
    while onward[rim[-1]] != rim[0]:
        rim.append(onward[rim[-1]])
    for k in rim:
        mesh.weights[k] = 0.5 * mesh.weights[k] + 0.5 * _weights("thumb", 0.0)
    direction = np.array([-0.62, -0.28, 0.73])
    _grow(mesh, rim, "thumb", direction / np.linalg.norm(direction), joints)
    _split(mesh)
    return _numbered(mesh, root), joints


def _numbered(mesh: _Mesh, lone: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, weights and faces without the lone vertex, the tips where MANO has them."""
    order = [k for k in range(len(mesh.points)) if k != lone and k not in mesh.tips.values()]
    for place, finger in sorted(zip(TIPS, FINGERS)):
        order.insert(place, mesh.tips[finger])
    new = np.full(len(mesh.points), -1)
    new[order] = np.arange(len(order))
    return np.array(mesh.points)[order], np.array(mesh.weights)[order], new[np.array(mesh.faces)]


def mano_values(side: str = "right") -> dict[str, np.ndarray]:
    """A dictionary with MANO's keys, shapes and types; J_regressor dense."""
    (vertices, weights, faces), joints = _hand()
    rng = np.random.default_rng(0)
    about = vertices - vertices.mean(0)
    stretch = np.zeros((3, 10))
    stretch[:, 0], stretch[:, 1], stretch[:, 2] = 0.05, (0.02, -0.005, -0.01), (0.0, 0.02, 0.004)
    waves = 2e-4 * np.sin(40 * vertices @ rng.normal(size=(3, 30)) + rng.uniform(0, 6, 30)).reshape(-1, 3, 10)
    components = np.linalg.qr(rng.normal(size=(45, 45)))[0]
    mean = np.tile((0.02, -0.05, 0.3), 15)
    values = {
        "v_template": vertices,
        "shapedirs": about[:, :, None] * stretch + waves,
        "posedirs": 2e-4 * np.sin(60 * vertices @ rng.normal(size=(3, 405))).reshape(-1, 3, 135),
        "J_regressor": _regressor(vertices, joints),
        "weights": weights,
        "f": faces.astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, *PARENTS[1:]], range(16)], dtype=np.int64),
        "hands_mean": mean,
        "hands_components": components,
        "hands_coeffs": rng.normal(size=(20, 45)),
        "J": joints,
    }
    return values if side == "right" else mirrored(values)


def mirrored(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The other hand: mirrored in x."""
    mirror = np.array([-1.0, 1.0, 1.0])
    turned = np.tile((1.0, -1.0, -1.0), 15)  # an axis-angle in the mirror
    feature = np.tile(np.outer(mirror, mirror).ravel(), 15)
    return values | {
        "v_template": values["v_template"] * mirror,
        "shapedirs": values["shapedirs"] * mirror[:, None],
        "posedirs": values["posedirs"] * mirror[:, None] * feature,
        "f": values["f"][:, ::-1].copy(),
        "hands_mean": values["hands_mean"] * turned,
        "hands_components": values["hands_components"] * turned,
        "J": values["J"] * mirror,
    }


def _regressor(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Rows that sum to one and give each joint from the vertices around it."""
    out = np.zeros((16, len(vertices)))
    for row, joint in zip(out, joints):
        near = np.argsort(np.linalg.norm(vertices - joint, axis=1))[:16]
        system = np.concatenate((vertices[near].T, np.ones((1, 16))))
        row[near] = np.linalg.lstsq(system, np.append(joint, 1.0), rcond=None)[0]
    return out


def as_published(values: dict[str, Any]) -> dict[str, Any]:
    """The same with a sparse J_regressor, strings, and shapedirs as chumpy's Select over a Ch, as there."""
    from scipy.sparse import csc_matrix

    wide = np.concatenate((values["shapedirs"], np.zeros_like(values["shapedirs"])), -1)
    chosen = np.arange(wide.size).reshape(wide.shape)[..., : values["shapedirs"].shape[-1]]
    select = chumpy("reordering", "Select", a=chumpy("ch", "Ch", x=wide), idxs=chosen.ravel())
    select.preferred_shape = chosen.shape
    sparse = csc_matrix(values["J_regressor"])
    return values | {"shapedirs": select, "J_regressor": sparse, "bs_type": "lrotmin", "bs_style": "lbs"}


def chumpy(module: str, name: str, **state: Any) -> Any:
    """An object that pickles as chumpy's do; chumpy itself is never there."""
    made = type(name, (), {"__module__": f"chumpy.{module}"})()
    vars(made).update(state, _dirty_vars={"x"}, _itr=None, make_dense=False)
    return made


@contextmanager
def _importable(values: dict[str, Any]) -> Iterator[None]:
    """pickle wants to find the classes of what it writes; chumpy's are there only meanwhile."""
    before = dict(sys.modules)
    pending = list(values.values())
    while pending:
        kind = type(value := pending.pop())
        if kind.__module__.startswith("chumpy."):
            sys.modules.setdefault("chumpy", types.ModuleType("chumpy"))
            module = sys.modules.setdefault(kind.__module__, types.ModuleType(kind.__module__))
            value.__class__ = getattr(module, kind.__name__, kind)
            setattr(module, kind.__name__, value.__class__)
            pending += vars(value).values()
    try:
        yield
    finally:
        for name in set(sys.modules) - set(before):
            if name.startswith("chumpy"):
                del sys.modules[name]


class _Python2Pickler(pickle._Pickler):
    """Writes strings as Python 2 did: as bytes without a type."""

    proto: int
    write: Any
    memoize: Any

    def _save_python2_string(self, value: str | bytes) -> None:
        raw = value.encode("latin-1") if isinstance(value, str) else value
        if self.proto == 0:
            text = repr(raw)[1:].encode("ascii")
            self.write(b"S" + text + b"\n")
        else:
            self.write(b"T" + len(raw).to_bytes(4, "little") + raw)
        self.memoize(value)

    dispatch = {  # noqa: RUF012  # pyright: ignore[reportAssignmentType]
        **pickle._Pickler.dispatch,
        str: _save_python2_string,
        bytes: _save_python2_string,
    }


def pickled(values: dict[str, Any], *, protocol: int = 2, python2: bool = True) -> bytes:
    """The dictionary as Python 2 with old numpy and scipy wrote it, or as this Python does."""
    out = io.BytesIO()
    with _importable(values):
        (_Python2Pickler if python2 else pickle.Pickler)(out, protocol).dump(values)
    data = out.getvalue()
    if python2:
        for new, old in (
            (b"cnumpy._core.", b"cnumpy.core."),
            (b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n"),
        ):
            data = data.replace(new, old)
    return data


def write_mano(path: Path, values: dict[str, Any] | None = None, *, side: str = "right") -> Path:
    """A file as published (`.pkl`), or of plain arrays (`.npz`)."""
    values = mano_values(side) if values is None else values
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=True, **values)
    else:
        path.write_bytes(pickled(as_published(values)))
    return path
