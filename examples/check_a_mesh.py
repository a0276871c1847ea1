"""Ask the mesh doctor about a mesh: what was wrong, what was mended, what remains.

python check_a_mesh.py MESH [m|mm|cm|in]
"""

import sys

from handhold.objects import ObjectMesh

path = sys.argv[1] if len(sys.argv) > 1 else "handhold-demo/mug.obj"
mesh = ObjectMesh.load(path, units=sys.argv[2] if len(sys.argv) > 2 else "m")

for finding in mesh.report.findings:
    print(f"{finding.action:8} {finding.message}")
print("size [cm]   ", (100 * mesh.extents).round(2))
print("watertight  ", mesh.is_watertight)
print("volume [cm3]", "none" if mesh.volume_m3 is None else round(1e6 * mesh.volume_m3, 2))

signed = mesh.distance.query(mesh.vertices.mean(0, keepdims=True)).distance[0]
print(f"its middle is {abs(1000 * signed):.1f} mm {'inside' if signed < 0 else 'outside'}")
