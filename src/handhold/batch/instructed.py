"""From a sentence to a part: where the contact network says that it has hands touch, as synthesizers take it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from handhold.errors import InputError
from handhold.geometry.finer import split_long_edges
from handhold.hand import Hand
from handhold.hand.skeleton import FINGERS
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import fingers_touching
from handhold.methods.synthesize.holdable import forbidden_faces, mesh_of
from handhold.methods.synthesize.result import Found, Synthesis
from handhold.models.contact import ToldContact
from handhold.objects import ObjectMesh
from handhold.objects.household import Part, PartedObject

ASKED, REST, FORBIDDEN = "asked", "rest", "no fingers"
"""The parts of an object that a sentence was said about."""
LONGEST, MOST_PIECES = 0.008, 8000
"""Longer edges [m] are split first, for a box of twelve triangles carries no mask; of surfaces larger than so many
squares of that side edges may be longer in proportion."""
SEEN, TURN = 6, 0.010
"""A face has the mean contact of so many points; a normal turned by 60 degrees is as far as so much along the surface
[m]: the two sides of a mug's wall are a few millimetres apart."""
SHARE = 0.5
"""Asked are faces from this share of the greatest contact on."""
KEPT = 0.9
"""Of patches that hang together, the largest that carry so much of the mask; the rest are specks."""
LEAST_M2, LEAST_SHARE = 1e-4, 0.01
"""A smaller part, in itself or of the whole surface, no finger finds."""
FINGER = 0.010
"""A part too small is grown by so much at a time [m]: the width of a finger's pad."""
HELD_OFF = 0.9
"""If so much of the mask lies where no finger belongs, nothing can be made of it."""
NAMED = 0.5
"""A finger is named that has a vertex with at least so much contact."""


def parted_by(told: ToldContact, obj: ObjectMesh | PartedObject) -> PartedObject:
    """An object with the part that a sentence asks for: `Ask(part=ASKED)`.

    Args:
        told: where the sentence has the object touched; not `absent`.
        obj: the object. Parts of it that may not be held stay so; of a mesh without parts, the inside of hollows.

    Returns:
        Parts `ASKED`, `REST` and `FORBIDDEN`. The mesh is the object's own, or, where it has long edges, the same
        surface in smaller faces: `instructed` puts the own one back.

    Raises:
        InputError: the sentence speaks of a part that is not there, or of places where no finger belongs.
    """
    own = mesh_of(obj)
    if told.absent:
        raise InputError(
            "the object seems to have no such part",
            where=own.name,
            got=f"'{told.instruction}' (probability that it is not there: {told.doubt:.2f})",
            remedy="Say it in other words, or name the part (--part; --parts for a mesh).",
        )
    mesh, origin = _finer(own)
    if isinstance(obj, PartedObject):
        forbidden = forbidden_faces(obj, torch.Generator())[origin]
    else:
        forbidden = forbidden_faces(mesh, torch.Generator().manual_seed(0))
    asked = asked_faces(told, mesh, forbidden=forbidden)
    parts = (Part(ASKED), Part(REST), Part(FORBIDDEN, hold=False))
    return PartedObject(mesh, parts, np.where(forbidden, 2, np.where(asked, 0, 1)))


def asked_faces(told: ToldContact, mesh: ObjectMesh, *, forbidden: np.ndarray) -> np.ndarray:
    """Faces (M,) bool of a mesh that a sentence asks for, none of those (M,) bool where no finger belongs.

    Raises:
        InputError: they are (nearly) all where no finger belongs, or the contact is zero everywhere.
    """
    places, areas = _places(mesh)
    contact = _contact_at(places, told)
    asked = (contact >= SHARE * contact.max()) & (contact > 0)
    mass = np.where(asked, contact * areas, 0.0)
    if not mass[~forbidden].sum() > (1 - HELD_OFF) * mass.sum():
        raise InputError(
            "no finger belongs where the sentence points",
            where=mesh.name,
            got=f"'{told.instruction}'",
            remedy="Say it in other words, or name the part (--part; --parts for a mesh).",
        )
    mass = np.where(forbidden, 0.0, mass)
    asked = _without_specks(mesh, mass)
    least = min(max(LEAST_M2, LEAST_SHARE * areas.sum()), 0.5 * areas[~forbidden].sum())
    while areas[asked].sum() < least:
        grown = _grown(asked, places) & ~forbidden
        if grown.sum() == asked.sum():  # all around it no finger belongs
            break
        asked = grown
    return asked


