"""The viewer of a grasp set: many grasps on the ground at once, chosen by what they are and what is said of them."""

from __future__ import annotations

import threading

import numpy as np
import torch

from handhold.data import GraspSet
from handhold.data.grasp_set_pick import having, held_still, saying, varied
from handhold.errors import InputError
from handhold.view.camera import ANGLE, fit_camera
from handhold.view.colours import OBJECT, SKIN
from handhold.view.grid import grid_places
from handhold.view.page_server import announce, quietly, rgb, start_server
from handhold.view.panel import Panel
from handhold.view.set_facts import caption, facts
from handhold.view.set_panels import UP, footprint, set_panel, stood_at

FILTERS = ("category", "part", "type", "purpose", "split", "side")
ANY, ALL = "any", "all of the page"
COLUMNS, PAGE = 5, 25
GAP = 0.12
"""Air between grasps on the ground [m]."""


def serve_set(
    grasps: GraspSet,
    *,
    seed: int = 0,
    port: int = 8080,
    host: str = "127.0.0.1",
    open_browser: bool = False,
    block: bool = True,
) -> SetViewer:
    """Show a grasp set in the browser, a page of 25 at a time, with filters, a search, and each grasp's details.

    Args:
        grasps: all or some of a set's.
        seed: of the order in which they come.
        port: where the page is served; 0 takes a free one.
        host: "0.0.0.0" lets other machines see it.
        open_browser: also open the page here.
        block: wait until the user presses ctrl-c; else return at once, and `stop()` ends it.

    Raises:
        MissingExtra: viser is not installed.
        InputError: nothing to show, or the port is taken.
    """
    viewer = SetViewer(grasps, seed=seed, port=port, host=host)
    announce(viewer, open_browser=open_browser, block=block, fill=viewer.refresh)
    return viewer


