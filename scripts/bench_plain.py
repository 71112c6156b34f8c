#!/usr/bin/env python3
"""Times a network of ours against the field's plain way, in turn in one loop.

    scripts/bench_plain.py [--model models/mhp-xs.onnx] [--threads 2] [--seconds 10]

The plain way is the same network as its authors export it: a PReLU slope for
each channel, the last enlargement before the last convolution, the heat volume
[1, J*D, H, W] as output, and soft-argmax in numpy. Both must agree within 0.01
cells, or nothing is timed. Needs numpy, onnx and onnxruntime.
"""

import argparse
import statistics
import time

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with PRelu per channel, enlargement before convolution, cut at the heat volume."""
    graph = model.graph
    weights = {t.name: t for t in graph.initializer}
    makers = {out: n for n in graph.node for out in n.output}
    for n in graph.node:
        if n.op_type == "LeakyRelu":
            alpha = next((a.f for a in n.attribute if a.name == "alpha"), 0.01)
            channels = weights[makers[n.input[0]].input[1]].dims[0]
            slopes = np.full((channels, 1, 1), alpha, np.float32)
            graph.initializer.append(numpy_helper.from_array(slopes, n.output[0] + "/slope"))
            del n.attribute[:]
            n.op_type = "PRelu"
            n.input.append(n.output[0] + "/slope")
    heat = next(n.input[0] for n in graph.node if n.op_type == "Reshape")
    nodes = list(graph.node)
    resize = makers[heat]
    if resize.op_type == "Resize" and makers[resize.input[0]].op_type == "Conv":
        conv = makers[resize.input[0]]
        conv.output[0], resize.output[0] = heat, "enlarged"
        resize.input[0], conv.input[0] = conv.input[0], "enlarged"
        nodes.remove(conv)
        nodes.insert(nodes.index(resize) + 1, conv)
    nodes = nodes[: 1 + next(i for i, n in enumerate(nodes) if heat in n.output)]
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    graph.output.append(helper.make_tensor_value_info(heat, onnx.TensorProto.FLOAT, None))
    return model


def soft_argmax(heat: np.ndarray, joints: int, depth: int) -> np.ndarray:
    """[1, J*D, H, W] -> [J, 3], x y z in cells."""
    _, _, height, width = heat.shape
    e = heat.reshape(joints, -1)
    e = np.exp(e - e.max(1, keepdims=True))
    e = (e / e.sum(1, keepdims=True)).reshape(joints, depth, height, width)
    sums = e.sum((1, 2)), e.sum((1, 3)), e.sum((2, 3))
    return np.stack([(s * np.arange(s.shape[1])).sum(1) for s in sums], 1)


def session(data: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="models/mhp-xs.onnx")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    args = parser.parse_args()
    model = onnx.load(args.model)
    facts = {p.key: p.value for p in model.metadata_props}
    depth = int(facts["mhp.depth_bins"])
    ours = session(model.SerializeToString(), args.threads)
    theirs = session(plain(model).SerializeToString(), args.threads)
    picture = np.random.default_rng(0).integers(0, 255, (1, 3, 256, 256)).astype(np.float32)
    joints = ours.run(["coords"], {"image": picture})[0].shape[1]

    def run_plain() -> np.ndarray:
        return soft_argmax(theirs.run(None, {"image": picture})[0], joints, depth)

    def run_ours() -> np.ndarray:
        return ours.run(["coords"], {"image": picture})[0][0]

    gap = float(np.abs(run_plain() - run_ours()).max())
    if not gap < 0.01:
        raise SystemExit(f"bench_plain: error: the two differ by {gap:g} cells")
    for _ in range(5):
        run_plain(), run_ours()
    took: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + args.seconds
    while time.perf_counter() < end:
        for run, times in zip((run_plain, run_ours), took):
            start = time.perf_counter()
            run()
            times.append(1000 * (time.perf_counter() - start))
    print(f"onnxruntime {onnxruntime.__version__}, {args.threads} threads, {len(took[0])} runs each, in turn; they agree within {gap:.1e} cells")
    for name, pick in (("median", statistics.median), ("shortest", min)):
        a, b = pick(took[0]), pick(took[1])
        print(f"{name:8}  plain {a:.2f} ms, ours {b:.2f} ms: {a / b:.2f} times as fast")


if __name__ == "__main__":
    main()
