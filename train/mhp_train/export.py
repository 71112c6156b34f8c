"""A network as ONNX: batch norm folded, soft-argmax inside, metadata beside, proven against ONNX Runtime.

    checkpoint -> network -> folded network -> Exportable (normalise, volume, soft-argmax) -> ONNX + metadata -> check -> file

Works with torch 1.13 and current torch; writing needs no `onnx` package, checking needs `onnxruntime`.
"""

from __future__ import annotations

import copy
import io
import json
import os
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from . import checkpoint, decode, onnx_metadata, skeleton
from .network import VARIANTS, InvertedResidual, MobileHumanPose, build, parameter_count

OPSET = 13
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CHECK_BATCHES = (1, 4)
COORDS_LIMIT_CELLS = 1e-3
VOLUME_LIMIT = 1e-4  # of the volume's largest value
UNTRAINED_LICENCE = "MIT"
JOINT_DEFINITION = ("anatomical joint centres; Pelvis = middle of the hips; Thorax = base of the neck; Hand = knuckle of the "
                    "middle finger; Toe = tip of the toes; Head = centre of the head; Head_top = crown")
HEADS, NORMALIZE_KINDS = ("coords", "heatmap"), ("graph", "outside")


class ExportError(Exception):
    """The export failed; nothing was written."""


@dataclass(frozen=True)
class Options:
    """What to export.  `input_px`: side of the square crop; `accuracy`: figure name -> text."""

    variant: str = "xs"
    checkpoint: Path | None = None
    head: str = "coords"
    joints: str = "muco21"
    prelu: str | None = None
    normalize: str = "graph"
    input_px: int = 256
    name: str = ""
    training_data: str = ""
    licence: str = ""
    accuracy: dict[str, str] = field(default_factory=dict)
    score_curve: tuple[float, float] | None = None  # slope, offset: see mhp_train.score_curve
    score_curve_merged: tuple[float, float] | None = None  # the same of several looks merged

    def validate(self) -> None:
        for value, allowed, flag in ((self.variant, VARIANTS, "--variant"), (self.head, HEADS, "--head"),
                                     (self.normalize, NORMALIZE_KINDS, "--normalize")):
            if value not in allowed:
                raise ExportError(f"{flag} {value}: not one of {', '.join(allowed)}")
        if self.joints not in skeleton.NAMES:
            raise ExportError(f"--joints {self.joints}: not one of {', '.join(skeleton.NAMES)}")
        stride = VARIANTS[self.variant].stride
        if self.input_px <= 0 or self.input_px % stride:
            raise ExportError(f"--input-size {self.input_px}: must be a positive multiple of {stride} for {self.variant}")


class Exportable(nn.Module):
    """image [N,3,H,W] -> coords [N,J,3], score [N,J] and the marginals plane [N,J,H/c*W/c], depth [N,J,D], from which several looks are merged
    one, or the heat volume [N,J*D,H/c,W/c]."""

    def __init__(self, network: nn.Module, mean: torch.Tensor, joints: int, depth_bins: int, cells: int, head: str):
        super().__init__()
        self.network, self.joints, self.head = network, joints, head
        self.register_buffer("mean", mean.reshape(1, 3, 1, 1))
        self.centred = bool(mean.any())
        self.depth_bins, self.cells = depth_bins, cells * cells
        y, x = torch.meshgrid(torch.arange(float(cells)), torch.arange(float(cells)), indexing="ij")
        self.register_buffer("places", torch.stack([x, y], dim=-1).reshape(-1, 2))
        self.register_buffer("bins", torch.arange(float(depth_bins)).reshape(-1, 1))

    def forward(self, image: torch.Tensor):
        volume = self.network(image - self.mean if self.centred else image)
        if self.head == "heatmap":
            return volume
        volume = volume.reshape(-1, self.joints, self.depth_bins, self.cells)
        # Largest value subtracted, so the peak's weight is 1 and its probability is 1 / sum.
        weight = torch.exp(volume - volume.amax(dim=(2, 3), keepdim=True))
        plane, depth = weight.sum(dim=2), weight.sum(dim=3)
        score = 1 / depth.sum(dim=2)
        plane, depth = plane * score[..., None], depth * score[..., None]
        return torch.cat([torch.matmul(plane, self.places), torch.matmul(depth, self.bins)], dim=2), score, plane, depth


