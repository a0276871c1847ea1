"""The bar: silent where nobody looks, drawn for what takes long, and gone at the end."""

import io
import time
from contextlib import redirect_stderr

import pytest

import handhold.cli.progress as module
from handhold.cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


def test_long_work_is_shown_even_before_the_first_thing_is_done(terminal):
    with redirect_stderr(terminal), progress("synthesizing", 5) as step:
        deadline = time.monotonic() + 5
        while "synthesizing" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "0/5" in terminal.getvalue()
        step()
        step(to=4)
        while "4/5" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert "4/5" in terminal.getvalue()


def test_short_work_and_quiet_work_are_not(terminal, monkeypatch):
    with redirect_stderr(terminal), progress("reading", 5, quiet=True) as step:
        step()
        time.sleep(0.15)
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    with redirect_stderr(terminal), progress("reading", 5) as step:
        step()
    assert "reading" not in terminal.getvalue()


def test_a_file_gets_no_bar(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    with redirect_stderr(out), progress("reading", 2) as step:
        step(to=1)
        time.sleep(0.05)
    assert out.getvalue() == ""


def test_an_error_ends_the_bar(terminal):
    with redirect_stderr(terminal), pytest.raises(KeyboardInterrupt), progress("reading", 2):
        deadline = time.monotonic() + 5
        while "reading" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
        raise KeyboardInterrupt
    shown = terminal.getvalue()
    assert "0/2" in shown
    time.sleep(0.3)
    assert terminal.getvalue() == shown


def test_without_a_terminal_there_is_a_line_now_and_then(monkeypatch):
    clock = iter(range(0, 1000, 25))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    out = io.StringIO()
    with redirect_stderr(out), progress("training", 8) as step:
        for _ in range(8):
            step()
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 and lines[0].startswith("handhold: training 3/8, about ")
    assert "min left" in lines[1]
