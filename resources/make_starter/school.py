"""Schools the `starter` base model: tower, language model and pixel head together.

    python resources/make_starter/school.py CACHE DATA [--minutes M] [--cool M]
        [--start DIR] [--export OUT] [--bf16]

CACHE holds `blank/` (build.py), the teacher's features (teacher.py) and the drawn pool (pool.py);
DATA is the BRACOL folder, of which only the splits train and class_only are read, and of those the
photos, the masks and the severity grade, never the disease. Resumable: the state is saved every
few minutes and picked up again. ``--cool`` ends with a falling learning rate; ``--export`` writes
the averaged weights as a model directory with its mask head.

What is learnt at once, a step:
  * the tower's patch features follow a DINOv2 ViT-S/14 on the real leaves (standardised, MSE);
  * leaf and lesion masks of the 400 outlined leaves and of the drawn ones, through `<SEG>`;
  * on drawn leaves, the invented names of invented diseases: prompted, absent, and as the class;
  * on real leaves, the severity in words, and which of 40 groups the teacher's features fall in
    (k-means; nobody named them).
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.heads import pixel
from core.heads.base import shrink
from core.imaging.decode import sha256_of
from core.training import forward, prompts
from core.training.questions import Known, Question, ask
from core.training.weave import Asked
from core.vlms import gemma3

SIDE, CELLS = 448, 112
GRADES = ("none", "trace", "low", "high", "very high")
SEVERITY = "Outline the lesions, then say how much of the leaf is sick."
GROUP = "Outline the lesions, then name the group."
GROUPS = 40


@dataclass
class Item:
    """One photo of the school. ``teacher`` is its row in the feature file, -1 if drawn."""

    photo: np.ndarray
    targets: dict[str, np.ndarray] = field(default_factory=dict)
    teacher: int = -1
    disease: str | None = None
    severity: str = ""
    group: str = ""


def real_items(data: Path, cache: Path, groups: list[str]) -> list[Item]:
    """Photos, masks and severity of the splits that may be learnt from."""
    keys = (cache / "teacher_keys.txt").read_text("utf-8").split("\n")
    row_of = {key: i for i, key in enumerate(keys)}
    items = []
    with (data / "labels.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if row["id"] not in row_of:
                continue
            with Image.open(data / row["image"], formats=["JPEG"]) as photo:
                rgb = np.asarray(photo.convert("RGB"))
            item = Item(shrink(rgb, SIDE), teacher=row_of[row["id"]])
            item.severity = GRADES[int(row["severity_grade"])]
            item.group = groups[item.teacher]
            if row["mask"]:
                with Image.open(data / row["mask"], formats=["PNG"]) as picture:
                    mask = np.asarray(picture)
                item.targets = {"leaf": cover(mask > 0), "lesions": cover(mask == 2)}
            items.append(item)
    return items


def cover(mask: np.ndarray) -> np.ndarray:
    """[h, w] bool to the covered share on a 224 grid, twice as fine as the head's."""
    small = cv2.resize(mask.astype(np.float32), (224, 224), interpolation=cv2.INTER_AREA)
    return np.rint(small * 255).astype(np.uint8)


def drawn_items(cache: Path) -> list[Item]:
    pool = json.loads((cache / "pool.json").read_text("utf-8"))
    photos = np.load(cache / "pool_photos.npy", mmap_mode="r", allow_pickle=False)
    masks = np.load(cache / "pool_masks.npy", mmap_mode="r", allow_pickle=False)
    items = []
    for i, names in enumerate(pool["drawn"]):
        mask = np.asarray(masks[i])
        item = Item(photos[i], {"leaf": cover(mask > 0), "lesions": cover(mask >= 2)})
        for k, name in enumerate(names):
            item.targets[name] = cover(mask == 2 + k)
        item.disease = names[0] if len(names) == 1 else ("healthy" if not names else None)
        items.append(item)
    return items