def folded(network: MobileHumanPose) -> MobileHumanPose:
    """Copy for inference: batch norm folded into the convolutions, slopes per layer as LeakyReLU."""
    result = copy.deepcopy(network).eval()
    for module in list(result.modules()):
        if isinstance(module, (nn.Sequential, InvertedResidual)):
            fold_children(module)
    return result


def fold_children(module: nn.Module) -> None:
    """Fold each BatchNorm2d child into the Conv2d before it; replace one-slope PReLU."""
    previous = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            fold_batch_norm(previous, child)
            setattr(module, name, nn.Identity())
        elif isinstance(child, nn.PReLU) and child.weight.numel() == 1:
            setattr(module, name, nn.LeakyReLU(child.weight.item()))
        previous = child if isinstance(child, nn.Conv2d) else previous


@torch.no_grad()
def fold_batch_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """conv <- norm(conv(x)), computed in float64."""
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = conv.bias.double() if conv.bias is not None else torch.zeros_like(scale)
    conv.weight.copy_(conv.weight.double() * scale.reshape(-1, 1, 1, 1))
    conv.bias = nn.Parameter((norm.bias.double() + (bias - norm.running_mean.double()) * scale).float())


@torch.no_grad()
def fold_deviation(network: MobileHumanPose) -> None:
    """Divide the folded stem's weights by the deviation.  The mean stays outside: the stem pads with zeros after it."""
    conv = network.first_conv[0]
    conv.weight.copy_(conv.weight.double() / torch.tensor(STD).double().reshape(1, 3, 1, 1))


def exportable(network: MobileHumanPose, options: Options) -> Exportable:
    """The folded network with the options' head and normalisation, ready for tracing."""
    inference = folded(network)
    variant = network.variant
    mean = torch.zeros(3)
    if options.normalize == "graph":
        fold_deviation(inference)
        mean = torch.tensor(MEAN)
    return Exportable(inference, mean, network.joints, variant.depth_bins, options.input_px // variant.cell_px, options.head).eval()


def metadata(network: MobileHumanPose, options: Options, state: dict | None) -> dict[str, str]:
    """Everything that the program checks before it runs the file, as strings."""
    variant, joints = network.variant, skeleton.load(options.joints)
    in_graph = options.normalize == "graph"
    cells = options.input_px // variant.cell_px
    entries = {
        "format": 1, "name": options.name or f"mhp-{variant.name}", "variant": variant.name, "joint_set": options.joints,
        "joints": json.dumps(joints.joints), "parents": json.dumps(joints.parents),
        "input_width_px": options.input_px, "input_height_px": options.input_px,
        "heatmap_width": cells, "heatmap_height": cells, "depth_bins": variant.depth_bins,
        "depth_min_mm": int(decode.DEPTH_MIN_MM), "depth_max_mm": int(decode.DEPTH_MAX_MM),
        "color_order": "rgb", "input_scale": 1, "input_mean": joined((0, 0, 0) if in_graph else MEAN),
        "input_std": joined((1, 1, 1) if in_graph else STD),
        "head": options.head, "depth_axis": "crop" if state and checkpoint.is_ours(state) else "camera", "prelu": network.prelu_kind, "trained": "true" if state else "false",
        "training_data": options.training_data, "accuracy": json.dumps(options.accuracy),
        "parameters": parameter_count(network),
        "checkpoint_sha256": checkpoint.sha256(options.checkpoint) if options.checkpoint else "",
        "licence": options.licence or UNTRAINED_LICENCE,
        "joint_definition": JOINT_DEFINITION, "training_config": (state or {}).get("config", ""),
    }
    if options.score_curve:
        entries["score_logit"] = joined(options.score_curve)
    if options.score_curve_merged:
        entries["score_logit_merged"] = joined(options.score_curve_merged)
    return {f"mhp.{key}": str(value) for key, value in entries.items()}


def joined(numbers) -> str:
    """Numbers separated by commas, as the metadata holds them."""
    return ",".join(str(number) for number in numbers)


def load_network(options: Options) -> tuple[MobileHumanPose, dict | None]:
    """The network with the checkpoint's weights (random without one), and the checkpoint."""
    joints = len(skeleton.load(options.joints).joints)
    if options.checkpoint is None:
        return build(options.variant, joints, options.prelu or "layer").eval(), None
    state = checkpoint.load(options.checkpoint)
    named = checkpoint.weights(state)
    network = build(options.variant, joints, options.prelu or checkpoint.prelu_kind(named))
    checkpoint.load_weights(network, named, str(options.checkpoint))
    return network.eval(), state


def to_onnx(module: Exportable, input_px: int) -> bytes:
    """Serialised ONNX model with a dynamic batch."""
    names = ["coords", "score", "plane", "depth"] if module.head == "coords" else ["heatmap"]
    arguments = dict(
        input_names=["image"], output_names=names, opset_version=OPSET,
        dynamic_axes={name: {0: "batch"} for name in ["image", *names]})
    if not torch.__version__.startswith("1."):
        arguments["dynamo"] = False
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.zeros(1, 3, input_px, input_px),), buffer, **arguments)
    return buffer.getvalue()


