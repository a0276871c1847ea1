"""A posed hand as convex pieces, one a bone; the palm as its four metacarpals, which leaves its hollow free."""

from __future__ import annotations

import numpy as np

from handhold.errors import InputError
from handhold.geometry.convex import Piece, convex_hull
from handhold.hand.model import Hand
from handhold.hand.skeleton import FINGER_CHAINS, FINGER_JOINTS, FINGERS, JOINT_NAMES, MANO_FINGERS

PALM = tuple(finger for finger in MANO_FINGERS if finger != "thumb")
PIECE_NAMES = (*(f"{finger}0" for finger in PALM), *JOINT_NAMES[1:])
"""The 19 pieces: metacarpals of index, middle, pinky and ring ("index0"), then the bone beyond each joint but
the wrist, MANO's order ("index1" is the finger's first bone, "thumb1" the thumb's metacarpal)."""
PIECE_JOINTS = (*[0] * len(PALM), *range(1, 16))
"""The joint of 16 that carries each piece; the metacarpals belong to the wrist."""
MIDDLE = PIECE_NAMES.index("middle0")


def hand_pieces(vertices: np.ndarray, bones: np.ndarray) -> dict[str, Piece]:
    """A convex hull of each bone's vertices, by name; a bone of too few vertices joins the one before it.

    Args:
        vertices: (V, 3) [m].
        bones: (V,) index into `PIECE_NAMES`, from `bones_of_model` or `bones_of_joints`.

    Raises:
        InputError: not as many bones as vertices, numbers that are not finite, or no solid piece at all.
    """
    vertices, bones = np.asarray(vertices, float), np.array(bones)
    if vertices.shape != (len(bones), 3):
        raise InputError("wrong shape", where="vertices", expected=f"({len(bones)}, 3)", got=vertices.shape)
    _check_finite(vertices, where="vertices")
    hulls = {}
    for bone in reversed(range(len(PIECE_NAMES))):  # the far bones of a finger before the near ones
        hull = convex_hull(vertices[bones == bone])
        if hull is None:
            bones[bones == bone] = _before(bone)
        else:
            hulls[PIECE_NAMES[bone]] = hull
    if not hulls:
        raise InputError("the hand has no volume", where="vertices", remedy="Is the hand flattened or empty?")
    return dict(reversed(hulls.items()))


def bones_of_model(hand: Hand) -> np.ndarray:
    """(V,) the bone with the largest skin weight at each vertex; the palm by its nearest metacarpal of five.

    It belongs to the hand model, whatever its posture.
    """
    joint = hand.skin_weights.argmax(-1).cpu().numpy()
    rest = hand.joint_template.detach().cpu().double().numpy()
    template = hand.template.detach().cpu().double().numpy()
    knuckles = [FINGER_JOINTS[finger][0] for finger in PALM]
    thumb = FINGER_JOINTS["thumb"]
    starts, ends = rest[[0] * len(PALM) + [thumb[0]]], rest[[*knuckles, thumb[1]]]
    metacarpals = np.array([*range(len(PALM)), PIECE_NAMES.index("thumb1")])
    palm = metacarpals[_to_segments(template, starts, ends).argmin(1)]
    return np.where(joint == 0, palm, joint - 1 + len(PALM))


def bones_of_joints(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """(V,) the bone whose segment is nearest to each vertex, for hands without skin weights.

    Vertices nearest to the segment from the wrist to the thumb's base go to the index finger's metacarpal.

    Args:
        vertices: (V, 3) [m].
        joints: (21, 3) joints and tips, MANO's order [m].

    Raises:
        InputError: wrong shapes, or numbers that are not finite.
    """
    vertices, joints = np.asarray(vertices, float), np.asarray(joints, float)
    for name, value, shape in (("joints", joints, (21, 3)), ("vertices", vertices, (len(vertices), 3))):
        if value.shape != shape:
            raise InputError("wrong shape", where=name, expected=shape, got=value.shape)
        _check_finite(value, where=name)
    starts, ends, bones = [], [], []
    for finger in FINGERS:
        chain = (0, *FINGER_CHAINS[finger])
        near = PIECE_NAMES.index("index0" if finger == "thumb" else f"{finger}0")
        starts += chain[:-1]
        ends += chain[1:]
        bones += [near, *(PIECE_NAMES.index(f"{finger}{k}") for k in (1, 2, 3))]
    return np.array(bones)[_to_segments(vertices, joints[starts], joints[ends]).argmin(1)]


def _before(bone: int) -> int:
    """The bone that takes the vertices of one too small; the last resort is the middle finger's metacarpal."""
    name = PIECE_NAMES[bone]
    if name[-1] == "0":
        return MIDDLE if bone > MIDDLE else max(bone - 1, 0)
    before = f"{name[:-1]}{int(name[-1]) - 1}"
    return PIECE_NAMES.index("index0" if before == "thumb0" else before)


def _check_finite(values: np.ndarray, *, where: str) -> None:
    if not np.isfinite(values).all():
        raise InputError("there are numbers that are not finite", where=where)


def _to_segments(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(n, m) distance of points (n, 3) to segments (m, 3) to (m, 3)."""
    along = end - start
    offset = points[:, None] - start
    t = (offset * along).sum(-1) / np.maximum((along * along).sum(-1), 1e-12)
    return np.linalg.norm(offset - np.clip(t, 0, 1)[..., None] * along, axis=-1)
