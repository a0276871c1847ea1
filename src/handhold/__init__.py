"""handhold makes virtual hands hold things.

The names below are loaded when they are first used, so that `import handhold` is quick.
"""

from __future__ import annotations

from importlib import import_module

from handhold.version import __version__

_HOMES = {
    "Hand": "handhold.hand",
    "HandParams": "handhold.hand",
    "fit_hand": "handhold.hand.keypoints",
    "fit_vertices": "handhold.hand.vertices",
    "ObjectMesh": "handhold.objects",
    "Contact": "handhold.interaction.grasp",
    "Grasp": "handhold.interaction.grasp",
    "Measures": "handhold.interaction.measures",
    "measure": "handhold.interaction.measures",
    "measure_frames": "handhold.interaction.measures",
    "GravityConfig": "handhold.methods.refine.gravity",
    "refine_gravity": "handhold.methods.refine.gravity",
    "EnergyConfig": "handhold.methods.refine.energy",
    "refine_energy": "handhold.methods.refine.energy",
    "RefineChoirConfig": "handhold.methods.refine.choir",
    "refine_choir": "handhold.methods.refine.choir.refine",
    "load_scene": "handhold.io",
    "load_result": "handhold.io",
    "save_grasp": "handhold.io",
    "save_glb": "handhold.io",
    "save_mjcf": "handhold.io",
    "load_grasp": "handhold.batch",
    "HandholdError": "handhold.errors",
    "InputError": "handhold.errors",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'handhold' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