def fingers_named(told: ToldContact) -> np.ndarray:
    """Which fingers a sentence has touch, (5,) bool, thumb to pinky."""
    labels = Hand.open().finger_labels  # a left hand's are the same
    return np.array([bool((told.hand[labels == k + 1] > NAMED).any()) for k in range(len(FINGERS))])


def instructed(made: Synthesis, told: ToldContact, mesh: ObjectMesh) -> Synthesis:
    """What was made for a sentence, as its user gets it: on the own mesh, with the sentence, the grasps first whose
    touching fingers are most nearly those that it names; else in the order in which they came.

    Args:
        made: of the object of `parted_by`.
        told: what it was made for.
        mesh: the object's own mesh.
    """
    named = fingers_named(told)
    unlike = (
        [int((fingers_of(one) != named).sum()) for one in made.found]
        if named.any()
        else [0] * len(made.found)
    )
    order = np.argsort(unlike, kind="stable")
    found = []
    for k, row in enumerate(order):
        one = made.found[row]
        grasp = one.grasp.with_(object=mesh, instruction=told.instruction, name=f"{mesh.name}_{k:03d}")
        found.append(replace(one, grasp=grasp))
    return replace(made, found=tuple(found))


def fingers_of(found: Found) -> np.ndarray:
    """Which fingers of a grasp touch, (5,) bool, thumb to pinky."""
    (frame,) = HandObject.of_grasp(found.grasp).frames()
    return fingers_touching(frame.signed * 1e3, found.grasp.hand.finger_labels.numpy())


def _finer(mesh: ObjectMesh) -> tuple[ObjectMesh, np.ndarray]:
    """The mesh in faces small enough for a mask, and the own face of each."""
    from handhold.objects.repair import triangle_areas

    area = float(triangle_areas(mesh.vertices, mesh.faces).sum())
    longest = max(LONGEST, (area / MOST_PIECES) ** 0.5)
    vertices, faces, origin = split_long_edges(mesh.vertices, mesh.faces, longest=longest)
    if len(faces) == len(mesh.faces):
        return mesh, origin
    return ObjectMesh(vertices, faces, mesh.name, mesh.report), origin  # the report: it is the same surface


def _places(mesh: ObjectMesh) -> tuple[np.ndarray, np.ndarray]:
    """Middles and directions of faces (M, 6), such that distances count both, and their areas (M,) [m²]."""
    corners = mesh.vertices[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(across, axis=-1)
    return np.hstack((corners.mean(1), TURN * across / length.clip(1e-30)[:, None])), length / 2


def _contact_at(places: np.ndarray, told: ToldContact) -> np.ndarray:
    """Mean contact of the nearest points on the same side of the surface, (M,)."""
    from scipy.spatial import KDTree

    points, normals = told.points.double().numpy(), told.normals.double().numpy()
    nearest = KDTree(np.hstack((points, TURN * normals))).query(places, k=min(SEEN, len(points)))[1]
    return told.object.double().numpy()[nearest.reshape(len(places), -1)].mean(1)


def _without_specks(mesh: ObjectMesh, mass: np.ndarray) -> np.ndarray:
    """Faces (M,) bool of the patches that carry most of a mass (M,)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    asked = np.flatnonzero(mass > 0)
    same = np.unique(mesh.vertices.round(7), axis=0, return_inverse=True)[1].reshape(-1)  # of loose triangles
    rows, columns = np.repeat(np.arange(len(asked)), 3), same[mesh.faces[asked]].reshape(-1)
    count = len(asked) + len(mesh.vertices)
    links = coo_matrix((np.ones(len(rows)), (rows, len(asked) + columns)), (count, count))
    patch = connected_components(links, directed=False)[1][: len(asked)]
    carried = np.bincount(patch, mass[asked])
    order = carried.argsort()[::-1]
    needed = int(np.searchsorted(carried[order].cumsum(), KEPT * mass.sum())) + 1
    kept = np.zeros(len(mass), bool)
    kept[asked[np.isin(patch, order[:needed])]] = True
    return kept


def _grown(asked: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Faces within a finger's width of those that are asked for, on the same side of the surface."""
    from scipy.spatial import KDTree

    return KDTree(places[asked]).query(places, distance_upper_bound=FINGER)[0] <= FINGER
