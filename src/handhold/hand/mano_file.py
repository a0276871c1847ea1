"""MANO's own files: what is in a `.pkl` or an `.npz`, read without running it and checked."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handhold.errors import InputError
from handhold.hand.pickled_arrays import read_pickled_arrays
from handhold.hand.skeleton import PARENTS

SHAPES = 10
MAX_BYTES = 64 * 2**20  # MANO's files hold 4 MB
HAND_LENGTH_M = (0.08, 0.4)  # wrist to tips: from a child's hand to one with a piece of forearm
BODIES = {24: "SMPL", 52: "SMPL+H", 55: "SMPL-X", 5: "FLAME"}
REMEDY = "Use MANO_RIGHT.pkl or MANO_LEFT.pkl from https://mano.is.tue.mpg.de."

_SIZES: dict[str, tuple[int | str, ...]] = {
    "v_template": ("V", 3),
    "shapedirs": ("V", 3, "S"),
    "posedirs": ("V", 3, 135),
    "J_regressor": (16, "V"),
    "weights": ("V", 16),
    "f": ("F", 3),
    "kintree_table": (2, 16),
}
_POSE_SIZES: dict[str, tuple[int | str, ...]] = {"hands_mean": (45,), "hands_components": (45, 45)}


@dataclass(frozen=True)
class ManoFile:
    """The checked content of a MANO file, float64, as the file has it.

    Attributes:
        path: where it came from.
        sha256: of the file, hexadecimal.
        template: (V, 3) [m].
        shape_directions: (V, 3, 10) [m].
        pose_directions: (V, 3, 135) [m].
        joint_regressor: (16, V), rows sum to one.
        skin_weights: (V, 16), rows sum to one.
        faces: (F, 3) int64.
        pose_mean: (45,) [rad], or None.
        pose_components: (45, 45), a row each, or None.
    """

    path: Path
    sha256: str
    template: np.ndarray
    shape_directions: np.ndarray
    pose_directions: np.ndarray
    joint_regressor: np.ndarray
    skin_weights: np.ndarray
    faces: np.ndarray
    pose_mean: np.ndarray | None
    pose_components: np.ndarray | None


def read_mano_file(path: str | Path) -> ManoFile:
    """Read and check a MANO hand file; nothing in it is run.

    Raises:
        InputError: no such file, not a MANO hand, or a value that cannot be right; names file and key.
    """
    path = Path(path)
    data = _read_bytes(path)
    wanted = (*_SIZES, *_POSE_SIZES)
    if path.suffix.lower() == ".pkl":
        values = read_pickled_arrays(data, wanted, where=path)
    else:
        values = _read_npz(data, wanted, where=path)
    _check_hand(values, path)
    sizes: dict[str, int] = {}
    arrays = {key: _checked(values[key], key, shape, sizes, path) for key, shape in _SIZES.items()}
    poses = {key: _optional(values.get(key), key, shape, path) for key, shape in _POSE_SIZES.items()}
    if sizes["S"] < SHAPES:
        raise _bad("shapedirs", path, f"at least {SHAPES} shape coefficients", sizes["S"])
    _check_tree(arrays["kintree_table"], path)
    _check_scale(arrays["v_template"], path)
    return ManoFile(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        template=arrays["v_template"],
        shape_directions=arrays["shapedirs"][..., :SHAPES],
        pose_directions=arrays["posedirs"],
        joint_regressor=_stochastic(arrays["J_regressor"], "J_regressor", path, negative=True),
        skin_weights=_stochastic(arrays["weights"], "weights", path, negative=False),
        faces=_faces(arrays["f"], sizes["V"], path),
        pose_mean=poses["hands_mean"],
        pose_components=poses["hands_components"],
    )


def _bad(key: str, path: Path, expected: object, got: object, remedy: str | None = None) -> InputError:
    return InputError(f"'{key}' is wrong", where=path, expected=expected, got=got, remedy=remedy)


def _read_bytes(path: Path) -> bytes:
    if path.suffix.lower() not in (".pkl", ".npz"):
        raise InputError(
            "is no MANO file", where=path, expected=".pkl or .npz", got=path.suffix or "no extension"
        )
    if not path.exists():
        raise InputError("no such file", where=path, expected="a MANO hand", remedy=REMEDY)
    if not path.is_file():
        raise InputError("is not a file", where=path, expected="a MANO hand", got="a folder")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError("is too large", where=path, expected="about 4 MB", got=f"{size / 2**20:.0f} MB")
        data = path.read_bytes()
    except OSError as error:
        raise InputError("cannot be read", where=path, got=error.strerror) from None
    if not data:
        raise InputError("is empty", where=path, expected="a MANO hand", got="0 bytes", remedy=REMEDY)
    return data


def _read_npz(data: bytes, keys: tuple[str, ...], *, where: Path) -> dict[str, Any]:
    """Arrays of an npz; pickled ones are refused."""
    if not data.startswith(b"PK"):
        raise InputError("is not an npz archive", where=where, expected="a zip of arrays", got="other bytes")
    key, values = None, {}
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            if sum(member.file_size for member in archive.zip.infolist()) > MAX_BYTES:
                raise InputError("is too large", where=where, expected=f"at most {MAX_BYTES} bytes unpacked")
            values = dict.fromkeys(archive.files)
            for key in (k for k in keys if k in values):
                values[key] = archive[key]
    except InputError:
        raise
    except (
        ValueError,
        OSError,
        EOFError,
        MemoryError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        objects = "Object arrays" in str(error)
        raise InputError(
            "is not a readable npz archive" if key is None else f"'{key}' cannot be read",
            where=where,
            expected="a numeric array",
            got="pickled Python objects" if objects else error,
            remedy="Save J_regressor with .toarray(), and chumpy objects with .r, before np.savez."
            if objects
            else None,
        ) from None
    return values


def _check_hand(values: dict[str, Any], path: Path) -> None:
    """That the file is a hand's and has all the keys."""
    joints = {
        np.shape(values[key])[-1:] for key in ("weights", "kintree_table") if values.get(key) is not None
    }
    body = next((BODIES[n] for (n,) in (j for j in joints if j) if n in BODIES), None)
    if body is None and "hands_meanl" in values:
        body = "SMPL-X"
    if body is not None:
        raise InputError(
            "is not a hand", where=path, expected="MANO, 16 joints", got=f"a {body} model", remedy=REMEDY
        )
    missing = [key for key in _SIZES if key not in values]
    if missing:
        raise InputError(
            "keys are missing",
            where=path,
            expected=", ".join(_SIZES),
            got=", ".join(sorted(values)[:20]) or "none",
            remedy=f"Missing: {', '.join(missing)}.",
        )


