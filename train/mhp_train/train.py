"""The training loop.

    python3 -m mhp_train.train --config train/runs/xs.toml --out DIR [--resume CKPT] [--stop-at HH:MM | --max-minutes M] [--key=value]

One process, one flat loop.  DIR receives last.ckpt (everything needed to go on), log.csv, eval.csv and pictures of predictions.
The schedule follows training time: progress = minutes trained / minutes planned, over all sessions
of the run, or from `from_minute` on.
"""

from __future__ import annotations

import argparse
import datetime
import math
import signal
import sys
import threading
import time
from pathlib import Path

import cv2
import torch

from . import checkpoint, config, decode, frozen, losses, skeleton
from . import optimisers as optimiser_kinds
from .accelerate import accelerate
from .dataset import Batch, Mixer, Prefetcher
from .loop import CsvLog, average_into, learning_rate, minutes_until, normalised, part_done
from .network import build, parameter_count
from .parallel import Peers, Shared, share


def phase_at(progress: float, phases: tuple[config.Phase, ...]) -> config.Phase:
    """The phase that `progress` lies in."""
    return next((phase for phase in phases if progress < phase.until), phases[-1])


def picture_grid(image: torch.Tensor, cells: torch.Tensor, target: Batch, columns: int = 8):
    """uint8 [H,W,3] BGR: the first crops with the predicted skeleton (right red, left green), labels as white dots."""
    joints = skeleton.load("muco21")
    px = image.shape[1]
    scale = px / (px // 8)
    tiles = []
    for crop_image, points, labels, weight in zip(image[: 2 * columns].numpy(), cells, target.cells, target.weight2d):
        tile = cv2.cvtColor(crop_image, cv2.COLOR_RGB2BGR)
        for a, b in joints.edges:
            name = joints.joints[b] + joints.joints[a]
            colour = (60, 60, 255) if "R_" in name else (60, 220, 60) if "L_" in name else (0, 220, 255)
            cv2.line(tile, *(tuple(int(v) for v in (points[j, :2] * scale).round()) for j in (a, b)), colour, 1, cv2.LINE_AA)
        for point in labels[weight > 0]:
            cv2.circle(tile, tuple(int(v) for v in (point[:2] * scale).round()), 1, (255, 255, 255), -1)
        tiles.append(tile)
    rows = [cv2.hconcat(tiles[start:start + columns]) for start in range(0, len(tiles) - columns + 1, columns)]
    return cv2.vconcat(rows)


def train(run: config.Run, config_text: str, out: Path, resume: Path | None = None, stop_minutes: float | None = None,
          peers: Peers = Peers()) -> dict[str, float]:
    """Train until the run's minutes, or `stop_minutes` of this session, are over.  Returns the last logged terms.

    Of several processes each takes its part of every batch; the one of rank 0 logs and saves.
    """
    out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(run.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(run.seed)
    joints = skeleton.load(run.joints)
    network = build(run.variant, len(joints.joints), run.prelu).to(device, memory_format=torch.channels_last).train()
    if device.type == "cpu":
        accelerate(network)
    optimisers = optimiser_kinds.build(network, run.optimiser.kind, run.optimiser.peak_lr, run.optimiser.weight_decay,
                                       run.optimiser.muon_rate, run.bf16)
    average = build(run.variant, len(joints.joints), run.prelu).to(device, memory_format=torch.channels_last).eval()
    average.load_state_dict(network.state_dict())
    step = samples = 0
    minutes_before = 0.0
    if resume:
        state = checkpoint.load(resume)
        checkpoint.load_weights(network, checkpoint.weights(state, average=False), str(resume))
        checkpoint.load_weights(average, checkpoint.weights(state), str(resume))
        saved = state["optimiser"] if isinstance(state["optimiser"], list) else [state["optimiser"]]
        if not optimiser_kinds.restore(optimisers, saved) and peers.rank == 0:
            print(f"{resume}: moments are of another kind of optimiser; starting with fresh ones", file=sys.stderr)
        torch.set_rng_state(state["torch_rng"])
        step, samples, minutes_before = state["step"], state["samples"], state["minutes"]
    own = [t for t in network.state_dict().values() if t.is_floating_point()]
    averaged = [t for t in average.state_dict().values() if t.is_floating_point()]
    parameters = list(network.parameters())

    started_s = time.monotonic()
    session_minutes = run.minutes - minutes_before if stop_minutes is None else stop_minutes
    minutes = minutes_before

    def planned(_: int) -> tuple[int, int]:
        phase = phase_at(part_done(minutes, run), run.phases)
        return max(1, phase.batch // peers.count), phase.input_px

    lead = peers.rank == 0
    mixer = Mixer(list(run.sources), network.variant.depth_bins, run.seed + 1000 * peers.rank)
    loader = Prefetcher(mixer, step, planned)
    if lead:
        print(f"{run.name}: step {step}, {minutes_before:.1f} of {run.minutes:.0f} min done, pictures at hand {mixer.counts()}, {device}",
              file=sys.stderr, flush=True)

    def state_now() -> dict:
        return {"config": config_text, "variant": run.variant, "joints": run.joints, "prelu": run.prelu,
                "step": step, "samples": samples, "minutes": minutes, "torch_rng": torch.get_rng_state(),
                "network": network.state_dict(), "ema": average.state_dict(), "optimiser": [optimiser.state_dict() for optimiser in optimisers]}

    log = CsvLog(out / "log.csv")
    saved_s = logged_s = time.monotonic()
    logged_samples, sums, summed = samples, {}, 0
    first_step = step
    waited_s = 0.0
    figures: dict[str, float] = {}
    stop = frozen_norm = False
    try:
        while not stop:
            if not frozen_norm and part_done(minutes, run) >= run.freeze_norm:
                # Those of the average: the network's own follow the last few batches.
                statistics = frozen.statistics(network)
                for own_statistic, steadier in zip(statistics, frozen.statistics(average)):
                    own_statistic.copy_(steadier)
                peers.broadcast(statistics)
                frozen.freeze(network)
                frozen_norm = True
            waiting_s = time.monotonic()
            batch = loader.get()
            waited_s += time.monotonic() - waiting_s
            rate = learning_rate(part_done(minutes, run), run.optimiser)
            for group in (group for optimiser in optimisers for group in optimiser.param_groups):
                group["lr"] = rate
            image = normalised(batch.image, device, run.bf16)
            on_device = batch if device.type == "cpu" else Batch(*(getattr(batch, name).to(device) for name in Batch.__dataclass_fields__))
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=run.bf16):
                if frozen_norm and run.front.part < 1:
                    volume = network.coarse_from_part(image, run.front.blocks, run.front.part)
                else:
                    volume = network.coarse(image)
            total, terms = losses.loss(volume, on_device, run.loss, joints.parents, enlarge=2)
            network.zero_grad(set_to_none=True)
            total.backward()
            minutes = minutes_before + (time.monotonic() - started_s) / 60
            minutes, stop = peers.exchange(parameters, minutes, minutes - minutes_before >= session_minutes or minutes >= run.minutes)
            torch.nn.utils.clip_grad_norm_(parameters, run.optimiser.clip_norm)
            for optimiser in optimisers:
                optimiser.step()
            step += 1
            samples += len(image) * peers.count
            if not lead:
                continue
            average_into(averaged, own, min(run.optimiser.ema_decay, (1 + step) / (10 + step)))
            for name, value in {"loss": total.detach(), **terms}.items():
                sums[name] = sums.get(name, 0.0) + value
            summed += 1

            if step % run.log_steps == 0:
                now_s = time.monotonic()
                figures = {name: float(value) / summed for name, value in sums.items()}
                if not math.isfinite(figures["loss"]):
                    raise FloatingPointError(f"loss is {figures['loss']} at step {step}; resume from {out / 'last.ckpt'} with a lower peak_lr")
                speed = (samples - logged_samples) / (now_s - logged_s)
                left = min(session_minutes - (minutes - minutes_before), run.minutes - minutes)
                log.write({"step": step, "samples": samples, "minutes": round(minutes, 3), "lr": f"{rate:.3g}",
                           "px": batch.image.shape[1], "images_s": round(speed, 1), "wait": round(waited_s / (now_s - logged_s), 3),
                           **{name: round(value, 5) for name, value in figures.items()}})
                print(f"step {step} {minutes:.1f}/{run.minutes:.0f} min ({left:.0f} left) {batch.image.shape[1]} px {speed:.0f}/s "
                      + " ".join(f"{name} {value:.4f}" for name, value in figures.items()), file=sys.stderr, flush=True)
                logged_s, logged_samples, sums, summed, waited_s = now_s, samples, {}, 0, 0.0
            if step - first_step in (100, 500) or step % 2000 == 0:
                with torch.no_grad():
                    cells, *_ = decode.soft_argmax(average(image[:16].float()), len(joints.joints))
                cv2.imwrite(str(out / f"pictures-{step:06d}.png"), picture_grid(batch.image, cells.cpu(), batch))
            if time.monotonic() - saved_s > run.checkpoint_minutes * 60:
                checkpoint.save(out / "last.ckpt", state_now())
                saved_s = time.monotonic()
    finally:
        if not stop:
            peers.leave()
        loader.close()
        if lead:
            checkpoint.save(out / "last.ckpt", state_now())
    return figures


def follow(rank: int, shared: Shared, run: config.Run, config_text: str, out: Path, resume: Path | None) -> None:
    """A process of rank 1 or more: trains along until rank 0 stops."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; rank 0 decides
    try:
        train(run, config_text, out, resume, None, Peers(rank, shared))
    except threading.BrokenBarrierError:
        return


def launch(run: config.Run, config_text: str, out: Path, resume: Path | None, stop_minutes: float | None) -> None:
    """Train with `run.processes` processes; this one is rank 0."""
    if run.processes == 1:
        train(run, config_text, out, resume, stop_minutes)
        return
    context = torch.multiprocessing.get_context("spawn")
    values = parameter_count(build(run.variant, len(skeleton.load(run.joints).joints), run.prelu))
    shared = share(context, run.processes, values)
    followers = [context.Process(target=follow, args=(rank, shared, run, config_text, out, resume), daemon=True)
                 for rank in range(1, run.processes)]
    for process in followers:
        process.start()
    try:
        train(run, config_text, out, resume, stop_minutes, Peers(0, shared))
    finally:
        for process in followers:
            process.join(timeout=30)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, logs and pictures")
    parser.add_argument("--resume", type=Path, help="go on from this checkpoint")
    parser.add_argument("--stop-at", metavar="HH:MM", help="end this session when the clock shows this; the run's length follows")
    parser.add_argument("--max-minutes", type=float, help="end this session after so long, within the run's planned length")
    args, overrides = parser.parse_known_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # also when started in the background, where SIGINT is ignored
        signal.signal(number, signal.default_int_handler)
    try:
        text = args.config.read_text(encoding="utf-8")
        if args.stop_at:
            trained = float(checkpoint.load(args.resume)["minutes"]) if args.resume else 0.0
            overrides.append(f"--minutes={trained + minutes_until(args.stop_at, datetime.datetime.now())}")
        run = config.parse(text, overrides)
        launch(run, text + "".join(f"\n# override {item}" for item in overrides), args.out, args.resume, args.max_minutes)
    except (config.ConfigError, checkpoint.CheckpointError, OSError, ValueError) as error:
        print(f"train: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"train: stopped; go on with --resume {args.out / 'last.ckpt'}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
