"""Schools the `starter` base model: tower, language model and pixel head together.

    python resources/make_starter/school.py CACHE DATA [--minutes M] [--cool M] [--batch N]
        [--start DIR] [--export OUT] [--bf16]

CACHE holds `blank/` (build.py), the teacher (teacher.py) and the drawn pool (pool.py); DATA is the
BRACOL folder, of which only the splits train and class_only are read, and of those the photos, the
masks and the severity grade, never the disease. Resumable: the state is saved every few minutes and
picked up again. ``--cool`` ends with a falling learning rate; ``--export`` writes the averaged
weights as a model directory with its mask head. Runs on a GPU where there is one; there a step of
128 leaves takes a fraction of a second, on two cores some two minutes.

What is learnt at once, a step:
  * the tower's and the head's patch features follow a DINOv2 ViT-S/14 on the real leaves
    (standardised, MSE), whatever was done to the colours and however the leaf lies;
  * leaf and lesion masks of the outlined leaves and of the drawn ones, through `<SEG>`;
  * on drawn leaves, the invented names of invented diseases: prompted, absent, and as the class;
  * on real leaves, the severity in words, and in which group of six lists the leaf falls: k-means
    of what the teacher sees in the whole leaf or under the mask. Nobody named these groups.

One real leaf in ten is never shown: `check` says how the school does on those.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pool import invented_names
from safetensors.torch import load_file, save_file
from teacher import load as load_teacher
from teacher import look as teach
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.heads import pixel
from core.heads.base import shrink
from core.imaging.decode import sha256_of
from core.training import forward, prompts
from core.training.questions import Known, Question, ask
from core.training.weave import Asked
from core.vlms import gemma3

SIDE, COVER, CELLS = 448, 224, 112
GRADES = ("none", "trace", "low", "high", "very high")
SEVERITY = "Outline the lesions, then say how much of the leaf is sick."
LISTS = (40, 24, 60, 100, 40, 40)
"""Groups in each list. 0: the whole leaf; 1 to 3: under the lesions; 4, 5: half the features."""
KEPT_BACK = 10
RATE = 1e-3


@dataclass
class Item:
    """One photo of the school by its row in `Shelf`; ``targets`` are rows of its covers."""

    row: int
    drawn: bool
    targets: dict[str, int] = field(default_factory=dict)
    sick: tuple[str, ...] = ()
    """Targets that are not empty."""
    disease: str | None = None
    severity: str = ""
    groups: tuple[str, ...] = ()


class Shelf:
    """Every photo and mask, on the device, so that a step copies nothing."""

    def __init__(self) -> None:
        self.photos: list[NDArray[np.uint8]] = []
        self.covers: list[NDArray[np.uint8]] = []

    def add(
        self, photo: NDArray[np.uint8], item: Item, masks: dict[str, NDArray[np.bool_]]
    ) -> Item:
        self.photos.append(photo)
        for name, mask in masks.items():
            item.targets[name] = len(self.covers)
            self.covers.append(cover(mask))
        item.sick = tuple(name for name, mask in masks.items() if mask.any())
        return item

    def lay(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Photos [n, 3, 448, 448] and covers [m, 1, 224, 224], uint8."""
        photos = torch.from_numpy(np.stack(self.photos)).to(device)
        covers = torch.from_numpy(np.stack(self.covers)).to(device)
        return photos.permute(0, 3, 1, 2), covers[:, None]


