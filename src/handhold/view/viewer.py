"""The interactive viewer, and a page of its own for a browser without it, both by viser."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handhold.errors import InputError
from handhold.io.files import writing
from handhold.view.camera import ANGLE, fit_camera, framed_points
from handhold.view.colours import CUT, CUT_SHOWN, OBJECT, SKIN, TISSUE, TISSUE_SHOWN
from handhold.view.page_server import announce, quietly, rgb, start_server
from handhold.view.panel import Panel

Scene = Panel | tuple[Panel, Panel]
LIFT = 0.0003
"""Coloured patches lie this far above the skin [m]."""
THROUGH = 0.35


def serve(
    scenes: Sequence[Scene],
    *,
    port: int = 8080,
    host: str = "127.0.0.1",
    open_browser: bool = False,
    block: bool = True,
) -> Viewer:
    """Show scenes in the browser: choose a scene, before or after, a frame; what is drawn and coloured.

    Args:
        scenes: grasps or motions, or pairs (before, after).
        port: where the page is served; 0 takes a free one.
        host: "0.0.0.0" lets other machines see it.
        open_browser: also open the page here.
        block: wait until the user presses ctrl-c; else return at once, and `stop()` ends it.

    Raises:
        MissingExtra: viser is not installed.
        InputError: nothing to show, or the port is taken.
    """
    viewer = Viewer(scenes, port=port, host=host)
    announce(viewer, open_browser=open_browser, block=block)
    return viewer


def save_html(panel: Panel, path: str | Path) -> None:
    """Write one page that shows a grasp or plays a motion, in any browser, without a network.

    Args:
        panel: what to show.
        path: the HTML file to write.

    Raises:
        MissingExtra: viser is not installed.
        InputError: the file cannot be written.
    """
    server = start_server("127.0.0.1", 0)
    try:
        server.gui.configure_theme(show_logo=False)
        drawing = _Drawing(server, panel)
        drawing.show(panel, 0)
        _aim(server, panel)
        record = server.get_scene_serializer()
        if panel.frames > 1:
            for frame in range(1, panel.frames):
                record.insert_sleep(1.0 / (panel.fps or 30.0))
                drawing.show(panel, frame)
            record.insert_sleep(1.0 / (panel.fps or 30.0))
        page = record.as_html()
    finally:
        quietly(server.stop)
    with writing(path) as draft:
        draft.write_text(page, encoding="utf-8")


class Viewer:
    """A running viewer; `serve` makes one.

    Attributes:
        url: the page's address.
    """

    def __init__(self, scenes: Sequence[Scene], *, port: int, host: str) -> None:
        if not scenes:
            raise InputError("no scenes to show", expected="at least one")
        self._pairs = [scene if isinstance(scene, tuple) else (scene,) for scene in scenes]
        self._server = start_server(host, port)
        self.url = f"http://{'localhost' if host == '0.0.0.0' else host}:{self._server.get_port()}"
        self._lock = threading.RLock()  # viser calls back at once, in this thread, where we set a control
        self._stopped = threading.Event()
        self._build_controls()
        self._choose()
        self._clock = threading.Thread(target=self._tick, daemon=True)
        self._clock.start()

    def stop(self) -> None:
        """End the viewer and free its port."""
        self._stopped.set()
        self._clock.join(timeout=2.0)
        quietly(self._server.stop)

    def _build_controls(self) -> None:
        gui = self._server.gui
        names = [f"{i + 1}. {pair[-1].name}" for i, pair in enumerate(self._pairs)]
        self._scene = gui.add_dropdown("scene", names)
        self._next = gui.add_button_group("", ("previous", "next"))
        self._next.visible = len(names) > 1
        self._stage = gui.add_button_group("stage", ("before", "after"))
        self._stage.visible = any(len(pair) > 1 for pair in self._pairs)
        self._after = True
        self._frame = gui.add_slider("frame", min=0, max=1, step=1, initial_value=0)
        self._play = gui.add_checkbox("play", False)
        with gui.add_folder("show"):
            self._through = gui.add_checkbox("through the object", False)
            self._cut = gui.add_checkbox("where it cuts in (red)", True)
            self._tissue = gui.add_checkbox("soft tissue (green)", False)
            self._joints = gui.add_checkbox("joints", False)
        self._text = gui.add_markdown("")
        self._scene.on_update(lambda _: self._choose())
        self._next.on_click(lambda _: self._step(1 if self._next.value == "next" else -1))
        self._stage.on_click(lambda _: self._set_stage(self._stage.value == "after"))
        for control in (self._frame, self._through, self._cut, self._tissue, self._joints):
            control.on_update(lambda _: self._draw())

    @property
    def _panel(self) -> Panel:
        pair = self._pairs[int(self._scene.value.split(".")[0]) - 1]
        return pair[-1] if self._after else pair[0]

    def _step(self, by: int) -> None:
        """To the next scene or the one before; after the last comes the first."""
        names = self._scene.options
        self._scene.value = names[(names.index(self._scene.value) + by) % len(names)]

    def _set_stage(self, after: bool) -> None:
        self._after = after
        self._draw()

    def _choose(self) -> None:
        """Another scene: fresh meshes, the camera on it."""
        with self._lock:
            panel = self._panel
            self._frame.max = max(1, panel.frames - 1)
            self._frame.value = 0
            self._frame.visible = self._play.visible = panel.frames > 1
            self._server.scene.reset()
            self._drawing = _Drawing(self._server, panel)
            _aim(self._server, panel)
        self._draw()

    def _draw(self) -> None:
        with self._lock:
            panel = self._panel
            self._drawing.show(
                panel,
                min(int(self._frame.value), panel.frames - 1),
                through=self._through.value,
                cut=self._cut.value,
                tissue=self._tissue.value,
                joints=self._joints.value,
            )
            stage = ("after" if self._after else "before") if self._stage.visible else panel.name
            rows = "\n".join(f"| {label} | {value} |" for label, value in panel.figures)
            self._text.content = f"**{stage}**\n\n" + (f"| | |\n|---|---|\n{rows}" if rows else "")

    def _tick(self) -> None:
        """Runs the frames while "play" is on."""
        while True:
            panel = self._panel
            if self._stopped.wait(1.0 / (panel.fps or 30.0)):
                return
            if self._play.value and panel.frames > 1:
                self._frame.value = (int(self._frame.value) + 1) % panel.frames


class _Drawing:
    """The meshes of one scene in a viser server; only what changes is sent."""

    def __init__(self, server: Any, panel: Panel) -> None:
        still = panel.frame(0)
        scene = server.scene
        self._scene = scene
        self._faces = np.asarray(panel.hand_faces)
        scene.set_up_direction(panel.up or (0.0, 0.0, 1.0))
        self._hand = scene.add_mesh_simple("/hand", still.hand_vertices, panel.hand_faces, color=rgb(SKIN))
        self._object = scene.add_mesh_simple(
            "/object", still.object_vertices, panel.object_faces, color=rgb(OBJECT), side="double"
        )
        self._overlays: dict[str, Any] = {}
        self._inside: dict[tuple[int, int], np.ndarray] = {}

    def show(
        self,
        panel: Panel,
        frame: int,
        *,
        through: bool = False,
        cut: bool = True,
        tissue: bool = False,
        joints: bool = False,
    ) -> None:
        still = panel.frame(frame)
        self._hand.vertices = np.asarray(still.hand_vertices, np.float32)
        if np.ndim(panel.object_vertices) == 3:
            self._object.vertices = np.asarray(still.object_vertices, np.float32)
        self._object.opacity = THROUGH if through else None
        self._hand.opacity = 0.5 if joints and still.joints is not None else None
        self._patch("/cut", still, self._deep(panel, frame) if cut else None, CUT)
        soft = still.soft_tissue > TISSUE_SHOWN if tissue and still.soft_tissue is not None else None
        self._patch("/tissue", still, soft, TISSUE)
        self._bones(still if joints else None)

    def _deep(self, panel: Panel, frame: int) -> np.ndarray:
        """Which vertices are inside the object; measured once a frame, so that a motion plays smoothly."""
        key = (id(panel), frame)
        if key not in self._inside:
            self._inside[key] = panel.frame(frame).distances() < -CUT_SHOWN
        return self._inside[key]

    def _patch(self, name: str, still: Panel, marked: np.ndarray | None, colour: tuple) -> None:
        """Faces that have marked vertices, coloured, just above the skin."""
        chosen = self._faces[marked[self._faces].any(1)] if marked is not None else self._faces[:0]
        self._remove(name)
        if len(chosen):
            vertices = still.hand_vertices + LIFT * _vertex_normals(still.hand_vertices, self._faces)
            self._overlays[name] = self._scene.add_mesh_simple(name, vertices, chosen, color=rgb(colour))

    def _bones(self, still: Panel | None) -> None:
        for name in ("/joints", "/bones"):
            self._remove(name)
        if still is None or still.joints is None:
            return
        from handhold.hand.skeleton import BONES

        there = ~np.isnan(still.joints.sum(axis=1))
        lines = np.array([still.joints[[a, b]] for a, b in BONES if there[a] and there[b]]).reshape(-1, 2, 3)
        self._overlays["/joints"] = self._scene.add_point_cloud(
            "/joints",
            np.asarray(still.joints[there], np.float32),
            (30, 56, 107),
            point_size=0.004,
            point_shape="circle",
            precision="float32",
        )
        self._overlays["/bones"] = self._scene.add_line_segments(
            "/bones", lines.astype(np.float32), (51, 92, 158), thickness=0.0015
        )

    def _remove(self, name: str) -> None:
        if name in self._overlays:
            self._overlays.pop(name).remove()


def _aim(server: Any, panel: Panel) -> None:
    """Point the cameras, those of pages that are open too, at the whole scene."""
    up = np.asarray(panel.up or (0.0, 0.0, 1.0), float)
    side = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.9 else [0.0, 1.0, 0.0])
    direction = side + 0.5 * np.cross(side, up) + 0.35 * up
    camera = fit_camera(framed_points([panel]), direction, up=up, aspect=1.0, margin=1.3)
    for view in (server.initial_camera, *(client.camera for client in server.get_clients().values())):
        view.fov = float(ANGLE)
        view.near = 0.005
        view.position, view.look_at = tuple(camera.position), tuple(camera.target)


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = np.moveaxis(np.asarray(vertices)[faces], 1, 0)
    normal = np.zeros((len(vertices), 3))
    for corner in range(3):
        np.add.at(normal, faces[:, corner], np.cross(b - a, c - a))
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
