"""Parameter counts against the reference table, shapes, and the two tricks of the CPU path."""

import copy

import pytest
import torch
from torch import nn

from mhp_train import activation, depthwise, frozen, network
from mhp_train.accelerate import accelerate
from mhp_train.kernels import library

COUNTS = {("l", 18): 4_073_248, ("s", 18): 2_242_000, ("xs", 18): 959_216, ("l", 21): 4_122_592, ("s", 21): 2_291_344, ("xs", 21): 983_888}


@pytest.mark.parametrize("name, joints", COUNTS)
def test_parameter_counts_equal_the_reference(name, joints):
    assert network.parameter_count(network.build(name, joints, "channel")) == COUNTS[name, joints]


def test_l_has_19168_slopes():
    net = network.build("l", 18, "channel")
    assert sum(m.weight.numel() for m in net.modules() if isinstance(m, nn.PReLU)) == 19_168


@pytest.mark.parametrize("name, px, cells, bins", [("xs", 256, 32, 32), ("xs", 128, 16, 32), ("xs", 64, 8, 32), ("s", 64, 16, 64), ("l", 32, 8, 64)])
def test_volume_follows_the_input(name, px, cells, bins):
    net = network.build(name, 21).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 3, px, px)).shape == (2, 21 * bins, cells, cells)


@pytest.mark.parametrize("channels, rounded", [(24, 24), (36, 40), (12, 16), (4, 8), (20, 24), (160, 160), (17, 16)])
def test_channels_round_to_eights_and_keep_90_percent(channels, rounded):
    assert network.round_channels(channels) == rounded
    assert rounded >= 0.9 * channels


def test_last_convolution_commutes_with_upsampling():
    torch.manual_seed(0)
    conv, x = nn.Conv2d(16, 8, 1), torch.randn(2, 16, 5, 5)
    with torch.no_grad():
        assert torch.allclose(network.upsample(conv(x)), conv(network.upsample(x)), atol=1e-5)


@pytest.mark.parametrize("channels_last", [False, True])
def test_layer_slope_gradient_is_that_of_plain_prelu(channels_last):
    torch.manual_seed(0)
    fast, plain = network.LayerPReLU().train(), nn.PReLU(1)
    x = torch.randn(3, 5, 4, 4)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    results = []
    for module in (fast, plain):
        leaf = x.clone().requires_grad_(True)
        (module(leaf) ** 2).sum().backward()
        results.append((leaf.grad, module.weight.grad))
    assert torch.allclose(results[0][0], results[1][0], atol=1e-5)
    assert torch.allclose(results[0][1], results[1][1], rtol=1e-4)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="xs, s, l"):
        network.build("m", 21)
    with pytest.raises(ValueError, match="prelu"):
        network.build("xs", 21, "both")


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/norm_act.c")
def test_fused_norm_trains_like_separate_operators():
    torch.manual_seed(1)
    plain = nn.Sequential(nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), network.LayerPReLU(),
                          nn.Conv2d(24, 8, 1), nn.BatchNorm2d(8)).train()
    fused = copy.deepcopy(plain)
    assert accelerate(fused)
    x = torch.randn(4, 3, 16, 16)
    for _ in range(2):
        outputs = []
        for net in (plain, fused):
            net.zero_grad()
            out = net(x)
            (out ** 3).sum().backward()
            outputs.append(out.detach())
        assert torch.allclose(*outputs, atol=1e-5)
    for (name, p), q in zip(plain.named_parameters(), fused.parameters()):
        assert torch.allclose(p.grad, q.grad, rtol=1e-3, atol=2e-2), name
    for name in ("1.running_mean", "1.running_var", "4.running_var"):
        assert torch.allclose(plain.state_dict()[name], fused.state_dict()[name], atol=1e-5), name
    plain.eval(), fused.eval()
    assert torch.allclose(plain(x), fused(x), atol=1e-5)


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/norm_act.c")
def test_fused_norm_in_bfloat16_equals_float32_to_rounding():
    torch.manual_seed(2)
    net = nn.Sequential(nn.BatchNorm2d(24), network.LayerPReLU()).train()
    assert accelerate(net)
    x = (torch.randn(4, 24, 9, 9) * 3 + 1).bfloat16()
    grad = torch.randn(4, 24, 9, 9).bfloat16()
    answers = []
    for kind in (torch.float32, torch.bfloat16):
        given = x.to(kind).to(memory_format=torch.channels_last).requires_grad_()
        net.zero_grad()
        out = net(given)
        assert out.dtype == kind
        out.backward(grad.to(kind))
        answers.append([out.float(), given.grad.float(), *(p.grad.clone() for p in net.parameters())])
    for exact, rounded in zip(*answers):
        assert torch.allclose(exact, rounded, rtol=1 / 128, atol=1e-2)


