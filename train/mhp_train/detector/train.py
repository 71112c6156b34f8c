"""The detector's training loop.

    python3 -m mhp_train.detector.train --config train/runs/detector.toml --out DIR [--resume CKPT] [--stop-at HH:MM | --max-minutes M] [--key=value]

One flat loop, as `mhp_train.train`.  DIR receives last.ckpt (everything needed to go on), log.csv and pictures of predictions.
The schedule follows training time: progress = minutes trained / minutes planned, over all sessions of the run.
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

from mhp_train import checkpoint, frozen
from mhp_train import optimisers as optimiser_kinds
from mhp_train.accelerate import accelerate
from mhp_train.dataset import Prefetcher
from mhp_train.loop import CsvLog, average_into, learning_rate, minutes_until, normalised, part_done
from mhp_train.network import parameter_count
from mhp_train.parallel import Peers, Shared, share
from . import config, losses
from .boxes import nms
from .dataset import Batch, Crowds, Empty, Mixer, Photographs
from .network import Detector, decode, freeze_blocks, locations
from .weights import load_weights, take_encoder

SHOWN_SCORE, SHOWN_IOU = 0.3, 0.5


def phase_at(progress: float, phases: tuple[config.Phase, ...]) -> config.Phase:
    """The phase that `progress` lies in."""
    return next((phase for phase in phases if progress < phase.until), phases[-1])


def mixer_of(sources: config.Sources, seed: int) -> Mixer:
    """The run's pictures."""
    kinds = [Crowds(sources.crowds), Photographs(sources.photographs, sources.trust), Empty(sources.panoramas)]
    return Mixer(kinds + [Crowds(folder) for folder in sources.more], list(sources.shares), seed)


def picture_grid(batch: Batch, raw: torch.Tensor, columns: int = 4):
    """uint8 [H,W,3] BGR: the first pictures with labels (white) and predictions (green, the redder the less sure)."""
    side = batch.image.shape[1]
    centres, strides = locations(side, side)
    boxes, scores = decode(raw, centres, strides).numpy(), torch.sigmoid(raw[:, 0]).numpy()
    tiles = []
    for index in range(len(raw)):
        tile = cv2.cvtColor(batch.image[index].numpy(), cv2.COLOR_RGB2BGR)
        for box in batch.boxes[index, :batch.count[index]].numpy().round().astype(int).tolist():
            cv2.rectangle(tile, tuple(box[:2]), tuple(box[2:]), (255, 255, 255), 1)
        sure = scores[index] > SHOWN_SCORE
        for kept in nms(boxes[index][sure], scores[index][sure], SHOWN_IOU):
            box, score = boxes[index][sure][kept].round().astype(int).tolist(), float(scores[index][sure][kept])
            cv2.rectangle(tile, tuple(box[:2]), tuple(box[2:]), (0, int(255 * score), int(255 * (1 - score))), 2)
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
    network = Detector().to(device, memory_format=torch.channels_last).train()
    if run.encoder and not resume:
        take_encoder(network, Path(run.encoder))
    if device.type == "cpu":
        accelerate(network)
    optimisers = optimiser_kinds.build(network, run.optimiser.kind, run.optimiser.peak_lr, run.optimiser.weight_decay,
                                       run.optimiser.muon_rate, run.bf16)
    average = Detector().to(device, memory_format=torch.channels_last).eval()
    average.load_state_dict(network.state_dict())
    step = samples = 0
    minutes_before = 0.0
    if resume:
        state = checkpoint.load(resume)
        load_weights(network, checkpoint.weights(state, average=False), str(resume))
        load_weights(average, checkpoint.weights(state), str(resume))
        if not optimiser_kinds.restore(optimisers, state["optimiser"]) and peers.rank == 0:
            print(f"{resume}: moments are of another kind of optimiser; starting with fresh ones", file=sys.stderr)
        torch.set_rng_state(state["torch_rng"])
        step, samples, minutes_before = state["step"], state["samples"], state["minutes"]
    own = [t for t in network.state_dict().values() if t.is_floating_point()]
    averaged = [t for t in average.state_dict().values() if t.is_floating_point()]

    started_s = time.monotonic()
    session_minutes = run.minutes - minutes_before if stop_minutes is None else stop_minutes
    minutes = minutes_before

    def planned(_: int) -> tuple[int, int]:
        phase = phase_at(part_done(minutes, run), run.phases)
        return max(1, phase.batch // peers.count), phase.input_px

    lead = peers.rank == 0
    mixer = mixer_of(run.sources, run.seed + 1000 * peers.rank)
    loader = Prefetcher(mixer, step, planned)
    if lead:
        print(f"{run.name}: step {step}, {minutes_before:.1f} of {run.minutes:.0f} min done, pictures at hand {mixer.counts()}, {device}",
              file=sys.stderr, flush=True)

    def state_now() -> dict:
        return {"config": config_text, "kind": "detector", "step": step, "samples": samples, "minutes": minutes,
                "torch_rng": torch.get_rng_state(), "network": network.state_dict(), "ema": average.state_dict(),
                "optimiser": [optimiser.state_dict() for optimiser in optimisers]}

    log = CsvLog(out / "log.csv")
    saved_s = logged_s = time.monotonic()
    logged_samples, sums, summed = samples, {}, 0
    first_step = step
    waited_s = 0.0
    figures: dict[str, float] = {}
    stop = frozen_norm = False
    frozen_blocks, grids = 0, {}
    try:
        while not stop:
            wanted = phase_at(part_done(minutes, run), run.phases).frozen_blocks
            if wanted != frozen_blocks:
                frozen_blocks = wanted
                freeze_blocks(network, wanted)
                network.zero_grad(set_to_none=True)
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
            side = batch.image.shape[1]
            if side not in grids:
                grids[side] = tuple(t.to(device) for t in locations(side, side))
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=run.bf16):
                raw = network(normalised(batch.image, device)).float()
            total, terms = losses.loss(raw, batch.boxes.to(device), batch.count.to(device), batch.trust.to(device), *grids[side], run.loss)
            network.zero_grad(set_to_none=True)
            total.backward()
            minutes = minutes_before + (time.monotonic() - started_s) / 60
            learning = [p for p in network.parameters() if p.requires_grad]
            minutes, stop = peers.exchange(learning, minutes, minutes - minutes_before >= session_minutes or minutes >= run.minutes)
            torch.nn.utils.clip_grad_norm_(learning, run.optimiser.clip_norm)
            for optimiser in optimisers:
                optimiser.step()
            step += 1
            samples += len(batch.image) * peers.count
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
                log.write({"step": step, "samples": samples, "minutes": round(minutes, 3), "lr": f"{rate:.3g}", "px": side,
                           "images_s": round(speed, 1), "wait": round(waited_s / (now_s - logged_s), 3),
                           **{name: round(value, 5) for name, value in figures.items()}})
                print(f"step {step} {minutes:.1f}/{run.minutes:.0f} min {side} px {speed:.0f}/s "
                      + " ".join(f"{name} {value:.4f}" for name, value in figures.items()), file=sys.stderr, flush=True)
                logged_s, logged_samples, sums, summed, waited_s = now_s, samples, {}, 0, 0.0
            if step - first_step in (100, 500) or step % 2000 == 0:
                with torch.no_grad():
                    shown = average(normalised(batch.image[:8], device)).float().cpu()
                cv2.imwrite(str(out / f"pictures-{step:06d}.png"), picture_grid(batch, shown))
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
    shared = share(context, run.processes, parameter_count(Detector()))
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
        print(f"detector.train: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"detector.train: stopped; go on with --resume {args.out / 'last.ckpt'}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
