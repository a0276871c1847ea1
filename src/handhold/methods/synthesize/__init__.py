"""Synthesizers: grasps of an object from nothing but its shape."""