def same(x):
    """A copy to learn from."""
    return None if x is None else x.detach().clone().requires_grad_()


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/depthwise.c")
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("stride, size", [(2, (9, 12)), (2, (8, 7)), (2, (16, 16)), (1, (5, 6)), (1, (1, 3)), (2, (1, 1))])
@pytest.mark.parametrize("channels, before, after, biased", [(24, 0.3, -0.2, True), (32, None, 0.25, True), (40, -0.5, None, True), (144, None, None, False)])
def test_depthwise_in_c_equals_torch_to_rounding(stride, size, channels, before, after, biased, kind):
    torch.manual_seed(4)
    bias, before, after = torch.randn(channels) if biased else None, *(None if slope is None else torch.full((1,), slope) for slope in (before, after))
    x, weight = torch.randn(3, channels, *size).to(kind), torch.randn(channels, 1, 3, 3)
    given, exact = ([same(t) for t in (first, weight, bias, before, after)] for first in (x, x.float()))
    inner = exact[0] if before is None else nn.functional.prelu(exact[0], exact[3])
    expected = nn.functional.conv2d(inner, exact[1], exact[2], stride=stride, padding=1, groups=channels)
    if after is not None:
        expected = nn.functional.prelu(expected, exact[4])
    out = depthwise.Depthwise.apply(*given, stride)
    assert out.dtype == kind and out.shape == expected.shape
    grad = torch.randn(expected.shape).to(kind)
    out.backward(grad), expected.backward(grad.float())
    if kind == torch.float32:
        for ours, theirs in ((out, expected), *((one.grad, other.grad) for one, other in zip(given, exact) if one is not None)):
            assert torch.allclose(ours, theirs, rtol=1e-4, atol=2e-4)
        return
    assert torch.allclose(out.float(), expected, rtol=1 / 128, atol=1e-2)
    for ours, theirs in zip(given, exact):
        if ours is not None:
            # Where u is nearly 0 its rounded value may have the other sign.
            wrong = (ours.grad.float() - theirs.grad).abs() > 1e-2 + theirs.grad.abs() / 64
            assert wrong.float().mean() < 0.01 or ours.numel() == 1 and torch.allclose(ours.grad, theirs.grad, rtol=0.02, atol=0.5)


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/depthwise.c")
@pytest.mark.parametrize("stride, kind, groups, native", [(2, torch.bfloat16, 8, True), (1, torch.bfloat16, 8, True), (1, torch.bfloat16, 1, False),
                                                          (2, torch.float32, 8, True), (1, torch.float32, 1, False)])