def check(model: bytes, network: MobileHumanPose, options: Options) -> dict[str, float]:
    """Worst difference between ONNX Runtime on `model` and torch on the unfolded network; ExportError past the limits."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ExportError("onnxruntime is not installed, so the export cannot be proven; pip install 'onnxruntime>=1.24'") from error
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(model, session_options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(7)
    worst: dict[str, float] = {}
    for batch in CHECK_BATCHES:
        image = torch.rand(batch, 3, options.input_px, options.input_px, generator=generator) * 255
        normalised = (image - torch.tensor(MEAN).reshape(1, 3, 1, 1)) / torch.tensor(STD).reshape(1, 3, 1, 1)
        with torch.no_grad():
            volume = network(normalised)
        fed = image if options.normalize == "graph" else normalised
        outputs = [torch.from_numpy(array) for array in session.run(None, {"image": fed.numpy()})]
        for figure, value, limit in differences(outputs, volume, network.joints, options.head):
            worst[figure] = max(worst.get(figure, 0.0), value)
            if not value <= limit:
                raise ExportError(f"ONNX Runtime and torch differ at batch {batch}: {figure} {value:.3g}, limit {limit:g}; nothing written")
    return worst


def differences(outputs, volume: torch.Tensor, joints: int, head: str) -> list[tuple[str, float, float]]:
    """(figure, value, limit) of one batch."""
    coords, score, plane, depth = decode.soft_argmax(volume, joints)
    if head == "heatmap":
        relative = (outputs[0] - volume).abs().max() / volume.abs().max()
        decoded, *_ = decode.soft_argmax(outputs[0], joints)
        return [("volume, of its largest value", float(relative), VOLUME_LIMIT),
                ("coords, cells", float((decoded - coords).abs().max()), COORDS_LIMIT_CELLS)]
    return [("coords, cells", float((outputs[0] - coords).abs().max()), COORDS_LIMIT_CELLS),
            *((name, float((output - value).abs().max()), COORDS_LIMIT_CELLS)
              for name, output, value in zip(("score", "plane", "depth"), outputs[1:], (score, plane, depth)))]


def write_atomically(path: Path, content: bytes) -> None:
    """Write through a temporary file in the same folder, so that no half-written model is ever seen."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def export(options: Options, output: Path) -> dict[str, float]:
    """Write the network to `output`; returns the measured differences.  Nothing is written unless they pass."""
    options.validate()
    network, state = load_network(options)
    model = to_onnx(exportable(network, options), options.input_px)
    model = onnx_metadata.append(model, metadata(network, options, state))
    worst = check(model, network, options)
    write_atomically(output, model)
    return worst
