"""MANO hands, from the user's own file, and poses in MANO's other conventions.

handhold's poses are zero in the flat hand and hold all 45 axis-angle values: smplx's `flat_hand_mean=True,
use_pca=False`. `ManoPoses` converts from and to the others.

The published MANO_LEFT.pkl has a fault: along x its shape directions are the right hand's instead of the
mirrored ones (smplx issue 48), so that betas that lengthen a right hand shorten a left one while it gets
broader. `load_mano` finds this by the sign of the correlation between growth in length and in breadth and
thickness over the ten coefficients, and mirrors x. Betas that were fitted with the fault in place (DexYCB's
left hands, for one) need `fix_left_shapedirs=False`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.mesh import boundary_loops, close_boundary, enclosed_volume
from handhold.hand.anatomy import derive_anatomy
from handhold.hand.anchors import derive_anchors
from handhold.hand.labels import find_tip_vertices, finger_labels, palmar_mask
from handhold.hand.mano_file import ManoFile, read_mano_file
from handhold.hand.model import Hand
from handhold.hand.skeleton import Side

MANO_VERTICES = 778
MANO_TIPS = (744, 320, 443, 554, 671)  # thumb to pinky, smplx's
SHAPE_NAMES = tuple(f"MANO shape {k}" for k in range(1, 11))
CLEAR_SIDE = 0.03  # of the index metacarpal; MANO's thumb lies about 0.2 of it in front of the palm


def load_mano(path: str | Path, *, side: Side | None = None, fix_left_shapedirs: bool | None = None) -> Hand:
    """A hand from the user's own MANO file; nothing in the file is run.

    The wrist is closed with a fan around one more vertex, so V is 779. Betas beyond ten are cut.

    Args:
        path: MANO_RIGHT.pkl or MANO_LEFT.pkl as published, or an `.npz` of the same keys.
        side: the side that the file must have; None takes what its geometry says.
        fix_left_shapedirs: mirror a left hand's shape directions in x; None does so where they have the
            published file's fault; False leaves the file as it is.

    Returns:
        A float32 hand; its version is "mano-" and the first twelve digits of the file's SHA-256, with "-x"
        where `fix_left_shapedirs` went against what was found.

    Raises:
        InputError: not a MANO hand, a value that cannot be right, or not the side asked for.
    """
    if side not in (None, "right", "left"):
        raise InputError("unknown side", where="side", expected="right or left", got=side)
    file = read_mano_file(path)
    joints = file.joint_regressor @ file.template
    side = _find_side(file.path, joints, asked=side)
    shape_directions, version = _shape_directions(file, side, fix=fix_left_shapedirs)
    template, faces = _closed(file)
    hand = {
        "template": template,
        "shape_directions": _on_closed(shape_directions, file),
        "pose_directions": _on_closed(file.pose_directions, file),
        "joint_template": torch.from_numpy(joints),
        "joint_directions": torch.from_numpy(
            np.einsum("jv,vck->jck", file.joint_regressor, shape_directions)
        ),
        "skin_weights": close_boundary(torch.from_numpy(file.skin_weights), torch.from_numpy(file.faces))[0],
        "faces": faces,
    }
    derived = _derived(hand, side, file)
    return Hand(name="mano", version=version, side=side, shape_names=SHAPE_NAMES, **hand, **derived).to(
        dtype=torch.float32
    )


@dataclass(frozen=True)
class ManoPoses:
    """MANO's mean pose and principal components, and poses converted with them.

    Attributes:
        mean: (45,) axis-angle of the mean pose against the flat hand [rad].
        components: (45, 45) principal components of poses, a row each.
    """

    mean: Tensor
    components: Tensor

    def to(self, *args, **kwargs) -> ManoPoses:
        """The same on another device or in another dtype."""
        return ManoPoses(self.mean.to(*args, **kwargs), self.components.to(*args, **kwargs))

    def pose_from_pca(self, coefficients: Tensor, *, flat_hand_mean: bool) -> Tensor:
        """handhold's pose of principal coefficients.

        Args:
            coefficients: (*, n) of the first n components, n from 1 to 45.
            flat_hand_mean: smplx's option that the coefficients were made with: True counts them from the
                flat hand, False from the mean pose.

        Returns:
            hand_pose (*, 15, 3) [rad].
        """
        count = coefficients.shape[-1]
        _check_count(count)
        pose = coefficients @ self.components[:count].to(coefficients)
        return (pose if flat_hand_mean else pose + self.mean.to(pose)).unflatten(-1, (15, 3))

    def pca_from_pose(self, hand_pose: Tensor, *, count: int, flat_hand_mean: bool) -> Tensor:
        """The coefficients (*, count) of the nearest pose that `count` components reach.

        Args:
            hand_pose: (*, 15, 3) [rad].
            count: 1 to 45.
            flat_hand_mean: as in `pose_from_pca`.
        """
        _check_count(count)
        pose = _flat(hand_pose)
        inverse = torch.linalg.pinv(self.components[:count].double()).to(pose)
        return (pose if flat_hand_mean else pose - self.mean.to(pose)) @ inverse

    def pose_from_mean_relative(self, hand_pose: Tensor) -> Tensor:
        """handhold's pose (*, 15, 3) of one that counts from the mean (smplx: `flat_hand_mean=False`)."""
        return hand_pose + self.mean.to(_flat(hand_pose)).view(15, 3)

    def pose_to_mean_relative(self, hand_pose: Tensor) -> Tensor:
        """A pose (*, 15, 3) that counts from the mean (smplx: `flat_hand_mean=False`) of handhold's."""
        return hand_pose - self.mean.to(_flat(hand_pose)).view(15, 3)