def test_only_depthwise_runs_in_c(stride, kind, groups, native):
    net = nn.Sequential(nn.Conv2d(8, 8, 3, stride, 1, groups=groups, bias=False))
    assert accelerate(net)
    x = torch.randn(1, 8, 6, 6, dtype=kind)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == torch.bfloat16):
        out = net(x)
    assert (type(out.grad_fn).__name__ == "DepthwiseBackward") == native


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/prelu.c")
@pytest.mark.parametrize("kind, near", [(torch.float32, 1e-4), (torch.bfloat16, 1e-2)])
def test_prelu_in_c_equals_torch_to_rounding(kind, near):
    torch.manual_seed(6)
    x, slope, grad = torch.randn(2, 24, 50, 7).to(kind), torch.full((1,), 0.3), torch.randn(2, 24, 50, 7).to(kind)
    given, own, exact, plain = same(x), same(slope), same(x.float()), same(slope)
    out, expected = activation.PReLU.apply(given, own), nn.functional.prelu(exact, plain)
    out.backward(grad), expected.backward(grad.float())
    for ours, theirs in ((out, expected), (given.grad, exact.grad), (own.grad, plain.grad)):
        assert torch.allclose(ours.float(), theirs, rtol=near, atol=near)


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/upsample.c")
@pytest.mark.parametrize("height, width", [(4, 4), (3, 5), (1, 2), (1, 1)])
def test_gradient_of_upsampling_in_bfloat16_equals_torch_to_rounding(height, width):
    torch.manual_seed(7)
    x, grad = torch.randn(3, 24, height, width).bfloat16(), torch.randn(3, 24, 2 * height, 2 * width).bfloat16()
    given, exact = same(x), same(x.float())
    activation.Upsampling.apply(given).backward(grad), network.upsample(exact).backward(grad.float())
    assert torch.allclose(given.grad.float(), exact.grad, rtol=1 / 128, atol=1e-2)


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/norm_act.c")
@pytest.mark.parametrize("shape", [(1, 24, 3, 7), (2, 40, 8, 16), (4, 480, 3, 3)])
def test_fused_norm_takes_any_number_of_rows(shape):
    torch.manual_seed(5)
    plain = nn.Sequential(nn.BatchNorm2d(shape[1]), network.LayerPReLU()).train()
    fused = copy.deepcopy(plain)
    assert accelerate(fused)
    x, grad, gradients = torch.randn(shape) + 1, torch.randn(shape), []
    for net in (plain, fused):
        given = x.clone().requires_grad_()
        net(given).backward(grad)
        gradients.append([given.grad, *(p.grad for p in net.parameters())])
    for one, other in zip(*gradients):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/norm_act.c")
def test_network_learns_in_bfloat16_what_it_learns_in_float32():
    torch.manual_seed(3)
    net = network.build("xs", 21).to(memory_format=torch.channels_last).train()
    accelerate(net)
    image = torch.randn(4, 3, 128, 128)
    gradients = []
    for low in (False, True):
        net.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
            volume = net(image)
        volume.float().square().mean().backward()
        gradients.append(torch.cat([p.grad.reshape(-1) for p in net.final_layer.parameters()]))
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.97


@pytest.mark.parametrize("accelerated", [False, True])
def test_frozen_norm_trains_with_running_statistics(accelerated):
    torch.manual_seed(1)
    net = nn.Sequential(network.conv_bn_prelu(3, 8, 3, 2, 1, "layer"), network.InvertedResidual(8, 16, 2, 1, "layer"),
                        network.InvertedResidual(16, 16, 1, 6, "layer"), network.Decoder(8, 8, 24, "layer")).train()
    net(torch.randn(8, 3, 32, 32) * 3)
    plain = copy.deepcopy(net).eval()
    if accelerated and not accelerate(net):
        pytest.skip("no C compiler that builds train/native")
    frozen.freeze(net)
    before = [t.clone() for t in frozen.statistics(net)]
    x = torch.randn(2, 3, 32, 32)
    for module in (net, plain):
        (module(x) ** 2).sum().backward()
    assert torch.allclose(net(x), plain(x), atol=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(before, frozen.statistics(net)))
    for (name, p), q in zip(net.named_parameters(), plain.parameters()):
        assert torch.allclose(p.grad, q.grad, rtol=1e-3, atol=1e-3), name


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native")
def test_frozen_network_in_bfloat16_learns_what_it_learns_in_float32():
    torch.manual_seed(3)
    net = network.build("xs", 21).to(memory_format=torch.channels_last).train()
    net(torch.randn(4, 3, 128, 128))
    accelerate(net)
    frozen.freeze(net)
    image, target, gradients = torch.randn(4, 3, 128, 128), torch.randn(4, 672, 8, 8), []
    for low in (False, True):
        net.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
            volume = net.coarse(image)
        (volume.float() - target).square().mean().backward()
        gradients.append({name: p.grad.reshape(-1).clone() for name, p in net.named_parameters()})
    for name in ("final_layer.weight", "deconv1.0.weight", "inv_residual.5.conv.1.0.weight", "inv_residual.1.conv.0.0.weight"):
        assert torch.nn.functional.cosine_similarity(gradients[0][name], gradients[1][name], dim=0) > 0.9, name
