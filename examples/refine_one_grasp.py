"""Refine one grasp in Python: keypoints and a mesh in, a hand that holds out.

handhold demo                       # makes handhold-demo/mug_scene.json
python refine_one_grasp.py [SCENE]
"""

import sys

from handhold.hand import Hand
from handhold.hand.keypoints import fit_hand
from handhold.interaction.grasp import Grasp
from handhold.interaction.measures import measure
from handhold.io import load_scene, save_grasp
from handhold.methods.refine.gravity import GravityConfig, refine_gravity

scene = load_scene(sys.argv[1] if len(sys.argv) > 1 else "handhold-demo/mug_scene.json")
hand = Hand.open(scene.side)

fit = fit_hand(hand, scene.keypoints)
noisy = Grasp(
    hand,
    fit.params,
    scene.load_object(),
    scene.T_world_object,
    keypoints=scene.keypoints,
    name=scene.name,
)
(refined,) = refine_gravity([noisy], config=GravityConfig())

before, after = measure(noisy), measure(refined)
print(f"volume inside  {before.iv_cm3:6.2f} -> {after.iv_cm3:6.2f} cm3")
print(f"deepest        {before.pd_mm:6.2f} -> {after.pd_mm:6.2f} mm")
print(f"fingers        {before.fingers_in_contact:6.0f} -> {after.fingers_in_contact:6.0f}")

save_grasp(refined, "refined.npz")
vertices = refined.surface().vertices  # (V, 3) in the world frame [m], soft tissue included
print(f"{len(vertices)} hand vertices in refined.npz")
