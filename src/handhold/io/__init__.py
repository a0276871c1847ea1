"""Files in and out: scenes, results, grasp sets, GLB, MuJoCo models."""

from handhold.io.files import prepare_output, write_json, writing
from handhold.io.glb import save_glb
from handhold.io.grasp_sets import GraspFacts, GraspSet, load_grasps, save_grasps
from handhold.io.mjcf import save_mjcf
from handhold.io.results import Result, load_result, save_grasp
from handhold.io.scene import Scene, find_scenes, load_scene

__all__ = [
    "GraspFacts",
    "GraspSet",
    "Result",
    "Scene",
    "find_scenes",
    "load_grasps",
    "load_result",
    "load_scene",
    "prepare_output",
    "save_glb",
    "save_grasp",
    "save_grasps",
    "save_mjcf",
    "write_json",
    "writing",
]
