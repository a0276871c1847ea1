"""The README says what is true: its snippets run, its commands exist, its links lead somewhere."""

import re
from pathlib import Path

import pytest

from handhold.cli.main import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = sorted(set(re.findall(r"^handhold (\w+)", README, re.MULTILINE)))


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_runs(snippet, capsys):
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists(command, capsys):
    with pytest.raises(SystemExit) as stop:
        raise SystemExit(main([command, "--help"]))
    assert not stop.value.code
    assert command in capsys.readouterr().out


def test_there_are_snippets_and_commands():
    assert len(SNIPPETS) >= 2 and len(COMMANDS) >= 4


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))])
def test_links_lead_to_files(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert ((ROOT / page).parent / target).exists(), target


def test_the_two_lines_that_set_everything_up_are_there():
    setup = "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt "
    assert f"`{setup}. && .venv/bin/handhold demo`" in README
    assert f'`{setup}".[test]" && .venv/bin/pytest`' in README
