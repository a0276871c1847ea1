import pytest
import torch
import trimesh

from handhold.geometry.grid_distance import GridDistance
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.models.grasp_rows import GraspRows, ObjectRows
from handhold.objects import ObjectMesh


@pytest.fixture(scope="session")
def rows() -> GraspRows:
    """Five hands around a box that its mirror image does not cover."""
    solid = trimesh.creation.box((0.03, 0.05, 0.09))
    solid.apply_translation((0.02, 0.01, 0.0))
    mesh = ObjectMesh.from_arrays(solid.vertices, solid.faces, name="box")
    sample = mesh.sample(256, torch.Generator().manual_seed(0))
    objects = ObjectRows(
        sample.points.float()[None],
        sample.normals.float()[None],
        GridDistance.stack([mesh.grid(resolution=32)]),
        0.01 * torch.randn(1, 8, 3, generator=torch.Generator().manual_seed(3)),
        ("box",),
    )
    hand, generator = Hand.open("right"), torch.Generator().manual_seed(1)
    turns = torch.linalg.qr(torch.randn(5, 3, 3, generator=generator))[0]
    turns = turns * torch.linalg.det(turns)[:, None, None]
    state = HandState(
        turns, 0.1 * torch.randn(5, 3, generator=generator), torch.zeros(5, 15, 3), hand.zeros(5).betas
    )
    return GraspRows(
        hands=state,
        mirrored=torch.tensor([False, True, False, True, False]),
        object=torch.zeros(5, dtype=torch.long),
        type=torch.arange(5),
        part=torch.tensor([-1, 0, 0, -1, 0]),
        places=torch.randint(256, (5, 3), generator=generator),
        objects=objects,
    )
