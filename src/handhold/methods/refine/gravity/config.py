"""Settings of the gravity refiner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GravityConfig:
    steps: int = 10
    sigma_coarse: float = 0.020
    sigma_fine: float = 0.008
    reach: float = 0.015
    vertex_stride: int = 4
    bone_samples: int = 6
    bone_clearance: float = 0.015
    bone_tissue: float = 0.002
    penetration: float = 6.0
    soft_depth_mm: float = 2.0
    gravity: float = 20.0
    pulled: int = 8
    press_mm: float = 0.5
    bones: float = 30.0
    walls: float = 0.0
    wall_reach_mm: float = 40.0
    cut_skin: float = 0.0
    keep: float = 1.0
    pose: float = 16.0
    damping: float = 1.0
    largest_turn: float = 0.25
