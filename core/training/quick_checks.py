"""What can be told of a loaded model in no time: its words, and what of it would be trained.

Every run asks this before it looks at its first photo, and is refused by the same named lines that
a rehearsal (`core.training.trial`) shows; what takes a step is tried there alone. Knows a learner
and its tokens; takes no step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from core.errors import TrainingRefused
from core.language import tr, trn
from core.services.checks import Check, Level, red
from core.training import events, prompts
from core.training.config import Answers, Tower, TrainConfig
from core.training.learner import Learner
from core.training.looking import Report
from core.training.trial_views import part_of, parts, supervised, way_out


def quick_checks(model: Learner, config: TrainConfig) -> Iterator[Check]:
    """One line a thing, in the order in which a rehearsal says them."""
    yield from tokens(model, config.classes[0])
    yield learnt(model, config, config.classes[0])[0]
    yield from trained(model, config)


def insist(model: Learner, config: TrainConfig, report: Report) -> None:
    """Reports every line. Raises TrainingRefused with those that failed."""
    found = list(quick_checks(model, config))
    for check in found:
        report(events.examined(check))
    if problems := red(found):
        raise TrainingRefused(problems)


def tokens(model: Learner, disease: str) -> Iterator[Check]:
    """`<SEG>` is one id, and the photo's tokens are known as such."""
    vlm: Any = model.vlm
    said = vlm.render(prompts.DIAGNOSE, prompts.diagnosis(disease))
    name = vlm.processor.tokenizer.convert_ids_to_tokens(vlm.seg)
    title = tr("The mask token")
    if said.ids.count(vlm.seg) == 1 and said.ids[said.prompt] == vlm.seg:
        text = tr("is one token, {name}, number {id}", name=name, id=vlm.seg)
        if name != prompts.SEG:
            text = tr(
                "is one token, {name}, number {id}, which the model had to spare; it is shown as "
                "{seg}",
                name=name,
                id=vlm.seg,
                seg=prompts.SEG,
            )
        yield Check("seg", title, Level.OK, text)
    else:
        text = tr("is not one token of this model's")
        remedy = tr("Choose a base model with its original tokenizer.")
        yield Check("seg", title, Level.FAIL, text, remedy)
    title, count = tr("Tokens of the photo"), sum(said.types)
    if count:
        text = trn("{n:,} token is marked as photo", "{n:,} tokens are marked as photo", count)
        yield Check("types", title, Level.OK, text)
    else:
        text = tr("none is marked as photo, so the model would read it word by word")
        remedy = tr("Get the base model again, with its own processor.")
        yield Check("types", title, Level.FAIL, text, remedy)


def learnt(
    model: Learner, config: TrainConfig, disease: str
) -> tuple[Check, list[tuple[str, bool]]]:
    """What is learnt of an answer, and the whole text in pieces, each with whether it is."""
    if config.answers is Answers.CLASS:
        said = model.vlm.render(prompts.CLASSIFY, disease)
    else:
        said = model.vlm.render(prompts.DIAGNOSE, prompts.diagnosis(disease))
    spans = supervised(model, said)
    words = "".join(text for text, on in spans if on).strip()
    title = tr("What is learnt")
    if words and said.ids[-1] == model.vlm.end:
        return Check("labels", title, Level.OK, words), spans
    remedy = tr("Get the base model again, with its own chat template.")
    return Check("labels", title, Level.FAIL, words or tr("nothing"), remedy), spans


def wanted(model: Learner, config: TrainConfig) -> set[str]:
    """The parts that the settings want trained, by their ids."""
    found = {"language", "rows"}
    if config.answers is Answers.MASK:
        found.add("head")
    if config.tower is Tower.LORA:
        found.add("tower")
    return found | ({"projector"} if model.vlm.trained_whole else set())


def trained(model: Learner, config: TrainConfig) -> Iterator[Check]:
    """That something is trained in each part in which something should be."""
    count = Counter(map(part_of, model.parameters()))
    titles = parts()
    for part in titles:
        if part not in wanted(model, config):
            continue
        text = trn("{n:,} tensor is trained", "{n:,} tensors are trained", count[part])
        if count[part]:
            yield Check(f"targets.{part}", titles[part], Level.OK, text)
        else:
            yield Check(f"targets.{part}", titles[part], Level.FAIL, text, way_out(part))
