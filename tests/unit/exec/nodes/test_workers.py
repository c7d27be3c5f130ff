"""Threads are reused, bounded, and can be given up."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event, Thread, current_thread

from tauro.exec.nodes.workers import Workers


def test_a_free_thread_takes_the_next_task() -> None:
    workers, seen = Workers(2), SimpleQueue[str]()
    for _ in range(3):
        workers.start(lambda: seen.put(current_thread().name))
        assert seen.get(timeout=5) == "tauro-node-1"
        workers.free()
    workers.close()


def test_there_is_room_until_as_many_tasks_run_as_there_are_threads() -> None:
    workers, go_on, done = Workers(2), Event(), SimpleQueue[None]()

    def task() -> None:
        go_on.wait(5)
        done.put(None)

    workers.start(task)
    assert workers.has_room
    workers.start(task)
    assert not workers.has_room
    go_on.set()
    done.get(timeout=5)
    workers.free()
    assert workers.has_room
    workers.close()


def test_another_thread_takes_the_place_of_one_that_is_given_up() -> None:
    workers, stuck, ran = Workers(1), Event(), Event()
    workers.start(stuck.wait)
    assert not workers.has_room
    workers.give_up()
    assert workers.has_room
    workers.start(ran.set)
    assert ran.wait(5)
    stuck.set()
    workers.close()


def test_every_thread_ends_after_closing_even_one_that_was_given_up() -> None:
    workers, stuck, threads = Workers(2), Event(), SimpleQueue[Thread]()

    def ends_late() -> None:
        threads.put(current_thread())
        stuck.wait(5)

    workers.start(ends_late)
    workers.start(ends_late)
    workers.give_up()
    workers.start(lambda: threads.put(current_thread()))
    started = [threads.get(timeout=5) for _ in range(3)]
    workers.close()
    stuck.set()
    for thread in started:
        thread.join(5)
        assert not thread.is_alive()


def test_threads_do_not_keep_python_from_ending() -> None:
    workers, seen = Workers(1), SimpleQueue[bool]()
    workers.start(lambda: seen.put(current_thread().daemon))
    assert seen.get(timeout=5)
    workers.close()
