"""What a run said is read back as it was said; what nobody said is no event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.training import events

SAID = [
    events.Hello(1, 4711, "train", 120),
    events.Phase("training", 3, 9),
    events.Step(1, 20, 0.5, 0.25, 0.25, 1e-3, 60, 0.1),
    events.Evaluated(5, None, 0.8, 0.9, 4, {"1": "watch/a.png"}, {"1": 0.5}),
    events.Checkpoint(5, "checkpoints/step-5", best=True),
    events.Provenance("a", "b", {"torch": "2.15"}, "cpu"),
    events.Examined("id", "Title", "ok", "text", "", [], {"matched": 3}),
    events.Notice("text"),
    events.Scored(4, {"lesion_dice": 0.5, "accuracy": 1}),
    events.Finished("adapter", stopped=False),
    events.Stopped(),
    events.Failed("bug", "text", "trace"),
]


@pytest.mark.parametrize("event", SAID, ids=lambda e: e.name)
def test_every_event_comes_back_as_it_was_said(event: events.TrainEvent) -> None:
    line = json.loads(json.dumps(events.to_fields(event)))
    assert events.from_fields(line) == event


def test_all_kinds_are_looked_at_here() -> None:
    assert {type(event) for event in SAID} == set(events.KINDS.values())


@pytest.mark.parametrize(
    "line",
    [
        {"event": "scored", "samples": 4, "summary": 5},
        {"event": "scored", "samples": 4, "summary": {"lesion_dice": "much"}},
        {"event": "step", "step": "one"},
        {"event": "evaluated", "step": 1, "watch": [1]},
        {"event": "evaluated", "step": 1, "watch": {"1": ["a", "list"]}},
        {"event": "checkpoint", "step": 1, "path": None, "best": True},
        {"event": "failed", "code": "x", "text": 5},
        {"event": "examined", "spans": "text"},
    ],
)
def test_fields_of_another_kind_make_no_event(line: dict[str, object]) -> None:
    """A project comes from anybody, and its runs are read when it is opened."""
    kind = type(next(e for e in SAID if e.name == line["event"]))
    whole = next(events.to_fields(e) for e in SAID if isinstance(e, kind))
    assert events.from_fields(whole | line) is None


def test_lines_that_are_none_cost_no_other(tmp_path: Path) -> None:
    good = json.dumps(events.to_fields(events.Notice("heard")))
    bad = ["[" * 5000, "{", "[]", '{"event": "notice"}', '{"event": "notice", "text": 7}', "\x00"]
    (tmp_path / "events.jsonl").write_text("\n".join([*bad, good, '{"event": "not']))
    assert list(events.replay(tmp_path / "events.jsonl")) == [events.Notice("heard")]