def load_mano_poses(path: str | Path) -> ManoPoses:
    """Mean pose and components of the user's own MANO file, float32.

    Raises:
        InputError: as for `load_mano`, or the file holds no `hands_mean` or `hands_components`.
    """
    file = read_mano_file(path)
    if file.pose_mean is None or file.pose_components is None:
        raise InputError(
            "holds no poses", where=file.path, expected="the keys hands_mean and hands_components"
        )
    return ManoPoses(torch.from_numpy(file.pose_mean).float(), torch.from_numpy(file.pose_components).float())


def _check_count(count: int) -> None:
    if not 1 <= count <= 45:
        raise InputError("wrong number of pose coefficients", expected="1 to 45", got=count)


def _flat(hand_pose: Tensor) -> Tensor:
    if hand_pose.shape[-2:] != (15, 3):
        raise InputError(
            "has the wrong shape", where="hand_pose", expected="(*, 15, 3)", got=tuple(hand_pose.shape)
        )
    return hand_pose.flatten(-2)


def _find_side(path: Path, joints: np.ndarray, *, asked: Side | None) -> Side:
    """The file's side: where its thumb lies, checked against what was asked for or else the file's name."""
    wrist, index, pinky, thumb = joints[0], joints[1], joints[7], joints[13:16].mean(0)
    normal = np.cross(pinky - wrist, index - wrist)  # out of a right hand's back
    height = (thumb - wrist) @ normal / max(float(np.linalg.norm(normal)), 1e-12)
    palmar = -height / max(float(np.linalg.norm(index - wrist)), 1e-12)
    seen: Side | None = None if abs(palmar) < CLEAR_SIDE else "right" if palmar > 0 else "left"
    name = path.stem.lower()
    named: Side | None = (
        None if ("left" in name) == ("right" in name) else "left" if "left" in name else "right"
    )
    claimed = asked or named
    if seen and claimed and seen != claimed:
        raise InputError(
            f"holds a {seen} hand",
            where=path,
            expected=f"a {claimed} hand, as {'asked' if asked else 'its name says'}",
            got="a thumb on the other side",
            remedy=f"Pass side='{seen}', or the other file.",
        )
    found = seen or claimed
    if found is None:
        raise InputError("does not tell its side", where=path, remedy="Pass side='right' or side='left'.")
    return found


