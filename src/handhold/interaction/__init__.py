"""A hand and an object together: grasps, their measures, contact, fields and noise."""
