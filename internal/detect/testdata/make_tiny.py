"""Writes the tiny detectors (1 to 5 KB each) that the Go tests run.

    python3 internal/detect/testdata/make_tiny.py      needs the package "onnx"

They find what is bright: the cells of grids with strides of 8, 16 and 32 px, 84 of them in an input of 64 x 64 px, each
scoring the mean of its red channel. Only the form of the outputs differs, each that of another project's exports.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
SIDE_PX, STRIDES = 64, (8, 16, 32)
F, I = TensorProto.FLOAT, TensorProto.INT64


def cells():
    """[84, 3]: column, row, stride."""
    return np.array([(x, y, s) for s in STRIDES for y in range(SIDE_PX // s) for x in range(SIDE_PX // s)], np.float32)


def corners():
    x, y, s = cells().T
    return np.stack([x * s, y * s, (x + 1) * s, (y + 1) * s], 1)


def centres():
    x, y, s = cells().T
    return np.stack([(x + 0.5) * s, (y + 0.5) * s, s, s], 1)


M = len(cells())


class Graph:
    """Nodes and weights, with the score [N,84] of every cell to begin with."""

    def __init__(self, scale):
        self.nodes, self.weights = [], []
        self.const("red", np.array([[[[scale]], [[0.0]], [[0.0]]]], np.float32))
        self.node("Conv", ["image", "red"], "grey")
        flat = []
        for s in STRIDES:
            self.node("AveragePool", ["grey"], f"pool{s}", kernel_shape=[s, s], strides=[s, s])
            self.node("Flatten", [f"pool{s}"], f"flat{s}", axis=1)
            flat.append(f"flat{s}")
        self.node("Concat", flat, "score", axis=1)

    def const(self, name, value):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind, inputs, output, **attributes):
        outputs = output if isinstance(output, list) else [output]
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return output

    def column(self):
        """score as [N,84,1]"""
        return self.node("Unsqueeze", ["score", self.const("last", np.array([2], np.int64))], "column")

    def rows(self, values, name):
        """values [84,K] for every picture: [N,84,K]"""
        zero = self.node("Mul", ["column", self.const(name + "_nil", np.zeros((1, 1, values.shape[1]), np.float32))], name + "_zero")
        return self.node("Add", [zero, self.const(name + "_values", values[None])], name)

    def save(self, file, outputs, meta=None, batch=1):
        ports = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs]
        image = helper.make_tensor_value_info("image", F, [batch, 3, SIDE_PX, SIDE_PX])
        graph = helper.make_graph(self.nodes, "tiny", [image], ports, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        for key, value in (meta or {}).items():
            entry = model.metadata_props.add()
            entry.key, entry.value = "mhp." + key, value
        onnx.checker.check_model(model)
        onnx.save(model, HERE / file)
        print(f"{file}: {(HERE / file).stat().st_size} bytes")


def ours():
    g = Graph(1 / 255)
    g.column()
    g.rows(corners(), "boxes")
    g.node("Identity", ["score"], "scores")
    meta = {
        "format": "1", "kind": "detector", "name": "bright", "input_width_px": str(SIDE_PX), "input_height_px": str(SIDE_PX),
        "color_order": "rgb", "input_scale": "1", "input_mean": "0,0,0", "input_std": "1,1,1", "score_threshold": "0.6", "nms_iou": "0.3",
        "letterbox": "topleft", "letterbox_grey": "0", "trained": "true", "training_data": "none", "licence": "MIT", "accuracy": "{}",
        "parameters": "3",
    }
    g.save("mhp.onnx", [("boxes", F, ["N", M, 4]), ("scores", F, ["N", M])], meta, batch="N")


def yolox():
    g = Graph(1 / 255)
    g.column()
    g.rows(np.tile(np.array([[0.5, 0.5, 0, 0]], np.float32), (M, 1)), "cell")
    g.rows(np.tile(np.array([[1, 0]], np.float32), (M, 1)), "classes")
    g.node("Concat", ["cell", "column", "classes"], "output", axis=2)
    g.save("yolox.onnx", [("output", F, [1, M, 7])])


def yolov5():
    g = Graph(1)
    g.column()
    g.rows(centres(), "box")
    g.rows(np.tile(np.array([[1, 0.1]], np.float32), (M, 1)), "classes")
    g.node("Concat", ["box", "column", "classes"], "anchor", axis=2)
    g.node("Concat", ["anchor"] * 3, "output0", axis=1)
    g.save("yolov5.onnx", [("output0", F, [1, 3 * M, 7])])


def yolov8():
    g = Graph(1)
    g.column()
    g.rows(centres(), "box")
    g.node("Concat", ["box", "column"], "table", axis=2)
    g.node("Transpose", ["table"], "output0", perm=[0, 2, 1])
    g.save("yolov8.onnx", [("output0", F, [1, 5, M])])


def best(g, k):
    """The k best as top [1,k,1] and boxes [1,k,4]."""
    g.node("TopK", ["score", g.const("k", np.array([k], np.int64))], ["best", "which"], axis=1)
    g.node("Unsqueeze", ["best", g.const("axis2", np.array([2], np.int64))], "top")
    g.node("Gather", [g.const("corners", corners()), "which"], "best_boxes")


def yolov10():
    g = Graph(1)
    best(g, 10)
    g.node("Mul", ["top", g.const("nil", np.zeros(1, np.float32))], "class")
    g.node("Concat", ["best_boxes", "top", "class"], "output0", axis=2)
    g.save("yolov10.onnx", [("output0", F, [1, 10, 6])])


def mmdeploy():
    g = Graph(1 / 255)
    best(g, 10)
    g.node("Concat", ["best_boxes", "top"], "dets", axis=2)
    g.node("Mul", ["which", g.const("nil", np.zeros(1, np.int64))], "labels")
    g.save("mmdeploy.onnx", [("dets", F, [1, "found", 5]), ("labels", I, [1, "found"])])


def ssd():
    g = Graph(1)
    g.column()
    g.rows(corners() / SIDE_PX, "boxes")
    g.node("Sub", [g.const("one", np.ones(1, np.float32)), "column"], "background")
    g.node("Concat", ["background", "column"], "scores", axis=2)
    g.save("ssd.onnx", [("scores", F, [1, M, 2]), ("boxes", F, [1, M, 4])])


def torchvision():
    """As many rows as cells that score above 0.3, labelled 1."""
    g = Graph(1)
    g.node("Squeeze", ["score", g.const("axis0", np.array([0], np.int64))], "line")
    g.node("Greater", ["line", g.const("least", np.array(0.3, np.float32))], "sure")
    g.node("NonZero", ["sure"], "where")
    g.node("Squeeze", ["where", "axis0"], "which")
    g.node("Gather", [g.const("corners", corners()), "which"], "boxes")
    g.node("Gather", ["line", "which"], "scores")
    g.node("Mul", ["which", g.const("nil", np.zeros(1, np.int64))], "none")
    g.node("Add", ["none", g.const("person", np.ones(1, np.int64))], "labels")
    g.save("torchvision.onnx", [("boxes", F, ["found", 4]), ("labels", I, ["found"]), ("scores", F, ["found"])])


def unknown():
    g = Graph(1)
    g.node("Identity", ["pool8"], "heat")
    g.node("Identity", ["score"], "belief")
    g.save("unknown.onnx", [("heat", F, [1, 1, 8, 8]), ("belief", F, [1, M])])


if __name__ == "__main__":
    for make in (ours, yolox, yolov5, yolov8, yolov10, mmdeploy, ssd, torchvision, unknown):
        make()
