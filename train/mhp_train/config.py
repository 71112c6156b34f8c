"""One TOML file a run, as frozen dataclasses; unknown keys fail.  `--key=value` overrides: `--optimiser.peak_lr=0.001`."""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from dataclasses import dataclass
from pathlib import Path

from .dataset import Source
from .losses import Weights


@dataclass(frozen=True)
class Phase:
    """From the end of the phase before until `until` (part of the schedule, 0..1): crops of `input_px`, `batch` at a time."""

    until: float
    input_px: int
    batch: int


@dataclass(frozen=True)
class Optimiser:
    """`kind` adamw or muon (see `optimisers`), with a linear warm-up to `peak_lr` over `warmup` of the schedule, which is kept until `hold` of it,
    and a cosine from there to `final_lr`.  A run that will go on later holds long: what was learnt before the ending is where it goes on from."""

    kind: str = "adamw"
    muon_rate: float = 1.0
    peak_lr: float = 2e-3
    final_lr: float = 1e-5
    warmup: float = 0.03
    hold: float = 0.0
    weight_decay: float = 0.01
    clip_norm: float = 5.0
    ema_decay: float = 0.999


@dataclass(frozen=True)
class Front:
    """Once batch norm keeps its statistics, the stem and the first `blocks` blocks learn from this `part` of each batch, the others from all
    of it: they work on the largest maps."""

    blocks: int = 0
    part: float = 1.0


@dataclass(frozen=True)
class Run:
    """Everything a run depends on.  `minutes`: planned length in training time over all sessions; schedule and phases span the minutes
    from `from_minute`, where a run that goes on after its planned end begins a new schedule;
    `processes`: data-parallel ones, each with `threads` threads and its part of the batch;
    `freeze_norm`: part of the schedule after which batch norm keeps its statistics."""

    name: str
    minutes: float
    sources: tuple[Source, ...]
    phases: tuple[Phase, ...]
    variant: str = "xs"
    joints: str = "muco21"
    prelu: str = "layer"
    seed: int = 1
    optimiser: Optimiser = Optimiser()
    loss: Weights = Weights()
    front: Front = Front()
    from_minute: float = 0.0
    freeze_norm: float = 1.0
    bf16: bool = False
    processes: int = 1
    threads: int = 2
    checkpoint_minutes: float = 3.0
    log_steps: int = 20


class ConfigError(Exception):
    """A configuration that cannot be used."""


def parse(text: str, overrides: list[str] = ()) -> Run:
    """The run that `text` (TOML) describes, after overrides of the form `section.key=TOML value`."""
    try:
        table = tomllib.loads(text)
        for override in overrides:
            override_key(table, override)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}") from error
    return build(Run, table, "")


def override_key(table: dict, override: str) -> None:
    """Set one dotted key of a parsed TOML table."""
    key, separator, value = override.removeprefix("--").partition("=")
    if not separator:
        raise ConfigError(f"override {override!r} is not of the form --section.key=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *sections, last = key.split(".")
    for section in sections:
        table = table.setdefault(section, {})
    table[last] = parsed


def build(kind, table, where: str):
    """A dataclass (nested, in tuples) from plain values; ConfigError names a key that is unknown, missing or of a wrong type."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        unknown = sorted(set(table) - set(hints))
        if unknown:
            raise ConfigError(f"{where or 'top level'}: unknown keys {', '.join(unknown)}; known are {', '.join(hints)}")
        try:
            return kind(**{key: build(hints[key], value, f"{where}{key}.") for key, value in table.items()})
        except TypeError as error:
            raise ConfigError(f"{where or 'top level'}: {error}") from error
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(build(inner, value, f"{where}{index}.") for index, value in enumerate(table))
    if kind is float and isinstance(table, int) and not isinstance(table, bool):
        return float(table)
    if kind is Path:
        return Path(table)
    if not isinstance(table, kind):
        raise ConfigError(f"{where.rstrip('.')}: {table!r} is not a {kind.__name__}")
    return table
