"""Export: metadata, agreement, refusals, and checkpoints of the authors' kind."""

import json

import numpy as np
import pytest
import torch

from mhp_train import checkpoint, decode, export, network, onnx_metadata, skeleton

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def scrambled(net, seed=0):
    """Random but harmless batch-norm statistics and slopes, some above 1, so that folding is really tested."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator) * 0.2)
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
        if isinstance(module, torch.nn.PReLU):
            module.weight.data = torch.rand(module.weight.shape, generator=generator) * 1.2
    return net.eval()


def official_checkpoint(path, net, prefix="module.backbone."):
    """The authors' format: key `network`, DataParallel's and the wrapper's prefixes."""
    torch.save({"epoch": 24, "network": {prefix + name: tensor for name, tensor in net.state_dict().items()}}, path)


@pytest.mark.parametrize("head, normalize", [("coords", "graph"), ("heatmap", "outside")])
def test_export_agrees_and_describes_itself(tmp_path, head, normalize):
    torch.manual_seed(0)
    path = tmp_path / "xs.onnx"
    worst = export.export(export.Options(head=head, normalize=normalize, input_px=128), path)
    assert max(worst.values()) <= 1e-3
    opened = session(path)
    entries = opened.get_modelmeta().custom_metadata_map
    assert [o.name for o in opened.get_outputs()] == (["coords", "score", "plane", "depth"] if head == "coords" else ["heatmap"])
    assert entries["mhp.trained"] == "false" and entries["mhp.checkpoint_sha256"] == "" and entries["mhp.training_data"] == ""
    assert json.loads(entries["mhp.joints"]) == list(skeleton.load("muco21").joints)
    assert json.loads(entries["mhp.parents"]) == list(skeleton.load("muco21").parents)
    assert entries["mhp.input_mean"] == ("0,0,0" if normalize == "graph" else "0.485,0.456,0.406")
    assert (entries["mhp.heatmap_width"], entries["mhp.depth_bins"], entries["mhp.parameters"]) == ("16", "32", "974913")


def test_normalisation_in_the_graph_equals_outside(tmp_path):
    torch.manual_seed(0)
    net = scrambled(network.build("xs", 21))
    checkpoint.save(tmp_path / "c.ckpt", {"network": net.state_dict(), "config": "x = 1"})
    outputs = []
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, 128, 128)).astype(np.float32)
    mean, std = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (export.MEAN, export.STD))
    for kind, fed in (("graph", image), ("outside", (image - mean) / std)):
        path = tmp_path / f"{kind}.onnx"
        export.export(export.Options(checkpoint=tmp_path / "c.ckpt", normalize=kind, input_px=128), path)
        outputs.append(session(path).run(None, {"image": fed})[0])
    assert np.abs(outputs[0] - outputs[1]).max() < 1e-3
    entries = session(tmp_path / "graph.onnx").get_modelmeta().custom_metadata_map
    assert entries["mhp.trained"] == "true" and entries["mhp.training_config"] == "x = 1" and len(entries["mhp.checkpoint_sha256"]) == 64


@pytest.mark.parametrize("prefix", ["module.backbone.", "backbone.", "module."])
def test_official_checkpoints_load(tmp_path, prefix):
    net = scrambled(network.build("xs", 18, "channel"))
    official_checkpoint(tmp_path / "snapshot.pth.tar", net, prefix)
    path = tmp_path / "official.onnx"
    export.export(export.Options(checkpoint=tmp_path / "snapshot.pth.tar", joints="h36m18", head="heatmap", normalize="outside", input_px=128), path)
    image = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        volume = net(image).numpy()
    opened = session(path)
    assert np.abs(opened.run(None, {"image": image.numpy()})[0] - volume).max() <= 1e-4 * np.abs(volume).max()
    assert opened.get_modelmeta().custom_metadata_map["mhp.prelu"] == "channel"


def test_names_that_do_not_fit_are_listed_and_nothing_is_written(tmp_path):
    net = network.build("xs", 18, "channel")
    state = {f"module.backbone.{name}": tensor for name, tensor in net.state_dict().items()}
    state["module.backbone.extra.weight"] = state.pop("module.backbone.deconv1.0.weight")
    torch.save({"network": state}, tmp_path / "bad.pth.tar")
    with pytest.raises(checkpoint.CheckpointError) as caught:
        export.export(export.Options(checkpoint=tmp_path / "bad.pth.tar", joints="h36m18"), tmp_path / "out.onnx")
    assert "missing: deconv1.0.weight" in str(caught.value) and "unknown: extra.weight" in str(caught.value)
    assert not (tmp_path / "out.onnx").exists()


def test_wrong_joint_count_is_named(tmp_path):
    official_checkpoint(tmp_path / "a.pth.tar", network.build("xs", 18, "channel"))
    with pytest.raises(checkpoint.CheckpointError, match=r"shape: final_layer.weight is \[576, 256, 1, 1\], the network wants \[672"):
        export.export(export.Options(checkpoint=tmp_path / "a.pth.tar"), tmp_path / "out.onnx")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_files_that_are_no_checkpoints(tmp_path, content):
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(checkpoint.CheckpointError, match="x.ckpt"):
        checkpoint.load(tmp_path / "x.ckpt")
    with pytest.raises(checkpoint.CheckpointError, match="no such"):
        checkpoint.load(tmp_path / "absent.ckpt")


def test_disagreement_fails_and_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "out.onnx").write_bytes(b"old")
    monkeypatch.setattr(export, "COORDS_LIMIT_CELLS", 0.0)
    with pytest.raises(export.ExportError, match="differ at batch 1"):
        export.export(export.Options(input_px=64), tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("wrong", [{"variant": "m"}, {"head": "both"}, {"joints": "coco"}, {"input_px": 100}, {"normalize": "no"}])
def test_options_are_checked(tmp_path, wrong):
    with pytest.raises(export.ExportError, match=str(next(iter(wrong.values())))):
        export.export(export.Options(**wrong), tmp_path / "out.onnx")


def test_layer_slopes_become_leaky_relu_and_batch_norm_is_gone():
    inference = export.folded(scrambled(network.build("xs", 21)))
    kinds = {type(module) for module in inference.modules()}
    assert torch.nn.LeakyReLU in kinds and not kinds & {torch.nn.BatchNorm2d, torch.nn.PReLU, network.LayerPReLU}


def test_varints_and_long_values():
    assert onnx_metadata.varint(0) == b"\x00" and onnx_metadata.varint(300) == b"\xac\x02"
    assert onnx_metadata.append(b"", {"k": "v"}) == b"\x72\x06\x0a\x01k\x12\x01v"


def test_exported_outputs_are_those_of_the_volume(tmp_path):
    torch.manual_seed(2)
    net = scrambled(network.build("xs", 21))
    checkpoint.save(tmp_path / "c.ckpt", {"network": net.state_dict()})
    export.export(export.Options(checkpoint=tmp_path / "c.ckpt", normalize="outside", input_px=64), tmp_path / "m.onnx")
    image = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    outputs = session(tmp_path / "m.onnx").run(["coords", "score", "plane", "depth"], {"image": image.numpy()})
    with torch.no_grad():
        expected = decode.soft_argmax(net(image), 21)
    for output, value, limit in zip(outputs, expected, (1e-3, 1e-5, 1e-5, 1e-5)):
        assert output.shape == value.shape and np.abs(output - value.numpy()).max() < limit
