"""Grasps by optimization: many starts, closed, screened, brought down a sum of energies, and judged exactly.

In the line of DexGraspNet (Wang et al., ICRA 2023), whose energies these are where `energy` says so; starts are
closed and screened instead of annealed, and balls inside the hand keep it on one side of thin walls.
"""

from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.solve import Synthesis, optimize_grasps

__all__ = ["OptimizeConfig", "Synthesis", "optimize_grasps"]
