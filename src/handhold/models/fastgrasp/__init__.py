"""FastGrasp: a latent diffusion model of grasps, and its training."""

from handhold.models.fastgrasp.config import FastGraspConfig
from handhold.models.fastgrasp.load import load_model, shipped, trained_sizes
from handhold.models.fastgrasp.model import FastGrasp
from handhold.models.fastgrasp.seen import Seen

__all__ = ["FastGrasp", "FastGraspConfig", "Seen", "load_model", "shipped", "trained_sizes"]
