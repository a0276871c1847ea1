"""Training, shared by all learned methods: seeded, resumable, with averaged weights and loss curves."""

from handhold.models.training.config import TrainConfig, learning_rate
from handhold.models.training.devices import pick_device
from handhold.models.training.task import Task, Trained, TrainingError
from handhold.models.training.trainer import train

__all__ = ["Task", "TrainConfig", "Trained", "TrainingError", "learning_rate", "pick_device", "train"]
