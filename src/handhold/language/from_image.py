"""A sentence out of a picture, by a vision-language model."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import urllib.error
import urllib.request
from contextlib import nullcontext
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from handhold.errors import InputError
from handhold.language.model_files import first_line, hub_or_cache, local_folder, quiet
from handhold.optional import require

PROMPT = (
    "The picture shows a hand and the object that it holds or is about to hold. Write ONE short English "
    "instruction, of at most 15 words, that says how the hand holds this object: by which part, and for what "
    'purpose. Example: "Hold the mug by its handle to drink." Answer with the instruction only.'
)
_SIDE = 1024  # pixels of the longer side: more is not needed to tell a part, and costs
_LONGEST = 200  # characters of an instruction
_ANSWER = 1 << 20  # bytes that are read of an answer


def instruction_from_image(
    image: str | Path,
    *,
    endpoint: str | None = None,
    model: str | None = None,
    api_key_env: str = "OPENAI_API_KEY",
    timeout_s: float = 60.0,
) -> str:
    """How the hand in a picture holds its object, in one sentence (GravityDB §3.4: the sentence of a test image).

    Args:
        image: a picture's file.
        endpoint: base address of an OpenAI-compatible server ("http://localhost:8000/v1"), or its
            chat/completions address. The picture is sent there.
        model: the server's name of the model; without an endpoint, the folder or hub id of a transformers
            "image-text-to-text" model, which then runs here.
        api_key_env: environment variable with the server's key; no key is sent where it is not set.
        timeout_s: how long the server may take [s].

    Raises:
        InputError: the picture cannot be read; neither endpoint nor model is given; the server cannot be
            reached, refuses, or answers with no sentence; the model cannot be opened.
        MissingExtra: transformers is needed and not installed.
    """
    picture = _picture(Path(image))
    if endpoint is not None:
        return _clean(_ask_server(picture, endpoint, model, api_key_env, timeout_s), endpoint)
    if model is not None:
        return _clean(_ask_pipeline(picture, model), model)
    raise InputError(
        "a picture gives a sentence only through a vision-language model",
        where="instruction from an image",
        expected="the address of an OpenAI-compatible server, or the folder or id of a transformers model",
        got="neither",
        remedy="Or write the instruction yourself.",
    )


def _picture(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (_SIDE, _SIDE))
            picture = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            "cannot be read as a picture",
            where=path,
            expected="a PNG, JPEG or the like",
            got=first_line(error),
        ) from error
    picture.thumbnail((_SIDE, _SIDE))
    return picture


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection would take the picture and the key to another server."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket or a port that is none
        return False


def _ask_server(
    picture: Image.Image, endpoint: str, model: str | None, key_env: str, timeout_s: float
) -> str:
    """The answer of a server to the picture and the prompt."""
    if not _is_address(endpoint):
        raise _server_error(endpoint, "not an address", expected="http://... or https://...")
    address = endpoint.rstrip("/")
    address = address if address.endswith("/chat/completions") else f"{address}/chat/completions"
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=90)
    data = base64.b64encode(held.getvalue()).decode()
    content = [
        {"type": "text", "text": PROMPT},
        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}},
    ]
    body = {"messages": [{"role": "user", "content": content}], "max_tokens": 64, "temperature": 0}
    headers = {"Content-Type": "application/json", "User-Agent": "handhold"}
    if key := os.environ.get(key_env, "").strip():
        if not (key.isascii() and key.isprintable()):  # http.client would show it in its error
            raise InputError("not a key", where=f"environment variable {key_env}", expected="printable ASCII")
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(
        address, json.dumps(body | ({"model": model} if model else {})).encode(), headers, method="POST"
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_s) as reply:
            raw = reply.read(_ANSWER)
    except urllib.error.HTTPError as error:
        told = error.read(300).decode("utf-8", "replace").strip()
        remedy = (
            f"Set the environment variable {key_env} to the server's key."
            if error.code in (401, 403)
            else None
        )
        raise _server_error(address, f"HTTP {error.code} {error.reason}: {told}", remedy=remedy) from error
    except (OSError, ValueError, HTTPException) as error:  # refused, no such host, timed out, no HTTP
        cause = getattr(error, "reason", error)
        raise _server_error(address, f"no connection ({cause})", remedy="Is the server running?") from error
    return _said(raw, address)


def _said(raw: bytes, address: str) -> str:
    """The text of a chat/completions answer."""
    try:
        said = json.loads(raw)["choices"][0]["message"]["content"]
        if isinstance(said, list):  # in parts
            said = " ".join(part.get("text", "") for part in said)
        if said is not None and not isinstance(said, str):
            raise TypeError(f"content is a {type(said).__name__}")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        got = raw[:120].decode("utf-8", "replace")
        raise _server_error(
            address, repr(got), expected="the JSON of an OpenAI chat/completions answer"
        ) from error
    return said or ""


def _server_error(
    address: str, got: str, *, expected: str | None = "a sentence", remedy: str | None = None
) -> InputError:
    what = "the vision-language server gave no instruction"
    return InputError(what, where=address, expected=expected, got=got, remedy=remedy)


def _ask_pipeline(picture: Image.Image, model: str) -> str:
    """The answer of a model that runs here."""
    library = require("transformers", extra="text")
    content = [{"type": "image", "image": picture}, {"type": "text", "text": PROMPT}]
    try:
        with quiet(), nullcontext() if local_folder(model) else hub_or_cache():
            pipe = library.pipeline("image-text-to-text", model=model)
            told = pipe(
                text=[{"role": "user", "content": content}], max_new_tokens=64, return_full_text=False
            )
        said = told[0]["generated_text"]
    except Exception as error:  # of torch, the hub, transformers, or of a file's contents
        raise InputError(
            "the vision-language model could not be used",
            where=f"model '{model}'",
            expected="the folder or hub id (fetched, or reachable) of a transformers image-text-to-text model",
            got=error.got if isinstance(error, InputError) else first_line(error),
        ) from error
    return said if isinstance(said, str) else ""


def _clean(said: str, source: str) -> str:
    """One plain line: without the model's thoughts, quotes, bullets and marks.

    Raises:
        InputError: nothing is left.
    """
    said = re.sub(r"<think>.*?(</think>|\Z)", " ", said, flags=re.DOTALL)
    lines = [
        " ".join("".join(c if c.isprintable() else " " for c in line).split()) for line in said.splitlines()
    ]
    for line in lines:
        line = re.sub(r"^[\s\-•*#>`\"'“”‘’]*(?:(?:instruction|answer)\s*:)?", "", line, flags=re.IGNORECASE)
        line = line.strip(" *`\"'“”‘’")
        if re.search(r"\w", line):
            return line if len(line) <= _LONGEST else line[: _LONGEST + 1].rsplit(" ", 1)[0][:_LONGEST]
    raise InputError(
        "the vision-language model answered with no sentence",
        where=source,
        expected="one sentence",
        got=repr(said[:80]),
    )
