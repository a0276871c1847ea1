"""JointDiffusion: grasps refined and drawn as CHOIRs."""

from handhold.models.choir.config import JointDiffusionConfig
from handhold.models.choir.joint_diffusion import Drawn, JointDiffusion
from handhold.models.choir.load import load_model, shipped, trained_sizes

__all__ = ["Drawn", "JointDiffusion", "JointDiffusionConfig", "load_model", "shipped", "trained_sizes"]
