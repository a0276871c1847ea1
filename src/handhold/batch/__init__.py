"""Many scenes and grasps: loading, fitting hands, refining, scoring by several processes, benchmarks, grasp sets."""

from handhold.batch.fitting import hand_of, load_grasp, load_hand, make_grasps
from handhold.batch.loading import Failure, FittedScene, fitted_scenes
from handhold.batch.refining import Outcome, Refine, refine_scenes

__all__ = [
    "Failure",
    "FittedScene",
    "Outcome",
    "Refine",
    "fitted_scenes",
    "hand_of",
    "load_grasp",
    "load_hand",
    "make_grasps",
    "refine_scenes",
]
