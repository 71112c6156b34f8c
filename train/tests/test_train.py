"""The loop: it learns, resumes, follows its schedule, and its configuration is strict."""

import csv
import dataclasses
import datetime
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mhp_train import checkpoint, config, frozen, step_time, train
from mhp_train.dataset import Batch
from mhp_train.export import MEAN, STD
from mhp_train.loop import learning_rate, normalised, part_done
from mhp_train.network import build
from test_dataset import write_shard

RUNS = Path(__file__).resolve().parents[1] / "runs"
TEXT = """
name = "tiny"
minutes = 100.0
threads = 1
log_steps = 1
[[sources]]
path = "{path}"
share = 1.0
[[phases]]
until = 1.0
input_px = 64
batch = 4
"""


@pytest.fixture
def run(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    write_shard(data / "a.npz", 6)
    return config.parse(TEXT.format(path=data))


def rows(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_session_saves_everything_and_the_next_goes_on(run, tmp_path):
    out = tmp_path / "out"
    train.train(run, "the text", out, stop_minutes=0.03)
    first = checkpoint.load(out / "last.ckpt")
    assert first["config"] == "the text" and first["samples"] == 4 * first["step"] and first["minutes"] > 0
    train.train(run, "the text", out, resume=out / "last.ckpt", stop_minutes=0.03)
    second = checkpoint.load(out / "last.ckpt")
    assert second["step"] > first["step"] and second["minutes"] > first["minutes"]
    steps = [int(row["step"]) for row in rows(out / "log.csv")]
    assert steps == sorted(set(steps)), "no step is logged twice"
    moved = [name for name, tensor in second["ema"].items() if tensor.is_floating_point() and not torch.equal(tensor, second["network"][name])]
    assert moved


def test_resuming_restores_weights_and_moments(run, tmp_path):
    out = tmp_path / "out"
    train.train(run, "", out, stop_minutes=0.03)
    state = checkpoint.load(out / "last.ckpt")
    train.train(run, "", tmp_path / "again", resume=out / "last.ckpt", stop_minutes=0.0)  # a single step
    again = checkpoint.load(tmp_path / "again" / "last.ckpt")
    assert again["step"] == state["step"] + 1
    for name, tensor in state["network"].items():
        if tensor.is_floating_point() and "running" not in name:
            assert (again["network"][name] - tensor).abs().max() < 0.02, name
    before, after = (s["optimiser"][0]["state"][0]["exp_avg_sq"] for s in (state, again))
    # A step adds the square of its gradient to what is left of the moment, however many steps a slow machine took before.
    assert (after >= before * 0.999 * (1 - 1e-5)).all() and before.max() > 0


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_one_batch_is_learnt_by_heart(run, kind):
    from mhp_train import losses, optimisers, skeleton
    from mhp_train.dataset import Mixer
    from mhp_train.network import build

    torch.manual_seed(0)
    torch.set_num_threads(1)
    batch = Mixer(list(run.sources), 32, 0).batch(0, 4, 64)
    net = build("xs", 21).train()
    chosen = optimisers.build(net, kind, 2e-3, 0.0, muon_rate=4.0)
    image = train.normalised(batch.image, torch.device("cpu"))
    history = []
    for _ in range(60):
        total, terms = losses.loss(net(image), batch, losses.Weights(), skeleton.load("muco21").parents)
        net.zero_grad()
        total.backward()
        for optimiser in chosen:
            optimiser.step()
        history.append(float(terms["l1"]))
    assert history[-1] < 0.4 * history[0]


def test_two_processes_average_and_stop_together(run, tmp_path):
    import dataclasses

    train.launch(dataclasses.replace(run, processes=2, freeze_norm=0.0), "", tmp_path / "out", None, 0.05)
    state = checkpoint.load(tmp_path / "out" / "last.ckpt")
    assert state["step"] >= 1 and state["samples"] == 4 * state["step"]


def test_packed_checkpoint_is_small_and_loads(run, tmp_path):
    out = tmp_path / "out"
    train.train(run, "", out, stop_minutes=0.0)
    checkpoint.pack(out / "last.ckpt", tmp_path / "packed.ckpt")
    assert (tmp_path / "packed.ckpt").stat().st_size < 12e6
    train.train(run, "", tmp_path / "next", resume=tmp_path / "packed.ckpt", stop_minutes=0.0)
    assert checkpoint.load(tmp_path / "next" / "last.ckpt")["step"] == checkpoint.load(out / "last.ckpt")["step"] + 1


def test_moments_of_another_kind_are_not_loaded():
    from mhp_train import optimisers
    from mhp_train.network import build

    net = build("xs", 21)
    plain, mixed = (optimisers.build(net, kind, 1e-3, 0.0) for kind in ("adamw", "muon"))
    assert not optimisers.restore(mixed, [o.state_dict() for o in plain])
    assert optimisers.restore(mixed, [o.state_dict() for o in mixed])


@pytest.mark.parametrize("shape", [(24, 96), (96, 24), (32, 32)])
def test_orthogonalised_singular_values_are_near_one(shape):
    from mhp_train import optimisers

    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(optimisers.orthogonalised(matrix))
    assert values.max() < 1.3 and values.median() > 0.6


def test_learning_rate_warms_up_and_falls():
    settings = config.Optimiser(peak_lr=1.0, final_lr=0.1, warmup=0.1)
    rates = [train.learning_rate(p, settings) for p in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(0.02) and max(rates) == pytest.approx(1.0) and rates[-1] == pytest.approx(0.1)
    assert rates.index(max(rates)) == 10 and all(a >= b for a, b in zip(rates[10:], rates[11:]))
    held = [train.learning_rate(p, dataclasses.replace(settings, hold=0.7)) for p in np.linspace(0, 1, 101)]
    assert held[5] == rates[5] and set(held[10:71]) == {1.0} and held[71] < 1 and held[85] == pytest.approx(0.55) and held[-1] == pytest.approx(0.1)


def test_minutes_until_wraps_at_midnight():
    now = datetime.datetime(2026, 1, 1, 23, 30)
    assert train.minutes_until("23:45", now) == 15 and train.minutes_until("00:10", now) == 40


def test_phases_follow_progress():
    phases = (config.Phase(0.5, 128, 32), config.Phase(1.0, 256, 16))
    assert [train.phase_at(p, phases).input_px for p in (0.0, 0.49, 0.5, 1.0)] == [128, 128, 256, 256]


@pytest.mark.parametrize("override, message", [
    ("--lerning_rate=1", "unknown keys lerning_rate"), ("--loss.l2=1.0", "unknown keys l2"), ("--seed=\"a\"", "not a int"), ("--seed", "not of the form")])
def test_wrong_configuration_is_refused(override, message):
    with pytest.raises(config.ConfigError, match=message):
        config.parse(TEXT.format(path="x"), [override])


def test_overrides_win():
    run = config.parse(TEXT.format(path="x"), ["--optimiser.peak_lr=0.5", "--loss.bone=1", "--variant=s"])
    assert (run.optimiser.peak_lr, run.loss.bone, run.variant) == (0.5, 1.0, "s")


# The detector's run has a form of its own: test_detector.py.
@pytest.mark.parametrize("path", sorted(set(RUNS.glob("*.toml")) - {RUNS / "detector.toml"}), ids=lambda p: p.name)
def test_run_files_parse(path):
    run = config.parse(path.read_text(encoding="utf-8"))
    assert run.phases[-1].until == 1.0 and math.isclose(sum(source.share for source in run.sources), 1.0)


def test_normalised_follows_the_convention():
    image = torch.randint(0, 256, (2, 5, 7, 3), dtype=torch.uint8)
    expected = ((image.float() - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2)
    assert torch.equal(normalised(image, torch.device("cpu")), expected)
    half = normalised(image, torch.device("cpu"), bf16=True)
    assert half.is_contiguous(memory_format=torch.channels_last) and torch.allclose(half.float(), expected, rtol=2 ** -8, atol=1e-6)


def test_step_time_measures_every_part():
    run = config.parse((Path(__file__).parents[1] / "runs" / "xs.toml").read_text(encoding="utf-8"), ["--bf16=false"])
    times = step_time.step_ms(run, 64, 2)
    assert set(times) == {"normalise", "forward", "loss", "backward", "optimiser", "all"} and all(ms > 0 for ms in times.values())


def test_a_schedule_may_begin_late():
    text = (Path(__file__).parents[1] / "runs" / "xs.toml").read_text(encoding="utf-8")
    run = config.parse(text, ["--from_minute=100", "--minutes=200", "--optimiser.peak_lr=0.004", "--optimiser.warmup=0.1"])
    assert [part_done(minutes, run) for minutes in (90.0, 100.0, 150.0, 200.0, 201.0)] == [0, 0, 0.5, 1, 1]
    assert learning_rate(part_done(110.0, run), run.optimiser) == pytest.approx(0.004)


def test_first_blocks_learn_from_a_part_of_the_batch():
    """Their gradient is that of the first crops alone, every other one that of all crops."""
    torch.manual_seed(4)
    net = build("xs", 21).train()
    net(torch.randn(4, 3, 64, 64))
    frozen.freeze(net)
    image = torch.randn(4, 3, 64, 64)

    def gradients(volume: torch.Tensor, count: int) -> dict[str, torch.Tensor]:
        net.zero_grad()
        volume[:count].square().sum().backward()
        return {name: p.grad.clone() for name, p in net.named_parameters()}

    part, one, all_of_them = (gradients(volume, count) for volume, count in (
        (net.coarse_from_part(image, 2, 0.25), 4), (net.coarse(image), 1), (net.coarse(image), 4)))
    for name, gradient in part.items():
        early = name.startswith(("first_conv", "inv_residual.0.", "inv_residual.1."))
        assert torch.allclose(gradient, (one if early else all_of_them)[name], rtol=1e-3, atol=1e-3), name


def test_a_run_goes_on_with_first_blocks_that_learn_from_a_part(run, tmp_path):
    partly = dataclasses.replace(run, freeze_norm=0.0, front=config.Front(blocks=2, part=0.5))
    train.train(run, "", tmp_path / "first", stop_minutes=0.03)
    train.train(partly, "", tmp_path / "partly", resume=tmp_path / "first" / "last.ckpt", stop_minutes=0.05)
    first, then = (checkpoint.load(tmp_path / name / "last.ckpt") for name in ("first", "partly"))
    for name, weights in first["network"].items():
        if name.endswith("weight") and weights.dim() > 1:
            assert not torch.equal(weights, then["network"][name]), name
