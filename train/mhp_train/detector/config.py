"""One TOML file a run, read as in `mhp_train.config`."""
from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from mhp_train.config import ConfigError, Optimiser, build, override_key
from .losses import Weights


@dataclass(frozen=True)
class Phase:
    """From the end of the phase before until `until` (part of the run, 0..1): pictures of `input_px`, `batch` at a time,
    the stem and the first `frozen_blocks` blocks of the encoder unchanged."""

    until: float
    input_px: int
    batch: int
    frozen_blocks: int = 0


@dataclass(frozen=True)
class Sources:
    """Folders and shares of the kinds of pictures: rendered crowds, photographs with one labelled person (`trust`: see
    `dataset.Picture`), views without people, then `more` folders of shards with everybody's boxes."""

    crowds: Path
    photographs: Path
    panoramas: Path
    more: tuple[Path, ...] = ()
    shares: tuple[float, ...] = (0.5, 0.35, 0.15)
    trust: float = 0.4


@dataclass(frozen=True)
class Run:
    """Everything a run depends on.  `encoder`: pose checkpoint whose encoder a new run starts from (empty: random weights);
    the rest as in `mhp_train.config.Run`."""

    name: str
    minutes: float
    sources: Sources
    phases: tuple[Phase, ...]
    encoder: str = ""
    seed: int = 1
    optimiser: Optimiser = Optimiser()
    loss: Weights = Weights()
    from_minute: float = 0.0
    freeze_norm: float = 1.0
    bf16: bool = False
    processes: int = 1
    threads: int = 1
    checkpoint_minutes: float = 3.0
    log_steps: int = 20


def parse(text: str, overrides: list[str] = ()) -> Run:
    """The run that `text` (TOML) describes, after overrides of the form `section.key=TOML value`."""
    try:
        table = tomllib.loads(text)
        for override in overrides:
            override_key(table, override)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}") from error
    run = build(Run, table, "")
    if len(run.sources.shares) != 3 + len(run.sources.more):
        raise ConfigError("sources.shares: wants a number for each of crowds, photographs, panoramas and more")
    return run
