"""Writes the tiny models (1 to 3 KB each) that the Go tests run.

    python3 internal/infer/ort/testdata/make_tiny.py      needs the package "onnx"

The network is small enough to be computed by hand in the test:

    image [N,3,16,16] -> mean of every 4x4 block -> [N,3,4,4]
          -> channel k = sum over c of (c+1) (k+1) / 100 * block c -> heatmap [N,J*D=12,4,4]
          -> soft-argmax -> coords [N,3,3], score [N,3]

Some of them are also the seeds of internal/model's fuzz test.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
SEEDS = HERE.parents[2] / "model" / "testdata" / "seeds"
JOINTS, DEPTH, CELLS, SIDE_PX = 3, 4, 4, 16


def metadata(head, **changes):
    meta = {
        "format": "1", "name": "tiny", "variant": "custom", "joint_set": "custom",
        "joints": json.dumps(["Pelvis", "L_Hand", "R_Hand"]), "parents": "[-1,0,0]",
        "input_width_px": str(SIDE_PX), "input_height_px": str(SIDE_PX),
        "heatmap_width": str(CELLS), "heatmap_height": str(CELLS), "depth_bins": str(DEPTH),
        "depth_min_mm": "-1000", "depth_max_mm": "1000", "color_order": "rgb",
        "input_scale": "1", "input_mean": "0,0,0", "input_std": "1,1,1",
        "head": head, "prelu": "none", "trained": "false", "training_data": "none",
        "accuracy": "{}", "parameters": "36", "checkpoint_sha256": "", "licence": "MIT",
        "joint_definition": "none", "training_config": "",
    }
    return {"mhp." + key: value for key, value in {**meta, **changes}.items()}


def volume_nodes(output):
    weight = np.array([[(c + 1) * (k + 1) / 100 for c in range(3)] for k in range(JOINTS * DEPTH)], np.float32)
    return [
        helper.make_node("AveragePool", ["image"], ["blocks"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Conv", ["blocks", "weight"], [output]),
    ], [numpy_helper.from_array(weight.reshape(JOINTS * DEPTH, 3, 1, 1), "weight")]


def coords_nodes():
    z, y, x = np.meshgrid(np.arange(DEPTH), np.arange(CELLS), np.arange(CELLS), indexing="ij")
    grid = np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)
    nodes, weights = volume_nodes("volume")
    nodes += [
        helper.make_node("Reshape", ["volume", "flat"], ["voxels"]),
        helper.make_node("Softmax", ["voxels"], ["probability"], axis=2),
        helper.make_node("MatMul", ["probability", "grid"], ["coords"]),
        helper.make_node("ReduceMax", ["probability"], ["score"], axes=[2], keepdims=0),
    ]
    weights += [
        numpy_helper.from_array(np.array([0, JOINTS, DEPTH * CELLS * CELLS], np.int64), "flat"),
        numpy_helper.from_array(grid, "grid"),
    ]
    return nodes, weights


def slow_nodes():
    """The volume plus 0, after a loop of a thousand million turns: something to cancel."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["go_on_out"]),
            helper.make_node("Mul", ["sum", "sum"], ["sum_out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("go_on_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum_out", TensorProto.FLOAT, []),
        ],
    )
    nodes, weights = volume_nodes("volume")
    nodes += [
        helper.make_node("ReduceMin", ["image"], ["smallest"], keepdims=0),
        helper.make_node("Sub", ["smallest", "smallest"], ["zero"]),
        helper.make_node("Loop", ["turns", "yes", "zero"], ["total"], body=body),
        helper.make_node("Add", ["volume", "total"], ["heatmap"]),
    ]
    weights += [
        numpy_helper.from_array(np.array(10**9, np.int64), "turns"),
        numpy_helper.from_array(np.array(True), "yes"),
    ]
    return nodes, weights


def volume_port(batch="N", channels=JOINTS * DEPTH, name="heatmap"):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, channels, CELLS, CELLS])


def write(name, nodes_and_weights, outputs, meta, batch="N", image=TensorProto.FLOAT):
    nodes, weights = nodes_and_weights
    inputs = [helper.make_tensor_value_info("image", image, [batch, 3, SIDE_PX, SIDE_PX])]
    graph = helper.make_graph(nodes, name, inputs, outputs, weights)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)], producer_name="make_tiny.py")
    helper.set_model_props(model, meta)
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    (HERE / name).write_bytes(data)
    if name in ("heatmap.onnx", "coords.onnx", "without_metadata.onnx", "wrong_shape.onnx"):
        (SEEDS / name).write_bytes(data)


def main():
    coords_ports = [
        helper.make_tensor_value_info("coords", TensorProto.FLOAT, ["N", JOINTS, 3]),
        helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", JOINTS]),
    ]
    write("heatmap.onnx", volume_nodes("heatmap"), [volume_port()], metadata("heatmap"))
    write("coords.onnx", coords_nodes(), coords_ports, metadata("coords"))
    write("coords_without_score.onnx", coords_nodes(), coords_ports[:1], metadata("coords"))
    write("one_at_a_time.onnx", volume_nodes("heatmap"), [volume_port(batch=1)], metadata("heatmap"), batch=1)
    write("slow.onnx", slow_nodes(), [volume_port()], metadata("heatmap"))
    write("without_metadata.onnx", volume_nodes("heatmap"), [volume_port()], {})
    write("wrong_shape.onnx", volume_nodes("heatmap"), [volume_port()], metadata("heatmap", depth_bins="8"))
    # The graph does not say how many channels come out, so only running it shows that they are not what the metadata says.
    write("hidden_shape.onnx", volume_nodes("heatmap"), [volume_port(channels="C")], metadata("heatmap", depth_bins="8"))


if __name__ == "__main__":
    main()
