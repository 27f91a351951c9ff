"""Trains the engine ``leaf`` on the pool and writes its weights.

    python resources/make_leaf/school.py POOL OUT [--seconds 420] [--device cuda] [--start FILE]

Each step looks at a batch of views once and asks several questions about each: a first click or a
box, then up to four more clicks, each in the deepest place that was still wrong, with the previous
answer shown. Dice and cross entropy at every scale; the learning rate falls to nothing at the end
of the given time. ``OUT`` gets ``leaf.safetensors`` every minute: the running mean of the weights,
in half precision; ``--start`` goes on from such a file.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from views import LEAF, LESION, Pool, Questions, Views, ask, first_clicks, look, next_clicks

from core.engines.nets.leaf import LeafNet, Prompts, window

SCALES = {1: 1.0, 2: 0.4, 4: 0.4, 8: 0.3}
WINDOW = 256
"""Side in pixels of what the fine steps are trained on."""
ROUNDS = (0.34, 0.24, 0.18, 0.14, 0.10)
"""How often the answer is asked for after 1, 2, … 5 clicks."""


def main() -> None:
    args = _arguments()
    device = torch.device(args.device)
    torch.manual_seed(args.seed)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    pool = _pool(args.pool, device)
    net = LeafNet().to(device, memory_format=torch.channels_last)
    if args.start:
        net.load_state_dict(load_file(args.start), strict=False)  # but for counters of batches
    mean = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=0.02)
    args.out.mkdir(parents=True, exist_ok=True)
    began, saved, step, shown = time.monotonic(), time.monotonic(), 0, {}
    while (gone := (time.monotonic() - began) / args.seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = (
                args.rate * min(1.0, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * gone))
            )
        losses = train_step(net, optimiser, pool, args)
        step += 1
        keep = min(0.999, (step + 1) / (step + 10))
        with torch.no_grad():
            for old, new in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
                if old.is_floating_point():
                    old.lerp_(new, 1 - keep)
                else:
                    old.copy_(new)
            for name, loss in losses.items():
                shown[name] = shown.get(name, float(loss)) * 0.95 + float(loss) * 0.05
        if step % 100 == 0:
            text = ", ".join(f"{name} {value:.3f}" for name, value in shown.items())
            print(f"{time.monotonic() - began:.0f} s, step {step}: {text}", flush=True)
        if time.monotonic() - saved > 60:
            _save(mean, args.out)
            saved = time.monotonic()
    _save(mean, args.out)
    print(f"{step} steps", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=420)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--start", type=Path)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--views", type=int, default=16)
    parser.add_argument("--each", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _pool(folder: Path, device: torch.device) -> Pool:
    found = np.load(folder / "pool.npz")
    photos = torch.from_numpy(found["photos"]).to(device).permute(0, 3, 1, 2)
    pieces = torch.from_numpy(found["pieces"]).to(device)[:, None]
    return Pool(photos, pieces, int(found["real"]))


def train_step(
    net: LeafNet, optimiser: torch.optim.Optimizer, pool: Pool, args: argparse.Namespace
) -> dict[str, Tensor]:
    """One batch; the losses by name."""
    whole = bool(torch.rand(()) < 0.6)
    views = look(pool, args.views, whole=whole, real_share=0.7)
    asked = ask(views, args.each)
    rounds = int(torch.multinomial(torch.tensor(ROUNDS), 1)) + 1
    device = views.photo.device
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        photo = views.photo.contiguous(memory_format=torch.channels_last)
        features = net.encoder(photo)
        everything = net.encoder.everything(features)
        spread = {stride: level[asked.view] for stride, level in features.items()}
        shown = photo[asked.view]
        prompts, origin = _converse(net, shown, spread, views, asked, rounds)
        answers = answer(net, shown, spread, prompts, origin)
    lesion = asked.lesion.float()
    leaf = asked.leaf.float()
    near = functional.max_pool2d(lesion, 8)
    near = functional.max_pool2d(near, 9, 1, 4) + 0.05
    losses = {"lesion": torch.zeros((), device=device), "leaf": torch.zeros((), device=device)}
    for stride, weight in SCALES.items():
        found = answers[stride].float()
        truths = [_coarse(lesion, stride), _coarse(leaf, stride)]
        at = functional.interpolate(near, size=truths[0].shape[-2:], mode="nearest")
        if stride < 4:
            size = (found.shape[-2], found.shape[-1])
            truths = [window(truth, origin // stride, size) for truth in truths]
            at = window(at, origin // stride, size)
        losses["lesion"] = losses["lesion"] + weight * _loss(found[:, :1], truths[0], at)
        losses["leaf"] = losses["leaf"] + weight * _loss(found[:, 1:], truths[1])
    losses["all"] = _all(everything.float(), views)
    with torch.no_grad():
        losses["iou"] = _overlap(whole_answer(answers, origin)[:, :1] > 0, asked)
    total = losses["lesion"] + 0.35 * losses["leaf"] + 0.5 * losses["all"]
    optimiser.zero_grad(set_to_none=True)
    total.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 3.0)
    optimiser.step()
    return {name: loss.detach() for name, loss in losses.items()}


def answer(
    net: LeafNet, photo: Tensor, features: dict[int, Tensor], prompts: Prompts, origin: Tensor
) -> dict[int, Tensor]:
    """Logits by stride: 8 and 4 over the whole view, 2 and 1 over the window at ``origin``."""
    decoder = net.decoder
    alike = decoder.likeness(features, prompts)
    state, eighth = decoder.coarse(features, prompts, alike)
    state, quarter = decoder.middle(state, features[4], prompts, alike[4], torch.zeros_like(origin))
    cells = (WINDOW // 4, WINDOW // 4)
    fine = decoder.fine(
        window(state, origin // 4, cells),
        window(photo, origin, (WINDOW, WINDOW)),
        prompts,
        window(alike[4], origin // 4, cells),
        origin,
    )
    return {8: eighth, 4: quarter, **fine}


def whole_answer(answers: dict[int, Tensor], origin: Tensor) -> Tensor:
    """Logits over the whole view: fine in the window, from stride 4 elsewhere."""
    whole = functional.interpolate(answers[4].detach().float(), scale_factor=4.0, mode="bilinear")
    steps = torch.arange(WINDOW, device=origin.device)
    which = torch.arange(len(whole), device=origin.device)[:, None, None]
    rows, cols = origin[:, 1, None] + steps, origin[:, 0, None] + steps
    fine = answers[1].detach().float().permute(0, 2, 3, 1)
    whole.permute(0, 2, 3, 1)[which, rows[:, :, None], cols[:, None, :]] = fine
    return whole


@torch.no_grad()
def _converse(
    net: LeafNet,
    photo: Tensor,
    features: dict[int, Tensor],
    views: Views,
    asked: Questions,
    rounds: int,
) -> tuple[Prompts, Tensor]:
    """The prompts after ``rounds`` clicks, the earlier answers given by the network as it is, and
    where the fine steps look: around the first click or the box."""
    features = {stride: level.detach() for stride, level in features.items()}
    clicks, sign, box = first_clicks(views, asked, box_share=0.3)
    origin = _around(clicks[:, 0], photo.shape[-2:])
    before = torch.zeros_like(asked.lesion, dtype=photo.dtype)
    leaf = (asked.kind == LEAF)[:, None, None, None]
    target = torch.where(leaf, asked.leaf, asked.lesion)
    for _ in range(rounds - 1):
        found = answer(net, photo, features, Prompts(clicks, sign, box, before), origin)
        said = whole_answer(found, origin)
        said = torch.where(leaf, said[:, 1:], said[:, :1])
        click, way = next_clicks(target, said > 0)
        way = torch.where((asked.kind == LESION) | (asked.kind == LEAF), way, 0)
        clicks, sign = torch.cat([clicks, click[:, None]], 1), torch.cat([sign, way[:, None]], 1)
        before = said.sigmoid().to(photo.dtype)
    forgotten = torch.rand(len(before), 1, 1, 1, device=before.device) < 0.1
    return Prompts(clicks, sign, box, torch.where(forgotten, 0, before)), origin


def _around(place: Tensor, size: tuple[int, int]) -> Tensor:
    """Where a window around each place (x, y) begins: somewhat off centre, a multiple of 8."""
    start = place - WINDOW / 2 + (torch.rand_like(place) - 0.5) * WINDOW / 3
    most = torch.tensor([size[1] - WINDOW, size[0] - WINDOW], device=place.device)
    return (torch.minimum(start.clamp(min=0), most) // 8 * 8).long()


def _coarse(mask: Tensor, stride: int) -> Tensor:
    return mask if stride == 1 else functional.avg_pool2d(mask, stride)


def _loss(logits: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Dice where there is something, and cross entropy weighted by ``weight``."""
    chance = logits.sigmoid()
    both, either = (chance * truth).sum((1, 2, 3)), (chance + truth).sum((1, 2, 3))
    there = (truth.amax((1, 2, 3)) > 0).float()
    dice = ((1 - (2 * both + 1) / (either + 1)) * there).sum() / there.sum().clamp(min=1)
    bce = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    if weight is None:
        return dice + bce.mean()
    return dice + ((bce * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))).mean()


def _all(logits: Tensor, views: Views) -> Tensor:
    """Any lesion and any leaf, without a prompt."""
    pieces = views.pieces[:, None]
    lesions, leaves = _coarse((pieces > 0).float(), 4), _coarse((pieces >= 0).float(), 4)
    return _loss(logits[:, :1], lesions) + _loss(logits[:, 1:], leaves)


def _overlap(found: Tensor, asked: Questions) -> Tensor:
    both, either = (found & asked.lesion).sum((1, 2, 3)), (found | asked.lesion).sum((1, 2, 3))
    lesions = asked.kind == LESION
    return ((both / either.clamp(min=1)) * lesions).sum() / lesions.sum().clamp(min=1)


def _save(mean: LeafNet, out: Path) -> None:
    half = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in mean.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file({name: value.cpu() for name, value in half.items()}, out / "leaf.safetensors")


if __name__ == "__main__":
    main()
