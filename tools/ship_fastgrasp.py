"""Make the weights that come with handhold, and their model card, of a folder that `handhold train fastgrasp` wrote.

    python tools/ship_fastgrasp.py RUN [--page benchmarks/fastgrasp.md]

Half precision is enough: hands differ by some hundredths of a millimetre. The card's figures are the benchmark's; run
the tool once to have weights to measure, and once more when they are measured.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from handhold.models.fastgrasp import load_model
from handhold.models.fastgrasp.load import SHIPPED

STAGES = ("ae", "diffusion", "adapt")
CARD = """---
license: apache-2.0
library_name: handhold
tags: [hand-object-interaction, grasp-synthesis]
---

# FastGrasp for handhold's open hand

Draws grasps of any object that fits a hand, from its signed distances around the place where the thumb is to
touch. Used by `handhold synthesize` ([how](../../../../../docs/synthesize.md)); in Python
`handhold.models.fastgrasp.shipped()`.

- **Method**: Wu, Liu, Li, Ma, Shi, He, *FastGrasp: Efficient Grasp Synthesis with Diffusion* (2024), with the
  changes that [docs/train.md](../../../../../docs/train.md) lists. {parameters:.1f} million parameters, half precision.
- **Hand**: {hand} {version}, right; left hands in the mirror. It is no model for MANO's hand.
- **Data**: `sets/household`, {grasps:,} grasps of parametric household objects, made by handhold's own optimizer;
  digest `{digest}`. Nothing in it is read off captured grasps. Trained on its `train` split;
  validated on `val`; six categories were never seen.
- **Licence**: Apache-2.0, like the code.
- **Seed** {seed}; made by

```
handhold train fastgrasp --data sets/household --out RUN {options}
```

on one core of a shared machine, beside other work. `training.json` has the losses and validations, `*_curves.csv` the
curves.

| stage | steps | seconds | on held-out instances |
|---|---|---|---|
{stages}

Of 144 hands on 12 validation objects, at places and with hand shapes of the set, 16 steps, distances by grids.

## Figures

{figures}

## Limits

Trained on household objects of simple shapes: on what is very unlike them hands may cut in or miss; thin walls and
what is heavy are hardest. Objects too small or too large for a hand are refused. A grasp type or part is a wish: what
does not meet it is refused, not bent to it.
"""
OPTIONS = "--ae-steps {ae} --diffusion-steps {diffusion} --adapt-steps {adapt}"


def main() -> int:
    """Write the weights and the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--page", type=Path, default=Path("benchmarks/fastgrasp.md"))
    options = parser.parse_args()
    model, told = (
        load_model(options.run / "model"),
        json.loads((options.run / "model/training.json").read_text()),
    )
    if missing := [stage for stage in STAGES if stage not in told["stages"]]:
        print(f"{options.run}: not trained yet: {', '.join(missing)}", file=sys.stderr)
        return 2
    parameters = sum(p.numel() for p in model.parameters())
    page = card(told, parameters / 1e6, options.page)
    model.half().save_pretrained(SHIPPED)
    (SHIPPED / "README.md").write_text(page)
    for stage in STAGES:
        shutil.copy(options.run / stage / "curves.csv", SHIPPED / f"{stage}_curves.csv")
    shutil.copy(options.run / "model/training.json", SHIPPED)
    return 0


def card(told: dict, millions: float, page: Path) -> str:
    """The model card."""
    steps = {stage: own["steps"] for stage, own in told["stages"].items()}
    rows = [
        f"| {stage} | {own['steps']:,} | {own['seconds']:,.0f} | "
        + ", ".join(f"{name} {value:.3g}" for name, value in own["validation"].items())
        + " |"
        for stage, own in told["stages"].items()
    ]
    return CARD.format(
        parameters=millions,
        hand=told["model"]["hand"],
        version=told["model"]["hand_version"],
        grasps=told["data"]["grasps"],
        digest=told["data"]["digest"],
        seed=told["data"]["seed"],
        options=OPTIONS.format(**steps),
        stages="\n".join(rows),
        figures=figures(page),
    )


def figures(page: Path) -> str:
    """The table of the benchmark's page, as it is."""
    if not page.exists():
        return "Not measured yet."
    section = page.read_text().split("## Figures to reach")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    source = f"[benchmarks/{page.name}](../../../../../benchmarks/{page.name})"
    return "\n".join(table) + f"\n\nFrom {source}, whose words say what is counted."


if __name__ == "__main__":
    raise SystemExit(main())