def _checked(
    value: Any, key: str, shape: tuple[int | str, ...], sizes: dict[str, int], path: Path
) -> np.ndarray:
    """A finite float64 array of the shape named; letters stand for sizes, equal wherever they return."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        got = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise _bad(key, path, "a numeric array", got)
    right = len(shape) == value.ndim
    for want, have in zip(shape, value.shape):
        right = (
            right and have > 0 and have == (sizes.setdefault(want, have) if isinstance(want, str) else want)
        )
    if not right:
        expected = ", ".join(str(sizes.get(n, n)) if isinstance(n, str) else str(n) for n in shape)
        raise _bad(key, path, f"shape ({expected})", value.shape)
    array = value.astype(np.float64)
    if not np.isfinite(array).all():
        raise _bad(key, path, "finite numbers", f"{int((~np.isfinite(array)).sum())} that are not")
    return array


def _optional(value: Any, key: str, shape: tuple[int | str, ...], path: Path) -> np.ndarray | None:
    return None if value is None else _checked(value, key, shape, {}, path)


def _check_tree(table: np.ndarray, path: Path) -> None:
    """MANO's parents; the root's own entry varies (-1, or 4294967295)."""
    if table[0, 1:].tolist() != list(PARENTS[1:]) or table[1].tolist() != list(range(16)):
        raise _bad("kintree_table", path, f"MANO's parents {PARENTS[1:]}", table[0, 1:].astype(int).tolist())


def _check_scale(template: np.ndarray, path: Path) -> None:
    length = float(np.ptp(template, axis=0).max())
    if HAND_LENGTH_M[0] <= length <= HAND_LENGTH_M[1]:
        return
    unit = next(
        (n for n, f in (("millimetres", 1e-3), ("centimetres", 1e-2)) if 0.08 <= length * f <= 0.4), None
    )
    remedy = f"Are these {unit}? MANO is in metres." if unit else None
    raise _bad("v_template", path, "a hand of about 0.2 m", f"{length:.4g} m", remedy)


def _stochastic(rows: np.ndarray, key: str, path: Path, *, negative: bool) -> np.ndarray:
    """Rows that sum to one."""
    if not negative and rows.min() < -1e-4:
        raise _bad(key, path, "no negative weight", f"{rows.min():.4g}")
    sums = rows.sum(1)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > 1e-3:
        raise _bad(key, path, "rows that sum to 1", f"{sums[worst]:.4g} in row {worst}")
    return rows / sums[:, None]


def _faces(faces: np.ndarray, count: int, path: Path) -> np.ndarray:
    """Triangles of three different vertices that there are."""
    whole = faces.astype(np.int64)
    if (whole != faces).any() or whole.min() < 0 or whole.max() >= count:
        raise _bad("f", path, f"vertex indices from 0 to {count - 1}", f"{faces.min():g} to {faces.max():g}")
    if (whole == np.roll(whole, 1, 1)).any():
        raise _bad("f", path, "three different vertices a face", "a face that uses one twice")
    return whole
