"""GravityDB: a hand is drawn onto an object by a gravity field, and kept a hand while it is.

Xu et al., Towards Realistic Hand-Object Interaction with Gravity-Field Based Diffusion Bridge.
"""

from handhold.methods.refine.gravity.config import GravityConfig
from handhold.methods.refine.gravity.refine import refine_gravity
from handhold.methods.refine.gravity.sde_config import SdeConfig

__all__ = ["GravityConfig", "SdeConfig", "refine_gravity"]
