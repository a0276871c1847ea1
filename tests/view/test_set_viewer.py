"""The viewer of a grasp set: served, filtered, searched, turned over, and shut down."""

import socket
import threading
import urllib.request
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("viser")
pytest.importorskip("pyarrow")

from grasp_set_examples import write_set

from handhold.data import GraspSet
from handhold.data.grasp_set_pick import take
from handhold.errors import InputError
from handhold.view import page_server, set_viewer
from handhold.view.grid import grid_places
from handhold.view.set_viewer import ALL, ANY, GAP, serve_set


@pytest.fixture(scope="module")
def grasps(tmp_path_factory):
    return GraspSet.open(write_set(tmp_path_factory.mktemp("viewer") / "set"))


@pytest.fixture
def viewer(grasps, monkeypatch):
    monkeypatch.setattr(set_viewer, "PAGE", 8)
    viewer = serve_set(grasps, port=0, block=False)
    yield viewer
    viewer.stop()


def test_a_page_is_served_and_the_port_is_freed(grasps, capfd):
    viewer = serve_set(take(grasps, [0, 1]), port=0, block=False)
    port = int(viewer.url.rsplit(":", 1)[1])
    try:
        assert capfd.readouterr().out.strip() == f"Viewer: {viewer.url}"
        assert urllib.request.urlopen(viewer.url, timeout=10).status == 200
        with pytest.raises(InputError, match="port"):
            serve_set(grasps, port=port, block=False)
    finally:
        viewer.stop()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_grasps_of_a_page_stand_apart_on_the_ground(viewer):
    boxes = [set_viewer._box(panel) for panel in viewer._panels]
    assert len(boxes) == 8 and all(abs(low[2]) < 1e-6 for low, _ in boxes)
    for k, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[:k]:
            assert (np.maximum(low, other_low) - np.minimum(high, other_high))[:2].max() > GAP - 1e-6


def test_pages_turn_and_show_every_grasp_once(viewer, grasps):
    seen = []
    for _ in range(3):
        seen += [viewer._shown.row(k).grasp_id for k in viewer._indices]
        viewer._step(1)
    assert sorted(seen) == sorted(grasps.table["grasp_id"].to_pylist())
    assert "page 1 of 3" in viewer._count.content
    viewer._step(-1)
    assert "page 3 of 3" in viewer._count.content and len(viewer._panels) == 22 - 16


def test_filters_list_what_the_others_leave(viewer):
    viewer._filters["category"].value = "mug"
    assert viewer._filters["part"].options == (ANY, "handle", "rim")
    assert viewer._filters["category"].options == (ANY, "cube", "mug", "pen")
    viewer._filters["part"].value = "rim"
    assert viewer._filters["category"].options == (ANY, "mug")
    assert viewer._filters["type"].options == (ANY, "sphere") and "**2** of 22" in viewer._count.content
    assert all(panel.name == "mug · sphere · rim" for panel in viewer._panels)
    viewer._still.value = True
    assert "**0** of 22" in viewer._count.content and "nothing matches" in viewer._count.content
    assert (
        viewer._panels == [] and viewer._chosen.options == (ALL,) and viewer._filters["part"].value == "rim"
    )
    viewer._filters["part"].value = viewer._filters["category"].value = ANY
    assert "**6** of 22" in viewer._count.content


def test_sentences_are_searched(viewer):
    viewer._text.value = "The PEN with"
    assert "**4** of 22" in viewer._count.content and viewer._filters["category"].options == (ANY, "pen")
    viewer._text.value = ""
    assert "**22** of 22" in viewer._count.content


def test_a_grasp_is_chosen_and_told_of(viewer, grasps):
    far = np.array(viewer._server.initial_camera.position)
    name = viewer._chosen.options[3]
    viewer._choose(name)
    row = viewer._shown.row(viewer._indices[2])
    said = viewer._details.content
    assert name == f"3. {row.category} · {row.type} · {row.part or 'anywhere'}"
    assert row.grasp_id in said and f"- {row.instructions[0]}" in said
    assert "\\<" in said and "\\| grasp" in said  # what a sentence says is no markup
    assert "0.25 cm³" in said and " mm |" in said
    middle = np.mean(set_viewer._box(viewer._panels[2]), axis=0)
    assert np.linalg.norm(np.array(viewer._server.initial_camera.look_at) - middle) < 0.2
    viewer._choose(ALL)
    assert (
        np.allclose(viewer._server.initial_camera.position, far)
        and row.grasp_id not in viewer._details.content
    )


def test_a_page_is_given_up_when_another_is_asked_for(viewer, monkeypatch):
    made, begun, go_on = [], threading.Event(), threading.Event()
    really = set_viewer.set_panel

    def slow(grasps, index):
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            go_on.wait(10)
            made.append(index)
        return really(grasps, index)

    monkeypatch.setattr(set_viewer, "set_panel", slow)
    turning = threading.Thread(target=viewer._step, args=(1,))
    turning.start()
    begun.wait(10)
    searching = threading.Timer(0.1, go_on.set)
    searching.start()
    viewer._text.value = "pen"
    turning.join(10)
    assert len(made) == 1 and len(viewer._panels) == 4 and "**4** of 22" in viewer._count.content


def test_objects_that_cannot_be_made_are_named(grasps):
    broken = {
        name: replace(row, mesh_hash="other", volume_cm3=1.0) if name.startswith("mug") else row
        for name, row in grasps.objects.items()
    }
    viewer = serve_set(replace(grasps, objects=broken, _meshes={}), port=0, block=False)
    try:
        assert "another one today" in viewer._count.content and len(viewer._panels) == 22 - 6
    finally:
        viewer.stop()


def test_ctrl_c_ends_it(grasps, monkeypatch, capfd):
    def pressed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(page_server.time, "sleep", pressed)
    viewer = serve_set(take(grasps, [0]), port=0)
    assert viewer._stopped.is_set()
    with pytest.raises(OSError):
        urllib.request.urlopen(viewer.url, timeout=2)


def test_nothing_to_show_is_an_input_error(grasps):
    with pytest.raises(InputError, match="no grasps"):
        serve_set(take(grasps, []), block=False)


@pytest.mark.parametrize("count", [1, 4, 5, 13])
def test_grid_rows_run_from_the_back_left_and_leave_the_gap(count):
    sizes = np.random.default_rng(count).uniform(0.05, 0.5, (count, 2))
    places = grid_places(sizes, columns=5, gap=0.1)
    low, high = places - sizes / 2, places + sizes / 2
    for i in range(count):
        for j in range(i):
            assert np.maximum(low[i] - high[j], low[j] - high[i]).max() >= 0.1 - 1e-9
            if i // 5 == j // 5:
                assert places[i, 0] > places[j, 0] and places[i, 1] == places[j, 1]
            else:
                assert places[i, 1] < places[j, 1]
    if count == 1:
        assert np.allclose(places, 0)


def test_a_grid_of_equal_things_is_centred_and_even():
    places = grid_places(np.full((6, 2), 0.2), columns=3, gap=0.1)
    assert np.allclose(places, [[x, y] for y in (0.15, -0.15) for x in (-0.3, 0.0, 0.3)])
    assert grid_places(np.zeros((0, 2)), columns=3, gap=0.1).shape == (0, 2)
