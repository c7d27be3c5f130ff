"""What `spark-submit` prints of a driver on a cluster tells where it is and how it ended."""

from __future__ import annotations

from tauro.launch.submit.status import SparkStatus

YARN = """\
26/11/21 10:00:00 INFO Client: Application report for application_17_0001 (state: ACCEPTED)
26/11/21 10:00:01 INFO Client: Application report for application_17_0001 (state: ACCEPTED)
26/11/21 10:00:02 INFO Client: Application report for application_17_0001 (state: RUNNING)
26/11/21 10:00:09 INFO Client: Application report for application_17_0001 (state: FINISHED)
26/11/21 10:00:09 ERROR Client: Application diagnostics message: User application exited with status 3
Exception in thread "main" org.apache.spark.SparkException: Application application_17_0001 finished with failed status
\tat org.apache.spark.deploy.yarn.Client.run(Client.scala:1364)
"""
KUBERNETES = """\
26/11/21 10:00:00 INFO LoggingPodStatusWatcherImpl: State changed, new state:
\t pod name: tauro-shop-driver
\t namespace: jobs
26/11/21 10:00:01 INFO LoggingPodStatusWatcherImpl: Application status for spark-17 (phase: Running)
26/11/21 10:00:02 INFO LoggingPodStatusWatcherImpl: Application status for spark-17 (phase: Running)
26/11/21 10:00:09 INFO LoggingPodStatusWatcherImpl: Container final statuses:


\t container name: spark-kubernetes-driver
\t container image: spark
\t container state: terminated
\t exit code: 4
\t termination reason: Error


\t container name: proxy
\t container image: proxy
\t container state: terminated
\t exit code: 0
\t termination reason: Completed
"""
STANDALONE = """\
26/11/21 10:00:00 INFO ClientEndpoint: Driver successfully submitted as driver-17-0001
26/11/21 10:00:05 INFO ClientEndpoint: State of driver-17-0001 is RUNNING
26/11/21 10:00:05 INFO ClientEndpoint: Driver running on 10.0.0.7:35909 (worker-17-10.0.0.7-35909)
26/11/21 10:00:35 INFO ClientEndpoint: State of driver driver-17-0001 is FAILED, exiting spark-submit JVM.
"""


def read(text: str) -> tuple[SparkStatus, list[str]]:
    status = SparkStatus()
    return status, [news for line in text.splitlines() if (news := status.read(line))]


def test_yarn_tells_each_state_once_and_the_drivers_exit_code() -> None:
    status, news = read(YARN)
    assert news == [f"application_17_0001: {state}" for state in ("accepted", "running", "finished")]
    assert (status.application, status.state, status.exit_code) == ("application_17_0001", "FINISHED", 3)


def test_kubernetes_tells_the_pod_and_the_containers_exit_code() -> None:
    status, news = read(KUBERNETES)
    assert news == ["spark-17: running"]
    assert (status.pod, status.namespace, status.exit_code) == ("tauro-shop-driver", "jobs", 4)


def test_a_standalone_cluster_tells_the_state_and_the_worker_but_no_exit_code() -> None:
    status, news = read(STANDALONE)
    assert news == ["driver-17-0001: running", "driver-17-0001: failed"]
    assert (status.application, status.state, status.exit_code) == ("driver-17-0001", "FAILED", None)
    assert status.worker == "worker-17-10.0.0.7-35909"


def test_as_long_as_nothing_is_told_nothing_is_known() -> None:
    status, news = read("26/11/21 10:00:00 WARN Utils: Your hostname resolves to a loopback address\n")
    assert (news, status.application, status.exit_code) == ([], None, None)


def test_the_last_lines_are_those_that_tell_something() -> None:
    status, _ = read(YARN)
    assert [line.partition(": ")[0] for line in status.last_lines()] == [
        "26/11/21 10:00:09 ERROR Client",
        'Exception in thread "main" org.apache.spark.SparkException',
    ]
