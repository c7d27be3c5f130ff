"""What a node does: a function with what it takes, exactly once."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tauro.errors import MissingExtraError
from tauro.exec.commands import Command, ExperimentCommand, MLNodeCommand, NodeCommand, SqlCommand


def node(function: Any, inputs: list[Any] = [], **keywords: Any) -> Any:  # noqa: B006 - not changed
    return NodeCommand(function, inputs, "2013-01-01", "2013-01-07", "n", **keywords).execute()


class TestNodeCommand:
    def test_inputs_are_passed_by_position_in_order(self) -> None:
        assert node(lambda left, right: (left, right), ["a", "b"]) == ("a", "b")

    def test_keywords_are_passed_by_name(self) -> None:
        assert node(lambda a, *, b, limit: (a, b, limit), ["x"], keywords={"b": "y", "limit": 3}) == ("x", "y", 3)

    def test_dates_are_passed_to_functions_that_take_them(self) -> None:
        assert node(lambda start_date, end_date: (start_date, end_date)) == ("2013-01-01", "2013-01-07")
        assert node(lambda *, end_date: end_date) == "2013-01-07"

    def test_dates_are_not_passed_to_functions_that_do_not_take_them(self) -> None:
        assert node(lambda a: a, ["x"]) == "x"
        assert node(lambda *rows: rows, ["x"]) == ("x",)

    def test_dates_are_passed_to_functions_with_any_keywords(self) -> None:
        assert node(lambda **others: others) == {"start_date": "2013-01-01", "end_date": "2013-01-07"}

    def test_what_the_node_says_wins_over_the_dates(self) -> None:
        assert node(lambda start_date: start_date, keywords={"start_date": "mine"}) == "mine"

    def test_functions_that_do_not_tell_their_signature_get_the_inputs_alone(self) -> None:
        assert node(max, [[3, 5]]) == 5

    def test_errors_of_the_function_come_as_they_are(self) -> None:
        with pytest.raises(ZeroDivisionError):
            node(lambda: 1 / 0)

    def test_it_is_a_command(self) -> None:
        assert issubclass(NodeCommand, Command)
        assert issubclass(MLNodeCommand, Command)
        with pytest.raises(TypeError):
            Command()  # type: ignore[abstract]  # that is the point


class FakeConf:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def set(self, name: str, value: str) -> None:
        self.values[name] = value

    def get(self, name: str) -> str:
        return self.values[name]


class FakeSession:
    """A session whose new sessions have settings of their own, as Spark's do."""

    def __init__(self) -> None:
        self.conf = FakeConf()
        self.made = 0

    def newSession(self) -> FakeSession:
        self.made += 1
        return FakeSession()


def learning(function: Any, **keywords: Any) -> MLNodeCommand:
    arguments = {"model_version": "v1", **keywords}
    return MLNodeCommand(function, ["rows"], "2013-01-01", "2013-01-07", "train", **arguments)


class TestMLNodeCommand:
    def test_hyperparameters_are_merged_the_nearer_winning(self) -> None:
        command = learning(
            lambda rows, ml_context: ml_context["hyperparams"],
            hyperparams={"c": "explicit"},
            node_config={"hyperparams": {"b": "node", "c": "node"}},
            pipeline_config={"hyperparams": {"a": "pipeline", "b": "pipeline", "c": "pipeline"}},
        )
        assert command.execute() == {"a": "pipeline", "b": "node", "c": "explicit"}

    def test_the_context_holds_all_that_is_promised(self) -> None:
        seen: dict[str, Any] = {}
        session = FakeSession()
        learning(
            lambda rows, ml_context: seen.update(ml_context),
            hyperparams={"depth": 3},
            node_config={"function": "m.f"},
            pipeline_config={"type": "ml"},
            spark=session,
        ).execute()
        assert seen["hyperparams"] == {"depth": 3}
        assert seen["model_version"] == "v1"
        assert seen["node_config"] == {"function": "m.f"}
        assert seen["pipeline_config"] == {"type": "ml"}
        assert seen["execution"] == {"node": "train", "start_date": "2013-01-01", "end_date": "2013-01-07"}
        assert seen["spark"].conf.get("tauro.ml.depth") == "3"

    def test_hyperparameters_stand_in_a_session_of_the_nodes_own(self) -> None:
        session = FakeSession()
        seen = [
            learning(
                lambda rows, ml_context: ml_context["spark"], hyperparams={"depth": depth}, spark=session
            ).execute()
            for depth in (1, 2)
        ]
        assert [one.conf.values for one in seen] == [{"tauro.ml.depth": "1"}, {"tauro.ml.depth": "2"}]
        assert session.conf.values == {}

    def test_functions_with_any_keywords_get_the_context(self) -> None:
        others = learning(lambda rows, **others: others).execute()
        assert sorted(others) == ["end_date", "ml_context", "start_date"]

    @pytest.mark.parametrize("function", [lambda rows: "plain", lambda rows, start_date: "plain"])
    def test_other_functions_are_called_plainly(self, function: Any) -> None:
        session = FakeSession()
        assert learning(function, spark=session).execute() == "plain"
        assert session.made == 0

    @pytest.mark.parametrize("takes_context", [True, False])
    def test_the_function_is_called_exactly_once_also_when_it_fails(self, takes_context: bool) -> None:
        calls = []

        def fails(rows: Any, *args: Any) -> None:
            calls.append(rows)
            raise TypeError("fails() got an unexpected keyword argument 'ml_context'")

        def fails_with_context(rows: Any, ml_context: Any) -> None:
            fails(rows)

        with pytest.raises(TypeError):
            learning(fails_with_context if takes_context else fails).execute()
        assert calls == ["rows"]

    def test_without_a_session_the_context_has_none(self) -> None:
        assert learning(lambda rows, ml_context: ml_context["spark"]).execute() is None

    def test_the_function_can_not_change_what_others_get(self) -> None:
        given = {"hyperparams": {"a": 1}}
        command = learning(lambda rows, ml_context: ml_context["hyperparams"].clear(), pipeline_config=given)
        command.execute()
        assert command.hyperparams == {"a": 1}
        assert given == {"hyperparams": {"a": 1}}


class TestSqlCommand:
    def test_it_hands_query_frames_and_parameters_to_whoever_runs_them(self) -> None:
        command = SqlCommand(lambda *given: given, "select :a from rows", {"rows": "frame"}, {"a": 1})  # type: ignore[arg-type,return-value,dict-item]  # a fake
        assert command.execute() == ("select :a from rows", {"rows": "frame"}, {"a": 1})


class TestExperimentCommand:
    def test_it_searches_the_smallest_value(self) -> None:
        calls = []

        def objective(values: list[float]) -> float:
            calls.append(values)
            return (values[0] - 2) ** 2

        found = ExperimentCommand(objective, [(-5.0, 5.0)], n_calls=12, random_state=0).execute()
        assert len(calls) == 12
        assert abs(found.x[0] - 2) < 1.5
        assert found.fun == min(found.func_vals)

    def test_a_seed_of_zero_makes_the_same_search_again(self) -> None:
        first, second = (
            ExperimentCommand(lambda values: values[0], [(0.0, 1.0)], n_calls=10, random_state=0).execute().x_iters
            for _ in range(2)
        )
        assert first == second

    def test_a_missing_package_names_the_extra_and_only_when_it_executes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "skopt", None)
        command = ExperimentCommand(lambda values: 0.0, [(0.0, 1.0)])
        with pytest.raises(MissingExtraError, match=r"scikit-optimize[\s\S]*tauro\[ml\]") as caught:
            command.execute()
        assert caught.value.extra == "ml"
