"""The Java options without which Spark's driver meets closed doors in Java: a standalone cluster leaves them out."""

from __future__ import annotations

from collections.abc import Mapping

DRIVER_OPTIONS = "spark.driver.extraJavaOptions"
_DEFAULT_OPTIONS = "spark.driver.defaultJavaOptions"
_PACKAGES = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util"),
    *("java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref"),
    *("sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar"),
)
"""Of Java's own: those that Spark 4 looks into, by its class JavaModuleOptions."""


def driver_options(settings: Mapping[str, str]) -> str:
    """The value of `spark.driver.extraJavaOptions` for a driver that a standalone cluster starts.

    Args:
        settings: those of the session; the options that they have come last, and win.
    """
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _PACKAGES]
    others = ("-Dio.netty.tryReflectionSetAccessible=true", "--enable-native-access=ALL-UNNAMED")
    given = (settings.get(name, "") for name in (_DEFAULT_OPTIONS, DRIVER_OPTIONS))
    return " ".join(["-XX:+IgnoreUnrecognizedVMOptions", *opened, *others, *filter(None, given)])
