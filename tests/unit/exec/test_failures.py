"""Which failures may pass, and how they are told."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from tauro.errors import (
    ConfigError,
    ConflictError,
    MismatchError,
    MissingExtraError,
    NodeError,
    NodeTimeoutError,
    ReadError,
    ResultError,
    SessionLostError,
    UnsupportedError,
    WindowError,
    WriteError,
)
from tauro.exec.code.functions import FunctionError
from tauro.exec.failures import describe, kind_of, root_cause, told_by_its_cause
from tauro.model.outcome import FailureKind


def named(name: str, *bases: type[Exception], text: str = "it broke") -> Exception:
    """An error of a class that Spark, Delta or a client has under this name."""
    return type(name, bases or (Exception,), {})(text)


def chained(outer: Exception, *causes: Exception) -> Exception:
    link = outer
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return outer


class TestKinds:
    @pytest.mark.parametrize(
        "error",
        [
            ConfigError([]),
            ResultError("returned None"),
            WindowError("outside"),
            WriteError("parquet can't hold these columns"),
            ReadError("window_column 'day' is not among the columns"),
            UnsupportedError("no"),
            MissingExtraError("x", "ml", needed_for="it"),
            FunctionError("nowhere"),
            ImportError("no module"),
            SyntaxError("bad"),
            named("AnalysisException"),
            named("ParseException"),
            named("AnalysisException", type("SparkConnectGrpcException", (Exception,), {})),
            chained(ReadError("can't read"), named("AnalysisException")),
            chained(RuntimeError("user code"), named("ParseException")),
        ],
        ids=repr,
    )
    def test_permanent(self, error: Exception) -> None:
        assert kind_of(error) == "permanent"

    @pytest.mark.parametrize(
        "error",
        [
            ConnectionResetError("reset"),
            TimeoutError("late"),
            ConflictError("another run changed the columns"),
            NodeTimeoutError("late"),
            named("Py4JNetworkError"),
            named("ConcurrentAppendException", named("DeltaConcurrentModificationException").__class__),
            named("Py4JJavaError", text="o1.load: java.net.ConnectException: Connection refused"),
            named("SparkException", text="Job aborted: ExecutorLostFailure (executor 1 exited)"),
            named("Py4JJavaError", text="java.sql.SQLTransientConnectionException: timed out"),
            named("Py4JJavaError", text="org.postgresql.util.PSQLException: ERROR: deadlock detected"),
            named("OperationalError", text="connection failed: Connection refused"),
            named("ConnectionError", OSError),
            chained(WriteError("can't write"), ConnectionRefusedError("refused")),
            chained(ReadError("can't read"), named("Py4JJavaError", text="java.net.SocketTimeoutException")),
        ],
        ids=repr,
    )
    def test_transient(self, error: Exception) -> None:
        assert kind_of(error) == "transient"

    @pytest.mark.parametrize(
        "error",
        [
            ValueError("wrong"),
            ZeroDivisionError(),
            chained(WriteError("can't write"), OSError("disk full")),
            named("Py4JJavaError", text="java.lang.OutOfMemoryError"),
            named("SparkRuntimeException", text="DIVIDE_BY_ZERO"),
            KeyError("x"),
            MemoryError(),
        ],
        ids=repr,
    )
    def test_the_rest(self, error: Exception) -> None:
        assert kind_of(error) == "other"

    def test_the_root_cause_decides_over_what_is_wrapped_round_it(self) -> None:
        assert kind_of(chained(ImportError("wrapped"), ConnectionResetError())) == "transient"
        assert kind_of(chained(ConnectionResetError(), ImportError("root"))) == "permanent"

    def test_an_error_that_was_handled_decides_nothing(self) -> None:
        def falls_back(handled: Exception, raised: Exception) -> None:
            try:
                raise handled
            except type(handled):
                raise raised  # noqa: B904 - that is the point

        with pytest.raises(ConnectionError) as transient:
            falls_back(ImportError("no fast client"), ConnectionResetError("the slow one"))
        assert transient.value.__context__ is not None
        assert kind_of(transient.value) == "transient"
        with pytest.raises(ValueError) as other:
            falls_back(ConnectionResetError("reset"), ValueError("wrong"))
        assert kind_of(other.value) == "other"

    def test_a_chain_that_leads_back_to_itself_ends(self) -> None:
        first, second = ValueError("a"), ValueError("b")
        first.__cause__, second.__cause__ = second, first
        assert kind_of(first) == "other"


class TestDescription:
    def test_the_root_cause_is_what_tauro_wrapped(self) -> None:
        root = ValueError("the root")
        assert root_cause(chained(NodeError("n", "r"), root)) is root

    def test_a_read_error_names_the_input_so_it_stays_in_front_of_what_spark_said(self) -> None:
        read = ReadError("x")
        assert root_cause(chained(NodeError("n", "r"), read, ValueError("of Spark"))) is read

    def test_what_user_code_raised_while_handling_another_stays_in_front(self) -> None:
        error = chained(ValueError("in front"), KeyError("behind"))
        assert root_cause(error) is error

    def test_an_error_is_told_with_its_whole_chain_and_traceback(self) -> None:
        def fails() -> None:
            try:
                {}["key"]  # type: ignore[index]  # that is the point
            except KeyError as error:
                raise ValueError("wrong rows") from error

        with pytest.raises(ValueError) as caught:
            fails()
        info = describe(caught.value, node="n", attempt=2)
        assert (info.type, info.message, info.node, info.attempt, info.kind) == (
            "ValueError",
            "wrong rows",
            "n",
            2,
            "other",
        )
        assert info.cause is not None
        for part in ("KeyError: 'key'", "ValueError: wrong rows", "direct cause", "in fails", __file__):
            assert part in info.cause

    def test_a_kind_that_is_known_wins_over_the_errors_own(self) -> None:
        assert describe(NodeTimeoutError("late")).kind == "transient"
        assert describe(NodeTimeoutError("late"), kind=FailureKind.PERMANENT).kind == "permanent"

    def test_secrets_are_hidden_in_message_and_chain(self) -> None:
        error = chained(ValueError("login with hunter2"), KeyError("hunter2"))
        info = describe(error, lambda text: text.replace("hunter2", "***"))
        assert info.message == "login with ***"
        assert "hunter2" not in (info.cause or "")
        assert "KeyError: '***'" in (info.cause or "")

    def test_a_java_stack_trace_and_too_many_lines_are_left_out_of_the_message(self) -> None:
        told = describe(ValueError("wrong\n\tat org.Some.java:1\n\t... 5 more\n\nJVM stacktrace:\norg.deep"))
        assert told.message == "wrong"
        many = describe(ValueError("\n".join(f"line {at}" for at in range(100))))
        assert many.message.endswith("... 40 more lines")

    def test_an_error_without_text_is_told_by_its_type(self) -> None:
        assert describe(ZeroDivisionError()).message == "ZeroDivisionError"


def test_a_validation_error_of_user_code_is_no_permanent_one() -> None:
    class Row(BaseModel):
        id: int

    with pytest.raises(ValueError) as caught:
        Row.model_validate({"id": "x"})
    error: Any = caught.value
    assert kind_of(error) == "other"


class TestLostJvm:
    @pytest.fixture
    def dead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Spark's JVM has been killed."""
        monkeypatch.setattr("tauro.spark.session.how_the_jvm_died", lambda wait_s: "killed by SIGKILL")

    @pytest.fixture
    def alive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Spark's JVM lives."""
        monkeypatch.setattr("tauro.spark.session.how_the_jvm_died", lambda wait_s: None)

    def refused_in(self, module: str) -> ConnectionError:
        """A connection that was refused to the code of a module."""
        code = ModuleType(module)
        exec("def connect():\n    raise ConnectionRefusedError(111, 'refused')", code.__dict__)
        with pytest.raises(ConnectionRefusedError) as caught:
            code.connect()
        return caught.value

    @pytest.mark.parametrize(
        "error",
        [
            named("Py4JNetworkError"),
            named("Py4JError", text="An error occurred while calling o1.count"),
            chained(WriteError("can't write"), named("Py4JNetworkError")),
            named("Py4JJavaError", text="Job 3 cancelled because SparkContext was shut down"),
        ],
        ids=repr,
    )
    def test_what_pyspark_says_of_a_dead_jvm_is_told_as_that_and_may_pass(self, error: Exception, dead: None) -> None:
        lost = told_by_its_cause(error)
        assert isinstance(lost, SessionLostError)
        assert lost.message == "Spark's JVM has died: killed by SIGKILL"
        assert "spark.driver.memory" in (lost.fix or "")
        assert kind_of(lost) == "transient"
        assert lost.__cause__ is error
        assert describe(lost).type == "SessionLostError"

    def test_a_connection_that_py4j_was_refused_is_a_lost_jvm(self, dead: None) -> None:
        assert isinstance(told_by_its_cause(self.refused_in("py4j.clientserver")), SessionLostError)

    def test_a_connection_that_user_code_was_refused_is_not(self, dead: None) -> None:
        error = self.refused_in("shop.jobs")
        assert told_by_its_cause(error) is error

    @pytest.mark.parametrize(
        "error",
        [
            ValueError("wrong"),
            named("Py4JJavaError", text="java.lang.OutOfMemoryError"),
            named("Py4JError", text="An error occurred while calling o1.x. Trace:\npy4j.Py4JException: no such method"),
        ],
        ids=repr,
    )
    def test_an_error_of_another_kind_stays_what_it_is(self, error: Exception, dead: None) -> None:
        assert told_by_its_cause(error) is error

    def test_pysparks_errors_stay_what_they_are_while_the_jvm_lives(self, alive: None) -> None:
        error = named("Py4JNetworkError")
        assert told_by_its_cause(error) is error

    def test_the_vain_tries_to_reach_it_are_left_out_of_the_chain(self, dead: None) -> None:
        error = named("Py4JNetworkError", text="the last try")
        error.__context__ = ConnectionRefusedError("a try before")
        cause = describe(told_by_its_cause(error)).cause or ""
        assert "the last try" in cause
        assert "a try before" not in cause


