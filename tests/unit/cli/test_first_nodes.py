"""Where a run that left nothing is to go on: the fewest nodes from which all that is unfinished is reached."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from tauro.cli.resume import first_nodes


def plan(**dependencies: tuple[str, ...]):
    """A plan of these nodes, in order; only what is read of it."""
    nodes = {name: SimpleNamespace(dependencies=needed) for name, needed in dependencies.items()}
    return SimpleNamespace(order=tuple(nodes), nodes=nodes)


DIAMOND = plan(a=(), b=("a",), c=("a",), d=("b", "c"), e=())


def test_a_failed_node_stands_for_those_after_it():
    assert first_nodes(["b", "d"], DIAMOND) == ["b"]


def test_a_branch_that_was_cancelled_alongside_is_named_too():
    assert first_nodes(["b", "d", "e"], DIAMOND) == ["b", "e"]


def test_a_node_that_only_ran_for_others_is_left_out():
    assert first_nodes(["a", "b", "d"], DIAMOND, asked_from=["b"]) == ["b"]


@given(st.data())
def test_everything_unfinished_is_reached_and_nothing_named_follows_from_another(data):
    count = data.draw(st.integers(1, 9))
    names = [f"n{at}" for at in range(count)]
    needed = {
        name: tuple(data.draw(st.lists(st.sampled_from(names[:at]), unique=True))) if at else ()
        for at, name in enumerate(names)
    }
    unfinished = data.draw(st.lists(st.sampled_from(names), unique=True))
    begin = first_nodes(unfinished, plan(**needed))

    def before(name: str) -> set[str]:
        return {name}.union(*(before(one) for one in needed[name]))

    assert all(before(name) & set(begin) for name in unfinished)
    assert all(not (before(name) - {name}) & set(begin) for name in begin)