def cover(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """[h, w] bool to the covered share on a 224 grid, twice as fine as the head's."""
    small = cv2.resize(mask.astype(np.float32), (COVER, COVER), interpolation=cv2.INTER_AREA)
    return np.rint(small * 255).astype(np.uint8)


def real_items(data: Path, shelf: Shelf) -> list[Item]:
    """Photos, masks and severity of the splits that may be learnt from."""
    items = []
    with (data / "labels.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if row["split"] not in ("train", "class_only"):
                continue
            with Image.open(data / row["image"], formats=["JPEG"]) as photo:
                rgb = shrink(np.asarray(photo.convert("RGB")), SIDE)
            masks = {}
            if row["mask"]:
                with Image.open(data / row["mask"], formats=["PNG"]) as picture:
                    mask = np.asarray(picture)
                masks = {"leaf": mask > 0, "lesions": mask == 2}
            item = Item(len(shelf.photos), False, severity=GRADES[int(row["severity_grade"])])
            items.append(shelf.add(rgb, item, masks))
    return items


def drawn_items(cache: Path, shelf: Shelf) -> list[Item]:
    pool = json.loads((cache / "pool.json").read_text("utf-8"))
    photos = np.load(cache / "pool_photos.npy", mmap_mode="r", allow_pickle=False)
    drawn = np.load(cache / "pool_masks.npy", mmap_mode="r", allow_pickle=False)
    items = []
    for i, names in enumerate(pool["drawn"]):
        mask = np.asarray(drawn[i])
        masks = {"leaf": mask > 0, "lesions": mask >= 2}
        masks |= {name: mask == 2 + k for k, name in enumerate(names)}
        disease = names[0] if len(names) == 1 else ("healthy" if not names else None)
        item = Item(len(shelf.photos), True, disease=disease)
        items.append(shelf.add(np.asarray(photos[i]), item, masks))
    return items


def cluster(described: NDArray[np.float32], count: int, seed: int) -> list[int]:
    """k-means after whitening to the 48 main directions; [n, d] to n group numbers."""
    centred = (described - described.mean(0)) / (described.std(0) + 1e-6)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    main = centred @ axes[:48].T
    main /= main.std(0)
    cv2.setRNGSeed(seed)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-4)
    _, labels, _ = cv2.kmeans(main.astype(np.float32), count, None, stop, 8, cv2.KMEANS_PP_CENTERS)
    return [int(label) for label in labels[:, 0]]


class Looks:
    """One augmented look at each of B photos: a crop, a tilt, flips, other colours.

    ``late`` looks are flipped after the tower, which is how a fine-tune with cached features flips.
    """

    def __init__(self, count: int, rng: np.random.Generator, device: torch.device) -> None:
        self.device = device
        size = np.where(rng.random(count) < 0.5, rng.uniform(0.55, 1.0, count), 1.0)
        shift = rng.uniform(-1, 1, (count, 2)) * (1 - size)[:, None]
        tilt = np.where(rng.random(count) < 0.4, rng.uniform(-0.25, 0.25, count), 0.0)
        cos, sin = np.cos(tilt) * size, np.sin(tilt) * size
        self.theta = self._on(np.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], 1))
        self.theta = self.theta.reshape(count, 2, 3)
        self.flips = self._on(rng.random((2, count)) < 0.5)
        self.late = self._on(rng.random(count) < 0.5)
        self.gain = self._on(
            rng.uniform(0.8, 1.2, (count, 1)) * rng.uniform(0.93, 1.07, (count, 3))
        )
        self.lift = self._on(rng.uniform(-15, 15, (count, 1)))
        self.vivid = self._on(rng.uniform(0.75, 1.25, (count, 1)))

    def _on(self, table: NDArray[np.generic]) -> torch.Tensor:
        found = torch.from_numpy(np.ascontiguousarray(table))
        return (found if found.dtype == torch.bool else found.float()).to(self.device)

    def crop(self, pictures: torch.Tensor, of: Sequence[int] | slice, side: int) -> torch.Tensor:
        """[n, C, side, side] float of uint8 pictures that belong to the looks ``of``."""
        theta = self.theta[of]
        grid = functional.affine_grid(theta, [len(theta), 1, side, side], align_corners=False)
        return functional.grid_sample(
            pictures.float(), grid, padding_mode="border", align_corners=False
        )

    def coloured(self, photos: torch.Tensor) -> torch.Tensor:
        """Photos [B, 3, h, w] in 0 to 255 under another light."""
        photos = photos * self.gain[..., None, None] + self.lift[..., None, None]
        grey = photos.mean(1, keepdim=True)
        photos = grey + (photos - grey) * self.vivid[..., None, None]
        return photos.clamp(0, 255).round()

    def flip(
        self,
        pictures: torch.Tensor,
        of: Sequence[int] | slice = slice(None),
        *,
        late: bool | None = None,
    ) -> torch.Tensor:
        """[n, C, h, w] flipped as the looks ``of`` are; with ``late`` only those of that kind."""
        for axis, wanted in ((3, self.flips[0]), (2, self.flips[1])):
            if late is not None:
                wanted = wanted & (self.late == late)
            turned = pictures.flip(axis)
            pictures = torch.where(wanted[of][:, None, None, None], turned, pictures)
        return pictures


