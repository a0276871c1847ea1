"""`handhold train contact`: the contact network, what it sees, and its validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from handhold.cli.progress import progress
from handhold.cli.train_rows import Split
from handhold.cli.train_run import Recipe, Validate
from handhold.data.contact_rows import read_bank, read_contacts, save_bank, save_contacts
from handhold.data.prepare_contacts import named_parts, prepare_contacts
from handhold.language import CausalEncoder, TextEncoder, open_encoder
from handhold.models.contact import SHIPPED, ContactNet, ReadingContactNet, load_model, load_reading_model
from handhold.models.contact.bank import TextBank, encode_sentences
from handhold.models.contact.reading import (
    ReadingContactTask,
    causal_config,
    check_width,
    trains_with_language,
)
from handhold.models.contact.rows import ContactRows
from handhold.models.contact.task import ContactTask
from handhold.models.training import TrainConfig, pick_device

if TYPE_CHECKING:
    from handhold.cli.train import Options

STEPS, BATCH, VALIDATE, MORE, THINGS = 4_500, 8, 250, 16, 1_200
VALIDATED, TOGETHER = 36, 6
"""Objects of held-out instances whose losses are looked at, and how many at a time."""


@dataclass(frozen=True)
class ContactData:
    """What the network trains on.

    Attributes:
        rows: objects, maps and sentences.
        bank: features of the sentences; None where a language model trains with the network.
        own: the first so many objects are the set's own; further ones have no grasps.
    """

    rows: ContactRows
    bank: TextBank | None
    own: int

    def to(self, device: torch.device | str) -> ContactData:
        """The same: batches are drawn on the CPU."""
        return self


def recipe_of(options: Options) -> Recipe:
    """How the options have the contact network made."""
    sizes, together = options.contact, trains_with_language(options.contact)

    def make() -> ContactNet | ReadingContactNet:
        net = ContactNet(sizes)
        language = causal_config(sizes.text)
        if not together or language is None:
            return net
        return ReadingContactNet(net, CausalEncoder.open(language, seed=options.seed))

    def config(steps: int) -> TrainConfig:
        """Of a training of so many steps."""
        return TrainConfig(
            steps=steps,
            batch=options.batch or BATCH,
            learning_rate=options.learning_rate,
            warmup=200,
            weight_decay=0.02,
            ema=0.998,
            seed=options.seed,
            validate_every=options.validate_every or VALIDATE,
            checkpoint_every=250,
            precision=options.precision,
        )

    return Recipe(
        method="contact",
        sizes=sizes,
        make=make,
        load=load_reading_model if together else load_model,
        shipped=SHIPPED,
        stages={"contact": options.contact_steps or STEPS},
        config=config,
        rows=lambda split: data_of(split, options),
        points=points_of_own,
        task=lambda stage, model, data: task_of(model, data),
        validation=lambda stage, model, data: validation_of(model, data, seed=options.seed),
    )


def data_of(split: Split, options: Options) -> ContactData:
    """A split's maps, sentences and their features, from the folder's own copies if they are of the same set."""
    more = MORE if options.more is None else options.more
    things = THINGS if options.things is None else options.things
    if split.name != "train":
        more = things = 0
    of = f"{split.of} more {more} things {things} seed {options.seed}"
    path, bank_path = (split.folder / f"{what}-{split.name}.safetensors" for what in ("contacts", "text"))
    of_bank = f"{of} text {options.contact.text}"
    together = trains_with_language(options.contact)
    bank = None if together else read_bank(bank_path, of=of_bank)
    # opened before the long work: one that cannot be had is told at once
    encoder = None if together or bank is not None else _encoder(options)
    rows = read_contacts(path, of=of)
    if rows is None:
        parts = sum(len(named_parts(category)) for category in split.grasps.values("category"))
        with progress(
            f"contact ({split.name})", split.objects + more * parts + things, quiet=split.quiet
        ) as step:
            rows = prepare_contacts(
                split.grasps,
                more=more,
                things=things,
                seed=options.seed,
                progress=lambda done, _: step(to=done),
            )
        save_contacts(rows, path, of=of)
    if encoder is not None:
        with progress(f"sentences ({split.name})", len(rows.sentences), quiet=split.quiet) as step:
            bank = encode_sentences(encoder, rows.sentences, progress=lambda done: step(to=done))
        save_bank(bank, bank_path, of=of_bank)
    return ContactData(rows, bank, split.objects)


def _encoder(options: Options) -> TextEncoder:
    encoder = open_encoder(options.contact.text, device=pick_device(options.device))
    check_width(options.contact, encoder, where="--contact.text")
    return encoder


def points_of_own(data: ContactData) -> Tensor:
    """Points (O, P, 3) of the set's own objects."""
    return data.rows.points[: data.own]


def task_of(model: Any, data: ContactData, *, augment: bool = True) -> ContactTask | ReadingContactTask:
    """What is trained: the network on features, or with the language model that gives them."""
    if data.bank is None:
        return ReadingContactTask(model, data.rows, augment=augment)
    return ContactTask(model, data.rows, data.bank, augment=augment)


def validation_of(model: Any, data: ContactData, *, seed: int) -> Validate:
    """The losses of held-out instances, each once, in hands' noise but as they are."""
    task = task_of(model, data, augment=False)
    order = task.examples.order
    rows = torch.searchsorted(order, torch.arange(min(VALIDATED, len(data.rows))))

    def validate() -> dict[str, float]:
        generator = torch.Generator().manual_seed(seed)
        sums: dict[str, float] = {}
        with torch.no_grad():
            for some in rows.split(TOGETHER):
                for name, value in task.losses(some, generator).items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(some) / len(rows)
        return sums

    return validate