def _shape_directions(file: ManoFile, side: Side, *, fix: bool | None) -> tuple[np.ndarray, str]:
    """Shape directions (V, 3, 10), mirrored in x where need be, and the hand's version."""
    faulty = side == "left" and _reversed_in_x(file.template, file.shape_directions)
    mirror = faulty if fix is None else fix and side == "left"
    directions = (
        file.shape_directions * np.array([-1.0, 1.0, 1.0])[:, None] if mirror else file.shape_directions
    )
    return directions, f"mano-{file.sha256[:12]}" + ("" if mirror == faulty else "-x")


def _reversed_in_x(template: np.ndarray, directions: np.ndarray) -> bool:
    """Whether hands that get broader and thicker get shorter (x runs along MANO's fingers).

    Growth is the least-squares stretch about the middle along each axis for one unit of each coefficient; as
    coefficients have unit variance, the products summed over them are covariances in the population.
    """
    about = template - template.mean(0)
    growth = np.einsum("vck,vc->ck", directions, about) / (about**2).sum(0)[:, None]
    length, girth = growth[0], growth[1:].mean(0)
    size = np.linalg.norm(length) * np.linalg.norm(girth)
    return bool(size > 0 and length @ girth / size < -0.2)


def _closed(file: ManoFile) -> tuple[Tensor, Tensor]:
    """The template closed at the wrist, and faces that look outward."""
    faces = torch.from_numpy(file.faces)
    loops = boundary_loops(file.faces)
    rim = np.concatenate([np.zeros(0, dtype=np.int64), *loops])
    if len(loops) > 1 or (file.skin_weights[rim].argmax(1) != 0).any():
        raise InputError(
            "'f' is wrong", where=file.path, expected="a surface open at the wrist only", got="holes"
        )
    vertices, closed = close_boundary(torch.from_numpy(file.template), faces)
    half = np.concatenate([closed.numpy()[:, [k, (k + 1) % 3]] for k in range(3)])
    forth, back = (np.unique(edges, axis=0) for edges in (half, half[:, ::-1]))
    one_sheet = len(forth) == len(half) and np.array_equal(forth, back)
    if not one_sheet or len(closed) != 2 * len(vertices) - 4:
        raise InputError(
            "'f' is wrong",
            where=file.path,
            expected="one sheet, wound one way",
            got="a surface that is torn or folded",
        )
    return vertices, closed if float(enclosed_volume(vertices, closed)) > 0 else closed.flip(1)


def _on_closed(directions: np.ndarray, file: ManoFile) -> Tensor:
    """Directions (V, 3, S) with the new vertex's, the mean of its neighbours'."""
    along = torch.from_numpy(directions).permute(2, 0, 1)
    return close_boundary(along, torch.from_numpy(file.faces))[0].permute(1, 2, 0).contiguous()


def _derived(hand: dict[str, Tensor], side: Side, file: ManoFile) -> dict:
    """Tips, labels, anatomy and anchors from shape and skinning."""
    template, joints, weights = hand["template"], hand["joint_template"], hand["skin_weights"]
    try:
        if len(file.template) == MANO_VERTICES:
            tips = torch.tensor(MANO_TIPS)
        else:
            tips = find_tip_vertices(template, joints, weights)
        anatomy = derive_anatomy(template, joints, template[tips], weights, side=side)
        palmar = palmar_mask(template, hand["faces"], weights, anatomy, side=side)
        anchors = derive_anchors(template, hand["faces"], joints, weights, palmar)
    except (RuntimeError, IndexError) as error:
        raise InputError(
            "surface and weights do not make a hand", where=file.path, expected="MANO's layout", got=error
        ) from error
    if not bool(anatomy.frames.isfinite().all()):
        raise InputError(
            "bones have no length", where=file.path, expected="MANO's layout", got="joints that coincide"
        )
    return {
        "tip_vertices": tips,
        "finger_labels": finger_labels(weights),
        "palmar": palmar,
        "anatomy": anatomy,
        "anchors": anchors,
    }
