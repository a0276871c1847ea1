"""Files as other tools write them, from a made-up MANO hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import roma
import torch
from io_examples import BOX_CORNERS, BOX_FACES, to_openpose

sys.path.insert(0, str(Path(__file__).parents[1] / "hand"))  # where the made-up MANO hand lies
from mano_files import mano_values, write_mano

BOX = BOX_CORNERS * [0.03, 0.02, 0.05]
N = 3


def write_mano_files(folder: Path) -> dict[str, Path]:
    """The user's MANO files, by side."""
    return {s: write_mano(folder / f"MANO_{s.upper()}.pkl", side=s) for s in ("right", "left")}


def write_peer(folder: Path, values: dict, name: str = "peer.npz") -> Path:
    """A file of these keys, by its suffix."""
    path = folder / name
    if path.suffix == ".npz":
        np.savez(path, **values)
    else:
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}
        path.write_text(json.dumps(plain))
    return path


def box(**more) -> dict:
    """The object, and more keys."""
    return {"object_vertices": BOX, "object_faces": BOX_FACES, **more}


def smplx_forward(side: str, params: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N, 778, 3) and joints (N, 16, 3) by smplx's recipe, written again with loops, in float64."""
    values = mano_values(side)
    parents = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
    vertices, joints = [], []
    for orient, pose, betas, transl in zip(
        *(params[k] for k in ("global_orient", "hand_pose", "betas", "transl"))
    ):
        full = torch.tensor(np.concatenate((orient, pose.ravel())).reshape(16, 3))
        turns = roma.rotvec_to_rotmat(full).numpy()
        shaped = values["v_template"] + values["shapedirs"] @ betas
        rest = values["J_regressor"] @ shaped
        bent = shaped + values["posedirs"] @ (turns[1:] - np.eye(3)).ravel()
        chain = []
        for joint, parent in enumerate(parents):
            local = np.eye(4)
            local[:3, :3] = turns[joint]
            local[:3, 3] = rest[joint] - (rest[parent] if joint else 0)
            chain.append(chain[parent] @ local if joint else local)
        posed = np.zeros((len(bent), 3))
        for joint, frame in enumerate(chain):
            moved = (bent - rest[joint]) @ frame[:3, :3].T + frame[:3, 3]
            posed += values["weights"][:, [joint]] * moved
        vertices.append(posed + transl)
        joints.append(np.array([frame[:3, 3] for frame in chain]) + transl)
    return np.array(vertices), np.array(joints)


def truth(side: str) -> dict[str, np.ndarray]:
    """Parameters in handhold's own convention."""
    rng = np.random.default_rng(0)
    return {
        "global_orient": rng.normal(size=(N, 3)),
        "hand_pose": 0.3 * rng.normal(size=(N, 45)),
        "betas": rng.normal(size=(N, 10)),
        "transl": 0.2 * rng.normal(size=(N, 3)),
    }


def surfaces(side: str = "right", **more) -> dict:
    """MANO's vertices as a tool writes them, with joints."""
    vertices, joints = smplx_forward(side, truth(side))
    tips = vertices[:, [744, 320, 443, 554, 671]]
    points = np.concatenate((joints, tips), 1)
    return {
        "hand_vertices": vertices,
        "hand_faces": mano_values(side)["f"],
        "joints": to_openpose(points),
        **box(**more),
    }


def params(**changes) -> dict:
    """A set of MANO parameters."""
    return as_axis_angle(truth("right"), "right") | box(side="right") | changes


def without(given: dict, *keys: str) -> dict:
    return {k: v for k, v in given.items() if k not in keys}


def matrices(rotvec: np.ndarray) -> np.ndarray:
    return roma.rotvec_to_rotmat(torch.tensor(rotvec)).numpy()


def as_axis_angle(p, side):
    return p | {"flat_hand_mean": True}


def as_triples(p, side):
    return p | {"flat_hand_mean": True, "hand_pose": p["hand_pose"].reshape(N, 15, 3)}


def as_mean_relative(p, side):
    pose = p["hand_pose"] - mano_values(side)["hands_mean"]
    return p | {"flat_hand_mean": False, "hand_pose": pose}


def as_pca_from_flat(p, side):
    pca = p.pop("hand_pose") @ mano_values(side)["hands_components"].T  # orthonormal
    return p | {"flat_hand_mean": True, "hand_pca": pca}


def as_pca_from_mean(p, side):
    values = mano_values(side)
    pca = (p.pop("hand_pose") - values["hands_mean"]) @ values["hands_components"].T
    return p | {"flat_hand_mean": False, "hand_pca": pca}


def as_matrices(p, side):
    pose = matrices(p["hand_pose"].reshape(N, 15, 3))
    return p | {"rotation": "matrix", "global_orient": matrices(p["global_orient"]), "hand_pose": pose}


def as_rows(p, side):
    m = as_matrices(p, side)
    rows = {k: m[k][..., :2, :].reshape(*m[k].shape[:-2], 6) for k in ("global_orient", "hand_pose")}
    return p | rows | {"rotation": "6d-rows"}


def as_columns(p, side):
    m = as_matrices(p, side)
    columns = {
        k: 1.7 * np.concatenate((m[k][..., 0], m[k][..., 1]), -1) for k in ("global_orient", "hand_pose")
    }
    return p | columns | {"rotation": "6d-columns", "flat_hand_mean": True}


def as_wrist(p, side):
    _, joints = smplx_forward(side, p)
    return p | {"flat_hand_mean": True, "transl_is_wrist": True, "transl": joints[:, 0]}


def as_packed(p, side):
    packed = np.concatenate([p[k] for k in ("betas", "global_orient", "hand_pose", "transl")], 1)
    return {"mano61": packed, "flat_hand_mean": True}


def as_packed_wrist_from_mean_in_mm(p, side):
    p = as_wrist(p, side)
    pose = p["hand_pose"] - mano_values(side)["hands_mean"]
    packed = np.concatenate((p["betas"], p["global_orient"], pose, p["transl"] * 1000), 1)
    flags = {"flat_hand_mean": False, "transl_is_wrist": True, "units": "mm", "object_units": "m"}
    return {"mano61": packed, **flags}
