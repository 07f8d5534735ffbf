from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt

__version__: str

def build_info() -> dict[str, Any]: ...
def set_simd(wanted: str, /) -> None: ...
def cyclic_map(rssi: Any, out: Any, /) -> npt.NDArray[np.float32]: ...
def diagonal_mean(maps: Any, /) -> npt.NDArray[np.float32]: ...
def geometric_median(
    x_m: Any, y_m: Any, weight: Any, start_m: Any, soft_m: Any, steps: Any, /
) -> tuple[float, float]: ...
def level_likelihoods(
    measured_db: Any,
    mean_db: Any,
    sigma_db: Any,
    tail_factor: Any,
    narrow: Any,
    wide: Any,
    outliers: Any,
    silent: Any,
    power: Any,
    out: Any,
    /,
) -> npt.NDArray[np.float32]: ...
def level_sums(maps: Any, tables: Any, out: Any, /) -> npt.NDArray[np.float32]: ...
def ratio_image(rssi: Any, out: Any, /) -> npt.NDArray[np.float32]: ...
def path_loss_pdf(
    ap_xy_m: Any,
    rssi_dbm: Any,
    weight: Any,
    extra_loss_db: Any,
    reference_dbm: Any,
    exponent: Any,
    sigma_db: Any,
    offset_sigma_db: Any,
    silence_dbm: Any,
    origin_m: Any,
    pitch_m: Any,
    shape: Any,
    out: Any,
    /,
) -> npt.NDArray[np.float32]: ...
def rank_pdf(
    ap_xy_m: Any,
    ranks: Any,
    mean_m: Any,
    sigma_m: Any,
    origin_m: Any,
    pitch_m: Any,
    shape: Any,
    combine: Any,
    out: Any,
    /,
) -> npt.NDArray[np.float32]: ...
def floor_features(
    rssi_dbm: Any, ap_xy_m: Any, ap_floor: Any, n_floors: Any, silent_dbm: Any, span: Any, /
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]: ...
def threshold_centroid(
    pdf: Any, origin_m: Any, pitch_m: Any, threshold: Any, /
) -> tuple[float, float, float]: ...
def convex_corners(
    vertices_m: Any, ring_start: Any, push_m: Any, /
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...
def corner_visibility(
    walls_m: Any, corners_m: Any, wedges: Any, buildings: Any, origin_m: Any, pitch_m: Any, /
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]: ...
def dominant_path(
    transmitter_m: Any,
    walls_m: Any,
    corners_m: Any,
    wedges: Any,
    pixels: Any,
    links: Any,
    clear: Any,
    buildings: Any,
    model: Any,
    origin_m: Any,
    pitch_m: Any,
    /,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]: ...
def reflections(
    transmitter_m: Any,
    walls_m: Any,
    wall_db: Any,
    reference_db: Any,
    buildings: Any,
    origin_m: Any,
    pitch_m: Any,
    /,
) -> npt.NDArray[np.float32]: ...
def weighted_knn(
    database: Any, query: Any, k: Any, metric: Any, /
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]: ...

class KalmanFilter:
    def __init__(self, state: Any, covariance: Any, accel_sigma: SupportsFloat = 0.0) -> None: ...
    def predict(self, dt_s: SupportsFloat) -> None: ...
    def update(self, z: Any, variance: Any) -> None: ...
    @property
    def state(self) -> npt.NDArray[np.float64]: ...
    @property
    def covariance(self) -> npt.NDArray[np.float64]: ...
    @property
    def accel_sigma(self) -> float: ...

R68_PER_SIGMA: float
START_SPEED_M_S: float
STEP_S: float
MAX_ENTRIES: int

class ScanWindow:
    def __init__(self, ap_count: int, window_ms: int, /) -> None: ...
    def add(
        self, timestamp_ms: int, rssi_dbm: npt.NDArray[np.float32], heard: int, fresh: int, /
    ) -> None: ...
    def united(self) -> tuple[npt.NDArray[np.float32], int, int]: ...
    def clear(self) -> None: ...
    def __len__(self) -> int: ...

class Motion:
    def __init__(self, accel_sigma: float, gap_ms: int, floor_votes: int, /) -> None: ...
    def restart(self) -> None: ...
    def advance(self, now_ms: int, /) -> None: ...
    def measure(self, x_m: float, y_m: float, floor: int, accuracy_m: float, /) -> None: ...
    @property
    def tracked(self) -> tuple[float, float, int, float] | None: ...
    @property
    def covariance(self) -> npt.NDArray[np.float64]: ...

class FloorMap:
    def __init__(
        self,
        method: dict[str, Any],
        floor_attenuation_db: float,
        cap_dbm: float,
        strongest: int,
        ap_xy_m: Any,
        ap_floor: Any,
        floor: int,
        origin_m: Any,
        pitch_m: Any,
        shape: Any,
        cells: Any,
        /,
    ) -> None: ...
    def weights(
        self, rssi_dbm: npt.NDArray[np.float32], unknown: npt.NDArray[np.bool_], share: float, /
    ) -> tuple[npt.NDArray[np.float32], int]: ...
