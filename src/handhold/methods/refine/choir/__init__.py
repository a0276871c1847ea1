"""Refining by JointDiffusion, which draws grasps as CHOIRs.

`refine_choir` lies in `refine`: its import loads the model's code, which those who only set options need not wait for.
"""

from handhold.methods.refine.choir.config import RefineChoirConfig

__all__ = ["RefineChoirConfig"]
