"""Draws panels off screen with VTK.

VTK is used directly, not through PyVista: import and first picture take 0.3 s instead of 0.9 s, which a
command that has six seconds in all feels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from PIL import Image
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkLookupTable, vtkPoints, vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkPolyDataNormals
from vtkmodules.vtkRenderingCore import vtkActor, vtkLight, vtkPolyDataMapper, vtkRenderer

from handhold.view.camera import ANGLE, Camera, choose_cameras, framed_points, shaft_near
from handhold.view.colours import (
    BACKGROUND,
    CUT,
    CUT_SHOWN,
    DEEP_CUT,
    DEEP_TISSUE,
    DEPTH_SHOWN,
    OBJECT,
    SKIN,
    TISSUE,
    TISSUE_SHOWN,
)
from handhold.view.panel import Panel
from handhold.view.window import off_screen_window

Colouring = Literal["penetration", "soft tissue", "none"]

LIGHTS = (
    ((-0.6, 0.55, 1.0), 0.72),
    ((0.9, -0.25, 1.0), 0.34),
    ((0.0, 0.0, 1.0), 0.14),
    ((0.3, 0.8, -0.8), 0.35),
)
"""Key, fill, head and rim light: place relative to the camera, and strength."""
SMOOTHING = 2
"""Pictures are drawn this many times larger and averaged down."""
KNUCKLES = (1, 4, 7, 10)
"""Of the four fingers, among the joints in MANO's order."""
NEAR_CONTACT = 0.012
"""Hand vertices within this distance of the object are what a good view shows [m]."""
HELD = 0.09
"""The object this near to the middle of the contact is what is held [m]."""


@dataclass(frozen=True)
class Look:
    """How a panel is drawn.

    Attributes:
        object_opacity: 1 for solid; below, the fingers are seen through the object.
        colouring: what the hand's colours show.
        joints: whether joints and bones are drawn, through a translucent hand.
        shade: whether creases and contacts are darkened (ambient occlusion).
    """

    object_opacity: float = 1.0
    colouring: Colouring = "penetration"
    joints: bool = False
    shade: bool = True


