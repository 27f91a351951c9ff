"""`demo` and `test` do what they say, say what failed, and answer with the right exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from installer import checks, demo, graphics, main
from installer.report import Refusal

HERE = Path("checkout")


def run_checks(
    failing: str = "", code: int = 0, extra: Sequence[str] = ()
) -> tuple[int, list[str]]:
    ran: list[str] = []

    def call(command: Sequence[str], root: Path) -> int:
        assert root == HERE
        ran.append(" ".join(command))
        return code if failing and failing in ran[-1] else 0

    return checks.run(HERE, HERE / ".venv", extra, call=call), ran


def test_everything_runs_in_order_and_extra_arguments_go_to_pytest() -> None:
    code, ran = run_checks(extra=["-k", "canvas"])
    assert code == 0
    wanted = ["ruff check .", "ruff format --check .", "mypy", "lint-imports", "-m pytest"]
    for part, made in zip(wanted, ran, strict=True):
        assert part in made
    assert ran[-1].endswith("-k canvas"), "the last word on an option is the person's"


def test_the_tests_are_shared_out_to_the_cores_that_there_are() -> None:
    assert checks.side_by_side(1) == []
    assert checks.side_by_side(2)[:2] == ["-n", "2"]
    assert checks.side_by_side(64)[:2] == ["-n", "4"], "each may load a model library"


def test_the_first_failure_ends_it_with_its_name_and_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, ran = run_checks("mypy", 7)
    assert code == 7
    assert len(ran) == 3
    assert "Failed: mypy (exit code 7" in capsys.readouterr().err


def test_a_killed_check_is_a_failure_too() -> None:
    code, _ = run_checks("pytest", -9)
    assert code == 1


def test_pytest_has_the_last_word(capsys: pytest.CaptureFixture[str]) -> None:
    run_checks()
    assert capsys.readouterr().out.endswith("[5/5] pytest\n")


def test_an_unknown_command_prints_the_two_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["explode"]) == 2
    assert "installer/run.py demo" in capsys.readouterr().err
    assert main.main(["--help"]) == 0
    assert "installer/run.py test" in capsys.readouterr().out


@pytest.mark.parametrize("error", [Refusal("Buy a disk."), KeyboardInterrupt()])
def test_a_refusal_is_a_sentence_and_no_traceback(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> Path:
        raise error

    monkeypatch.setattr(main.install, "ensure", refuse)
    assert main.main(["test"]) == (2 if isinstance(error, Refusal) else 130)
    said = capsys.readouterr().err.strip()
    assert said in {"Buy a disk.", "Stopped. Run the same command again, it goes on from here."}


@pytest.mark.parametrize(
    ("platform", "variables", "there"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("win32", {}, True),
        ("darwin", {}, True),
    ],
)
def test_a_display_is_looked_for(platform: str, variables: dict[str, str], there: bool) -> None:
    assert demo.display_named(platform, variables) is there


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the demo was started with."""
    calls: list[list[str]] = []
    monkeypatch.setattr(main.install, "ensure", lambda *_, **__: HERE / ".venv")
    monkeypatch.setattr(main.demo, "start", lambda _r, _e, extra: calls.append(list(extra)) or 0)
    monkeypatch.setattr(main, "_complete_qt", lambda *_, **__: False)
    return calls


def test_without_a_display_the_demo_says_so_and_goes_on(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main.demo, "display_named", lambda: False)
    assert main.main(["demo", "--minutes", "3"]) == 0
    assert started == [["--minutes", "3", "--headless"]]
    assert "no display" in capsys.readouterr().out


def test_with_a_display_it_opens_the_window(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main.demo, "display_named", lambda: True)
    monkeypatch.setattr(main.demo, "display_works", lambda _: True)
    main.main(["demo"])
    assert started == [[]]


def test_a_display_that_does_not_answer_is_none(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main.demo, "display_named", lambda: True)
    monkeypatch.setattr(main.demo, "display_works", lambda _: False)
    main.main(["demo"])
    assert started == [["--headless"]]


def test_torch_comes_from_the_cuda_index_on_windows_with_a_card_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(graphics.VARIABLE, raising=False)
    assert graphics.torch_index("win32", has_card=lambda: True) == graphics.CUDA_INDEX
    assert graphics.torch_index("win32", has_card=lambda: False) is None
    assert graphics.torch_index("linux", has_card=lambda: True) is None
    monkeypatch.setenv(graphics.VARIABLE, "https://mirror.example/torch")
    assert graphics.torch_index("linux", has_card=lambda: False) == "https://mirror.example/torch"
    monkeypatch.setenv(graphics.VARIABLE, "")
    assert graphics.torch_index("win32", has_card=lambda: True) is None
