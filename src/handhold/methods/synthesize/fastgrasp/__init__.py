"""FastGrasp: grasps in one pass from a trained model."""

from handhold.methods.synthesize.fastgrasp.config import FastGraspSampling
from handhold.methods.synthesize.fastgrasp.generate import check_hand, fastgrasp

__all__ = ["FastGraspSampling", "check_hand", "fastgrasp"]
