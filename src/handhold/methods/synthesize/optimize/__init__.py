"""Grasps by optimization: many starts, closed, screened, brought down a sum of energies, and judged exactly.

In the line of DexGraspNet (Wang et al., ICRA 2023), whose energies these are where `energy` says so; starts come
from a table of grasp types and the object's parts, are closed and screened instead of annealed, and balls inside
the hand keep it on one side of thin walls.
"""

from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.solve import optimize_grasps, optimize_many
from handhold.methods.synthesize.result import ANY_TYPES, Ask, Found, Synthesis

__all__ = ["ANY_TYPES", "Ask", "Found", "OptimizeConfig", "Synthesis", "optimize_grasps", "optimize_many"]