class PySparkException(Exception):
    """Stands for pyspark's, which is known by its name."""


@pytest.mark.parametrize(("version", "is_told"), [("4.2.0", True), (None, False)])
def test_what_does_not_fit_on_a_cluster_is_told_in_place_of_what_it_led_to(
    monkeypatch: pytest.MonkeyPatch, version: str | None, is_told: bool
) -> None:
    monkeypatch.setattr("tauro.spark.session.version_on_cluster", lambda: version)
    error = PySparkException("Job aborted: ModuleNotFoundError: No module named 'lxml'")
    told = told_by_its_cause(error)
    assert isinstance(told, MismatchError) is is_told
    assert told is error or told.__cause__ is error
    if is_told:
        assert kind_of(told) is FailureKind.PERMANENT
    own = ValueError("Job aborted: ModuleNotFoundError: No module named 'lxml'")
    assert told_by_its_cause(own) is own


class TestServers:
    """Failures of a Spark Connect server."""

    PYSPARKS = type("PySparkException", (Exception,), {})

    @pytest.mark.parametrize(
        "text",
        [
            "[INVALID_HANDLE.SESSION_CHANGED] The handle 1 is invalid.",
            "[RESPONSE_ALREADY_RECEIVED] INVALID_HANDLE.SESSION_NOT_FOUND on the server",
            "[NO_ACTIVE_SESSION] No active Spark session found.",
            "Received incorrect server side session identifier for request.",
        ],
    )
    def test_a_session_that_its_server_does_not_know_is_lost_and_may_pass(self, text: str) -> None:
        error = chained(WriteError("can't write"), named("SparkConnectException", self.PYSPARKS, text=text))
        lost = told_by_its_cause(error)
        assert isinstance(lost, SessionLostError)
        assert "server" in lost.message
        assert kind_of(lost) is FailureKind.TRANSIENT

    def test_a_server_that_is_away_may_come_back(self) -> None:
        text = "<_InactiveRpcError of RPC that terminated with:\n\tstatus = StatusCode.UNAVAILABLE\n>"
        error = chained(WriteError("can't write"), named("SparkConnectGrpcException", self.PYSPARKS, text=text))
        assert kind_of(error) is FailureKind.TRANSIENT

    def test_a_users_own_error_of_the_same_words_stays_what_it_is(self) -> None:
        error = ValueError("INVALID_HANDLE.SESSION_CHANGED")
        assert told_by_its_cause(error) is error