class SetViewer:
    """A running viewer of a set; `serve_set` makes one.

    Attributes:
        url: the page's address.
    """

    def __init__(self, grasps: GraspSet, *, seed: int = 0, port: int = 0, host: str = "127.0.0.1") -> None:
        if not len(grasps):
            raise InputError("no grasps to show", expected="at least one")
        self._all, self._seed = grasps, seed
        self._server = start_server(host, port)
        self.url = f"http://{'localhost' if host == '0.0.0.0' else host}:{self._server.get_port()}"
        self._lock = threading.RLock()  # viser calls back at once, in this thread, where we set a control
        self._setting = False
        self._making = threading.Lock()  # meshes are made by one thread at a time
        self._stopped = threading.Event()
        self._asked = 0  # pages so far: one that is being made is given up when another is asked for
        self._found, self._order, self._page = grasps, [], 0
        self._panels: list[Panel] = []
        self._shown, self._indices = grasps, []  # the grasps of the panels
        self._server.scene.set_up_direction(UP)
        self._build_controls()

    def stop(self) -> None:
        """End the viewer and free its port."""
        self._stopped.set()
        quietly(self._server.stop)

    def _build_controls(self) -> None:
        gui = self._server.gui
        with gui.add_folder("which"):
            self._filters = {name: gui.add_dropdown(name, (ANY, *self._all.values(name))) for name in FILTERS}
            self._still = gui.add_checkbox("held by a still hand", False)
            self._text = gui.add_text("sentences say", "")
        self._count = gui.add_markdown("")
        self._turn = gui.add_button_group("page", ("previous", "next"))
        self._chosen = gui.add_dropdown("grasp", (ALL,))
        self._details = gui.add_markdown("")
        for control in (*self._filters.values(), self._still, self._text):
            control.on_update(lambda _: self.refresh())
        self._turn.on_click(lambda _: self._step(1 if self._turn.value == "next" else -1))
        self._chosen.on_update(lambda _: self._look())

    def refresh(self) -> None:
        """Find what matches, list in every drop-down what the others leave, and show the first page."""
        with self._lock:
            if self._setting:
                return
            self._setting = True
            try:
                base = saying(self._all, self._text.value)
                if self._still.value:
                    base = held_still(base)
                for name, control in self._filters.items():
                    there = having(base, **self._words(without=name))
                    options = (ANY, *sorted({*there.values(name), control.value} - {ANY}))
                    if options != tuple(control.options):
                        control.options = options
                self._found = having(base, **self._words())
            finally:
                self._setting = False
            self._order = varied(self._found, generator=torch.Generator().manual_seed(self._seed))
            self._page = 0
        self._show_page()

    def _words(self, *, without: str = "") -> dict[str, list[str]]:
        """What the drop-downs ask for."""
        asked = {name: control.value for name, control in self._filters.items() if name != without}
        return {name: [word] for name, word in asked.items() if word != ANY}

    def _step(self, by: int) -> None:
        """To the next page or the one before; after the last comes the first."""
        with self._lock:
            self._page = (self._page + by) % self._pages
        self._show_page()

    @property
    def _pages(self) -> int:
        return max(1, -(-len(self._order) // PAGE))

    def _show_page(self) -> None:
        """Make the page's meshes, then show them; given up when another page is asked for meanwhile."""
        with self._lock:
            self._asked += 1
            asked, found = self._asked, self._found
            wanted = self._order[self._page * PAGE : (self._page + 1) * PAGE]
            said = f"**{len(found)}** of {len(self._all)} grasps · page {self._page + 1} of {self._pages}"
        panels, indices, lost = [], [], []
        for k, index in enumerate(wanted):
            if self._asked != asked or self._stopped.is_set():
                return
            self._count.content = f"{said} · making {k + 1} of {len(wanted)}"
            try:
                with self._making:
                    panels.append(set_panel(found, index))
                indices.append(index)
            except InputError as error:
                lost.append(str(error))
        with self._lock:
            if self._asked != asked or self._stopped.is_set():
                return
            places = grid_places(np.array([footprint(p) for p in panels]), columns=COLUMNS, gap=GAP)
            self._panels = [stood_at(panel, place) for panel, place in zip(panels, places, strict=True)]
            self._shown, self._indices = found, indices
            self._draw()
            notes = [f"not shown: {_escaped(error)}" for error in lost[:3]]
            notes += [] if wanted else ["nothing matches: set a filter to any, or change the text"]
            self._count.content = "\n\n".join([said, *notes])

    def _draw(self) -> None:
        scene = self._server.scene
        scene.reset()
        scene.set_up_direction(UP)
        names = []
        for k, panel in enumerate(self._panels):
            names.append(f"{k + 1}. {panel.name}")
            hand = scene.add_mesh_simple(
                f"/grasps/{k}/hand", panel.hand_vertices, panel.hand_faces, color=rgb(SKIN)
            )
            thing = scene.add_mesh_simple(
                f"/grasps/{k}/object",
                panel.object_vertices,
                panel.object_faces,
                color=rgb(OBJECT),
                side="double",
            )
            for mesh in (hand, thing):
                mesh.on_click(lambda _, name=names[-1]: self._choose(name))
            low, high = _box(panel)
            label = f"{k + 1} {panel.name.split(' · ')[0]}"
            scene.add_label(
                f"/grasps/{k}/label", label, position=((low[0] + high[0]) / 2, low[1] - GAP / 3, 0.0)
            )
        self._chosen.options = (ALL, *names)
        self._choose(ALL)
        self._look()

    def _choose(self, name: str) -> None:
        self._chosen.value = name

    def _look(self) -> None:
        """Aim at the chosen grasp and tell of it; or at the whole page."""
        with self._lock:
            names = self._chosen.options
            place = names.index(self._chosen.value) - 1
            shown = self._panels if place < 0 else self._panels[place : place + 1]
            if shown:
                self._aim(np.concatenate([[*_box(panel)] for panel in shown]), near=place >= 0)
            if place < 0:
                self._details.content = "Click a grasp, or choose one." if shown else ""
                return
            row = self._shown.row(self._indices[place])
            sentences = "\n".join(f"- {_escaped(sentence)}" for sentence in row.instructions)
            table = "\n".join(
                f"| {_escaped(label)} | {_escaped(value)} |"
                for label, value in facts(row, self._shown.objects[row.object_id])
            )
            self._details.content = (
                f"**{_escaped(caption(row))}**\n\n{sentences}\n\n| | |\n|---|---|\n{table}"
            )

    def _aim(self, points: np.ndarray, *, near: bool) -> None:
        """Point the cameras, those of pages that are open too, at boxes: a page from above, a grasp from its side."""
        low, high = points.min(0), points.max(0)
        corners = np.array(
            [[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
        )
        direction = np.array([0.35, -1.0, 0.45] if near else [0.0, -1.0, 1.3])
        camera = fit_camera(corners, direction, up=np.array(UP), aspect=1.0, margin=1.1)
        for view in (self._server.initial_camera, *(c.camera for c in self._server.get_clients().values())):
            view.fov = float(ANGLE)
            view.near = 0.005
            view.position, view.look_at = tuple(camera.position), tuple(camera.target)


def _box(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate((panel.hand_vertices, panel.object_vertices))
    return points.min(0), points.max(0)


def _escaped(text: str) -> str:
    """Text that the page's markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|!" else letter for letter in text)
