"""Make the weights that come with handhold, and their model card, of a folder that `handhold train choir` wrote.

    python tools/ship_choir.py RUN [--page benchmarks/choir.md]

Half precision is enough: hands differ by some hundredths of a millimetre. The card's figures are the benchmark's; run
the tool once to have weights to measure, and once more when they are measured.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from handhold.models.choir import load_model
from handhold.models.choir.load import SHIPPED

CARD = """---
license: apache-2.0
library_name: handhold
tags: [hand-object-interaction, grasp-refinement, grasp-synthesis]
---

# JointDiffusion for handhold's open hand

Says where a hand that is centimetres off was meant to hold an object, and draws hands for objects alone. Used by
`handhold refine --method choir` and `handhold synthesize --method choir`
([how](../../../../../docs/choir.md)); in Python `handhold.models.choir.shipped()`.

- **Method**: Morales, Taheri, Lacey, *A Versatile and Differentiable Hand-Object Interaction Representation* (2024),
  with the changes that [docs/choir.md](../../../../../docs/choir.md) lists. {parameters:.1f} million parameters, half
  precision.
- **Hand**: {hand} {version}, right; left hands in the mirror. It is no model for MANO's hand.
- **Data**: `sets/household`, {grasps:,} grasps of parametric household objects, made by handhold's own optimizer;
  digest `{digest}`. Nothing in it is read off captured grasps. Trained on its `train` split, disturbed
  anew in every step by `choir-level2` and `contactopt`; validated on `val`; six categories were never seen.
- **Licence**: Apache-2.0, like the code.
- **Seed** {seed}; {steps:,} steps of 64 grasps in {minutes:.0f} minutes on one core of a shared machine, made by

```
handhold train choir --data sets/household --out RUN --precision bf16
```

On held-out instances: {validation}. `curves.csv` has the losses.

## Figures

{figures}

## Limits

A hand that was nearly right is moved too: the model takes what it is given for centimetres off. Where along a long
object a hand was, and where about a round one, it cannot know, and goes to the middle of what is likely. Thin walls are
hardest. Contacts of objects over 30 cm are thinly labelled (one anchor of twenty that touches has no label). Trained on
simple household shapes; captured objects are held in more ways than these.
"""


def main() -> int:
    """Write the weights and the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--page", type=Path, default=Path("benchmarks/choir.md"))
    options = parser.parse_args()
    model = load_model(options.run / "model")
    told = json.loads((options.run / "model/training.json").read_text())
    parameters = sum(p.numel() for p in model.parameters())
    page = card(told, parameters / 1e6, options.page)
    model.half().save_pretrained(SHIPPED)
    (SHIPPED / "README.md").write_text(page)
    shutil.copy(options.run / "diffusion/curves.csv", SHIPPED / "curves.csv")
    shutil.copy(options.run / "model/training.json", SHIPPED)
    return 0


def card(told: dict, millions: float, page: Path) -> str:
    """The model card."""
    stage = told["stages"]["diffusion"]
    return CARD.format(
        parameters=millions,
        hand=told["model"]["hand"],
        version=told["model"]["hand_version"],
        grasps=told["data"]["grasps"],
        digest=told["data"]["digest"],
        seed=told["data"]["seed"],
        steps=stage["steps"],
        minutes=stage["seconds"] / 60,
        validation=", ".join(f"{name} {value:.3g}" for name, value in stage["validation"].items()),
        figures=figures(page),
    )


def figures(page: Path) -> str:
    """The refinement tables of the benchmark's page, as they are."""
    if not page.exists() or "## Refinement" not in page.read_text():
        return "Not measured yet."
    section = page.read_text().split("## Refinement")[1].split("\n## ")[0].strip()
    source = f"[benchmarks/{page.name}](../../../../../benchmarks/{page.name})"
    return f"{section}\n\nFrom {source}, which has captured grasps, synthesis and the ablation too."


if __name__ == "__main__":
    raise SystemExit(main())
