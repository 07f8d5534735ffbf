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

if TYPE_CHECKING:
    from .bundle import Source
    from .explain import Explanation
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
        return cls(model, path, runtime, num_threads)

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
        """Mask APs that fell silent, moved or are not trusted; replaces the masked set.

        The APs masked at export stay masked. The set is kept beside the bundle, in
        `<bundle>.unknown.json`, and loaded again at open; for a bundle from bytes, and with
        `keep=False` (a read-only folder), it lives as long as this localizer.

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
            masked = model.masking(names)
            if keep and self._path is not None:
                masks.save(masks.mask_file(self._path), names)
            self._model = masked

    def reload(self, source: Source) -> None:
        """Serve another bundle. Atomic: on any error the old model keeps serving.

        The masked APs are those kept beside the new bundle; for bytes, those in use now.
        """
        with self._changing:
            old = self._serving()
            model, path = _opened(source, self._runtime, self._num_threads)
            if path is None:
                table = model.manifest.table
                model = model.masking(
                    frozenset(name for name in old.user_unknown if name in table.index)
                )
            self._model, self._path = model, path

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
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        kept = masks.load(masks.mask_file(path))
        return (model.masking(kept) if kept else model), path
    return model, None
