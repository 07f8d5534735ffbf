"""Maps made in this process, in several, or on a Dask cluster; always written by this one.

Workers hand back a map's bytes, so they need no disk in common with the caller, and a file appears
whole or not at all.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from typing import Any

from training.propagation.dataset import CityError, map_bytes
from training.propagation.making import Recipe, make_map

# Maps under way per worker: enough to keep it busy, few enough for the memory.
_AHEAD = 2


def made_maps(
    recipe: Recipe, numbers: Sequence[int], processes: int = 1, scheduler: str | None = None
) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of every map, as they are finished.

    With ``scheduler`` they are made on the Dask cluster at that address. Closing the iterator drops
    what is under way. Raises CityError: no cluster there, or no package ``distributed``.
    """
    if scheduler is not None:
        yield from _on_cluster(recipe, numbers, scheduler)
    elif processes == 1:
        for number in numbers:
            yield _make(recipe, number)
    else:
        yield from _in_processes(recipe, numbers, processes)


def _make(recipe: Recipe, number: int) -> tuple[int, bytes]:
    return number, map_bytes(make_map(recipe, number))


def _start_worker() -> None:
    # One worker a core: threads of numpy's would only get in each other's way.
    os.environ["OMP_NUM_THREADS"] = "1"
    # Ctrl-C reaches the whole group; the parent ends its workers itself.
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _in_processes(
    recipe: Recipe, numbers: Sequence[int], processes: int
) -> Iterator[tuple[int, bytes]]:
    pool = ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), initializer=_start_worker
    )
    queue = iter(numbers)
    try:
        pending: set[Future[tuple[int, bytes]]] = {
            pool.submit(_make, recipe, n) for n in islice(queue, _AHEAD * processes)
        }
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                pending |= {pool.submit(_make, recipe, n) for n in islice(queue, 1)}
                yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _on_cluster(
    recipe: Recipe, numbers: Sequence[int], scheduler: str
) -> Iterator[tuple[int, bytes]]:
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise CityError(
            "--scheduler needs the package distributed: pip install rssfix[cluster]"
        ) from None
    try:
        client: Any = Client(scheduler, timeout=20)
    except (OSError, ValueError, TimeoutError) as error:
        raise CityError(f"no Dask scheduler at {scheduler!r}: {error}") from None
    with client:
        threads = sum(client.nthreads().values()) or 1
        queue = iter(numbers)
        running = as_completed(
            [client.submit(_make, recipe, n, pure=False) for n in islice(queue, _AHEAD * threads)]
        )
        for future in running:
            for n in islice(queue, 1):
                running.add(client.submit(_make, recipe, n, pure=False))
            yield future.result()
            # Its bytes would stay on the worker as long as somebody holds it.
            future.release()
