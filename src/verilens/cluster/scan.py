"""A scan on Ray: list, share out, collect, in the order of the files.

    paths -> [one listing task] -> [pool of workers] -> reports

Ray Data moves the groups and holds back the listing while the workers are busy, so memory stays
flat however many files there are.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from verilens.cluster import files
from verilens.cluster.keeper import Keeper
from verilens.cluster.session import Place, imported, on_purpose, started
from verilens.cluster.worker import LINES, TROUBLE, ScanWorker
from verilens.errors import ConfigError
from verilens.options import Options, fingerprint
from verilens.records import Report
from verilens.report.json import loads

CLOSE_S = 60.0


def scan_many(
    paths: Sequence[str], options: Options, *, store: Path | None = None, place: Place | None = None
) -> Iterator[Report]:
    """Yield a report for every file of `paths`, in their order; see `scanner.scan_many`.

    store: a results store that no other process has open.
    """
    if "-" in paths:
        raise ConfigError("standard input is read by the local engine only; leave out --engine ray")
    expected = fingerprint(options)  # says what is wrong with methods and weights before Ray starts
    place = place or Place()
    ray = imported(place)
    with started(place) as workers, _keeping(ray, store) as keeper:
        folder = os.getcwd()
        each = dataclasses.replace(options, jobs=1)
        data = _dataset(ray, paths, folder, options.posts is not None).map_batches(
            ScanWorker,
            fn_constructor_args=(each, expected, keeper, folder),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=1,
        )
        for row in data.iter_rows():
            if row[TROUBLE]:
                raise ConfigError(row[TROUBLE])
            yield from loads(row[LINES].split("\n"))


def _dataset(ray: Any, paths: Sequence[str], folder: str, are_posts: bool) -> Any:
    """Return the groups of files as a stream, each a block of its own."""
    context = ray.data.DataContext.get_current()
    context.target_max_block_size = 1  # byte: no two groups are put together
    context.execution_options.preserve_order = True
    return ray.data.read_datasource(
        files.datasource(paths, folder, are_posts), override_num_blocks=1, num_cpus=0
    )


@contextlib.contextmanager
def _keeping(ray: Any, store: Path | None) -> Iterator[Any]:
    """Give the keeper of results, on this node."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "scheduling_strategy": here}
    keeper = ray.remote(Keeper).options(**options).remote()
    with on_purpose():
        if store is not None:
            ray.get(keeper.open.remote(store.absolute()))
    try:
        yield keeper
    finally:
        ray.get(keeper.close.remote(), timeout=CLOSE_S)