class Studio:
    """An off-screen window that draws one panel after another; keep it for many. Use it from one thread only.

    Raises:
        HandholdError: this machine has no OpenGL.
    """

    def __init__(self) -> None:
        self._window = off_screen_window()
        self._renderer = vtkRenderer()
        self._window.AddRenderer(self._renderer)
        self._renderer.SetUseDepthPeeling(True)
        self._renderer.SetMaximumNumberOfPeels(6)
        self._renderer.SetOcclusionRatio(0.0)
        self._renderer.GetActiveCamera().SetViewAngle(np.rad2deg(ANGLE))
        for position, strength in LIGHTS:
            light = vtkLight()
            light.SetLightTypeToCameraLight()
            light.SetPosition(*position)
            light.SetIntensity(strength)
            self._renderer.AddLight(light)

    def render(
        self, panel: Panel, *, size: tuple[int, int], camera: Camera, look: Look | None = None
    ) -> np.ndarray:
        """Draw a still.

        Args:
            panel: what to draw.
            size: width and height in pixels.
            camera: where from.
            look: how.

        Returns:
            (height, width, 3) uint8.
        """
        look = look or Look()
        actors = [_object(panel, look), _hand(panel, look)]
        if look.joints and panel.joints is not None:
            actors += _skeleton(np.asarray(panel.joints))
        self._renderer.SetBackground(*BACKGROUND)
        self._shade(panel.hand_vertices, on=look.shade)
        picture = self._shoot(actors, camera, (SMOOTHING * size[0], SMOOTHING * size[1]))
        return np.asarray(Image.fromarray(picture).reduce(SMOOTHING))

    def cameras(self, panels: list[Panel], *, aspect: float, count: int = 2) -> list[Camera]:
        """Cameras that see fingers and object meet, shared by the panels (stills or motions of one scene)."""
        stills = _stills(panels)
        flat = [_flat_actors(still, np.abs(still.distances()) < NEAR_CONTACT) for still in stills]
        return self._choose(stills, flat, aspect=aspect, count=count)

    def cut_camera(self, panels: list[Panel], *, aspect: float) -> Camera:
        """The camera that, through the object, sees best where the hand cuts in, or else where it touches."""
        stills = _stills(panels)
        marks = [still.distances() < -CUT_SHOWN for still in stills]
        if not any(mark.any() for mark in marks):
            marks = [np.abs(still.distances()) < NEAR_CONTACT / 3 for still in stills]
        flat = [_flat_actors(still, mark)[:1] for still, mark in zip(stills, marks, strict=True)]
        return self._choose(stills, flat, aspect=aspect, count=1)[0]

    def _choose(self, stills: list[Panel], flat: list[list[vtkActor]], *, aspect: float, count: int):
        self._renderer.SetUseSSAO(False)
        self._renderer.SetBackground(0, 0, 0)

        def count_pixels(camera: Camera) -> np.ndarray:
            pictures = [self._shoot(actors, camera, (round(96 * aspect), 96)) for actors in flat]
            return sum((picture > 127).sum((0, 1)) for picture in pictures)  # pyright: ignore

        up = np.asarray(stills[0].up or (0.0, 0.0, 1.0))
        first = stills[0]
        touching = first.hand_vertices[np.abs(first.distances()) < NEAR_CONTACT]
        return choose_cameras(
            framed_points(stills),
            count_pixels,
            up=up,
            aspect=aspect,
            count=count,
            forearm=_forearm(first),
            shaft=shaft_near(first.object_vertices, touching, within=HELD),
        )

    def _shade(
        self, points: np.ndarray, *, radius: float = 0.2, bias: float = 0.004, on: bool = True
    ) -> None:
        """Darken creases within a share of the points' extent, or not; what lies less than the bias before is none."""
        extent = float(np.linalg.norm(np.ptp(points, axis=0)))
        self._renderer.SetUseSSAO(on)
        self._renderer.SetSSAORadius(radius * extent)
        self._renderer.SetSSAOBias(bias * extent)
        self._renderer.SetSSAOKernelSize(16)
        self._renderer.SSAOBlurOn()

    def _shoot(self, actors: list[vtkActor], camera: Camera, size: tuple[int, int]) -> np.ndarray:
        view = self._renderer.GetActiveCamera()
        view.SetPosition(*camera.position)
        view.SetFocalPoint(*camera.target)
        view.SetViewUp(*camera.up)
        self._window.SetSize(*size)
        for actor in actors:
            self._renderer.AddActor(actor)
        self._renderer.ResetCameraClippingRange()
        self._window.Render()
        pixels = vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, size[0] - 1, size[1] - 1, 0, pixels, 0)
        for actor in actors:
            self._renderer.RemoveActor(actor)
        return vtk_to_numpy(pixels).reshape(size[1], size[0], 3)[::-1].copy()

    def close(self) -> None:
        """Give the graphics memory back."""
        self._window.Finalize()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _stills(panels: list[Panel]) -> list[Panel]:
    """First, middle and last frame of each, with distances."""
    return [p.frame(i).measured() for p in panels for i in sorted({0, p.frames // 2, p.frames - 1})]


def _forearm(still: Panel) -> np.ndarray | None:
    """Unit direction from the knuckles to the wrist, if they are known."""
    if still.joints is None:
        return None
    along = still.joints[0] - np.mean(still.joints[list(KNUCKLES)], axis=0)
    length = np.linalg.norm(along)
    return along / length if length > 0 else None  # NaN where a joint is missing


def _mesh(vertices: np.ndarray, faces: np.ndarray, *, crease: float | None = None) -> vtkPolyData:
    """A surface with smooth normals; edges sharper than `crease` [degrees] stay sharp."""
    return _with_normals(surface_of(vertices, faces), crease)


def surface_of(vertices: np.ndarray, faces: np.ndarray) -> vtkPolyData:
    """Triangles, without normals."""
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, np.float32), deep=True))
    cells = vtkCellArray()
    cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(faces, np.int64).ravel(), deep=True))
    mesh = vtkPolyData()
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    return mesh


def _with_normals(mesh: vtkPolyData, crease: float | None) -> vtkPolyData:
    normals = vtkPolyDataNormals()
    normals.SetInputData(mesh)
    normals.ConsistencyOff()
    normals.SetSplitting(crease is not None)
    normals.SetFeatureAngle(crease or 180.0)
    normals.Update()
    return normals.GetOutput()


def surface_actor(
    mesh: vtkPolyData, colour: tuple[float, float, float], *, opacity: float = 1.0, gloss: float = 0.2
) -> vtkActor:
    """A lit surface."""
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(mesh)
    actor = vtkActor()
    actor.SetMapper(mapper)
    surface = actor.GetProperty()
    surface.SetInterpolationToPhong()
    surface.SetColor(*colour)
    surface.SetOpacity(opacity)
    surface.SetAmbient(0.16)
    surface.SetDiffuse(0.88)
    surface.SetSpecular(gloss)
    surface.SetSpecularPower(28.0)
    return actor


