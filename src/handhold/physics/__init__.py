"""Physics: MuJoCo worlds of a hand and an object, and trials of how well the one holds the other."""

from handhold.physics.fingers import Balance, ClosingHand, SqueezeConfig, closing_hand
from handhold.physics.grasps import (
    VERDICT,
    drop_grasp,
    drop_pieces,
    free_object,
    grasp_verdict,
    six_way_grasp,
    six_way_pieces,
)
from handhold.physics.trials import (
    FREE_FALL_CM,
    DropTrial,
    SixWayConfig,
    SixWayTrial,
    obman_drop,
    six_way,
    six_way_verdict,
)
from handhold.physics.world import SimulationError

__all__ = [
    "FREE_FALL_CM",
    "VERDICT",
    "Balance",
    "ClosingHand",
    "DropTrial",
    "SimulationError",
    "SixWayConfig",
    "SixWayTrial",
    "SqueezeConfig",
    "closing_hand",
    "drop_grasp",
    "drop_pieces",
    "free_object",
    "grasp_verdict",
    "obman_drop",
    "six_way",
    "six_way_grasp",
    "six_way_pieces",
    "six_way_verdict",
]
