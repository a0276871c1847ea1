"""Objects to be held: their meshes, the mesh doctor, and what is computed from them."""

from handhold.objects.doctor import Finding, MeshReport
from handhold.objects.object import ObjectMesh

__all__ = ["Finding", "MeshReport", "ObjectMesh"]
