"""Draws painted surfaces off screen, in light so even that colours can be read."""

from __future__ import annotations

import numpy as np
from PIL import Image
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkPolyData

from handhold.geometry.painted import PaintedMesh
from handhold.view.camera import Camera
from handhold.view.colours import BACKGROUND
from handhold.view.studio import SMOOTHING, Studio, surface_actor, surface_of

SHADED, BIAS = 0.05, 0.004
"""Creases are darkened within this share of what is drawn; more would be taken for heat."""
AMBIENT, DIFFUSE = 0.42, 0.66


class HeatStudio(Studio):
    """A studio for painted surfaces.

    Raises:
        HandholdError: this machine has no OpenGL.
    """

    def paint(
        self, mesh: PaintedMesh, *, size: tuple[int, int], camera: Camera, shade: bool = True
    ) -> np.ndarray:
        """Draw one surface in its colours.

        Args:
            mesh: in the world frame.
            size: width and height in pixels.
            camera: where from.
            shade: whether creases are darkened, which takes more than twice as long.

        Returns:
            (height, width, 3) uint8.
        """
        actor = surface_actor(_polydata(mesh), (1, 1, 1), gloss=0.06)
        actor.GetProperty().SetAmbient(AMBIENT)
        actor.GetProperty().SetDiffuse(DIFFUSE)
        self._renderer.SetBackground(*BACKGROUND)
        self._shade(mesh.vertices, radius=SHADED, bias=BIAS, on=shade)
        picture = self._shoot([actor], camera, (SMOOTHING * size[0], SMOOTHING * size[1]))
        return np.asarray(Image.fromarray(picture).reduce(SMOOTHING))


def _polydata(mesh: PaintedMesh) -> vtkPolyData:
    surface = surface_of(mesh.vertices, mesh.faces)
    data = surface.GetPointData()
    data.SetNormals(numpy_to_vtk(np.ascontiguousarray(mesh.normals, np.float32), deep=True))
    data.SetScalars(numpy_to_vtk(np.round(255 * np.clip(mesh.colours, 0, 1)).astype(np.uint8), deep=True))
    return surface
