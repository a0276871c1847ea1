"""How good hands look before anything is measured."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.regions import REGIONS, region_masks
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.interaction.table import Table
from handhold.methods.synthesize.judge import SLIPS, Judge, Near


def near_template(hand, distance: Tensor) -> Near:
    """Flat hands at given distances (B, V), the object above all of them."""
    points = hand.template.expand(len(distance), -1, -1)
    return Near(points, distance, torch.tensor([0.0, 0.0, -1.0]).expand_as(points))


def test_cost_counts_depth_gaps_and_what_is_below_the_table():
    hand = Hand.open("right")
    judge = Judge(hand, torch.arange(len(hand.template)))
    distance = torch.full((4, len(hand.template)), 0.0)
    distance[1, 100] = -0.006
    distance[2] = 0.01
    near, centre = near_template(hand, distance), hand.template.mean(0)
    cost = judge.cost(near, centre=centre, table=None) - SLIPS * (1 - judge.holds(near, centre=centre))
    assert cost[0].abs() < 1e-4 and cost[1] > 4 and cost[2] == pytest.approx(0.3 * 30, rel=1e-4)
    low = float(hand.template[:, 2].min())
    table = Table((0.0, 0.0, 1.0), low + 0.005)
    sunk = judge.cost(near, centre=centre, table=table) - judge.cost(near, centre=centre, table=None)
    assert sunk[0] == pytest.approx(5.0, rel=1e-3)


def test_a_hand_holds_that_opposes_near_the_centre_of_mass():
    hand = Hand.open("right")
    masks = region_masks(hand)
    judge = Judge(hand, torch.arange(len(hand.template)))
    thumb, index = masks[REGIONS.index("thumb_distal")], masks[REGIONS.index("index_distal")]
    distance = torch.where(thumb | index, 0.0, 0.05).expand(2, -1)
    near = near_template(hand, distance)
    normal = near.normal.clone()
    normal[0, thumb] = torch.tensor([0.0, 0.0, 1.0])
    near = replace(near, normal=normal)
    middle = (hand.template[thumb].mean(0) + hand.template[index].mean(0)) / 2
    lever, opposed = judge.grip(near, centre=middle)
    assert opposed.tolist() == pytest.approx([1.0, 0.0], abs=1e-3)
    assert lever[0] < 0.005
    away = judge.grip(near, centre=middle + torch.tensor([0.0, 0.1, 0.0]))[0]
    assert away[0] == pytest.approx(0.1, abs=0.005)
    assert judge.holds(near, centre=middle).diff() < -0.1
    assert (judge.holds(near, centre=middle + 0.1) < judge.holds(near, centre=middle)).all()


def test_the_first_type_is_told_whose_rule_is_met():
    hand = Hand.open("right")
    judge, kinds = Judge(hand, torch.arange(len(hand.template))), list(GRASP_TYPES)
    masks = region_masks(hand)
    of = lambda *names: torch.stack([masks[REGIONS.index(name)] for name in names]).any(0)
    touching = torch.stack(
        (of("thumb_distal", "index_distal"), of("thumb", "index", "middle", "palm"), of("palm"))
    )
    near = near_template(hand, torch.where(touching, 0.0, 0.05))
    told = lambda *names: [kinds[k] if k >= 0 else "" for k in judge.first_met(near, names)]
    assert told("power", "pinch") == ["pinch", "power", ""]
    assert told("pinch", "power") == ["pinch", "pinch", ""]
    assert told("hook") == ["", "", ""]
