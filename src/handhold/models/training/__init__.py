"""Training, shared by all learned methods: seeded, resumable, with averaged weights and loss curves."""

from handhold.models.training.config import TrainConfig, learning_rate
from handhold.models.training.devices import has_bf16, pick_device
from handhold.models.training.task import Task, Trained, TrainingError
from handhold.models.training.trainer import train

__all__ = [
    "Task",
    "TrainConfig",
    "Trained",
    "TrainingError",
    "has_bf16",
    "learning_rate",
    "pick_device",
    "train",
]
