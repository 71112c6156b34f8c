"""The detector's weights: from a checkpoint of its own, or its encoder from a pose network's."""
from __future__ import annotations

from pathlib import Path

import torch

from mhp_train import checkpoint
from .network import Detector

ENCODER = ("first_conv.", "inv_residual.")


def load_weights(network: Detector, named: dict[str, torch.Tensor], source: str) -> None:
    """Copy `named` into `network`; CheckpointError says what does not fit."""
    try:
        network.load_state_dict(named)
    except RuntimeError as error:
        raise checkpoint.CheckpointError(f"{source}: is no checkpoint of this detector ({error})") from error


def take_encoder(network: Detector, path: Path) -> None:
    """Copy stem and blocks from the pose checkpoint `path` (its moving average); they must fit exactly."""
    named = {name: tensor for name, tensor in checkpoint.weights(checkpoint.load(path)).items() if name.startswith(ENCODER)}
    own = network.state_dict()
    wanted = {name for name in own if name.startswith(ENCODER)}
    wrong = [name for name in wanted if name not in named or named[name].shape != own[name].shape]
    if wrong or set(named) != wanted:
        raise checkpoint.CheckpointError(f"{path}: its encoder is not that of an XS with one slope a layer; give a checkpoint of train/runs/xs.toml")
    own.update(named)
    network.load_state_dict(own)


def from_checkpoint(path: Path) -> tuple[Detector, dict]:
    """The detector with the moving average of its weights, for inference, and the checkpoint."""
    state = checkpoint.load(path)
    network = Detector()
    load_weights(network, checkpoint.weights(state), str(path))
    return network.eval(), state
