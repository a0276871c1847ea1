"""The recipes of docs/peers.md run on files as the tools write them, and give the hands that were meant."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
import trimesh
from peer_examples import mano_values, write_mano

from handhold.hand import Hand, HandParams
from handhold.hand.mano import load_mano_poses
from handhold.io.mesh_folders import read_mesh_folder
from handhold.io.peer_file import KEYS
from handhold.io.peers import read_grasp_set

PAGE = (Path(__file__).parents[2] / "docs" / "peers.md").read_text()
RECIPES = {int(code[2]): code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)}
N = 2


@pytest.fixture
def mano(tmp_path, monkeypatch) -> Path:
    """The user's MANO file, in a folder of its own; we stand in the one with the tool's files."""
    folder = tmp_path / "work"
    folder.mkdir()
    trimesh.creation.icosphere(subdivisions=2, radius=0.03).export(folder / "mug.ply")
    monkeypatch.chdir(folder)
    return write_mano(tmp_path / "MANO_RIGHT.pkl")


def parameters() -> dict[str, torch.Tensor]:
    """Parameters in handhold's convention, float64."""
    draw = lambda *size: torch.tensor(np.random.default_rng(len(size)).normal(size=(N, *size)))
    return {
        "global_orient": draw(3),
        "hand_pose": 0.3 * draw(15, 3),
        "betas": draw(10),
        "transl": 0.1 * draw(3) + 0.05,
    }


def meant(mano: Path) -> torch.Tensor:
    """Their hands, (N, 779, 3)."""
    return Hand.mano(mano, dtype=torch.float64)(HandParams(**parameters())).vertices


def run(number: int) -> None:
    exec(compile(RECIPES[number], "docs/peers.md", "exec"), {})


def check(path: str, mano: Path) -> list:
    grasps = read_grasp_set(path, mano=mano)
    for grasp, vertices in zip(grasps, meant(mano).numpy(), strict=True):
        assert np.abs(grasp.hand_vertices - vertices).max() < 1e-5
    return grasps


def test_grasptta(mano):
    p = parameters()
    packed = torch.cat([p["betas"], p["global_orient"], p["hand_pose"].flatten(1), p["transl"]], 1)
    turn = np.concatenate(
        (roma.rotvec_to_rotmat(torch.tensor([0.3, 1.0, -2.0])).numpy(), [[0.1], [0.2], [0]]), 1
    )
    made = {"recon_params": packed[:, None].tolist(), "R_list": [turn.tolist()] * N}
    Path("obj_id_6.json").write_text(json.dumps(made))
    run(1)
    for grasp in check("grasptta.npz", mano):
        assert np.allclose(grasp.T_world_object[:3], turn, atol=1e-6)


def test_fastgrasp(mano):
    p = parameters()
    wrist = Hand.mano(mano, dtype=torch.float64)(HandParams(**p)).joints[:, 0]
    np.save(
        "recon_param.npy", torch.cat([p["betas"], p["global_orient"], p["hand_pose"].flatten(1), wrist], 1)
    )
    run(2)
    check("fastgrasp.npz", mano)


def test_grabnet(mano):
    values = mano_values()
    for k in range(N):
        folder = Path("grab_new_objects") / str(k)
        folder.mkdir(parents=True)
        trimesh.Trimesh(values["v_template"] + k, values["f"], process=False).export(
            folder / f"rh_mesh_gen_{k}.ply"
        )
        trimesh.creation.icosphere(radius=0.03).export(folder / f"obj_mesh_{k}.ply")
    run(3)
    grasps = read_mesh_folder("grabnet")
    assert [g.name for g in grasps] == ["0", "1"]
    assert np.allclose(grasps[1].hand_vertices[:778], values["v_template"] + 1, atol=1e-6)


def test_hamer(mano):
    p = parameters()
    np.savez(
        "hamer.npz",
        global_orient=roma.rotvec_to_rotmat(p["global_orient"])[:, None],
        hand_pose=roma.rotvec_to_rotmat(p["hand_pose"]),
        betas=p["betas"],
        cam_t=p["transl"],
    )
    np.save("object_pose.npy", np.eye(4))
    run(4)
    check("from_hamer.npz", mano)


def test_grab(mano):
    values, orient, transl = mano_values(), np.array([[0.3, 1.0, -2.0]] * 3), np.full((3, 3), 0.1)
    vertices = values["v_template"] + np.arange(3)[:, None, None] * 0.01
    np.savez("sequence.npz", vertices=vertices, faces=values["f"], object_orient=orient, object_transl=transl)
    run(5)
    (motion,) = read_grasp_set("grab.npz")
    assert motion.fps == 120 and np.allclose(motion.hand_vertices[:, :778], vertices)
    T = motion.T_world_object[2]
    R = roma.rotvec_to_rotmat(torch.tensor(orient[0])).numpy()
    v = motion.object.vertices
    assert np.allclose(v @ T[:3, :3].T + T[:3, 3], v @ R + transl[0])


def test_manopth(mano):
    p, poses = parameters(), load_mano_poses(mano)
    pca = poses.pca_from_pose(p["hand_pose"], count=15, flat_hand_mean=False)
    np.save("theta.npy", torch.cat((p["global_orient"], pca), 1))
    np.save("betas.npy", p["betas"])
    np.save("transl.npy", p["transl"])
    run(6)
    pose = poses.pose_from_pca(pca, flat_hand_mean=False)
    expected = Hand.mano(mano, dtype=torch.float64)(HandParams(**(p | {"hand_pose": pose}))).vertices
    grasps = read_grasp_set("manopth.npz", mano=mano)
    assert np.abs(grasps[1].hand_vertices - expected[1].numpy()).max() < 1e-5


def test_the_page_tells_every_key_and_no_other():
    rows = "\n".join(
        line.split("|")[1] + line.split("|")[2] for line in PAGE.splitlines() if line.startswith("| `")
    )
    assert all(f"`{key}`" in rows for key in KEYS)
    first = [
        line.split("|")[1] for line in PAGE.split("## A folder")[0].splitlines() if line.startswith("| `")
    ]
    assert set(re.findall(r"`(\w+)`", " ".join(first))) <= set(KEYS)
    assert sorted(RECIPES) == list(range(1, 7))
