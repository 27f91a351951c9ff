"""A rehearsal of a run says what would go wrong, and says nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import ModelMissing, TrainingRefused
from core.services.checks import Check, Level
from core.training import events, learner, prompts, quick_checks, trial
from core.training.config import Answers, TrainConfig
from core.training.recipe import Recipe
from core.training.trial import Trial
from tests.drawn_run import SETTINGS, drawn_run, small
from tests.small_sam import save_sam

QUICK = replace(SETTINGS, recompute=True, batch_size=2)


def rehearsal(folder: Path, settings: TrainConfig = QUICK) -> Trial:
    """One that goes on to its end, with what it says in ``told``."""
    told: list[events.TrainEvent] = []
    one = Trial(drawn_run(folder, settings=settings), told.append, lambda: False)
    one.told = told  # type: ignore[attr-defined]
    return one


def lines(found: Iterable[Check]) -> dict[str, Check]:
    return {check.id: check for check in found}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    found = rehearsal(tmp_path_factory.mktemp("trial") / "run")
    found.prepare()
    return found


def test_a_run_that_would_go_well_has_no_red_line(
    tmp_path: Path, small_gemma: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "OVERFIT_STEPS", 12)
    settings = replace(QUICK, batch_size=1, accumulation=4, auto_batch_size=True)
    one = rehearsal(tmp_path / "run", small(small_gemma, settings))
    one.examine()
    found = [e for e in one.told if isinstance(e, events.Examined)]  # type: ignore[attr-defined]
    assert {e.level for e in found} == {"ok"}, [e for e in found if e.level != "ok"]
    assert [e.id for e in found] == [
        "seg", "types", "labels", "states", "steps.memory", "steps.parts", "steps.time",
        "targets.language", "targets.tower", "targets.projector", "targets.rows",
        "targets.head", "gradients", "by_heart",
    ]  # fmt: skip
    assert "4 photos at a time" in next(e.text for e in found if e.id == "steps.parts")
    spans = next(e.spans for e in found if e.id == "labels")
    learnt = [text for text, on in spans if on]
    assert learnt[0] == "<SEG>"
    assert learnt[-1].endswith("<end_of_turn>")
    assert "".join(learnt)[5:-13].strip() in SETTINGS.classes
    assert ("[photo]", False) in spans
    assert any("name the disease" in text for text, on in spans if not on)


def test_a_part_that_never_learns_is_red(ready: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Trial._backward

    def cut_off(self: Trial, visits) -> float:
        loss = real(self, visits)
        for name, parameter in self.model.parameters().items():
            if trial.part_of(name) == "language":
                parameter.grad = None
        return loss

    monkeypatch.setattr(Trial, "_backward", cut_off)
    found = lines(ready.targets())
    assert found["targets.language"].level is Level.FAIL
    assert found["targets.head"].level is not Level.FAIL
    assert found["targets.language"].remedy


def test_what_is_trained_is_counted_in_layers_that_lora_goes_on(ready: Trial) -> None:
    """As the language model's linear layers are counted, not its two tensors on each of them."""
    found = lines(ready.targets())
    language, tower = found["targets.language"].targets, found["targets.tower"].targets
    assert language is not None
    assert tower is not None
    names = [n for n in ready.model.parameters() if n.endswith("lora_A.default.weight")]
    assert language.matched == len(names) > 0
    assert tower.matched == 0
    assert tower.unmatched > 0
    assert f"{language.matched} layers" in found["targets.language"].text


