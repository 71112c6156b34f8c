"""Writes foreign.onnx: a tiny network shaped like a MobileHumanPose export of
somebody else's, without our metadata. Input [1,3,256,256], output the heat
volume [1, 21*32, 32, 32]. Run with a Python that has numpy and onnx."""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)
channels = 21 * 32


def weight(name, *shape, scale=0.01):
    return numpy_helper.from_array((rng.standard_normal(shape) * scale).astype(np.float32), name)


graph = helper.make_graph(
    [
        helper.make_node("Conv", ["input", "w", "b"], ["x"], kernel_shape=[1, 1], strides=[8, 8]),
        helper.make_node("PRelu", ["x", "slope"], ["output"]),
    ],
    "foreign",
    [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 256, 256])],
    [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", channels, 32, 32])],
    [weight("w", channels, 3, 1, 1), weight("b", channels, scale=1), weight("slope", channels, 1, 1, scale=0.25)],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], producer_name="somebody")
model.ir_version = 7
onnx.checker.check_model(model)
onnx.save(model, pathlib.Path(__file__).with_name("foreign.onnx"))
