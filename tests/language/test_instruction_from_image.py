"""A sentence out of a picture: a server of the test's own, and a pipeline that only pretends."""

import base64
import io
import json
import socket
import sys
import threading
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from PIL import Image

from handhold.errors import InputError, MissingExtra
from handhold.language import from_image, instruction_from_image

SAID = "Hold the mug by its handle to drink."


def answer(said) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "hand.png"
    Image.new("RGBA", (1500, 300), (200, 30, 40, 255)).save(path)
    return path


@pytest.fixture
def server():
    """A chat/completions server; `reply` is what it says next, `asked` what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append((self.path, dict(self.headers), json.loads(raw)))
            self.send_response(server.status)
            if server.status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(server.reply)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.reply, server.asked = 200, answer(SAID), []
    server.address = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_is_shown_the_picture_and_gives_the_sentence(server, picture, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    assert instruction_from_image(picture, endpoint=server.address, model="some-vlm") == SAID
    path, headers, body = server.asked[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer s3cret" and headers["Content-Type"] == "application/json"
    assert body["model"] == "some-vlm"
    text, shown = body["messages"][0]["content"]
    assert "instruction" in text["text"]
    head, _, data = shown["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert sent.size == (1024, 205)  # no more than is needed
        assert all(abs(a - b) < 8 for a, b in zip(sent.getpixel((5, 5)), (200, 30, 40)))


def test_a_full_address_and_a_server_without_key_or_model(server, picture):
    assert instruction_from_image(picture, endpoint=f"{server.address}/chat/completions/") == SAID
    path, headers, body = server.asked[0]
    assert path == "/v1/chat/completions" and "Authorization" not in headers and "model" not in body


@pytest.mark.parametrize(
    "said, wanted",
    [
        (f'"{SAID}"\n', SAID),
        (f"  “{SAID}”", SAID),
        (f"**Instruction:** {SAID}\n\nThe handle is free.", SAID),
        (f"```\n{SAID}\n```", SAID),
        (f"<think>It is\na mug.</think>\n{SAID}", SAID),
        ("Hold\x07 the \t mug", "Hold the mug"),
        ("- Hold the 'ear' of the mug", "Hold the 'ear' of the mug"),
        ([{"type": "text", "text": SAID}], SAID),
        ("hold " * 100, " ".join(["hold"] * 40)),
        ("x" * 500, "x" * 200),
    ],
)
def test_an_answer_becomes_one_plain_line(server, picture, said, wanted):
    server.reply = answer(said)
    assert instruction_from_image(picture, endpoint=server.address) == wanted


@pytest.mark.parametrize("said", ["", "  \n", None, '""', "...", "<think>the mug"])
def test_an_empty_answer_is_an_error(server, picture, said):
    server.reply = answer(said)
    with pytest.raises(InputError, match="no sentence"):
        instruction_from_image(picture, endpoint=server.address)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": 3}]}',
        b"\xff\xfe",
        answer(7),
        answer([3]),
    ],
)
def test_garbage_is_an_error(server, picture, reply):
    server.reply = reply
    with pytest.raises(InputError, match="gave no instruction") as told:
        instruction_from_image(picture, endpoint=server.address)
    assert server.address in str(told.value)


@pytest.mark.parametrize("status", [500, 404, 401, 302])
def test_a_refusal_is_an_error_without_the_key(server, picture, monkeypatch, status):
    monkeypatch.setenv("MY_KEY", "s3cret")
    server.status, server.reply = status, b"no such model"
    with pytest.raises(InputError, match=f"HTTP {status}.*no such model") as told:
        instruction_from_image(picture, endpoint=server.address, api_key_env="MY_KEY")
    assert "s3cret" not in str(told.value) and ("MY_KEY" in str(told.value)) == (status == 401)
    assert len(server.asked) == 1  # a redirection is not followed


def test_a_server_that_is_not_there_is_an_error(server, picture):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as gone:
        address = f"http://127.0.0.1:{gone.server_port}/v1"
    with pytest.raises(InputError, match=r"no connection.*Is the server running\?"):
        instruction_from_image(picture, endpoint=address)


def test_a_key_that_cannot_be_sent_is_not_shown(server, picture, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret\nHost: x")
    with pytest.raises(InputError, match="OPENAI_API_KEY: not a key") as told:
        instruction_from_image(picture, endpoint=server.address)
    assert "s3cret" not in str(told.value) and not server.asked


def test_what_speaks_no_http_is_an_error(picture):
    with socket.create_server(("127.0.0.1", 0)) as other:

        def speak():
            connection, _ = other.accept()
            with connection:
                connection.recv(1 << 20)
                connection.sendall(b"SSH-2.0-hello\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(InputError, match="no connection"):
            instruction_from_image(picture, endpoint=f"http://127.0.0.1:{other.getsockname()[1]}")
        thread.join()


def test_a_server_that_takes_too_long_is_an_error(picture):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(InputError, match="timed out"):
            instruction_from_image(picture, endpoint=address, timeout_s=0.1)


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "localhost:8000", "", "http://", "http://[", "http://h:x"]
)
def test_what_is_no_address_is_refused(picture, address):
    with pytest.raises(InputError, match="gave no instruction"):
        instruction_from_image(picture, endpoint=address)


@pytest.mark.parametrize("damage", ["missing", "text", "cut", "folder"])
def test_a_picture_that_cannot_be_read_is_refused(picture, damage, server):
    raw = picture.read_bytes()
    picture.unlink()
    if damage == "text":
        picture.write_text("a mug")
    elif damage == "cut":
        picture.write_bytes(raw[: len(raw) // 2])
    elif damage == "folder":
        picture.mkdir()
    with pytest.raises(InputError, match="cannot be read as a picture") as told:
        instruction_from_image(picture, endpoint=server.address)
    assert picture.name in str(told.value) and not server.asked


def test_neither_server_nor_model_is_refused(picture):
    with pytest.raises(InputError, match="got neither"):
        instruction_from_image(picture)


def test_a_model_that_runs_here_gives_the_sentence(picture, monkeypatch):
    monkeypatch.setattr(from_image, "hub_or_cache", nullcontext)  # nothing is asked of the hub
    seen = {}

    def pipeline(task, *, model):
        seen.update(task=task, model=model)

        def run(*, text, **settings):
            seen.update(content=text[0]["content"], settings=settings)
            return [{"input_text": text, "generated_text": f'"{SAID}"\n'}]

        return run

    monkeypatch.setattr(from_image, "require", lambda name, *, extra: SimpleNamespace(pipeline=pipeline))
    assert instruction_from_image(picture, model="some/vlm") == SAID
    assert (seen["task"], seen["model"]) == ("image-text-to-text", "some/vlm")
    assert seen["content"][0]["image"].mode == "RGB" and "instruction" in seen["content"][1]["text"]
    assert seen["settings"]["return_full_text"] is False


@pytest.mark.parametrize(
    "answer, words", [([{"generated_text": " "}], "no sentence"), ([], "could not be used")]
)
def test_a_model_that_says_nothing_is_an_error(picture, monkeypatch, answer, words):
    said = SimpleNamespace(pipeline=lambda *_, **__: lambda **_: answer)
    monkeypatch.setattr(from_image, "hub_or_cache", nullcontext)
    monkeypatch.setattr(from_image, "require", lambda name, *, extra: said)
    with pytest.raises(InputError, match=words):
        instruction_from_image(picture, model="some/vlm")


def test_a_model_that_is_not_here_is_refused_offline(picture, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="no-such-vlm"):
        instruction_from_image(picture, model="someone/no-such-vlm")


def test_a_folder_that_is_not_there_is_refused_in_one_sentence(picture, tmp_path):
    with pytest.raises(InputError, match="got no such folder") as refused:
        instruction_from_image(picture, model=str(tmp_path / "none" / "here"))
    assert "MiniLM" not in str(refused.value)


def test_a_hub_that_does_not_answer_costs_one_try(picture, monkeypatch):
    import huggingface_hub

    tries = []

    class Dead:
        def head(self, address, *, timeout):
            tries.append(address)
            raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.utils, "get_session", Dead)
    with pytest.raises(InputError, match="no-such-vlm"):
        instruction_from_image(picture, model="someone/no-such-vlm")
    assert len(tries) == 1 and not huggingface_hub.constants.HF_HUB_OFFLINE


def test_a_missing_package_names_the_extra(picture, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"handhold\[text\]"):
        instruction_from_image(picture, model="some/vlm")