def cluster(features: np.ndarray, count: int) -> list[str]:
    """Groups photos by mean and spread of their standardised teacher features (k-means)."""
    flat = features.reshape(len(features), -1, features.shape[-1]).astype(np.float32)
    flat = (flat - flat.mean((0, 1))) / flat.std((0, 1))
    described = np.concatenate([flat.mean(1), flat.std(1)], 1)
    described -= described.mean(0)
    _, _, axes = np.linalg.svd(described, full_matrices=False)
    described = described @ axes[:48].T
    described /= described.std(0)
    cv2.setRNGSeed(3)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-4)
    _, labels, _ = cv2.kmeans(
        described.astype(np.float32), count, None, stop, 8, cv2.KMEANS_PP_CENTERS
    )
    return [f"group {int(label)}" for label in labels[:, 0]]


@dataclass
class Visit:
    """One augmented look at a photo. ``box`` (x0, y0, x1, y1) in [0, 1], flips after the crop."""

    photo: np.ndarray
    box: tuple[float, float, float, float]
    flip_x: bool
    flip_y: bool


def visit(item: Item, rng: np.random.Generator) -> Visit:
    """Random crop, flips and colour."""
    size = float(rng.uniform(0.55, 1.0)) if rng.random() < 0.5 else 1.0
    x0, y0 = rng.uniform(0, 1 - size), rng.uniform(0, 1 - size)
    box = (x0, y0, x0 + size, y0 + size)
    photo = crop(np.asarray(item.photo), box, SIDE)
    flip_x, flip_y = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    photo = photo[:: -1 if flip_y else 1, :: -1 if flip_x else 1].astype(np.float32)
    photo = photo * rng.uniform(0.8, 1.2) + rng.uniform(-15, 15)
    grey = photo.mean(2, keepdims=True)
    photo = grey + (photo - grey) * rng.uniform(0.75, 1.25)
    photo *= rng.uniform(0.93, 1.07, (1, 1, 3))
    return Visit(photo.clip(0, 255).astype(np.uint8), box, flip_x, flip_y)


def crop(picture: np.ndarray, box: tuple[float, ...], side: int) -> np.ndarray:
    n = picture.shape[0]
    x0, y0, x1, y1 = (round(v * n) for v in box)
    return cv2.resize(picture[y0:y1, x0:x1], (side, side), interpolation=cv2.INTER_LINEAR)


