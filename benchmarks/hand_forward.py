"""Time the open hand's forward pass against plain linear blend skinning as smplx writes it.

    python benchmarks/hand_forward.py

Writes hand_forward.md beside this script: 64 hands, float32, CPU, medians over alternating runs.
"""

from __future__ import annotations

import platform
import statistics
import time
from pathlib import Path

import roma
import torch

from handhold.hand import Hand, HandParams
from handhold.hand.model import chain

HANDS, RUNS = 64, 60


def plain(hand: Hand, params: HandParams) -> torch.Tensor:
    """Linear blend skinning with a 4 x 4 matrix for every vertex."""
    vertices = hand.template + torch.einsum("bs,vis->bvi", params.betas, hand.shape_directions)
    joints = hand.joint_template + torch.einsum("bs,jis->bji", params.betas, hand.joint_directions)
    local = roma.rotvec_to_rotmat(torch.cat((params.global_orient[:, None], params.hand_pose), 1))
    rotation, position = chain(local, joints)
    matrices = torch.zeros(*rotation.shape[:2], 4, 4)
    matrices[..., :3, :3], matrices[..., 3, 3] = rotation, 1
    matrices[..., :3, 3] = position - (rotation @ joints[..., None]).squeeze(-1)
    blended = torch.einsum("vj,bjmn->bvmn", hand.skin_weights, matrices)
    homogeneous = torch.cat((vertices, torch.ones_like(vertices[..., :1])), -1)
    return torch.einsum("bvmn,bvn->bvm", blended, homogeneous)[..., :3] + params.transl[:, None]


def main() -> None:
    """Check that both agree, time them by turns, write the table."""
    hand = Hand.open()
    generator = torch.Generator().manual_seed(0)
    params = hand.zeros(HANDS).map(lambda t: 0.3 * torch.randn(t.shape, generator=generator))
    ways = {"handhold": lambda: hand(params).vertices, "plain": lambda: plain(hand, params)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    with torch.no_grad():
        assert (ways["handhold"]() - ways["plain"]()).abs().max() < 1e-4
        for _ in range(RUNS):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                times[name].append((time.perf_counter() - start) * 1e3)
    ours, theirs = (statistics.median(times[name]) for name in ways)
    text = (
        f"# {HANDS} hands forward\n\n"
        f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, medians of {RUNS}\n\n"
        "| | ms | asked for |\n|---|---|---|\n"
        f"| `Hand.open()` | {ours:.1f} | ≤ 8 |\n| plain linear blend skinning | {theirs:.1f} | |\n"
        f"| ratio | {theirs / ours:.1f} | |\n"
    )
    Path(__file__).with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
