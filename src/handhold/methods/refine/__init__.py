"""Refiners: from a noisy grasp to one that holds."""
