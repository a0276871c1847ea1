"""A page served to a browser by viser: started, announced, waited for."""

from __future__ import annotations

import contextlib
import io
import socket
import time
import webbrowser
from collections.abc import Callable
from typing import Any, Protocol

from handhold.errors import InputError
from handhold.optional import require


class Served(Protocol):
    """What is shown on a page."""

    @property
    def url(self) -> str:
        """The page's address."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


def announce(
    page: Served, *, open_browser: bool, block: bool, fill: Callable[[], None] | None = None
) -> None:
    """Tell the address, open it if wanted, fill the page, and wait, if wanted, until the user presses ctrl-c."""
    print(f"Viewer: {page.url}" + ("   (ctrl-c ends it)" if block else ""), flush=True)
    if open_browser:
        webbrowser.open(page.url)
    try:
        if fill is not None:
            fill()
        while block:
            time.sleep(3600)
    except KeyboardInterrupt:
        print()
        page.stop()
    except BaseException:
        page.stop()
        raise


def start_server(host: str, port: int) -> Any:
    """A server on exactly this port: viser alone would quietly take another."""
    viser = require("viser", extra="view")
    with socket.socket() as probe:
        try:
            if port:  # a port that was just freed may be taken again; Windows would take even one in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise InputError(
                "the viewer's port cannot be used",
                where=f"{host}:{port}",
                expected="a free port",
                got=getattr(error, "strerror", None) or error,
                remedy="Choose another port, or end the program that holds it.",
            ) from error
        port = probe.getsockname()[1]
    return quietly(lambda: viser.ViserServer(host=host, port=port, label="handhold", verbose=False))


def quietly(action):
    """Run without what viser prints: the address is told once, by us."""
    with contextlib.redirect_stdout(io.StringIO()):
        return action()


def rgb(colour: tuple[float, float, float]) -> tuple[int, int, int]:
    """A colour of parts from 0 to 1 as viser wants it."""
    red, green, blue = (round(255 * part) for part in colour)
    return red, green, blue
