"""CHOIR: grasps that JointDiffusion draws, the object alone known."""

from handhold.methods.synthesize.choir.config import ChoirSynthesis
from handhold.methods.synthesize.choir.generate import check_hand, draw_choir

__all__ = ["ChoirSynthesis", "check_hand", "draw_choir"]
