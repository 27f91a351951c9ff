"""The simpler way that `leaves.py` measures beside ours: one small U-shaped CNN, two outputs.

From scratch, on the same leaves and for the same minutes: a class for the photo and one lesion
mask. No language, no prompt, no names; 1.6 million parameters, most of them where the maps are
small, so that two cores show it every leaf some two dozen times in a quarter of an hour. Rare
diseases are drawn more often by the same rule as ours.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from core.geometry.severity import overlap
from core.imaging.decode import decode_rgb
from core.training.config import TrainConfig
from core.training.forward import mask_loss
from core.training.photos import target_masks
from core.training.run_folder import Sample
from core.training.visits import weights

WIDTH, HEIGHT, STRIDE = 448, 224, 4


def block(inside: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, out, 3, stride, 1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
        nn.Conv2d(out, out, 3, 1, 1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class PlainNetwork(nn.Module):
    """Encoder to stride 32, class from its pooled end, mask from a decoder at stride 4."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        widths = (48, 96, 160, 256)
        self.stem = nn.Sequential(
            nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(inplace=True)
        )
        self.down = nn.ModuleList(
            block(i, o, 2) for i, o in zip((24, *widths[:-1]), widths, strict=True)
        )
        self.side = nn.ModuleList(nn.Conv2d(w, 40, 1) for w in widths)
        self.up = nn.ModuleList(block(40, 40, 1) for _ in widths[:-1])
        self.mask = nn.Conv2d(40, 1, 1)
        self.name = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * widths[-1], classes))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = []
        x = self.stem(x)
        for down in self.down:
            x = down(x)
            seen.append(x)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        y = self.side[-1](x)
        for k in range(len(seen) - 2, -1, -1):
            y = functional.interpolate(y, size=seen[k].shape[-2:], mode="nearest")
            y = self.up[k](y + self.side[k](seen[k]))
        return self.name(pooled), self.mask(y)[:, 0]


def fit_and_score(
    train: Sequence[Sample], test: Sequence[Sample], classes: Sequence[str], *, minutes: float
) -> dict[str, object]:
    """Accuracy and lesion Dice at photo size on the test leaves."""
    torch.manual_seed(1)
    photos = np.stack([_small(s) for s in train])
    truth = [_truth(s) for s in train]
    labels = np.array([classes.index(s.disease) if s.disease else -1 for s in train])
    shares = weights(train, TrainConfig(classes=tuple(classes)))
    shares /= shares.sum()
    model = PlainNetwork(len(classes)).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    began, step = time.monotonic(), 0
    while (spent := (time.monotonic() - began) / 60) < minutes:
        rng = np.random.default_rng(step)
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 50) * (1 + np.cos(np.pi * spent / minutes)) / 2
        chosen = rng.choice(len(train), size=16, p=shares)
        x, y, has = _batch(photos, truth, chosen, rng)
        names, masks = model(x)
        wanted = torch.from_numpy(labels[chosen])
        loss = functional.cross_entropy(names, wanted, ignore_index=-1)
        if has.any():
            loss = loss + mask_loss(masks[has], y[has])
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        step += 1
    return _score(model, test, classes) | {
        "steps": step,
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def _small(sample: Sample) -> np.ndarray:
    rgb = decode_rgb(Path(sample.path))
    return cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def _truth(sample: Sample) -> np.ndarray | None:
    if not sample.mask_known:
        return None
    mask = target_masks(sample)["lesions"].astype(np.float32)
    return cv2.resize(mask, (WIDTH // STRIDE, HEIGHT // STRIDE), interpolation=cv2.INTER_AREA)


def _batch(
    photos: np.ndarray, truth: list[np.ndarray | None], chosen: np.ndarray, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    xs, ys, has = [], [], []
    for i in chosen:
        flip = slice(None, None, -1 if rng.random() < 0.5 else 1)
        turn = slice(None, None, -1 if rng.random() < 0.5 else 1)
        x = photos[i][flip, turn].astype(np.float32) * rng.uniform(0.85, 1.15, (1, 1, 3))
        xs.append(x / 128 - 1)
        t = truth[i]
        has.append(t is not None)
        ys.append(
            np.zeros((HEIGHT // STRIDE, WIDTH // STRIDE), np.float32)
            if t is None
            else t[flip, turn]
        )
    stack = torch.from_numpy(np.stack(xs).astype(np.float32)).permute(0, 3, 1, 2)
    return stack, torch.from_numpy(np.stack(ys).copy()), torch.tensor(has)


@torch.inference_mode()
def _score(
    model: PlainNetwork, test: Sequence[Sample], classes: Sequence[str]
) -> dict[str, object]:
    model.eval()
    right, dice = [], []
    for sample in test:
        x = torch.from_numpy(_small(sample).astype(np.float32) / 128 - 1).permute(2, 0, 1)[None]
        names, masks = model(x)
        if sample.disease:
            right.append(classes[int(names[0].argmax())] == sample.disease)
        if sample.mask_known:
            size = (sample.width, sample.height)
            probability = cv2.resize(masks[0].sigmoid().numpy(), size)
            truth = target_masks(sample)["lesions"]
            if truth.any():
                dice.append(overlap(truth, probability >= 0.5).dice)
    return {"accuracy": float(np.mean(right)), "dice": float(np.mean(dice))}