def test_wrong_gradients_of_layers_computed_again_are_red(
    ready: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Trial._gradients
    calls: list[int] = []

    def off(self: Trial, visits) -> dict[str, torch.Tensor]:
        calls.append(1)
        found = real(self, visits)
        return {n: g * (0.5 if len(calls) == 1 else 1.0) for n, g in found.items()}

    monkeypatch.setattr(Trial, "_gradients", off)
    assert lines(ready.again())["gradients"].level is Level.FAIL


def test_a_base_that_gives_no_number_is_told_as_that_and_no_more_is_tried(
    ready: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was the learning rate's fault, and that of layers that are computed again."""
    told: list[events.TrainEvent] = []
    monkeypatch.setattr(ready, "report", told.append)
    monkeypatch.setattr(ready, "prepare", lambda: None)
    monkeypatch.setattr(Trial, "_backward", lambda *_: float("nan"))
    ready.examine()
    *_, last = (e for e in told if isinstance(e, events.Examined))
    assert (last.id, last.level) == ("steps.first", "fail")
    assert "base model" in last.remedy


def test_a_state_that_generation_does_not_give_is_red(
    ready: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trial.states_both_ways

    nan = float("nan")

    def apart(*args):
        woven, plain = real(*args)
        return woven, plain.roll(1)

    monkeypatch.setattr(trial, "states_both_ways", apart)
    assert lines(ready.states())["states"].level is Level.FAIL
    monkeypatch.setattr(trial, "states_both_ways", lambda *given: [s * nan for s in real(*given)])
    found = lines(ready.states())["states"]
    assert found.level is Level.FAIL
    assert "no numbers" in found.text


def test_a_learning_rate_that_teaches_nothing_is_red(
    ready: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "OVERFIT_STEPS", 3)
    monkeypatch.setattr(
        ready, "config", replace(QUICK, learning_rate=1e-9, head_learning_rate=1e-9)
    )
    found = lines(ready.by_heart())["by_heart"]
    assert found.level is Level.FAIL
    assert "learning rate" in found.remedy


def test_what_this_machine_cannot_hold_is_refused_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.services import machine

    monkeypatch.setattr(machine, "memory", lambda: machine.Memory(1 << 28, 1 << 28))
    monkeypatch.setattr("core.training.learner.load", lambda _config: pytest.fail("it was loaded"))
    with pytest.raises(TrainingRefused, match="needs about"):
        rehearsal(tmp_path / "run").examine()


# -- what every run looks at by itself


def test_a_run_looks_at_what_can_be_seen_at_once_and_says_it_by_name(ready: Trial) -> None:
    found = lines(quick_checks.quick_checks(ready.model, QUICK))
    assert [*found] == [
        "seg", "types", "labels", "targets.language", "targets.projector", "targets.rows",
        "targets.head",
    ]  # fmt: skip
    assert {c.level for c in found.values()} == {Level.OK}


def test_a_part_that_would_not_be_trained_ends_a_run_before_its_first_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = learner.load

    def frozen(config: TrainConfig) -> learner.Learner:
        model = real(config)
        for name, parameter in model.parameters().items():
            parameter.requires_grad_(trial.part_of(name) != "language")
        return model

    monkeypatch.setattr("core.training.learner.load", frozen)
    told: list[events.TrainEvent] = []
    run = Recipe(drawn_run(tmp_path / "run", settings=QUICK), told.append, lambda: False)
    with pytest.raises(TrainingRefused, match="LoRA in the language model: 0 tensors"):
        run.setup()
    said = {e.id: e.level for e in told if isinstance(e, events.Examined)}
    assert said["targets.language"] == "fail"
    assert said["seg"] == "ok"
    assert "reading photos" not in {e.phase for e in told if isinstance(e, events.Phase)}


def test_a_chat_template_that_rewrites_a_question_once_it_is_answered_is_refused(
    ready: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ready.model.vlm._chat  # type: ignore[attr-defined]
    real, end = chat._encode, chat._end_text

    def otherwise(text: str) -> list[int]:
        ids: list[int] = real(text)
        return ids[1:] if text.endswith(end) else ids

    monkeypatch.setattr(chat, "_encode", otherwise)
    with pytest.raises(ModelMissing, match="chat template"):
        ready.model.vlm.render("Another question.", "<SEG> rust")


# -- memory: like is compared with like


def measured(one: Trial, monkeypatch: pytest.MonkeyPatch, taken: float = 1e8) -> list[float]:
    """The factors that a rehearsal remembers whose steps are said to take ``taken`` bytes."""
    found: list[float] = []

    def peak(steps: Callable[[], object]) -> float:
        steps()
        return taken

    monkeypatch.setattr(trial.device, "peak_above", peak)
    monkeypatch.setattr(trial.calibration, "remember", lambda _, value, *, gpu: found.append(value))
    assert lines(one.memory())["steps.memory"].level is Level.OK
    return found


def test_measured_steps_are_held_against_steps_and_not_against_the_towers_look(
    ready: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = measured(ready, monkeypatch)
    monkeypatch.setattr(trial.forecast, "_tower", lambda *_: 1e13)
    assert measured(ready, monkeypatch) == plain


def test_measured_steps_look_at_no_photo_with_the_tower_or_with_the_heads_own_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As most steps of a run: what was seen once is kept."""
    sam = save_sam(tmp_path / "sam.pth")
    one = rehearsal(tmp_path / "run", replace(QUICK, batch_size=1, head="sam", head_path=str(sam)))
    one.prepare()
    looks: list[str] = []
    vlm, eye = one.model.vlm, one.model.head._eye  # type: ignore[attr-defined]
    tower, look = vlm.tower, eye.look
    monkeypatch.setattr(vlm, "tower", lambda *given: looks.append("tower") or tower(*given))
    monkeypatch.setattr(eye, "look", lambda *given: looks.append("head") or look(*given))
    during: list[int] = []

    def peak(steps: Callable[[], object]) -> float:
        before = len(looks)
        steps()
        during.append(len(looks) - before)
        return 1e8

    monkeypatch.setattr(trial.device, "peak_above", peak)
    list(one.memory())
    assert during == [0]
    assert "head" in looks, "the step before them looked"


# -- a control


def test_a_run_that_names_the_disease_alone_is_rehearsed_as_it_is_trained(
    tmp_path: Path, small_gemma: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "OVERFIT_STEPS", 12)
    asked: list[str] = []
    real = Trial._backward

    def heard(self: Trial, visits) -> float:
        asked.extend(q.prompt for visit in visits for q in visit.questions)
        return real(self, visits)

    monkeypatch.setattr(Trial, "_backward", heard)
    settings = small(small_gemma, replace(QUICK, answers=Answers.CLASS))
    one = rehearsal(tmp_path / "run", settings)
    one.examine()
    found = {e.id: e for e in one.told if isinstance(e, events.Examined)}  # type: ignore[attr-defined]
    assert {e.level for e in found.values()} == {"ok"}
    assert set(asked) == {prompts.CLASSIFY}
    assert "states" not in found, "no mask stands behind a state"
    assert "left as it is" in found["targets.head"].text
    learnt = "".join(text for text, on in found["labels"].spans if on)
    assert learnt.removesuffix("<end_of_turn>").strip() in SETTINGS.classes


def test_leaves_without_a_disease_teach_a_control_nothing(tmp_path: Path) -> None:
    run = drawn_run(tmp_path / "run", settings=replace(QUICK, answers=Answers.CLASS))
    samples = run.read_samples()
    run.write_samples([*samples[::2], *(replace(s, disease=None) for s in samples[1::2])])
    one = Trial(run, lambda _event: None, lambda: False)
    assert one.samples
    assert all(s.disease for s in one.samples)
