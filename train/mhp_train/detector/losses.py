"""Which location answers for which person, and what its answer costs."""
from __future__ import annotations

from dataclasses import dataclass

import torch

from .boxes import giou
from .network import decode

# Longer side of the boxes, px at which each stride's locations answer; neighbours share a part.
RANGES_PX = ((0.0, 72.0), (56.0, 150.0), (120.0, 1e9))
CENTRE_SHARE = 0.2  # of width and height: locations no farther from the middle answer
CENTRE_STRIDES = 0.6  # and always those no farther than so many strides
DOUBTFUL_SCORE = 0.4  # where nobody said that there is no one, such a score is not contradicted


@dataclass(frozen=True)
class Weights:
    """Of the terms: score (quality focal loss with exponent `focus`) and box (generalised IoU)."""

    score: float = 1.0
    box: float = 1.5
    focus: float = 2.0


def assign(boxes: torch.Tensor, count: torch.Tensor, centres: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    """Index int64 [N,M] of the box that each location answers for, -1 for none; the smallest where several ask.

    boxes [N,G,4], of which picture n uses the first count[n]; centres [M,2], strides [M].
    """
    size = boxes[..., 2:] - boxes[..., :2]  # [N,G,2]
    offset = (centres[None, :, None] - (boxes[..., :2] + size / 2)[:, None]).abs()  # [N,M,G,2]
    reach = torch.maximum(CENTRE_SHARE * size[:, None], (CENTRE_STRIDES * strides)[None, :, None, None])
    longer = size.amax(dim=-1)[:, None]  # [N,1,G]
    low, high = (torch.tensor([r[k] for r in RANGES_PX])[(strides.log2() - 3).long()] for k in (0, 1))
    fits = (longer >= low[None, :, None]) & (longer < high[None, :, None])
    used = torch.arange(boxes.shape[1])[None, None] < count[:, None, None]
    candidate = (offset <= reach).all(dim=-1) & fits & used
    area = size.prod(dim=-1)[:, None].expand_as(candidate)
    smallest, index = torch.where(candidate, area, torch.full_like(area, float("inf"))).min(dim=-1)
    return torch.where(torch.isfinite(smallest), index, torch.full_like(index, -1))


def loss(raw: torch.Tensor, boxes: torch.Tensor, count: torch.Tensor, trust: torch.Tensor, centres: torch.Tensor,
         strides: torch.Tensor, weights: Weights) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Total and its terms.  raw [N,5,M]; trust [N,M]: how sure it is that a location without person shows none (0..1)."""
    assigned = assign(boxes, count, centres, strides)
    positive = assigned >= 0
    pictures, cells = positive.nonzero(as_tuple=True)
    wanted = boxes[pictures, assigned[pictures, cells]]
    # Distances of one picture and location at a time: [P,5,1] with its own centre and stride.
    answered = decode(raw[pictures, :, cells].t()[None], centres[cells], strides[cells])[0]
    generalised, plain = giou(answered, wanted)
    scale = max(1, len(pictures))
    box = (1 - generalised).sum() / scale

    logit = raw[:, 0]
    score = torch.sigmoid(logit)
    quality = torch.zeros_like(score)
    quality[pictures, cells] = plain.detach().clamp(0.0, 1.0)
    doubted = (trust < 1) & (score.detach() > DOUBTFUL_SCORE)
    weight = torch.where(positive, torch.ones_like(trust), torch.where(doubted, torch.zeros_like(trust), trust))
    # Quality focal loss (Li et al., NeurIPS 2020): the further from the quality, the more it counts.
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logit, quality, reduction="none")
    focal = ((score - quality).abs() ** weights.focus * entropy * weight).sum() / scale
    total = weights.score * focal + weights.box * box
    return total, {"score": focal.detach(), "box": box.detach(), "iou": plain.detach().mean() if len(plain) else torch.zeros(())}
