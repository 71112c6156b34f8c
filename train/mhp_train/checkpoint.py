"""Checkpoint files: our own (resumable) and the authors' (weights only)."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from .network import MobileHumanPose

FORMAT = 1
OFFICIAL_PREFIXES = ("module.", "backbone.")


class CheckpointError(Exception):
    """A checkpoint that cannot be used; the text names the file, what is wrong and what to do."""


class PlainUnpickler(pickle.Unpickler):
    """Reads tensors and plain containers and refuses to import anything else."""

    ALLOWED = frozenset({
        ("collections", "OrderedDict"), ("torch", "Size"),
        ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter"),
    })

    def find_class(self, module: str, name: str) -> Any:
        """The class or function `module.name`, if it is on the list."""
        if (module, name) in self.ALLOWED or (module == "torch" and name.endswith("Storage")):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no plain data")


def load_plain(path: Path) -> Any:
    """What `torch.save` wrote to `path`, on the CPU; a file that holds more than plain data raises."""
    if not torch.__version__.startswith("1."):
        return torch.load(path, map_location="cpu", weights_only=True)
    # torch 1.13: its weights_only cannot read a float, and it forgets the pickle_module that it is given.
    plain = SimpleNamespace(
        __name__="pickle", Unpickler=PlainUnpickler, UnpicklingError=pickle.UnpicklingError,
        load=lambda file, **options: PlainUnpickler(file, **options).load())
    with mock.patch.object(torch.serialization, "pickle", plain):
        return torch.load(path, map_location="cpu")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings, lists, dicts) to `path`, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    torch.save({"mhp_format": FORMAT, **state}, partial)
    os.replace(partial, path)


def load(path: Path) -> dict[str, Any]:
    """Contents of a checkpoint file on the CPU; only plain data is unpickled."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint file; give the path of a .ckpt or .pth.tar file")
    try:
        state = load_plain(path)
    except Exception as error:  # torch raises many kinds, all meaning the same to the caller
        raise CheckpointError(f"{path}: not a torch checkpoint of plain tensors ({error})") from error
    if not isinstance(state, dict) or "network" not in state:
        raise CheckpointError(f"{path}: has no key `network`; expected a checkpoint of mhp_train or of the authors")
    return state


def is_ours(state: dict[str, Any]) -> bool:
    """Whether `load` read a checkpoint that this package wrote."""
    return "mhp_format" in state


def weights(state: dict[str, Any], average: bool = True) -> dict[str, torch.Tensor]:
    """Float32 network weights by the names of `network.MobileHumanPose`.

    Ours: the moving average if `average` and present.  The authors': names stripped of DataParallel's and the wrapper's prefixes.
    """
    if is_ours(state):
        chosen = state["ema"] if average and state.get("ema") else state["network"]
    else:
        chosen = {strip_prefixes(name): tensor for name, tensor in state["network"].items()}
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in chosen.items()}


def strip_prefixes(name: str) -> str:
    """`module.backbone.first_conv.0.weight` -> `first_conv.0.weight`, with or without either prefix."""
    for prefix in OFFICIAL_PREFIXES:
        while name.startswith(prefix):
            name = name[len(prefix):]
    return name


def prelu_kind(named: dict[str, torch.Tensor]) -> str:
    """`layer` or `channel`, by the size of the stem's slope."""
    slope = named.get("first_conv.2.weight")
    return "layer" if slope is not None and slope.numel() == 1 else "channel"


def load_weights(network: MobileHumanPose, named: dict[str, torch.Tensor], source: str) -> None:
    """Copy `named` into `network`; raises CheckpointError listing every name or shape that does not fit."""
    own = network.state_dict()
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    problems = [f"missing: {name} {list(own[name].shape)}" for name in own if name not in named and name not in counters]
    for name, tensor in named.items():
        if name not in own:
            problems.append(f"unknown: {name} {list(tensor.shape)}")
        elif tensor.shape != own[name].shape:
            problems.append(f"shape: {name} is {list(tensor.shape)}, the network wants {list(own[name].shape)}")
    if problems:
        listing = "\n  ".join(problems)
        raise CheckpointError(
            f"{source}: {len(problems)} names do not fit {network.variant.name} with {network.joints} joints; "
            f"check --variant, --joints and --prelu\n  {listing}")
    network.load_state_dict(named, strict=False)


def pack(source: Path, target: Path) -> None:
    """A small copy that training can go on from: matrices in float16, their moments in bfloat16, vectors as they are.

    Second moments need bfloat16's range, and so do some batch-norm statistics, which are vectors; float16's finer steps suit weights.
    """
    state = load(source)
    for key in ("network", "ema"):
        state[key] = {name: tensor.half() if tensor.dim() > 1 else tensor for name, tensor in state[key].items()}
    for optimiser in state["optimiser"]:
        optimiser["state"] = {
            index: {name: value.bfloat16() if torch.is_tensor(value) and value.dim() > 1 else value for name, value in entry.items()}
            for index, entry in optimiser["state"].items()}
    save(target, state)


def blend(source: Path, earlier: Path, part: float, target: Path) -> None:
    """`source` with its moving average moved by `part` towards that of an `earlier` end of the run, for use: the mean of two ends errs less
    than either (Wortsman et al., "Model soups", ICML 2022).  What training goes on from stays; the configuration is that of the larger part
    of the mean, which the exported file tells of."""
    state, other = load(source), load(earlier)
    now, before = weights(state), weights(other)
    if part > 0.5:
        state["config"] = other["config"]
    state["ema"] = {name: torch.lerp(tensor.float(), before[name].float(), part) if tensor.is_floating_point() else tensor
                    for name, tensor in now.items()}
    save(target, state)


def sha256(path: Path) -> str:
    """SHA-256 of the file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