def truth(target: np.ndarray, look: Visit) -> np.ndarray:
    small = cv2.resize(crop(target, look.box, 224), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return small[:: -1 if look.flip_y else 1, :: -1 if look.flip_x else 1].astype(np.float32) / 255


def teacher_grid(look: Visit, side: int) -> np.ndarray:
    """Sampling positions in [-1, 1], [side, side, 2], of the student's cells in the teacher's."""
    centres = (np.arange(side) + 0.5) / side
    xs = look.box[0] + (look.box[2] - look.box[0]) * (centres[::-1] if look.flip_x else centres)
    ys = look.box[1] + (look.box[3] - look.box[1]) * (centres[::-1] if look.flip_y else centres)
    gx, gy = np.meshgrid(xs, ys)
    return np.stack([gx, gy], -1).astype(np.float32) * 2 - 1


class School:
    """Model, optimiser, data and the running average, saved and resumed as one."""

    def __init__(self, cache: Path, start: Path, *, bf16: bool) -> None:
        self.cache, self.bf16 = cache, bf16
        self.vlm = gemma3.load(gemma3.SPECS[0], start)
        channels, side, _ = self.vlm.grid
        self.head = pixel.build(hidden=self.vlm.hidden_size, grid=self.vlm.grid)
        schooled = start / "mask_head" / "pixel.safetensors"
        if schooled.is_file():
            self.head.module.load_state_dict(
                {name: tensor.float() for name, tensor in load_file(schooled).items()}
            )
        self.follow = torch.nn.Linear(channels, 384)
        self.side = side
        self.vlm.model.requires_grad_(True)
        self.vlm.model.train()
        self.modules = torch.nn.ModuleDict(
            {"vlm": self.vlm.model, "head": self.head.module, "follow": self.follow}
        )
        decay = [p for p in self.modules.parameters() if p.ndim >= 2]
        plain = [p for p in self.modules.parameters() if p.ndim < 2]
        self.optimiser = torch.optim.AdamW(
            [{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
            lr=1e-3,
            betas=(0.9, 0.98),
        )
        self.average = {k: v.clone() for k, v in self.modules.state_dict().items()}
        self.step, self.seconds = 0, 0.0

    def gather(self, data: Path) -> None:
        """Reads the leaves; a minute's work that an export does without."""
        cache = self.cache
        self.features = np.load(cache / "teacher_features.npy", mmap_mode="r", allow_pickle=False)
        sample = np.asarray(self.features[::8], np.float32)
        self.mean = torch.from_numpy(sample.mean((0, 1, 2)))
        self.std = torch.from_numpy(sample.std((0, 1, 2)))
        real = real_items(data, cache, cluster(np.asarray(self.features[:, ::2, ::2]), GROUPS))
        self.outlined = [i for i in real if i.targets]
        self.plain = [i for i in real if not i.targets]
        self.drawn = drawn_items(cache)
        self.names = json.loads((cache / "pool.json").read_text("utf-8"))["names"]
        self.classes = [*self.names, "healthy"]

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
        """Picks up the saved state; parts that a newer head has more of start afresh."""
        state = torch.load(self.cache / "school.pt", weights_only=True)
        own = self.modules.state_dict()
        same = {k: v for k, v in state["modules"].items() if k in own and own[k].shape == v.shape}
        self.modules.load_state_dict(own | same)
        self.average = {k: v.clone() for k, v in self.modules.state_dict().items()}
        if len(same) == len(own):
            self.average = state["average"]
            self.optimiser.load_state_dict(state["optimiser"])
        else:
            self.average |= {k: state["average"][k] for k in same}
        self.step, self.seconds = state["step"], state["seconds"]

    def questions(self, item: Item, rng: np.random.Generator) -> list[Question]:
        if item.teacher < 0:
            known = Known(
                item.disease,
                True,
                True,
                bool(item.targets["lesions"].any()),
                tuple(n for n in item.targets if n not in ("leaf", "lesions")),
            )
            return ask(known, self.classes, "healthy", rng)
        said, prompt = item.group, GROUP
        if rng.random() < 0.4:
            said, prompt = item.severity, SEVERITY
        target = "lesions" if item.targets else ""
        out = [Question(prompt, prompts.diagnosis(said), target)]
        if rng.random() < 0.3:
            out.append(Question(prompt, said))
        if item.targets:
            sick = bool(item.targets["lesions"].any())
            if not sick:
                out.append(Question(prompts.LESIONS, prompts.NOTHING))
            elif rng.random() < 0.3:
                out.append(Question(prompts.LESIONS, prompts.SHOWN, "lesions"))
            out.append(Question(prompts.LEAF, prompts.SHOWN, "leaf"))
        return out

    def batch(self, rng: np.random.Generator) -> list[Item]:
        pick = rng.integers
        return [
            *(self.outlined[pick(len(self.outlined))] for _ in range(4)),
            *(self.plain[pick(len(self.plain))] for _ in range(5)),
            *(self.drawn[pick(len(self.drawn))] for _ in range(4)),
        ]

    def losses(self, items: list[Item], rng: np.random.Generator) -> dict[str, torch.Tensor]:
        looks = [visit(item, rng) for item in items]
        features = self.vlm.tower(self.vlm.pixels([look.photo for look in looks]))
        questions = [(i, q) for i, item in enumerate(items) for q in self.questions(item, rng)]
        photos = torch.from_numpy(np.stack([look.photo for look in looks]))
        maps = self.head.features(
            photos.permute(0, 3, 1, 2).float() / 255,
            features.transpose(1, 2).unflatten(2, (self.side, self.side)),
        )
        asked = [Asked(i, self.vlm.render(q.prompt, q.answer)) for i, q in questions]
        told = forward.converse(self, self.vlm.tokens(features), maps, asked)
        shown = [questions[row] for row in told.mask_rows]
        kept = [j for j, (_, q) in enumerate(shown) if q.target]
        wanted = np.stack(
            [
                truth(items[shown[j][0]].targets[shown[j][1].target], looks[shown[j][0]])
                for j in kept
            ]
        )
        masks = forward.mask_loss(told.masks[kept].float(), torch.from_numpy(wanted))
        real = [i for i, item in enumerate(items) if item.teacher >= 0]
        return {
            "answer": -told.scores(len(asked)).mean(),
            "mask": masks,
            "follow": self.followed(
                features[real], [items[i] for i in real], [looks[i] for i in real]
            ),
        }

    def followed(
        self, features: torch.Tensor, items: list[Item], looks: list[Visit]
    ) -> torch.Tensor:
        rows = np.stack([self.features[item.teacher] for item in items]).astype(np.float32)
        whole = torch.from_numpy(rows)
        whole = ((whole - self.mean) / self.std).permute(0, 3, 1, 2)
        where = torch.from_numpy(np.stack([teacher_grid(look, self.side) for look in looks]))
        wanted = functional.grid_sample(whole, where, align_corners=False, padding_mode="border")
        followed = self.follow(features).float()
        return functional.mse_loss(followed, wanted.flatten(2).transpose(1, 2))

    def learn(self, minutes: float, cool: float) -> None:
        start, saved = time.monotonic(), time.monotonic()
        before = self.seconds
        smooth: dict[str, float] = {}
        while (spent := time.monotonic() - start) < (minutes + cool) * 60:
            left = (minutes + cool) * 60 - spent
            rate = 1e-3 * min(
                1.0, (self.step + 1) / 150, max(left / (cool * 60), 0.01) if cool else 1
            )
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            rng = np.random.default_rng(7_000_000 + self.step)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
                losses = self.losses(self.batch(rng), rng)
            total = losses["answer"] + losses["mask"] + 1.5 * losses["follow"]
            total.backward()
            torch.nn.utils.clip_grad_norm_(self.modules.parameters(), 1.0)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            self.step += 1
            keep = min(0.998, self.step / (self.step + 20))
            with torch.no_grad():
                for name, value in self.modules.state_dict().items():
                    self.average[name].lerp_(value, 1 - keep)
            self.seconds = before + time.monotonic() - start
            for name, loss in losses.items():
                smooth[name] = 0.97 * smooth.get(name, loss.item()) + 0.03 * loss.item()
            if self.step % 10 == 0:
                shown = " ".join(f"{k} {v:.3f}" for k, v in smooth.items())
                print(f"step {self.step} {self.seconds / 60:.1f} min {shown}", flush=True)
            if time.monotonic() - saved > 180:
                self.save()
                saved = time.monotonic()
        self.save()

    def export(self, folder: Path) -> None:
        """The averaged weights as a model directory in fp16, its mask head beside it."""
        live = {k: v.clone() for k, v in self.modules.state_dict().items()}
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
        self.vlm.model.float()
        self.modules.load_state_dict(live)


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
    parser.add_argument("--start", type=Path, help="a model directory to go on from, not blank/")
    parser.add_argument("--export", type=Path)
    parser.add_argument(
        "--bf16",
        action="store_true",
        help="mixed precision, for a processor with bf16 instructions",
    )
    args = parser.parse_args()
    torch.manual_seed(0)
    school = School(args.cache, args.start or args.cache / "blank", bf16=args.bf16)
    if (args.cache / "school.pt").exists():
        school.resume()
    if args.minutes + args.cool > 0:
        school.gather(args.data)
        school.learn(args.minutes, args.cool)
    if args.export:
        school.export(args.export)


if __name__ == "__main__":
    main()
