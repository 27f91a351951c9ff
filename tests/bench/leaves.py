"""Fine-tunes `starter` on real coffee leaves and says what came out, beside two simpler ways.

    python tests/bench/leaves.py --data DIR [--train train class_only] [--test val class_val]
        [--seeds 1 2 3] [--minutes 15] [--untold] [--later STEPS] [--out bench-out/leaves]
        [--json FILE]

DIR is laid out as BRACOL is: labels.csv with the columns id, image, mask, split, disease and
severity_grade, masks with 0 background, 1 leaf, 2 lesion. The test leaves are never seen in
training; a twentieth of the training leaves is held out to choose the best checkpoint.
One stage after the other, each written to --out as soon as it is done, so that a bench that was
broken off goes on where it was. Never run two of these at once: torch wants every core.

Printed: lesion Dice and IoU by the generated path at photo size (mean over leaves that have
lesions; healthy ones counted apart), disease accuracy (`mixed` left out) with the prompt DIAGNOSE,
the base before tuning, severity grade beside the true masks' own ceiling, Lin's CCC of the severity
in percent, and the roll check: the Dice of the lesion target when the `<SEG>` state is that of
another target of the same photo. Each as a paired difference with its 95 % bootstrap interval: with
--untold the same budget where the class is read without being told what lay under the mask
(`<found>` empty); with --later the same budget without masks, and STEPS steps of the hard-sample
stage (Dice under 0.75 on the leaves learnt from) beside as many uniform ones, as published and at
half the first run's rate.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.domain.ids import ImageId
from core.domain.mask import TileMask
from core.domain.run import Score
from core.domain.scale import BRACOL
from core.geometry import rle
from core.geometry.severity import concordance, overlap
from core.heads.base import shrink
from core.imaging.decode import decode_rgb, sha256_of
from core.imaging.drawn_leaves import DISEASES, draw_leaf
from core.services.review import review
from core.training.config import TrainConfig
from core.training.photos import target_masks
from core.training.run_folder import RunFolder, Sample, score_from_json, score_to_json

ROOT = Path(__file__).resolve().parents[2]
HEALTHY = "healthy"
SIDE = 448


@dataclass(frozen=True)
class Leaf:
    """A row of labels.csv."""

    sample: Sample
    split: str
    grade: int


def leaves(data: Path, splits: Sequence[str]) -> list[Leaf]:
    """The rows of ``splits``. ``mixed`` leaves teach and test masks, but no single class."""
    out = []
    with (data / "labels.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if row["split"] not in splits:
                continue
            path = data / row["image"]
            with Image.open(path) as photo:
                width, height = photo.size
            leaf, lesions = None, {}
            disease = None if row["disease"] == "mixed" else row["disease"]
            if row["mask"]:
                with Image.open(data / row["mask"]) as picture:
                    mask = np.asarray(picture)
                leaf = rle.encode(TileMask.from_array(mask > 0))
                name = disease if disease not in (None, HEALTHY) else ""
                lesions = {name: rle.encode(TileMask.from_array(mask == 2))}
            sample = Sample(
                image=ImageId(int(row["id"])),
                path=str(path),
                sha256=sha256_of(path),
                width=width,
                height=height,
                split="train",
                disease=disease,
                mask_known=bool(row["mask"]),
                leaf=leaf,
                lesions=lesions,
            )
            out.append(Leaf(sample, row["split"], int(row["severity_grade"])))
    return out


def classes_of(found: Sequence[Leaf]) -> tuple[str, ...]:
    return tuple(sorted({x.sample.disease for x in found if x.sample.disease}))


def stage(out: Path, name: str, work: Callable[[], dict[str, object]]) -> dict[str, object]:
    """Runs ``work`` once; its result is kept in ``out/name.json``."""
    file = out / f"{name}.json"
    if not file.exists():
        print(f"… {name}", flush=True)
        began = time.monotonic()
        result = work()
        result["seconds"] = round(time.monotonic() - began, 1)
        file.write_text(json.dumps(result), "utf-8")
    return dict(json.loads(file.read_text("utf-8")))


# -- the program's own way


def fine_tune(folder: Path, train: Sequence[Leaf], settings: TrainConfig) -> None:
    """One run through the recipe, adapter written; resumes an interrupted one."""
    from core.training import events
    from core.training.recipe import Recipe

    run = RunFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    held = {int(i) for i in np.random.default_rng(5).permutation(len(train))[: len(train) // 20]}
    if not run.config.exists():
        run.write_samples(
            replace(x.sample, split="val" if i in held else "train") for i, x in enumerate(train)
        )
        run.config.write_text(settings.to_json(), "utf-8")

    def report(event: events.TrainEvent) -> None:
        if isinstance(event, events.Evaluated):
            print(f"  step {event.step}: held-out Dice {event.dice}, accuracy {event.accuracy}")
        elif isinstance(event, events.Step) and event.step % 50 == 0:
            print(f"  step {event.step} loss {event.loss:.3f} eta {event.eta:.0f} s", flush=True)

    recipe = Recipe(run, report, lambda: False)
    recipe.setup()
    recipe.fit()
    recipe.finish(stopped=True)


def score_adapter(folder: Path, test: Sequence[Leaf]) -> dict[str, object]:
    """Scores of the tuned model on the test leaves, and the roll check."""
    from core.training.adapter import load_adapter

    learner, config = load_adapter(RunFolder(folder).adapter)
    return _score(learner, config, folder, test)


def score_base(folder: Path, test: Sequence[Leaf], settings: TrainConfig) -> dict[str, object]:
    """The same before any tuning: fresh LoRA changes nothing."""
    from core.training import learner as learners

    learner = learners.load(settings)
    learner.train(False)
    return _score(learner, settings, folder, test)


def _score(learner, config, folder: Path, test: Sequence[Leaf]) -> dict[str, object]:  # type: ignore[no-untyped-def]
    from core.training.predict import draw, look
    from core.training.scoring import predictions, score

    samples = [x.sample for x in test]

    def photo(i: int) -> np.ndarray:
        return shrink(decode_rgb(Path(samples[i].path)), SIDE)

    scores, rolled = [], []
    for i, said in enumerate(predictions(learner, config, samples, photo)):
        found = score(RunFolder(folder), samples[i], said)
        scores.append(score_to_json(found))
        if {"lesions", "leaf"} <= said.states.keys() and found.dice and not _empty(found):
            _, maps = look(learner, [photo(i)])
            wrong = draw(learner, maps, said.states["leaf"][None], [0])[0]
            rolled.append((found.dice, _dice_at_photo_size(samples[i], "lesions", wrong)))
    return {"scores": scores, "rolled": rolled}


def _empty(score: Score) -> bool:
    return any(t.target == "lesions" and t.truth_empty for t in score.targets)


def _dice_at_photo_size(sample: Sample, target: str, probability: np.ndarray) -> float:
    from core.imaging.probability import to_mask

    mask = to_mask(probability, (sample.width, sample.height))
    return overlap(target_masks(sample)[target], mask).dice


def drawn_roll(folder: Path, minutes: float) -> dict[str, object]:
    """Two diseases on one drawn leaf: does the state of the other one draw the other one?"""
    from core.training.adapter import load_adapter
    from core.training.predict import draw, look, predict

    names = list(DISEASES)
    photos = folder / "drawn"
    photos.mkdir(parents=True, exist_ok=True)
    found: list[Leaf] = []
    for i in range(260):
        rng = np.random.default_rng(900 + i)
        pair = [str(n) for n in rng.choice(names, 2, replace=False)]
        kept = pair if i % 3 else pair[:1]
        leaf = draw_leaf(rng, styles={n: DISEASES[n] for n in kept}, size=(SIDE, SIDE))
        path = photos / f"{i}.png"
        Image.fromarray(leaf.rgb).save(path)
        sample = Sample(
            ImageId(i), str(path), sha256_of(path), SIDE, SIDE, "train",
            kept[0] if len(kept) == 1 else None, True,
            rle.encode(TileMask.from_array(leaf.leaf)),
            {n: rle.encode(TileMask.from_array(m)) for n, m in leaf.lesions.items()},
        )  # fmt: skip
        found.append(Leaf(sample, "", 0))
    train, test = found[:220], found[220:]
    settings = TrainConfig(classes=tuple(names), minutes=minutes, evaluations=2)
    fine_tune(folder, train, settings)
    learner, config = load_adapter(RunFolder(folder).adapter)
    right, wrong = [], []
    for leaf in test:
        there = [n for n in leaf.sample.lesions if target_masks(leaf.sample)[n].any()]
        if len(there) < 2:
            continue
        rgb = shrink(decode_rgb(Path(leaf.sample.path)), SIDE)
        said = predict(learner, [rgb], config.classes, config.healthy, named=[there])[0]
        _, maps = look(learner, [rgb])
        for name, other in ((there[0], there[1]), (there[1], there[0])):
            right.append(_dice_at_photo_size(leaf.sample, name, said.targets[name]))
            if other in said.states:
                picture = draw(learner, maps, said.states[other][None], [0])[0]
                wrong.append(_dice_at_photo_size(leaf.sample, name, picture))
    return {"named": float(np.mean(right)), "rolled": float(np.mean(wrong)), "pairs": len(right)}


# -- simpler ways


def colour_rule(train: Sequence[Leaf], test: Sequence[Leaf]) -> dict[str, object]:
    """Lesion = red enough against green, or dark; two thresholds fitted on 100 training leaves."""
    fitted = [x for x in train if x.sample.mask_known][:100]
    cases = [_rule_input(x.sample) for x in fitted]
    best, chosen = -1.0, (0.0, 0.0)
    for red in np.arange(-40, 41, 5):
        for dark in np.arange(0, 121, 10):
            value = np.mean([overlap(t, _rule(c, red, dark)).dice for c, t in cases])
            if value > best:
                best, chosen = float(value), (float(red), float(dark))
    values = []
    for leaf in test:
        if leaf.sample.mask_known:
            cut, truth = _rule_input(leaf.sample)
            if truth.any():
                values.append(overlap(truth, _rule(cut, *chosen)).dice)
    return {"dice": float(np.mean(values)), "thresholds": chosen}


def _rule_input(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    rgb = cv2.resize(decode_rgb(Path(sample.path)), (448, 224), interpolation=cv2.INTER_AREA)
    truth = target_masks(sample)["lesions"].astype(np.uint8)
    small = cv2.resize(truth, (448, 224), interpolation=cv2.INTER_NEAREST).astype(bool)
    return rgb.astype(np.int16), small


def _rule(rgb: np.ndarray, red: float, dark: float) -> np.ndarray:
    leaf = (rgb.max(2) - rgb.min(2) > 25) | (rgb.mean(2) < 90)
    return leaf & ((rgb[..., 0] - rgb[..., 1] > red) | (rgb.mean(2) < dark))


def plain_network(
    train: Sequence[Leaf], test: Sequence[Leaf], classes: tuple[str, ...], minutes: float
) -> dict[str, object]:
    """A U-shaped multi-task CNN from scratch on the same leaves for the same minutes."""
    from tests.bench.plain_cnn import fit_and_score

    return fit_and_score(
        [x.sample for x in train], [x.sample for x in test], classes, minutes=minutes
    )


# -- figures


def figures(raw: dict[str, object], test: Sequence[Leaf]) -> dict[str, float]:
    """Everything the table shows of one scoring."""
    scores = [score_from_json(RunFolder(Path("x")).id, s) for s in raw["scores"]]  # type: ignore[attr-defined]
    grades = {int(x.sample.image): x.grade for x in test}
    seen = review(scores)
    outlined = [s for s in scores if s.dice is not None]
    there = [t for s in outlined for t in s.targets if t.target == "lesions" and not t.truth_empty]
    pairs = [(s.true_severity or 0.0, s.severity) for s in outlined]
    rolled = raw.get("rolled") or []
    out = {
        "lesion_dice": float(np.mean([t.dice for t in there])),
        "lesion_iou": float(np.mean([t.iou for t in there])),
        "leaf_dice": float(
            np.mean([t.dice for s in outlined for t in s.targets if t.target == "leaf"])
        ),
        "accuracy": float(seen.accuracy or 0.0),
        "with_lesions": float(len(there)),
        "missed": float(seen.missed),
        "healthy_right": float(seen.both_empty),
        "healthy_invented": float(seen.invented),
        "severity_ccc": concordance([a for a, _ in pairs], [b for _, b in pairs]),
        "grade_right": float(
            np.mean([int(BRACOL.grade(s.severity)) == grades[int(s.image)] for s in outlined])
        ),
        "grade_ceiling": float(
            np.mean(
                [
                    int(BRACOL.grade(s.true_severity or 0.0)) == grades[int(s.image)]
                    for s in outlined
                ]
            )
        ),
    }
    if rolled:
        right, wrong = zip(*rolled, strict=True)  # type: ignore[call-overload]
        out["roll_fall"] = float(np.mean(right) - np.mean(wrong))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "bracol")
    parser.add_argument("--train", nargs="+", default=["train", "class_only"])
    parser.add_argument("--test", nargs="+", default=["val", "class_val"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--out", type=Path, default=Path("bench-out/leaves"))
    parser.add_argument("--set", nargs="*", default=[], help="KEY=VALUE of the run's settings")
    parser.add_argument("--rename", action="store_true", help="invented names for the diseases")
    parser.add_argument("--untold", action="store_true", help="also with `<found>` empty")
    parser.add_argument("--later", type=int, default=0, help="steps of the later stages")
    parser.add_argument("--only-ours", action="store_true", help="leave the simpler ways out")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    args.out.mkdir(parents=True, exist_ok=True)
    train, test = leaves(args.data, args.train), leaves(args.data, args.test)
    if args.rename:
        train, test = renamed(train), renamed(test)
    classes = classes_of(train)
    extra = {k: json.loads(v) for k, _, v in (s.partition("=") for s in args.set)}
    plan = TrainConfig(classes=classes, healthy=HEALTHY, minutes=args.minutes, **extra)
    results: dict[str, object] = {"machine": machine()}
    base = stage(args.out, "base", lambda: score_base(args.out, test, plan))
    results["base"] = figures(base, test)
    tuned = []
    for seed in args.seeds:
        folder = args.out / f"run-{seed}"

        def work(folder: Path = folder, seed: int = seed) -> dict[str, object]:
            fine_tune(folder, train, replace(plan, seed=seed))
            return score_adapter(folder, test)

        tuned.append(figures(stage(args.out, f"seed-{seed}", work), test))
        print(json.dumps(tuned[-1]), flush=True)
        if args.untold:
            results[f"untold-{seed}"] = without_found(args, train, test, replace(plan, seed=seed))
        if args.later:
            results[f"later-{seed}"] = later_stages(args, train, test, replace(plan, seed=seed))
    results["seeds"] = tuned
    results["mean"] = {k: float(np.mean([t[k] for t in tuned if k in t])) for k in tuned[0]}
    results["spread"] = {k: float(np.ptp([t[k] for t in tuned if k in t])) for k in tuned[0]}
    if not args.only_ours:
        results["colour_rule"] = stage(args.out, "colour", lambda: colour_rule(train, test))
        results["plain_cnn"] = stage(
            args.out, "cnn", lambda: plain_network(train, test, classes, args.minutes)
        )
        results["drawn_roll"] = stage(
            args.out, "drawn", lambda: drawn_roll(args.out / "run-drawn", args.minutes / 3)
        )
    table(results)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1), "utf-8")


def without_found(
    args: argparse.Namespace, train: list[Leaf], test: list[Leaf], plan: TrainConfig
) -> dict[str, object]:
    """One seed with `<found>` empty, and what telling it is worth."""
    from tests.bench.leaves_later import against, untold

    def work() -> dict[str, object]:
        folder = args.out / f"run-untold-{plan.seed}"
        with untold():
            fine_tune(folder, train, plan)
            return score_adapter(folder, test)

    without = stage(args.out, f"untold-{plan.seed}", work)
    told = json.loads((args.out / f"seed-{plan.seed}.json").read_text("utf-8"))
    return {"without": figures(without, test), "gain of telling": against(without, told)}


def later_stages(
    args: argparse.Namespace, train: list[Leaf], test: list[Leaf], plan: TrainConfig
) -> dict[str, object]:
    """The control and the later stages of one seed against its first run."""
    from tests.bench.leaves_later import against, control, hard_leaves, later

    seed, first = plan.seed, args.out / f"run-{plan.seed}"
    before = json.loads((args.out / f"seed-{seed}.json").read_text("utf-8"))

    def tune(name: str, settings: TrainConfig) -> dict[str, object]:
        folder = args.out / f"run-{name}-{seed}"

        def work() -> dict[str, object]:
            fine_tune(folder, train, settings)
            return score_adapter(folder, test)

        return stage(args.out, f"{name}-{seed}", work)

    found: dict[str, object] = {}
    found["masks against class alone"] = against(tune("control", control(plan)), before)
    outlined = [x for x in train if x.sample.mask_known]
    own = stage(args.out, f"own-{seed}", lambda: score_adapter(first, outlined))
    hard = hard_leaves(own["scores"])  # type: ignore[arg-type]
    found["hard leaves"] = len(hard)
    for name, settings in later(plan, first, hard, args.later).items():
        found[name] = against(before, tune(name, settings))
        print(name, json.dumps(found[name]), flush=True)
    for way in ("published", "half"):
        uniform, repeated = (
            json.loads((args.out / f"{name}-{way}-{seed}.json").read_text("utf-8"))
            for name in ("uniform", "hard")
        )
        found[f"hard against uniform, {way}"] = against(uniform, repeated)
    return found


def renamed(found: list[Leaf]) -> list[Leaf]:
    """The diseases under invented names: what is learnt must not depend on the words."""
    names = {"leaf_miner": "vorlex", "rust": "tampi", "phoma": "quillon", "cercospora": "drabe"}
    out = []
    for leaf in found:
        lesions = {names.get(n, n): m for n, m in leaf.sample.lesions.items()}
        disease = names.get(leaf.sample.disease or "", leaf.sample.disease)
        out.append(replace(leaf, sample=replace(leaf.sample, disease=disease, lesions=lesions)))
    return out


def machine() -> str:
    import torch
    import transformers

    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"torch {torch.__version__}, transformers {transformers.__version__}"
    )


def table(results: dict[str, object]) -> None:
    print(results["machine"])
    base, mean, spread = results["base"], results["mean"], results["spread"]
    print(f"{'':18}{'before':>10}{'tuned':>10}{'± spread':>10}")
    for key in mean:  # type: ignore[attr-defined]
        before = base.get(key, float("nan"))  # type: ignore[attr-defined]
        print(f"{key:18}{before:10.3f}{mean[key]:10.3f}{spread[key]:10.3f}")  # type: ignore[index]
    for name, found in results.items():
        if name in ("colour_rule", "plain_cnn", "drawn_roll") or name.startswith(
            ("later-", "untold-")
        ):
            print(name, json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
