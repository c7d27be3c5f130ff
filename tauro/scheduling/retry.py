"""How long to pause before trying a failed attempt again."""

from __future__ import annotations

from tauro.model.settings import RetrySpec


def pause_s(retry: RetrySpec, failures: int, jitter: float) -> float:
    """Seconds to wait after the failure number `failures` (from 1): exponential backoff with equal jitter.

    Half of the pause is fixed and half is spread by `jitter`, so that nodes that failed together do not come back
    together (the "equal jitter" of https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

    Args:
        retry: the pauses asked for.
        failures: how many attempts have failed so far.
        jitter: a random number from 0 to 1.
    """
    doublings = min(failures - 1, 64)  # 2 ** 64 times any pause is past every maximum, and past that floats overflow
    longest = min(retry.backoff_s * 2.0**doublings, retry.max_backoff_s)
    return longest * (0.5 + jitter / 2)
