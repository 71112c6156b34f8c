"""Writes the tiny models of this folder: what PyTorch's exporters make of a network with MobileHumanPose's shapes.

    python3 export_tiny.py        (needs torch, onnx; the files ending in -dynamo also onnxscript)

Each file is a few KB: 3x3 conv to 6 channels, PReLU with one slope a channel (some above 1, some negative),
depthwise conv, 1x1 conv to 1 channel, PReLU with one slope, bilinear x2, 1x1 conv to 21 x 32 channels.
"""

import pathlib

import onnx
import torch
from torch import nn
from torch.nn import functional as F

JOINTS, SIDE = 21, 32


class Tiny(nn.Module):
    def __init__(self, coords: bool):
        super().__init__()
        self.coords = coords
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3, 16, 1), nn.BatchNorm2d(6), nn.PReLU(6),
            nn.Conv2d(6, 6, 3, 1, 1, groups=6, bias=False), nn.PReLU(6),
            nn.Conv2d(6, 1, 1), nn.PReLU(1),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            nn.Conv2d(1, JOINTS * SIDE, 1, bias=False),
        )
        for module in self.body:
            if isinstance(module, nn.PReLU):
                module.weight.data = torch.randn(module.weight.shape)

    def forward(self, image):
        heat = self.body(image)
        return soft_argmax(heat) if self.coords else heat


def soft_argmax(heat):
    """Expected x, y, z of each joint, by marginal sums as the authors decode."""
    p = F.softmax(heat.reshape(-1, JOINTS, SIDE**3), 2).reshape(-1, JOINTS, SIDE, SIDE, SIDE)
    cells = torch.arange(SIDE, dtype=torch.float32)
    sums = [p.sum(dim=axes) for axes in ((2, 3), (2, 4), (3, 4))]
    return torch.cat([(s * cells).sum(dim=2, keepdim=True) for s in sums], dim=2)


def main():
    folder = pathlib.Path(__file__).parent
    torch.manual_seed(5)
    image = torch.randn(1, 3, 256, 256)
    volume, coords = Tiny(False).eval(), Tiny(True).eval()
    dynamic = {"dynamic_axes": {"image_in": {0: "n"}, "out": {0: "n"}}}
    for name, net, opset, more in (
        ("volume-fixed-opset11", volume, 11, {}),
        ("volume-unfolded-opset13", volume, 13, {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}),
        ("volume-opset17", volume, 17, dynamic),
        ("coords-fixed-opset12", coords, 12, {}),
        ("coords-opset17", coords, 17, dynamic),
    ):
        torch.onnx.export(net, (image,), str(folder / f"{name}.onnx"), input_names=["image_in"], output_names=["out"],
                          opset_version=opset, dynamo=False, **more)
    batch = torch.export.Dim("n", min=1, max=64)
    path = str(folder / "volume-dynamo.onnx")
    torch.onnx.export(volume, (torch.randn(2, 3, 256, 256),), path, opset_version=18,
                      dynamo=True, external_data=False, dynamic_shapes=({0: batch},), optimize=True)
    strip_traces(path)


def strip_traces(path):
    """Takes the exporter's stack traces out: they name files of the machine it ran on."""
    model = onnx.load(path)
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output, model.graph):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


if __name__ == "__main__":
    main()
