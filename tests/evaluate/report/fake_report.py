"""A report as `handhold evaluate --reference` writes it, with failures, on made-up figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from handhold.evaluate.registry import METRICS, PROTOCOLS

NASTY = "<script>alert(\"x\")</script> & 'mug' 50% #3_a"
NOT_WATERTIGHT = "the object is not watertight: 12 open edges"
FELL = "the simulation blew up at step 118 & <was stopped>"
FRAME_METRICS = tuple(m.name for p in PROTOCOLS if p.scope == "frame" for m in p.metrics)
SET_METRICS = tuple(m.name for p in PROTOCOLS if p.scope == "set" for m in p.metrics)
WHOLE = ("bones_through", "fingers_in_contact", "flipped_faces")
SCALE = {"mm": 9.0, "cm³": 3.0, "cm": 2.5, "°": 14.0, "%": 40.0}


def fake_report(count: int = 30, *, seed: int = 0) -> dict[str, Any]:
    """A report of `count` grasps; every tenth has no volume, one in fifteen no six-way trial."""
    random = np.random.default_rng(seed)
    objects = ("mug", "camera", "hammer", "wine glass", "toothpaste")
    grasps = [_grasp(k, f"{objects[k % 5]}_{k:03d}", random) for k in range(count)]
    grasps[min(3, count - 1)]["name"] = NASTY
    table = {name: _aggregate([(g[name], g["causes"].get(name)) for g in grasps]) for name in FRAME_METRICS}
    for name in SET_METRICS:
        table[name] = {"mean": 2.7, "ci": [None, None], "n": count, "failed": 0}
    return {
        "format": "handhold-report/1",
        "command": "evaluate",
        "aggregate": {name: table[name] for name in METRICS if name in table},
        "grasps": [g if g["causes"] else {k: v for k, v in g.items() if k != "causes"} for g in grasps],
        "failures": [
            {
                "name": "bad_a",
                "path": "set/bad_a.json",
                "error": "set/bad_a.json: hand.keypoints is missing.",
            },
            {
                "name": "bad_b",
                "path": "set/bad_b.json",
                "error": "set/bad_b.json: hand.keypoints is missing.",
            },
            {"name": "<b>", "path": "set/<b>.json", "error": "set/<b>.json: is no JSON; got '<html>'."},
        ],
        "provenance": {
            "handhold": "0.3.0",
            "hand_models": [{"name": "open", "version": "1.0"}],
            "protocols": ["exact", "halo-1mm", "six-way"],
            "seed": 0,
            "torch": "2.13.0",
            "python": "3.11.4",
            "platform": "Linux <x86_64>",
        },
        "notes": ["the folder's 4 scenes were passed over, for it holds results <&>"],
    }


def _grasp(k: int, name: str, random: np.random.Generator) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for metric in FRAME_METRICS:
        scale = SCALE.get(METRICS[metric].unit, 0.4)
        values[metric] = float(random.gamma(2.0, scale / 2))
        if metric in WHOLE:
            values[metric] = float(random.integers(0, 6))
    values["contact_ratio@grasptta"] = 1.0  # the same for all
    causes = {}
    if k % 10 == 7:
        causes |= dict.fromkeys((m for m in FRAME_METRICS if m.startswith("iv_cm3")), NOT_WATERTIGHT)
    if k % 15 == 4:
        causes |= dict.fromkeys((m for m in FRAME_METRICS if "six-way" in m), FELL)
    values |= dict.fromkeys(causes)
    return {"name": name, "frames": 1, **values, "causes": causes}


def _aggregate(values: list[tuple[float | None, str | None]]) -> dict[str, Any]:
    known = np.array([v for v, _ in values if v is not None])
    entry = {
        "mean": float(known.mean()) if len(known) else None,
        "ci": [float(known.mean() * 0.9), float(known.mean() * 1.12)] if len(known) > 1 else [None, None],
        "n": len(known),
        "failed": len(values) - len(known),
    }
    causes = [why for _, why in values if why]
    return entry | ({"causes": {why: causes.count(why) for why in set(causes)}} if causes else {})
