from __future__ import annotations

import base64
import re
import socket
import time
import urllib.request
from dataclasses import replace

import pytest

pytest.importorskip("viser")

from handhold.errors import InputError
from handhold.view.viewer import save_html, serve


def seconds(page) -> float:
    """How long the page plays."""
    import msgspec
    import zstandard

    packed = re.search(r'__VISER_EMBED_DATA__="([^"]+)"', page.read_text(encoding="utf-8"))[1]
    inner = zstandard.ZstdDecompressor().decompressobj().decompress(base64.b64decode(packed)[8:])
    header = msgspec.msgpack.decode(inner[8 : 8 + int.from_bytes(inner[:8], "little")])
    return header["durationSeconds"]


def test_page_is_served_controls_work_and_the_port_is_freed(cutting, touching, motion, capfd):
    viewer = serve([(cutting, replace(touching, name="after")), motion], port=0, block=False)
    port = int(viewer.url.rsplit(":", 1)[1])
    try:
        assert capfd.readouterr().out.strip() == f"Viewer: {viewer.url}"
        page = urllib.request.urlopen(viewer.url, timeout=10)
        assert page.status == 200 and b"<html" in page.read().lower()
        drawing = viewer._drawing
        assert "/cut" not in drawing._overlays
        viewer._set_stage(False)
        assert "/cut" in drawing._overlays and "before" in viewer._text.content
        viewer._cut.value = False
        viewer._through.value = True
        assert "/cut" not in drawing._overlays and drawing._object.opacity < 1
        viewer._scene.value = "2. reach"
        viewer._joints.value = True
        assert viewer._drawing._overlays.keys() == {"/joints", "/bones"}
        viewer._play.value = True
        deadline = time.monotonic() + 10
        while viewer._frame.value == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert viewer._frame.value > 0
        with pytest.raises(InputError, match="port"):
            serve([touching], port=port, block=False)
    finally:
        viewer.stop()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_ctrl_c_ends_it(touching, monkeypatch, capfd):
    def pressed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("handhold.view.page_server.time.sleep", pressed)
    viewer = serve([touching], port=0)
    assert viewer._stopped.is_set()
    with pytest.raises(OSError):
        urllib.request.urlopen(viewer.url, timeout=2)


@pytest.mark.parametrize("port", [-1, 70000])
def test_a_port_that_cannot_be_is_an_input_error(touching, port):
    with pytest.raises(InputError, match="port"):
        serve([touching], port=port, block=False)


def test_nothing_to_show_is_an_input_error():
    with pytest.raises(InputError, match="no scenes"):
        serve([], block=False)


def test_html_page_stands_alone(tmp_path, cutting, motion):
    save_html(cutting, tmp_path / "grasp.html")
    save_html(motion, tmp_path / "motion.html")
    grasp, film = (tmp_path / name for name in ("grasp.html", "motion.html"))
    text = grasp.read_text(encoding="utf-8")
    assert "__VISER_EMBED_DATA__" in text
    assert 'src="http' not in text and 'href="http' not in text
    assert seconds(grasp) == 0.0 and seconds(film) == pytest.approx(6 / 30)
    with pytest.raises(InputError):
        save_html(cutting, tmp_path / "missing" / "x.html")
