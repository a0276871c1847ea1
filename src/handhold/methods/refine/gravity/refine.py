"""The front of the gravity refiner."""

from __future__ import annotations

import torch

from handhold.hand.kinematics import forward, place, surface_points
from handhold.interaction.contact import given_contacts
from handhold.interaction.flesh import bone_of_skin, flesh_points
from handhold.interaction.grasp import Grasp
from handhold.interaction.rows import Rows
from handhold.interaction.soft_contact import yield_to
from handhold.methods.refine.gravity.bring import bring, on_the_way
from handhold.methods.refine.gravity.choose import best_of_starts
from handhold.methods.refine.gravity.config import GravityConfig
from handhold.methods.refine.gravity.coupled import aim_at
from handhold.methods.refine.gravity.sde_config import SdeConfig


def refine_gravity(
    grasps: list[Grasp],
    *,
    config: GravityConfig = GravityConfig(),
    generator: torch.Generator | None = None,
) -> list[Grasp]:
    """Mend grasps: fingers that nearly touch do, nothing cuts in, joints stay within their limits.

    Args:
        grasps: single grasps and motions in any mixture, of one hand model; all are solved as one batch, those with
            contact masks apart from those without. Where masks are given they say where the hand belongs, and a hand
            that is far from there is taken there first (`GravityConfig.bring`).
        config: settings.
        generator: source of randomness; without one, torch's own.

    Returns:
        As many grasps, with refined parameters and soft-tissue offsets, in the world frame.

    Raises:
        InputError: no grasps, different hand models, or masks that do not fit their grasp.
    """
    rows = Rows.from_grasps(grasps, field=config.field)
    known = [given_contacts([grasp])[0] is not None for grasp in grasps]
    if any(known) and not all(known):
        found: dict[int, Grasp] = {}
        for kind in (True, False):
            own = [k for k, one in enumerate(known) if one == kind]
            few = refine_gravity([grasps[k] for k in own], config=config, generator=generator)
            found |= dict(zip(own, few, strict=True))
        return [found[k] for k in range(len(grasps))]
    given = given_contacts(grasps)
    with torch.no_grad():
        if config.bring and all(known):
            aim = aim_at(rows, config, given=given)
            rows = bring(rows, config, aim=aim, group=_group(grasps), generator=generator)
        if config.solver == "sde":
            from handhold.methods.refine.gravity.sde import solve_sde

            result = solve_sde(rows, config.sde or SdeConfig.metres(), given=given, generator=generator)
            return rows.to_grasps(grasps, result.state, result.offsets)
        aim = aim_at(rows, config, given=given)
        if aim.given:
            aim = on_the_way(rows, aim, _group(grasps))
        state = best_of_starts(rows, config, aim=aim, generator=generator)
        offsets = None
        if config.soft is not None:
            pose, hand = forward(rows.hand, state), rows.hand
            skin = place(pose, surface_points(hand, state.betas))
            flesh = place(pose, flesh_points(hand, state.betas))[:, bone_of_skin(hand)]
            offsets = yield_to(rows, skin, flesh=flesh if config.walls else None, config=config.soft)
    return rows.to_grasps(grasps, state, offsets)


def _group(grasps: list[Grasp]) -> torch.Tensor:
    """Which grasp each row is of, (B,)."""
    frames = [grasp.params.transl.reshape(-1, 3).shape[0] for grasp in grasps]
    return torch.arange(len(grasps)).repeat_interleave(torch.tensor(frames))
