"""Parameter counts against the reference table, shapes, and the two tricks of the CPU path."""

import copy

import pytest
import torch
from torch import nn

from mhp_train import depthwise, network, norm_act
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


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/depthwise.c")
@pytest.mark.parametrize("stride, size", [(2, (9, 12)), (2, (8, 7)), (1, (5, 6))])
def test_depthwise_in_bfloat16_equals_float32_to_rounding(stride, size):
    torch.manual_seed(4)
    x, weight = torch.randn(3, 24, *size).bfloat16(), torch.randn(24, 1, 3, 3)
    given, own = x.clone().requires_grad_(), weight.clone().requires_grad_()
    exact, plain = x.float().requires_grad_(), weight.clone().requires_grad_()
    expected = nn.functional.conv2d(exact, plain, stride=stride, padding=1, groups=24)
    out = depthwise.Depthwise.apply(given, own, stride)
    assert out.dtype == torch.bfloat16 and out.shape == expected.shape
    grad = torch.randn(expected.shape).bfloat16()
    out.backward(grad), expected.backward(grad.float())
    assert torch.allclose(out.float(), expected, rtol=1 / 128, atol=1e-2)
    assert torch.allclose(given.grad.float(), exact.grad, rtol=1 / 128, atol=1e-2)
    assert torch.allclose(own.grad, plain.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.skipif(library() is None, reason="no C compiler that builds train/native/depthwise.c")
@pytest.mark.parametrize("stride, kind, native", [(2, torch.bfloat16, True), (1, torch.bfloat16, False), (2, torch.float32, False)])
def test_only_strided_depthwise_in_bfloat16_runs_in_c(stride, kind, native):
    net = nn.Sequential(nn.Conv2d(8, 8, 3, stride, 1, groups=8, bias=False))
    assert accelerate(net)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == torch.bfloat16):
        out = net(torch.randn(1, 8, 6, 6, dtype=kind))
    assert (type(out.grad_fn).__name__ == "DepthwiseBackward") == native


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
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), network.LayerPReLU()).train()
    net(torch.randn(4, 3, 8, 8) * 3)
    plain = copy.deepcopy(net).eval()
    if accelerated and not accelerate(net):
        pytest.skip("no C compiler that builds train/native/norm_act.c")
    norm_act.freeze(net)
    before = net[1].running_var.clone()
    x = torch.randn(2, 3, 8, 8)
    for module in (net, plain):
        (module(x) ** 2).sum().backward()
    assert torch.allclose(net(x), plain(x), atol=1e-5) and torch.equal(before, net[1].running_var)
    for p, q in zip(net.parameters(), plain.parameters()):
        assert torch.allclose(p.grad, q.grad, rtol=1e-3, atol=1e-3)
