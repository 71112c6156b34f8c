"""What a checkpoint file may hold; the same with torch 1.13, whose own safe reader lacks floats, and with current ones."""

import os

import pytest
import torch

from mhp_train import checkpoint


class Command:
    """Unpickled as it asks to be, it runs a command."""

    def __reduce__(self):
        return os.mkdir, (self.folder,)

    def __init__(self, folder):
        self.folder = str(folder)


@pytest.mark.parametrize("zipped", [True, False])
def test_plain_data_comes_back(tmp_path, zipped):
    path = tmp_path / "a.ckpt"
    network = {"a": torch.ones(2).half(), "b": torch.ones(3).bfloat16(), "c": torch.arange(3, dtype=torch.uint8)}
    torch.save({"network": network, "rate": 2.5, "names": ["x", None, True]}, path, _use_new_zipfile_serialization=zipped)
    state = checkpoint.load(path)
    assert state["rate"] == 2.5 and state["names"] == ["x", None, True]
    for name, tensor in network.items():
        assert state["network"][name].dtype == tensor.dtype and torch.equal(state["network"][name], tensor)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_would_run_something_is_refused(tmp_path, zipped):
    path, folder = tmp_path / "a.ckpt", tmp_path / "made"
    torch.save({"network": Command(folder)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(checkpoint.CheckpointError, match="a.ckpt: not a torch checkpoint of plain tensors"):
        checkpoint.load(path)
    assert not folder.exists()


def test_blending_moves_the_average_only(tmp_path):
    ends = []
    for number, value in enumerate((1.0, 3.0)):
        weights = {"a": torch.full((2, 2), value), "steps": torch.tensor(7)}
        ends.append(tmp_path / f"{number}.ckpt")
        checkpoint.save(ends[-1], {"network": weights, "ema": weights, "step": number, "config": f"of {number}"})
    checkpoint.blend(*ends, 0.25, tmp_path / "out.ckpt")
    state = checkpoint.load(tmp_path / "out.ckpt")
    assert torch.equal(state["ema"]["a"], torch.full((2, 2), 1.5)) and state["ema"]["steps"] == 7
    assert torch.equal(state["network"]["a"], torch.ones(2, 2)) and state["step"] == 0 and state["config"] == "of 0"
    checkpoint.blend(*ends, 1.0, tmp_path / "both.ckpt")
    state = checkpoint.load(tmp_path / "both.ckpt")
    assert torch.equal(state["ema"]["a"], torch.full((2, 2), 3.0)) and state["config"] == "of 1", "what is exported is told of"
    assert torch.equal(state["network"]["a"], torch.ones(2, 2)) and state["step"] == 0
