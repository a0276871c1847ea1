"""Data sets: a file, or a few, for each."""

from handhold.data.grasp_set import GraspSet

__all__ = ["GraspSet"]
