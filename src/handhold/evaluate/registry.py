"""The metrics' names, units and senses, and which protocol gives which.

A name is `<quantity>_<unit>`; `@<variant>` follows where the field means several things by the same word.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from handhold.errors import InputError

Family = Literal["pose", "penetration", "contact", "stability", "diversity", "motion", "refinement"]


@dataclass(frozen=True)
class Metric:
    """One figure.

    Attributes:
        name: its key in reports.
        label: what tables call it.
        unit: of the figure, "" for none.
        digits: decimals that tables show.
        higher_is_better: None where neither is.
    """

    name: str
    label: str
    unit: str = ""
    digits: int = 2
    higher_is_better: bool | None = False


@dataclass(frozen=True)
class Protocol:
    """Metrics that are had together, in one way that somebody published or that we stand for.

    Attributes:
        name: what `--protocol` takes.
        family: what it belongs to; `--protocol` takes that too.
        scope: what it reads: "frame" a hand and an object at one moment (of a motion, the mean of its frames),
            "motion" a whole motion, "set" all grasps together.
        metrics: what it gives.
        source: whose definition it is.
        least: grasps that a "set" needs.
        reference: whether it compares with a reference.
        physics: whether it needs MuJoCo.
        frame_dependent: whether a rigid motion of the whole scene changes it.
    """

    name: str
    family: Family
    scope: Literal["frame", "motion", "set"]
    metrics: tuple[Metric, ...]
    source: str
    least: int = 1
    reference: bool = False
    physics: bool = False
    frame_dependent: bool = False


EXACT = Protocol(
    "exact",
    "penetration",
    "frame",
    (
        Metric("iv_cm3", "volume of hand in object", "cm³"),
        Metric("pd_mm", "deepest point of the hand", "mm"),
        Metric("bones_through", "bones through the surface"),
        Metric("fingers_in_contact", "fingers that touch", digits=1, higher_is_better=True),
    ),
    "handhold: exact booleans and distances on the meshes; a finger touches within 3 mm",
)
REFINEMENT = Protocol(
    "refinement",
    "refinement",
    "frame",
    (
        Metric("moved_mm", "keypoints moved", "mm", higher_is_better=None),
        Metric("tissue_p99_mm", "soft tissue gives way, p99", "mm", higher_is_better=None),
        Metric("tissue_max_mm", "soft tissue gives way, most", "mm", higher_is_better=None),
        Metric("flipped_faces", "faces flipped", digits=1),
        Metric("limit_violation_deg", "beyond joint limits", "°"),
    ),
    "handhold: what a refiner did to the hand",
)

PROTOCOLS: tuple[Protocol, ...] = (
    EXACT,
    REFINEMENT,
    Protocol(
        "obman-surface-5mm",
        "penetration",
        "frame",
        (Metric("iv_cm3@obman-surface-5mm", "volume, obman's", "cm³"),),
        "obman_train, GraspTTA, FastGrasp, DiffH2O: 5 mm voxels of the object's surface inside the hand",
        frame_dependent=True,
    ),
    Protocol(
        "halo-1mm",
        "penetration",
        "frame",
        (Metric("iv_cm3@halo-1mm", "volume, HALO's", "cm³"),),
        "HALO, ContactGen, FastGrasp: points of a 1 mm grid inside both",
        frame_dependent=True,
    ),
    Protocol(
        "choir-2mm",
        "penetration",
        "frame",
        (Metric("iv_cm3@choir-2mm", "volume, CHOIR's", "cm³"),),
        "CHOIR: 2 mm voxels, both filled, around the object's centre",
        frame_dependent=True,
    ),
    Protocol(
        "depths",
        "penetration",
        "frame",
        (
            Metric("pd_mm@halo", "depth, HALO's", "mm"),
            Metric("pd_mm@oakink", "depth, OakInk's", "mm"),
            Metric("pd_mm@geneoh", "depth, GeneOH's mean", "mm", 3),
            Metric("mpd_mm@fgs", "MPD, FGS-Net's", "mm"),
            Metric("siv_cm3@fgs", "SIV, FGS-Net's", "cm³"),
        ),
        "HALO, OakInk (to the nearest object vertex), GeneOH (mean over all vertices), FGS-Net",
    ),
    Protocol(
        "contact-ratios",
        "contact",
        "frame",
        (
            Metric("contact_ratio@grasptta", "contact, GraspTTA's", higher_is_better=True),
            Metric("contact_ratio@halo", "contact, HALO's", higher_is_better=True),
            Metric("contact_ratio@fgs", "contact, FGS-Net's", digits=3, higher_is_better=True),
            Metric(
                "contact_mean@contactopt", "contact, ContactOpt's capsules", digits=4, higher_is_better=True
            ),
        ),
        "GraspTTA: a vertex within 5 mm; HALO: a vertex inside; FGS-Net: object "
        "vertices within 1 cm; ContactOpt: mean of the capsule map over object vertices",
    ),
    Protocol(
        "fastgrasp-contact",
        "contact",
        "frame",
        (Metric("contact_ratio@fastgrasp", "contact, FastGrasp's", higher_is_better=True),),
        "FastGrasp on GRAB and OakInk: obman's volume is not zero",
        frame_dependent=True,
    ),
    Protocol(
        "diffh2o-contact",
        "contact",
        "motion",
        (Metric("contact_ratio@diffh2o", "contact, DiffH2O's", digits=3, higher_is_better=True),),
        "DiffH2O: share of hand vertices within 5 mm, in frames that penetrate",
    ),
    Protocol(
        "contactopt",
        "contact",
        "frame",
        (Metric("contact_error@contactopt", "capsule contact off the reference's", digits=4),),
        "ContactOpt: mean absolute difference of the capsule maps",
        reference=True,
    ),
    Protocol(
        "choir-contact",
        "contact",
        "frame",
        (
            Metric(
                "contact_precision_pct@choir-2mm", "contact precision, CHOIR's", "%", 1, higher_is_better=True
            ),
            Metric("contact_recall_pct@choir-2mm", "contact recall, CHOIR's", "%", 1, higher_is_better=True),
            Metric("contact_f1_pct@choir-2mm", "contact F1, CHOIR's", "%", 1, higher_is_better=True),
        ),
        "CHOIR: hand vertices, upsampled twice, within 2 mm of 5,000 object points",
        reference=True,
    ),
    Protocol(
        "proximity",
        "contact",
        "frame",
        (Metric("proximity_error_mm", "proximity error", "mm"),),
        "GravityDB, GeneOH: difference of the keypoints' distances to the object",
        reference=True,
    ),
    Protocol(
        "pose",
        "pose",
        "frame",
        (
            Metric("mpjpe_mm", "MPJPE", "mm"),
            Metric("mpjpe_mm@root", "MPJPE, wrists aligned", "mm"),
            Metric("mpjpe_mm@pa", "PA-MPJPE (with scale)", "mm"),
            Metric("mpjpe_mm@pa-rigid", "PA-MPJPE (rigid)", "mm"),
            Metric("pck_auc", "PCK-AUC, 0 to 50 mm", digits=3, higher_is_better=True),
        ),
        "the hand-pose field; CHOIR's R-MPJPE is @root, HaMeR's PA-MPJPE @pa",
        reference=True,
    ),
    Protocol(
        "vertices",
        "pose",
        "frame",
        (
            Metric("mpvpe_mm", "MPVPE", "mm"),
            Metric("mpvpe_mm@root", "MPVPE, wrists aligned", "mm"),
            Metric("mpvpe_mm@pa", "PA-MPVPE (with scale)", "mm"),
        ),
        "the hand-pose field; both hands on the same mesh",
        reference=True,
    ),
    Protocol(
        "obman-drop",
        "stability",
        "frame",
        (Metric("stability_cm@obman-drop", "object falls, obman's", "cm"),),
        "obman_train: 1 kg, friction 3 of either body, 35 steps of 1/240 s, static hand; an untouched object falls "
        "10.72 cm",
        physics=True,
        frame_dependent=True,
    ),
    Protocol(
        "obman-drop-squeeze",
        "stability",
        "frame",
        (Metric("stability_cm@obman-drop-squeeze", "object falls, obman's, squeezed", "cm"),),
        "the same with fingers that close",
        physics=True,
        frame_dependent=True,
    ),
    Protocol(
        "six-way",
        "stability",
        "frame",
        (
            Metric("stability_cm@six-way", "object moves, six ways", "cm"),
            Metric("stability_deg@six-way", "object turns, six ways", "°", 1),
            Metric("stability_success@six-way", "held, six ways", higher_is_better=True),
        ),
        "handhold: mass by density, true inertia, friction 1, gravity along six axes for 1 s, static hand",
        physics=True,
    ),
    Protocol(
        "six-way-squeeze",
        "stability",
        "frame",
        (
            Metric("stability_cm@six-way-squeeze", "object moves, six ways, squeezed", "cm"),
            Metric("stability_deg@six-way-squeeze", "object turns, six ways, squeezed", "°", 1),
            Metric("stability_success@six-way-squeeze", "held, six ways, squeezed", higher_is_better=True),
            Metric("drift_cm@six-way-squeeze", "object drifts when squeezed", "cm"),
        ),
        "the same with fingers that close with a bounded torque",
        physics=True,
    ),
    Protocol(
        "geneoh-motion",
        "motion",
        "motion",
        (
            Metric("homc_mm2@geneoh", "hand-object motion consistency", "mm²"),
            Metric("smoothness_mm2@geneoh", "mean squared step", "mm²"),
        ),
        "GeneOH's code",
    ),
    Protocol(
        "diffh2o-motion",
        "motion",
        "motion",
        (Metric("jerk_mm@diffh2o", "object's jerk, a frame", "mm"),),
        "DiffH2O's code",
    ),
    Protocol(
        "diffh2o-transition",
        "motion",
        "motion",
        (Metric("transition_velocity_m_s@diffh2o", "jump of the wrist between two stages", "m/s"),),
        "DiffH2O: speed of the wrist from the last frame of one stage to the first of the next",
    ),
    Protocol(
        "joint-motion",
        "motion",
        "motion",
        (
            Metric("acceleration_m_s2", "joints' acceleration", "m/s²"),
            Metric("jerk_m_s3", "joints' jerk", "m/s³", 1),
        ),
        "handhold: mean length of the second and third derivative; needs the frame rate",
    ),
    Protocol(
        "contact-slip",
        "motion",
        "motion",
        (Metric("contact_slip_mm", "slip of touching skin, a frame", "mm"),),
        "handhold: contact consistency, as ARCTIC's motion deviation",
    ),
    Protocol(
        "halo-diversity",
        "diversity",
        "set",
        (
            Metric("entropy@halo", "entropy of 20 clusters, HALO's", higher_is_better=True),
            Metric("cluster_size_cm@halo", "cluster size, HALO's", "cm", higher_is_better=True),
        ),
        "HALO: 63 canonical joint coordinates in cm, unwhitened, k-means of 20",
        least=20,
    ),
    Protocol(
        "fastgrasp-diversity",
        "diversity",
        "set",
        (
            Metric("entropy@fastgrasp", "entropy of 20 clusters, FastGrasp's", higher_is_better=True),
            Metric("cluster_size@fastgrasp", "cluster size, FastGrasp's", higher_is_better=True),
            Metric("entropy@fastgrasp-canonical", "entropy, FastGrasp's, canonical", higher_is_better=True),
            Metric(
                "cluster_size@fastgrasp-canonical",
                "cluster size, FastGrasp's, canonical",
                higher_is_better=True,
            ),
        ),
        "FastGrasp: joints in the object's frame, whitened, k-means of 20",
        least=20,
    ),
    Protocol(
        "diffh2o-diversity",
        "diversity",
        "set",
        (
            Metric("overall_diversity_m@diffh2o", "wrists apart", "m", 3, higher_is_better=True),
            Metric("sample_diversity_m@diffh2o", "joints apart", "m", 3, higher_is_better=True),
        ),
        "DiffH2O: mean distance of pairs; of motions, over 15 frames of each",
        least=2,
    ),
)

METRICS: dict[str, Metric] = {m.name: m for p in PROTOCOLS for m in p.metrics}


def metric(name: str) -> Metric:
    """A metric by its name.

    Raises:
        InputError: no such metric.
    """
    if name not in METRICS:
        raise _unknown(name, list(METRICS), "metric")
    return METRICS[name]


def select(names: Sequence[str]) -> tuple[Protocol, ...]:
    """Protocols by their names, by a family's name, or by the name of a metric; in the registry's order.

    Raises:
        InputError: an unknown name.
    """
    chosen = set()
    for name in names:
        found = [p.name for p in PROTOCOLS if name in (p.name, p.family, *(m.name for m in p.metrics))]
        if not found:
            known = [*dict.fromkeys(p.family for p in PROTOCOLS), *(p.name for p in PROTOCOLS)]
            raise _unknown(name, known, "protocol")
        chosen |= set(found)
    return tuple(p for p in PROTOCOLS if p.name in chosen)


def _unknown(name: str, known: list[str], what: str) -> InputError:
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"Did you mean '{near[0]}'?" if near else None
    return InputError(f"unknown {what} '{name}'", expected=", ".join(known), remedy=remedy)
