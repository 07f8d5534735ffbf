"""Tables of what drift does to the norms, and statistics of the scans to drift (``lbn_drift``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.lbn_drift import BASE_TEST, KINDS, OWN, RUNNING
from evaluation.lbn_statistics import Record, compare, later
from evaluation.lbn_tables import compared, comparison_table, title_of
from evaluation.markdown import spread, table

_BN, _LBN = "bn", "lbn"


def drift_parts(of: Mapping[str, Sequence[Record]]) -> list[str]:
    """Markdown of the records by variant, as far as they were judged under drift."""
    kept = {n: [r for r in rs if "drift" in r] for n, rs in of.items()}
    kept = {n: rs for n, rs in kept.items() if rs}
    if not kept:
        return []
    first = next(iter(kept.values()))[0]
    simulated = [BASE_TEST, *(k.title for k in KINDS)]
    return [
        f"### Drift simulated on {BASE_TEST}: moving averages, and statistics of the scans",
        _means(kept, simulated),
        _tests(kept, [[name] for name in simulated]),
        "### The drift there is: statistics of all scans of the test, without labels",
        _means(kept, list(first["tests"])),
        _tests(kept, [later(first)[:1], later(first)[1:]]),
    ]


def view(record: Record, mode: str) -> Record | None:
    """A record whose ``tests`` are real and simulated ones with those statistics; None without.

    A network without moving averages has one answer to every scan, whatever the mode.
    """
    drift = record["drift"]
    own = any(OWN in found for found in drift.values())
    if mode == OWN and not own:
        return None
    tests = {name: found[mode] for name, found in drift.items() if mode in found}
    return {"seed": record["seed"], "tests": (record["tests"] if mode == RUNNING else {}) | tests}


def views(records: Sequence[Record], mode: str) -> list[Record]:
    """``view`` of each record that has one."""
    return [v for v in (view(r, mode) for r in records) if v is not None]


def _means(of: Mapping[str, Sequence[Record]], tests: Sequence[str]) -> str:
    rows = []
    for name, records in of.items():
        for mode in (RUNNING, OWN):
            seen = views(records, mode)
            if not seen:
                continue
            title = title_of(name) + (", own statistics" if mode == OWN else "")
            cells = [spread([v["tests"][t]["mean_m"] for v in seen], 2) for t in tests]
            rows.append([title, str(len(seen)), *cells])
    return table(["mean error m", "seeds", *tests], rows)


def _tests(of: Mapping[str, Sequence[Record]], spans: Sequence[Sequence[str]]) -> str:
    """LBN against BN with either statistics, and each with its own against its moving ones."""
    if _BN not in of or _LBN not in of:
        return ""
    pairs = [((_LBN, m), (_BN, m)) for m in (RUNNING, OWN)]
    pairs += [((n, OWN), (n, RUNNING)) for n in (_BN, _LBN)]
    rows = []
    for span in spans:
        for one, other in pairs:
            found = compare(views(of[one[0]], one[1]), views(of[other[0]], other[1]), span)
            if found is not None:
                names = (f"{title_of(n)} ({m})" for n, m in (one, other))
                rows.append(compared(found, *names, span[0] + (" on" if len(span) > 1 else "")))
    return comparison_table(rows, several=True)
