"""`handhold data view`: what is drawn, counted, written and refused."""

import json
from html.parser import HTMLParser

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from grasp_set_examples import write_set
from PIL import Image

from handhold import optional
from handhold.cli import data_view
from handhold.cli.main import main
from handhold.errors import MissingExtra


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("view") / "set")


@pytest.fixture
def undrawn(monkeypatch):
    """No pictures: a sheet's panels and title are noted."""
    noted = []

    def sheet(panels, **told):
        noted.append((panels, told["title"]))
        return Image.new("RGB", (1, 1))

    monkeypatch.setattr("handhold.view.sheet.sheet_image", sheet)
    return noted


def view(folder, *more) -> int:
    return main(["data", "view", str(folder), *map(str, more)])


def test_a_contact_sheet_with_counts(folder, tmp_path, capsys):
    assert view(folder, "--count", 3, "--save", tmp_path / "a.png", "--json", tmp_path / "a.json") == 0
    picture = np.asarray(Image.open(tmp_path / "a.png"))
    assert picture.shape[1] > 3 * data_view.CELL[0] and picture.std() > 5
    told = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert told["command"] == "data view" and told["grasps"] == 22
    assert told["splits"] == {"test_category": 4, "train": 12, "val": 6}
    assert told["categories"]["cube"] == {
        "objects": 2,
        "grasps": 12,
        "still_held": 4,
        "types": {"power": 6, "pinch": 6},
    }
    assert [grasp["category"] for grasp in told["drawn"]] == ["cube", "mug", "pen"]
    text = capsys.readouterr().out
    for said in ("power 6, pinch 6", "33%", "test_category 4", "22 of 22 grasps match", "a.png"):
        assert said in text


def test_captions_title_and_order(folder, tmp_path, undrawn):
    assert (
        view(folder, "--category", "mug", "pen", "--type", "power", "writing", "--save", tmp_path / "a.png")
        == 0
    )
    ((panels, title),) = undrawn
    assert [p.name for p in panels] == ["mug · power · handle"] * 2 + ["pen · writing · grip"] * 2
    first = dict(panels[0].figures)
    assert (first["purpose"], first["hand"], first["held"]) == ("drink", "right", "held still")
    assert first["grasp"] == "000002-000"
    assert title == "4 grasps of mug, pen; power, writing"


def test_the_seed_gives_the_draw(folder, tmp_path, undrawn):
    for seed in (0, 0, 1):
        assert view(folder, "--count", 5, "--seed", seed, "--save", tmp_path / "a.png") == 0
    drawn = [[dict(p.figures)["grasp"] for p in panels] for panels, _ in undrawn]
    assert drawn[0] == drawn[1] != drawn[2] and all(len(names) == 5 for names in drawn)
    assert undrawn[2][1] == "22 grasps, of which 5 are drawn (seed 1)"


def test_one_of_each_type(folder, tmp_path, undrawn):
    assert view(folder, "--one-each", "type", "--save", tmp_path / "a.png") == 0
    names = [panel.name.split(" · ")[1] for panel in undrawn[0][0]]
    assert names == ["hook", "pinch", "power", "sphere", "tripod", "writing"]


def test_only_those_a_still_hand_holds(folder, tmp_path, undrawn):
    assert view(folder, "--still-held", "--save", tmp_path / "a.png", "--json", tmp_path / "a.json") == 0
    drawn = json.loads((tmp_path / "a.json").read_text("utf-8"))["drawn"]
    assert len(drawn) == 6 and all(grasp["still_held"] for grasp in drawn)
    assert "held by a still hand" in undrawn[0][1]


def test_a_page(folder, tmp_path):
    class Reader(HTMLParser):
        tags, text = [], ""

        def handle_starttag(self, tag, attrs):
            self.tags.append((tag, dict(attrs)))

        def handle_data(self, data):
            self.text += data

    assert view(folder, "--part", "handle", "--count", 2, "--save", tmp_path / "a.html") == 0
    reader = Reader()
    reader.feed((tmp_path / "a.html").read_text("utf-8"))
    pictures = [attrs["src"] for tag, attrs in reader.tags if tag == "img"]
    assert len(pictures) == 2 and all(src.startswith("data:image/png;base64,") for src in pictures)
    assert "drink: a <power> | grasp" in reader.text and "0.25 cm³" in reader.text  # escaped, and whole
    assert not {"script", "power"} & {tag for tag, _ in reader.tags}


def test_without_save_it_is_served(folder, monkeypatch):
    pytest.importorskip("viser")
    served = []
    monkeypatch.setattr(
        "handhold.view.set_viewer.serve_set", lambda grasps, **options: served.append((grasps, options))
    )
    assert view(folder, "--side", "left", "--seed", 7, "--port", 9123) == 0
    ((grasps, options),) = served
    assert set(grasps.table["side"].to_pylist()) == {"left"}
    assert options == {"seed": 7, "port": 9123, "host": "127.0.0.1", "open_browser": False}


def test_a_set_that_is_being_made(tmp_path, capfd, undrawn):
    folder = write_set(tmp_path / "set", joined=False)
    assert view(folder, "--save", tmp_path / "a.png") == 0
    out, err = capfd.readouterr()
    assert "still being made" in err and "22 grasps of 5 objects so far" in err and "22 of 22" in out


def test_objects_that_are_others_today_are_named(folder, tmp_path, capfd, undrawn, monkeypatch):
    from handhold.data import grasp_set

    really = grasp_set.make

    def other(category, **dimensions):
        return really(category, **({**dimensions, "radius": 0.045} if category == "mug" else dimensions))

    monkeypatch.setattr(grasp_set, "make", other)
    assert view(folder, "--count", 3, "--save", tmp_path / "a.png") == 2
    assert "mug-000002: its mesh is another one today" in capfd.readouterr().err
    assert [panel.name.split(" · ")[0] for panel in undrawn[0][0]] == ["cube", "pen"]
    assert view(folder, "--category", "mug", "--save", tmp_path / "b.png") == 2
    assert capfd.readouterr().err.count("\n") == 1 and not (tmp_path / "b.png").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--category", "elephant"), "expected cube, mug, pen"),
        (("--category", "pen", "--part", "rim"), "category pen has this part; expected barrel, grip"),
        (("--category", "pen", "--still-held"), "stands still"),
        (("--save", "a.jpg"), ".png or .html"),
        (("--save", "missing/a.png"), "a.png"),
        (("--count", 0), "--count"),
        (("--count", 201), "--count"),
        (("--seed", -1), "--seed"),
    ],
)
def test_what_is_refused(folder, tmp_path, complaint, monkeypatch, more, said):
    monkeypatch.chdir(tmp_path)
    if "--save" not in more:
        more = (*more, "--save", "a.png")
    assert view(folder, *more) == 2
    assert said in complaint() and not list(tmp_path.iterdir())


def test_folders_that_are_no_set(tmp_path, complaint):
    assert view(tmp_path / "none", "--save", tmp_path / "a.png") == 2
    assert "no such folder" in complaint()
    assert view(tmp_path, "--save", tmp_path / "a.png") == 2
    assert "handhold data make" in complaint()


@pytest.mark.parametrize(("package", "extra"), [("pyarrow", "data"), ("viser", "view")])
def test_missing_packages_are_named(folder, complaint, monkeypatch, package, extra):
    really = optional.require

    def lacking(name, *, extra):
        if name == package:
            raise MissingExtra(f"pip install 'handhold[{extra}]'")
        return really(name, extra=extra)

    monkeypatch.setattr(optional, "require", lacking)
    assert view(folder) == 2
    assert f"handhold[{extra}]" in complaint()
