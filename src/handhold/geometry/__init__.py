"""Geometry without hands or objects: distances, meshes, samples, rigid motions."""