def _object(panel: Panel, look: Look) -> vtkActor:
    mesh = _mesh(panel.object_vertices, panel.object_faces, crease=40.0)
    return surface_actor(mesh, OBJECT, opacity=look.object_opacity, gloss=0.25)


def _hand(panel: Panel, look: Look) -> vtkActor:
    """The hand in skin tone, coloured by depth; the boundary runs sharply between vertices, at depth zero."""
    mesh = _mesh(panel.hand_vertices, panel.hand_faces)
    depth, first, last = None, CUT, DEEP_CUT
    if look.colouring == "penetration":
        depth = -panel.distances() - CUT_SHOWN
    elif look.colouring == "soft tissue" and panel.soft_tissue is not None:
        depth, first, last = np.asarray(panel.soft_tissue) - TISSUE_SHOWN, TISSUE, DEEP_TISSUE
    opacity = 0.45 if look.joints and panel.joints is not None else 1.0
    actor = surface_actor(mesh, SKIN, gloss=0.16, opacity=opacity)
    if depth is not None:
        mesh.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(depth, np.float32), deep=True))
        mapper = actor.GetMapper()
        mapper.SetLookupTable(_depth_colours(first, last))
        mapper.UseLookupTableScalarRangeOn()
        mapper.InterpolateScalarsBeforeMappingOn()
    return actor


def _depth_colours(first: tuple, last: tuple) -> vtkLookupTable:
    """Skin up to depth zero, then from one colour to the other."""
    steps = 256
    table = vtkLookupTable()
    table.SetNumberOfTableValues(steps)
    table.SetTableRange(-DEPTH_SHOWN, DEPTH_SHOWN)
    for i in range(steps):
        share = (2 * i - steps + 1) / steps
        red, green, blue = SKIN if share <= 0 else (1 - share) * np.array(first) + share * np.array(last)
        table.SetTableValue(i, red, green, blue, 1.0)
    return table


def _flat_actors(panel: Panel, marked: np.ndarray) -> list[vtkActor]:
    """Unlit hand and object: the hand green, its marked vertices red and green, the object blue."""
    colours = np.where(marked[:, None], (255, 255, 0), (0, 255, 0)).astype(np.uint8)
    hand = _mesh(panel.hand_vertices, panel.hand_faces)
    hand.GetPointData().SetScalars(numpy_to_vtk(colours, deep=True))
    actors = [
        surface_actor(hand, (0, 1, 0)),
        surface_actor(_mesh(panel.object_vertices, panel.object_faces), (0, 0, 1)),
    ]
    for actor in actors:
        actor.GetProperty().LightingOff()
    return actors


def _skeleton(joints: np.ndarray) -> list[vtkActor]:
    """Balls and tubes."""
    from vtkmodules.vtkFiltersCore import vtkAppendPolyData, vtkTubeFilter
    from vtkmodules.vtkFiltersSources import vtkLineSource, vtkSphereSource

    from handhold.hand.skeleton import BONES  # here, since it brings torch, which drawing does not need

    there = ~np.isnan(joints.sum(axis=1))
    balls, tubes = vtkAppendPolyData(), vtkAppendPolyData()
    for joint in joints[there]:
        ball = vtkSphereSource()
        ball.SetCenter(*joint)
        ball.SetRadius(0.0032)
        ball.SetThetaResolution(16)
        ball.SetPhiResolution(12)
        balls.AddInputConnection(ball.GetOutputPort())
    for a, b in BONES:
        if there[a] and there[b]:
            line, tube = vtkLineSource(), vtkTubeFilter()
            line.SetPoint1(*joints[a])
            line.SetPoint2(*joints[b])
            tube.SetInputConnection(line.GetOutputPort())
            tube.SetRadius(0.0013)
            tube.SetNumberOfSides(12)
            tubes.AddInputConnection(tube.GetOutputPort())
    actors = []
    for parts, colour in ((balls, (0.12, 0.22, 0.42)), (tubes, (0.20, 0.36, 0.62))):
        if parts.GetNumberOfInputConnections(0):
            parts.Update()
            actors.append(surface_actor(parts.GetOutput(), colour))
    return actors