class School:
    """Model, optimiser, data and the running average, saved and resumed as one."""

    def __init__(self, cache: Path, start: Path, *, bf16: bool) -> None:
        self.cache, self.bf16 = cache, bf16
        self.vlm = gemma3.load(gemma3.SPECS[0], start)
        self.vlm.model.float()
        self.device = self.vlm.model.device
        channels, self.side, _ = self.vlm.grid
        self.head = pixel.build(hidden=self.vlm.hidden_size, grid=self.vlm.grid)
        schooled = start / "mask_head" / "pixel.safetensors"
        if schooled.is_file():
            self.head.module.load_state_dict(
                {name: tensor.float() for name, tensor in load_file(schooled).items()}
            )
        self.vlm.model.requires_grad_(True)
        self.vlm.model.train()
        follow = {
            "tower": torch.nn.Linear(channels, 384),
            "coarse": torch.nn.Linear(pixel.WIDTHS[-1], 384),
        }
        self.modules = torch.nn.ModuleDict(
            {
                "vlm": self.vlm.model,
                "head": self.head.module,
                "follow": torch.nn.ModuleDict(follow),
            }
        ).to(self.device)
        decay = [p for p in self.modules.parameters() if p.ndim >= 2]
        plain = [p for p in self.modules.parameters() if p.ndim < 2]
        self.optimiser = torch.optim.AdamW(
            [{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
            lr=RATE,
            betas=(0.9, 0.98),
            fused=self.device.type == "cuda",
        )
        self.average = {k: v.clone() for k, v in self.modules.state_dict().items()}
        self.step, self.seconds = 0, 0.0

    # -- the leaves

    def gather(self, data: Path) -> None:
        """Reads the leaves and asks the teacher; a minute's work that an export does without."""
        shelf = Shelf()
        real, self.drawn = real_items(data, shelf), drawn_items(self.cache, shelf)
        self.photos, self.covers = shelf.lay(self.device)
        self.teacher = load_teacher(self.cache).to(self.device).requires_grad_(False)
        names = json.loads((self.cache / "pool.json").read_text("utf-8"))["names"]
        self.classes = [*names, "healthy"]
        self._group(real)
        self.back = real[::KEPT_BACK]
        shown = [item for k, item in enumerate(real) if k % KEPT_BACK]
        self.outlined = [i for i in shown if i.targets]
        self.plain = [i for i in shown if not i.targets]
        print(f"{len(real)} real leaves, {len(self.back)} kept back, {len(self.drawn)} drawn")

    @torch.no_grad()
    def _group(self, real: list[Item]) -> None:
        """Sorts the real leaves into groups by what the teacher sees, and standardises it."""
        whole, under, sums = [], [], torch.zeros(3, 384, device=self.device, dtype=torch.float64)
        asked = self.vlm.render(prompts.LESIONS, prompts.SHOWN)
        self.modules.eval()
        for start in range(0, len(real), 16):
            rows = [item.row for item in real[start : start + 16]]
            photos = self.photos[rows].float()
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                seen = teach(self.teacher, photos).float()
                features = self.vlm.tower(self._pixels(photos))
                told = forward.converse(
                    self,  # type: ignore[arg-type]
                    self.vlm.tokens(features),
                    self._maps(photos, self._grid(features)),
                    [Asked(k, asked) for k in range(len(rows))],
                )
            chance = told.masks.float().sigmoid()[:, None]
            weight = functional.interpolate(chance, seen.shape[-2:], mode="area").flatten(2)
            weight = weight + 1e-3
            flat = seen.flatten(2)
            for out, share in ((whole, torch.ones_like(weight)), (under, weight)):
                share = share / share.sum(2, keepdim=True)
                mean = (flat * share).sum(2)
                spread = ((flat.square() * share).sum(2) - mean.square()).clamp_min(0).sqrt()
                out.append(torch.cat([mean, spread], 1).cpu().numpy())
            sums[0] += flat.double().sum((0, 2))
            sums[1] += flat.double().square().sum((0, 2))
            sums[2] += flat.shape[0] * flat.shape[2]
        mean = sums[0] / sums[2]
        self.mean = mean.float()[:, None, None]
        self.std = (sums[1] / sums[2] - mean.square()).sqrt().float()[:, None, None]
        leaf, lesions = np.concatenate(whole), np.concatenate(under)
        half = np.random.default_rng(4).permutation(384)
        views = (
            leaf,
            lesions[:, :384],
            lesions,
            lesions,
            lesions[:, half[:192]],
            lesions[:, half[192:]],
        )
        names = iter(invented_names(sum(LISTS), 12, self.cache / "blank" / "tokenizer.json"))
        groups = []
        for k, (described, count) in enumerate(zip(views, LISTS, strict=True)):
            own = [next(names) for _ in range(count)]
            groups.append([own[label] for label in cluster(described, count, 3 + k)])
        for item, *found in zip(real, *groups, strict=True):
            item.groups = tuple(found)

    # -- a step

    def questions(self, item: Item, rng: np.random.Generator) -> list[Question]:
        if item.drawn:
            known = Known(
                item.disease,
                True,
                True,
                "lesions" in item.sick,
                tuple(n for n in item.sick if n not in ("leaf", "lesions")),
            )
            return ask(known, self.classes, "healthy", rng)
        target = "lesions" if item.targets else ""
        chosen = rng.choice(len(LISTS), 2, replace=False)
        out = [
            Question(f"Outline the lesions, then name the group in list {k + 1}.",
                     prompts.diagnosis(item.groups[k]), target)
            for k in map(int, chosen)
        ]  # fmt: skip
        if rng.random() < 0.4:
            out[1] = Question(SEVERITY, prompts.diagnosis(item.severity), target)
        if item.targets:
            if "lesions" not in item.sick:
                out.append(Question(prompts.LESIONS, prompts.NOTHING))
            elif rng.random() < 0.3:
                out.append(Question(prompts.LESIONS, prompts.SHOWN, "lesions"))
            out.append(Question(prompts.LEAF, prompts.SHOWN, "leaf"))
        return out

    def batch(self, rng: np.random.Generator, size: int) -> list[Item]:
        """Outlined, plain and drawn leaves, about as 4 to 5 to 4."""
        outlined, drawn = round(size * 4 / 13), round(size * 4 / 13)
        parts = (
            (self.outlined, outlined), (self.plain, size - outlined - drawn), (self.drawn, drawn),
        )  # fmt: skip
        return [some[rng.integers(len(some))] for some, count in parts for _ in range(count)]

    def losses(self, items: list[Item], rng: np.random.Generator) -> dict[str, torch.Tensor]:
        looks = Looks(len(items), rng, self.device)
        asked = [(i, q) for i, item in enumerate(items) for q in self.questions(item, rng)]
        clean = looks.crop(self.photos[[item.row for item in items]], slice(None), SIDE)
        photos = looks.coloured(clean)
        features = self.vlm.tower(self._pixels(looks.flip(photos, late=False)))
        grid = looks.flip(self._grid(features), late=True)
        maps = self._maps(looks.flip(photos), grid)
        told = forward.converse(
            self,  # type: ignore[arg-type]
            self.vlm.tokens(grid.flatten(2).transpose(1, 2)),
            maps,
            [Asked(i, self.vlm.render(q.prompt, q.answer)) for i, q in asked],
        )
        shown = [asked[row] for row in told.mask_rows]
        kept = [j for j, (_, q) in enumerate(shown) if q.target]
        owners = [shown[j][0] for j in kept]
        covers = [items[shown[j][0]].targets[shown[j][1].target] for j in kept]
        wanted = functional.avg_pool2d(looks.crop(self.covers[covers], owners, COVER), 2) / 255
        wanted = looks.flip(wanted, owners)[:, 0]
        real = [i for i, item in enumerate(items) if not item.drawn]
        with torch.no_grad():
            seen = (teach(self.teacher, clean[real]).float() - self.mean) / self.std
            seen = looks.flip(seen, real)
        follow = self.modules["follow"]
        return {
            "answer": -told.scores(len(asked)).mean(),
            "mask": forward.mask_loss(told.masks[kept].float(), wanted),
            "tower": followed(follow["tower"], grid[real], seen),
            "coarse": followed(follow["coarse"], maps.coarse[real], seen),
        }

    def _pixels(self, photos: torch.Tensor) -> torch.Tensor:
        """What the processor makes of photos in 0 to 255, without leaving the device."""
        side = self.vlm.photo_side
        small = functional.interpolate(
            photos, (side, side), mode="bilinear", antialias=True, align_corners=False
        )
        return small.round() / 127.5 - 1

    def _grid(self, features: torch.Tensor) -> torch.Tensor:
        return features.transpose(1, 2).unflatten(2, (self.side, self.side))

    def _maps(self, photos: torch.Tensor, grid: torch.Tensor) -> pixel.Maps:
        return self.head.features(photos / 255, grid)

    def learn(self, minutes: float, cool: float, size: int) -> None:
        start, saved = time.monotonic(), time.monotonic()
        before = self.seconds
        smooth: dict[str, float] = {}
        own = {k: v for k, v in self.modules.state_dict().items() if v.is_floating_point()}
        average = [self.average[k] for k in own]
        self.modules.train()
        while (spent := time.monotonic() - start) < (minutes + cool) * 60:
            left = (minutes + cool) * 60 - spent
            rate = RATE * min(
                1.0, (self.step + 1) / 150, max(left / (cool * 60), 0.01) if cool else 1
            )
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            rng = np.random.default_rng(7_000_000 + self.step)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                losses = self.losses(self.batch(rng, size), rng)
            weighted = losses["answer"] + losses["mask"] + 1.5 * losses["tower"] + losses["coarse"]
            weighted.backward()
            torch.nn.utils.clip_grad_norm_(self.modules.parameters(), 1.0)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            self.step += 1
            keep = min(0.998, self.step / (self.step + 20))
            with torch.no_grad():
                torch._foreach_lerp_(average, list(own.values()), 1 - keep)
            self.seconds = before + time.monotonic() - start
            if self.step % 10 == 0:
                for name, loss in losses.items():
                    smooth[name] = 0.8 * smooth.get(name, loss.item()) + 0.2 * loss.item()
                shown = " ".join(f"{k} {v:.3f}" for k, v in smooth.items())
                print(f"step {self.step} {self.seconds / 60:.1f} min {shown}", flush=True)
            if time.monotonic() - saved > 180:
                self.save()
                saved = time.monotonic()
        self.save()

    @torch.no_grad()
    def check(self, size: int) -> None:
        """The averaged weights on the leaves kept back, beside as many that were shown."""
        live = {k: v.clone() for k, v in self.modules.state_dict().items()}
        self.modules.load_state_dict(self.average)
        self.modules.eval()
        shown = [*self.outlined, *self.plain]
        for title, items in (("kept back", self.back), ("shown", shown[:: KEPT_BACK - 1])):
            sums: dict[str, float] = {}
            many = -(-len(items) // size)
            # Dealt out like cards: every part gets some of the outlined leaves, which come first.
            parts = [items[k::many] for k in range(many)]
            for k, part in enumerate(parts):
                rng = np.random.default_rng(k)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                    for name, loss in self.losses(part, rng).items():
                        sums[name] = sums.get(name, 0.0) + loss.item() * len(part) / len(items)
            print(title, " ".join(f"{k} {v:.3f}" for k, v in sums.items()), flush=True)
        self.modules.load_state_dict(live)

    # -- keeping

    def save(self) -> None:
        draft = self.cache / "school.tmp"
        torch.save(
            {
                "modules": self.modules.state_dict(),
                "average": self.average,
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
            },
            draft,
        )
        draft.replace(self.cache / "school.pt")

    def resume(self) -> None:
        """Picks up the saved state."""
        state = torch.load(self.cache / "school.pt", weights_only=True, map_location=self.device)
        self.modules.load_state_dict(state["modules"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]

    def export(self, folder: Path) -> None:
        """The averaged weights as a model directory in fp16, its mask head beside it."""
        self.modules.load_state_dict(self.average)
        folder.mkdir(parents=True, exist_ok=True)
        self.vlm.model.half().save_pretrained(folder)
        self.vlm.processor.save_pretrained(folder)
        shutil.rmtree(folder / "mask_head", ignore_errors=True)
        (folder / "mask_head").mkdir()
        save_file(
            {k: v.half().contiguous() for k, v in self.head.module.state_dict().items()},
            folder / "mask_head" / "pixel.safetensors",
        )
        write_sums(folder)


def followed(way: torch.nn.Module, own: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """How far features [n, C, h, w] are from the teacher's [n, 384, 28, 56], on their own grid."""
    wanted = functional.interpolate(seen, own.shape[-2:], mode="area").flatten(2).transpose(1, 2)
    return functional.mse_loss(way(own.flatten(2).transpose(1, 2)).float(), wanted)


def write_sums(folder: Path) -> None:
    """``SHA256SUMS`` of everything the model is loaded from; `leafspot doctor` compares them."""
    every = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    loaded = [p for p in every if p.name not in ("README.md", "SHA256SUMS")]
    lines = [f"{sha256_of(p)}  {p.relative_to(folder).as_posix()}\n" for p in loaded]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cool", type=float, default=0.0)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--start", type=Path, help="a model directory to go on from, not blank/")
    parser.add_argument("--export", type=Path)
    parser.add_argument(
        "--bf16", action="store_true", help="mixed precision, where the machine has bf16"
    )
    args = parser.parse_args()
    torch.manual_seed(0)
    school = School(args.cache, args.start or args.cache / "blank", bf16=args.bf16)
    if (args.cache / "school.pt").exists():
        school.resume()
    if args.minutes + args.cool > 0:
        school.gather(args.data)
        school.learn(args.minutes, args.cool, args.batch)
        school.check(args.batch)
    if args.export:
        school.export(args.export)


if __name__ == "__main__":
    main()
