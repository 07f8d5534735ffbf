"""The face of the SDK: open a bundle, turn scans into fixes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from . import unknown as masks
from .errors import ClosedError, ScanError
from .fix import Fix
from .info import BundleInfo
from .model import Model
from .posterior import Posterior
from .runtimes import RUNTIMES, RuntimeChoice
from .scan import Scan

NEWEST = 1000
# A look at a store costs what reading so many scans costs, however many it holds.
MOST_NEWEST = 10_000

if TYPE_CHECKING:
    from .bundle import Source
    from .explain import Explanation
    from .silence import Silence
    from .store import Store
    from .track import Track
    from .venue import Venue


class Localizer:
    """Positions from scans with one bundle; made by `Localizer.open`.

    Thread rule: `locate`, `posterior`, `explain` and `info` may be called from any number of
    threads; each call works on one immutable model from start to end, also while another
    thread calls `reload`, `set_unknown` or `close`. A `Track` belongs to one thread.
    """

    def __init__(
        self,
        model: Model,
        path: Path | None,
        runtime: RuntimeChoice,
        num_threads: int,
    ) -> None:
        self._model: Model | None = model
        # Masked by hand, and by the rule of `mask_silent`: the model holds both together.
        self._by_hand, self._silent = model.user_unknown, frozenset[str]()
        self._path = path
        self._runtime = runtime
        self._num_threads = num_threads
        # Only for those who change the model; readers take the reference as it is.
        self._changing = threading.Lock()

    @classmethod
    def open(
        cls, source: Source, runtime: RuntimeChoice = "auto", num_threads: int = 1
    ) -> Localizer:
        """Open a bundle, check it and run its golden pair.

        Args:
            source: a path, or the bundle's bytes.
            runtime: `auto` takes ONNX where the bundle and the machine have it, else TFLite.
            num_threads: threads of the inference runtime.

        Raises:
            BundleError: missing, corrupt, too new, or other answers than at export.
            RuntimeUnavailableError: no runtime can run it; names the pip extra to install.
        """
        if runtime not in RUNTIMES:
            raise ValueError(f"runtime must be one of {RUNTIMES}, got {runtime!r}")
        if isinstance(num_threads, bool) or not isinstance(num_threads, int) or num_threads < 1:
            raise ValueError(f"num_threads must be an int >= 1, got {num_threads!r}")
        model, path = _opened(source, runtime, num_threads)
        localizer = cls(model, path, runtime, num_threads)
        localizer._take(*_kept(path), model)
        return localizer

    def _serving(self) -> Model:
        model = self._model
        if model is None:
            raise ClosedError("this localizer is closed; open the bundle again")
        return model

    def locate(self, scan: Scan) -> Fix:
        """The position of one scan, without memory of earlier ones. Raises ScanError."""
        return self._serving().locate(scan)

    def posterior(self, scan: Scan) -> Posterior:
        """The probability over the model's places.

        Where `locate` gives no position (too few APs, out of area, stale), nothing is known
        and the posterior is uniform.
        """
        return self._serving().posterior(scan)

    def explain(
        self,
        scan: Scan,
        method: Literal["cam", "occlusion"] | None = None,
        target: int | None = None,
    ) -> Explanation:
        """Which APs speak for a place.

        Args:
            method: `cam` (Impact Scores, needs a network with head weights) or `occlusion`
                (works everywhere); default `cam` where it can be had.
            target: index of the place; default the most probable one.

        Raises:
            ScanError: the scan gives no position. BundleError: `cam` cannot be had.
        """
        from .explain import explain

        return explain(self._serving(), scan, method, target)

    def start_track(
        self,
        window_ms: int | None = None,
        accel_sigma: float = 0.3,
        gap_ms: int = 60_000,
        floor_votes: int = 5,
    ) -> Track:
        """A new track for one user or device; see `sdk.track.Track`.

        `window_ms` is the bundle's own, or 3000 where it names none.
        """
        from .track import Track

        return Track(self._serving, window_ms, accel_sigma, gap_ms, floor_votes)

    @property
    def info(self) -> BundleInfo:
        """System, version, APs, floors, precision, measured accuracy, hashes."""
        return self._serving().info

    @property
    def venue(self) -> Venue:
        """The building: floors, frame and georeference."""
        return self._serving().manifest.venue

    def plan(self, floor: int) -> bytes | None:
        """The floor's plan as PNG or GeoJSON, in the venue's frame; None where there is none.

        Raises ValueError for a floor that the venue does not have.
        """
        return self._serving().plan(floor)

    def set_unknown(self, bssids: Iterable[str], keep: bool = True) -> None:
        """Mask APs that fell silent, moved or are not trusted; replaces the set masked so.

        The APs masked at export, and by `mask_silent`, stay masked. The set is kept beside the
        bundle, in `<bundle>.unknown.json`, and loaded again at open; for a bundle from bytes, and
        with `keep=False` (a read-only folder), it lives as long as this localizer.

        Raises:
            ScanError: a BSSID is not in the AP table; nothing is changed.
            BundleError: the file cannot be written; nothing is changed.
        """
        if isinstance(bssids, str):
            raise ScanError(f"expected a set of BSSIDs, got one text {bssids!r:.80}")
        with self._changing:
            model = self._serving()
            table = model.manifest.table
            names = frozenset(map(table.key, bssids))
            strangers = sorted(name for name in names if name not in table.index)
            if strangers:
                raise ScanError(f"not in the AP table: {', '.join(strangers)[:300]}")
            if keep and self._path is not None:
                masks.save(masks.mask_file(self._path), names)
            self._take(names, self._silent, model)

    def mask_silent(self, store: Store, newest: int = NEWEST, keep: bool = True) -> Silence:
        """Mask the APs that the newest scans of a store no longer hear (`sdk.silence`).

        Never done without being asked: call it now and then, or let `silence.Watch` do so. It
        replaces what an earlier call has masked, so that APs which are back are used again, and
        leaves alone what `set_unknown` and the export mask. Kept beside the bundle, in
        `<bundle>.silent.json`, unless `keep` is False; `unmask_silent` undoes it. Where the
        scans are too few, or from a part of the site only, nothing changes.

        It reads at most `newest` scans (1..10,000), whatever the store holds, and locates at
        most two hundred of them.

        Raises:
            StoreError: the store cannot be read; BundleError: the file cannot be written;
                nothing is changed. ValueError: `newest` out of its bounds.
        """
        if isinstance(newest, bool) or not isinstance(newest, int) or not 0 < newest <= MOST_NEWEST:
            raise ValueError(f"newest must be an int in 1..{MOST_NEWEST}, got {newest!r}")
        from .silence import Silence, look

        # Outside the lock: others may go on, and the model that is looked with does not change.
        model = self._serving()
        names, count, why = look(model, store.scans(newest=newest))
        with self._changing:
            serving = self._serving()
            if names is None or serving.manifest is not model.manifest:
                return Silence(self._silent, count, why or "another bundle was loaded meanwhile")
            self._mask_silent(names, keep, serving)
        return Silence(names, count)

    def unmask_silent(self, keep: bool = True) -> None:
        """Undo `mask_silent`: what it masked is used again. Raises BundleError."""
        with self._changing:
            self._mask_silent(frozenset(), keep, self._serving())

    def _mask_silent(self, names: frozenset[str], keep: bool, model: Model) -> None:
        if keep and self._path is not None:
            masks.save(masks.silent_file(self._path), names)
        self._take(self._by_hand, names, model)

    def _take(self, by_hand: frozenset[str], silent: frozenset[str], model: Model) -> None:
        self._by_hand, self._silent = by_hand, silent
        self._model = model.masking(by_hand | silent)

    def reload(self, source: Source) -> None:
        """Serve another bundle. Atomic: on any error the old model keeps serving.

        The masked APs are those kept beside the new bundle; for bytes, those in use now.
        """
        with self._changing:
            self._serving()
            model, path = _opened(source, self._runtime, self._num_threads)
            kept = _kept(path)
            if path is None:
                known = frozenset(model.manifest.table.index)
                kept = self._by_hand & known, self._silent & known
            self._path = path
            self._take(*kept, model)

    def close(self) -> None:
        """Let the model go. Calls that run already end well; later ones raise ClosedError."""
        with self._changing:
            self._model = None

    def __enter__(self) -> Localizer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        model = self._model
        return f"Localizer({'closed' if model is None else model.info.name!r})"


def _opened(source: Source, runtime: RuntimeChoice, num_threads: int) -> tuple[Model, Path | None]:
    model = Model.open(source, runtime, num_threads)
    return model, Path(source) if isinstance(source, str | os.PathLike) else None


def _kept(path: Path | None) -> tuple[frozenset[str], frozenset[str]]:
    """The APs masked by hand and by `mask_silent`, as they stand beside a bundle."""
    if path is None:
        return frozenset(), frozenset()
    return masks.load(masks.mask_file(path)), masks.load(masks.silent_file(path))
