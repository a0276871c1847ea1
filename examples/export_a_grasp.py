"""Take a result of `handhold refine` into Blender (GLB) and MuJoCo (MJCF).

handhold demo                       # makes handhold-demo/mug_scene.npz
python export_a_grasp.py [RESULT]
"""

import sys

from handhold.hand import Hand
from handhold.io import load_result, save_glb, save_mjcf

result = load_result(sys.argv[1] if len(sys.argv) > 1 else "handhold-demo/mug_scene.npz")
grasp = result.grasp(Hand.open(result.side))

save_glb(grasp, "grasp.glb")  # object, hand, skeleton, skin weights; soft tissue as a morph target
save_mjcf(grasp, "grasp.xml", density=700)  # convex pieces; needs: pip install 'handhold[physics]'
print("grasp.glb and grasp.xml")
