"""Make the weights that come with handhold, and their model card, of a folder that `handhold train contact` wrote.

    python tools/ship_contact.py RUN [--also MODEL ...] [--page benchmarks/language_contact.md]

MODEL are folders of further networks that are asked as well, each by the name of its folder
(`handhold.models.contact.Committee`). Half precision is enough: masks differ by less than a hundredth. The card's
figures are the benchmark's; run the tool once to have weights to measure, and once more when they are measured.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from handhold.models.contact import Committee, load_model
from handhold.models.contact.load import ALSO, SHIPPED
from handhold.models.pretrained import STATE, WEIGHTS

MOST = 20e6
"""Bytes that shipped weights may have."""
CARD = """---
license: apache-2.0
library_name: handhold
tags: [hand-object-interaction, affordance, contact]
---

# Contact from language, for handhold's open hand

Tells where a sentence has a hand touch an object: a mask on the object, one on the hand, and whether the sentence names
a part that the object has not. Used by `handhold contact`, `handhold refine --instruction` and
`handhold synthesize --instruction`; in Python `handhold.models.contact.open_teller()`.

- **Method**: GravityDB, §3.4 and §4.2: PointNet++ for object and hand, cross-attention to the text, soft masks, BCE and
  Dice. {networks} of {parameters:.1f} million parameters, half precision. Sentences are read by
  `{text}`, which is not part of these weights and was not changed.
- **Hand**: {hand} {version}, right; left hands in the mirror. It is no model for MANO's hand.
- **Data**: `sets/household`, {grasps:,} grasps of parametric household objects, made by handhold's own optimizer;
  digest `{digest}`; and further objects of its categories without grasps, which teach what parts are called. Sentences
  and wordings are handhold's own; no captured grasp and no other data set's text is in them. Trained on the `train`
  split, validated on `val`; six categories were never seen.
- **Licence**: Apache-2.0, like the code.
- **Seed** {seed}; {steps:,} steps in {minutes:.0f} minutes on two shared cores. {how}

On held-out instances: {validation}. `curves.csv` has the losses.

## Figures

{figures}

## Limits

Trained on simple household shapes and on sentences put together from frames: what is worded otherwise, or made
otherwise, is told less well. English only. The truth it learnt is the mean over some ten grasps of a kind, seen through
a window of one centimetre: masks are no sharper than that. Which of two like parts is meant (left, right) it
cannot tell.
"""


HOW = "Made by `handhold train contact --data sets/household --out RUN --precision bf16`."


def main() -> int:
    """Write the weights and the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--also", type=Path, nargs="*", default=[])
    parser.add_argument(
        "--how", default=HOW, help="how the weights were made, where it was not by the one command"
    )
    parser.add_argument("--page", type=Path, default=Path("benchmarks/language_contact.md"))
    options = parser.parse_args()
    members = {folder.name: load_model(folder) for folder in options.also}
    model = load_model(options.run / "model")
    Committee([model, *members.values()])  # refuses what does not go together
    told = json.loads((options.run / "model" / STATE).read_text())
    parameters = sum(p.numel() for p in model.parameters())
    if 2 * parameters * (1 + len(members)) > MOST:
        parser.error(
            f"{options.run}: {parameters:,} parameters are over {MOST / 1e6:.0f} MB in half precision"
        )
    page = card(told, parameters / 1e6, options.page, how=options.how, members=1 + len(members))
    shutil.rmtree(SHIPPED / ALSO, ignore_errors=True)
    for folder in options.also:
        place = SHIPPED / ALSO / folder.name
        members[folder.name].half().save_pretrained(place)
        (place / "README.md").unlink(missing_ok=True)  # the hub's template; the card tells of all
        shutil.copy(folder / STATE, place)
    model.half().save_pretrained(SHIPPED)
    (SHIPPED / "README.md").write_text(page)
    shutil.copy(options.run / "contact/curves.csv", SHIPPED / "curves.csv")
    shutil.copy(options.run / "model" / STATE, SHIPPED)
    print(f"{SHIPPED / WEIGHTS}: {(SHIPPED / WEIGHTS).stat().st_size / 1e6:.1f} MB")
    return 0


def card(told: dict, millions: float, page: Path, *, how: str, members: int) -> str:
    """The model card."""
    stage = told["stages"]["contact"]
    return CARD.format(
        parameters=millions,
        networks="One network" if members == 1 else f"The mean of the logits of {members} networks",
        text=told["model"]["text"],
        hand=told["model"]["hand"],
        version=told["model"]["hand_version"],
        grasps=told["data"]["grasps"],
        digest=told["data"]["digest"],
        seed=told["data"]["seed"],
        how=how,
        steps=stage["steps"],
        minutes=stage["seconds"] / 60,
        validation=", ".join(f"{name} {value:.3g}" for name, value in stage["validation"].items()),
        figures=figures(page),
    )


def figures(page: Path) -> str:
    """The tables of the benchmark's page, as they are."""
    if not page.exists():
        return "Not measured yet."
    text = page.read_text()
    body = text[text.index("\n## ") :].strip() if "\n## " in text else text.strip()
    return f"{body}\n\nFrom [benchmarks/{page.name}](../../../../../benchmarks/{page.name})."


if __name__ == "__main__":
    raise SystemExit(main())
