"""Many scenes: loading, fitting hands, refining in chunks."""

from handhold.batch.fitting import hand_of, load_grasp, load_hand, make_grasps
from handhold.batch.refining import Failure, Outcome, Refine, refine_scenes

__all__ = [
    "Failure",
    "Outcome",
    "Refine",
    "hand_of",
    "load_grasp",
    "load_hand",
    "make_grasps",
    "refine_scenes",
]
