"""What background work promises: order on the store lane, answers at home, none after goodbye."""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QThread

from gui.tasks import FREE_THREADS, Gone, Lane, Tasks


@pytest.fixture
def failures() -> list[BaseException]:
    return []


@pytest.fixture
def tasks(qtbot, failures):
    made = Tasks(failures.append)
    yield made
    made.close()


def test_answers_come_back_on_the_gui_thread(qtbot, tasks) -> None:
    seen = []
    tasks.run(lambda: threading.current_thread(), on_done=lambda t: seen.append(
        (t is threading.main_thread(), QThread.currentThread() is tasks.thread())
    ))  # fmt: skip
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [(False, True)]


@pytest.mark.parametrize("lane", Lane)
def test_a_result_that_was_given_is_held_by_nobody(qtbot, tasks, lane) -> None:
    class Photo: ...

    made, given = [], []

    def decode() -> Photo:
        photo = Photo()
        made.append(weakref.ref(photo))
        return photo

    tasks.run(decode, on_done=lambda _photo: given.append(True), lane=lane)
    qtbot.waitUntil(lambda: bool(given))
    qtbot.waitUntil(lambda: made[0]() is None)


def test_the_store_lane_does_one_thing_at_a_time_in_the_order_asked(qtbot, tasks) -> None:
    order, inside, most = [], [0], [0]

    def work(number: int) -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        order.append(number)
        inside[0] -= 1

    for number in range(50):
        tasks.run(lambda n=number: work(n), lane=Lane.STORE)
    tasks.close()
    assert order == list(range(50))
    assert most == [1]


def test_closing_finishes_what_the_store_lane_was_given(qtbot, tasks) -> None:
    gate, done = threading.Event(), []
    tasks.run(gate.wait, lane=Lane.STORE)
    tasks.run(lambda: done.append("saved"), lane=Lane.STORE)
    gate.set()
    assert tasks.close()
    assert done == ["saved"]


def test_an_error_goes_to_whoever_asked(qtbot, tasks, failures) -> None:
    errors = []
    tasks.run(lambda: 1 / 0, on_error=errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert isinstance(errors[0], ZeroDivisionError)
    assert failures == []


def test_an_error_that_nobody_handles_is_reported(qtbot, tasks, failures) -> None:
    tasks.run(lambda: 1 / 0)
    qtbot.waitUntil(lambda: bool(failures))


def test_nobody_is_called_after_their_owner_has_gone(qtbot, tasks) -> None:
    gate, owner, heard, later = threading.Event(), QObject(), [], []
    tasks.run(gate.wait, on_done=lambda _: heard.append(1), owner=owner, lane=Lane.STORE)
    tasks.run(lambda: None, on_done=lambda _: later.append(1), lane=Lane.STORE)
    import shiboken6

    shiboken6.delete(owner)
    gate.set()
    qtbot.waitUntil(lambda: bool(later))
    assert heard == []


def test_a_cancelled_task_says_nothing_and_is_not_begun(qtbot, tasks) -> None:
    gate, begun, later = threading.Event(), [], []
    tasks.run(gate.wait, lane=Lane.STORE)
    task = tasks.run(lambda: begun.append(1), on_done=begun.append, lane=Lane.STORE)
    task.cancel()
    tasks.run(lambda: None, on_done=lambda _: later.append(1), lane=Lane.STORE)
    gate.set()
    qtbot.waitUntil(lambda: bool(later))
    assert begun == []


def test_long_work_may_visit_the_store_lane_and_sees_its_errors(qtbot, tasks) -> None:
    answers, errors = [], []

    def long_work() -> str:
        name = tasks.call(lambda: threading.current_thread().name, Lane.STORE)
        with pytest.raises(KeyError):
            tasks.call(lambda: {}["missing"], Lane.STORE)
        return name

    tasks.run(long_work, on_done=answers.append, on_error=errors.append)
    qtbot.waitUntil(lambda: bool(answers or errors))
    assert answers == [Lane.STORE.value]


def test_long_work_that_outlives_the_lanes_is_told_so(qtbot, tasks) -> None:
    answers, errors = [], []
    asked, closed = threading.Event(), threading.Event()

    def long_work() -> None:
        asked.set()
        closed.wait(30)
        with pytest.raises(Gone):
            tasks.call(lambda: None, Lane.STORE)
        answers.append("told")

    tasks.run(long_work, on_error=errors.append)
    asked.wait(30)
    tasks.close()
    closed.set()
    qtbot.waitUntil(lambda: bool(answers or errors))
    assert answers == ["told"]


def test_closing_waits_a_moment_for_what_has_begun_and_begins_nothing_more(qtbot, tasks) -> None:
    begun, gate, done = [threading.Event() for _ in range(FREE_THREADS)], threading.Event(), []

    def work(number: int) -> None:
        begun[number].set()
        gate.wait(30)
        done.append(number)

    for number in range(FREE_THREADS):
        tasks.run(lambda n=number: work(n))
    assert all(event.wait(30) for event in begun)
    tasks.run(lambda: done.append("late"))
    threading.Timer(0.1, gate.set).start()
    tasks.close()
    assert sorted(done) == list(range(FREE_THREADS))


def test_the_program_ends_quietly_in_the_middle_of_work_that_takes_long(repo: Path) -> None:
    code = """
import sys, threading
import cv2, numpy as np
from gui import start
from gui.tasks import Tasks
app, begun, picture = start.application("x"), threading.Event(), np.zeros((1500, 1500, 3), np.uint8)
def work():
    while True:
        cv2.resize(picture, (1400, 1400), interpolation=cv2.INTER_AREA)
        begun.set()
tasks = Tasks(print)
tasks.run(work)
assert begun.wait(30)
tasks.close()
sys.exit(start.ended(3))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "")
