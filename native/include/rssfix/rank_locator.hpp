#pragma once

#include "rssfix/floor_map.hpp"
#include "rssfix/motion.hpp"
#include "rssfix/scan_window.hpp"

namespace rssfix {

// Linear regression of the error on number of APs heard, mean and largest level (dBm) and area
// (m^2) of the cells that reach `threshold` times the highest, clipped (Hapi, SPEC 5.6).
struct Quality {
  double intercept_m;
  double coefficients[4];
  double threshold;
  double least_m;
  double most_m;
};

// Calibrated 68 % radius over the spread that was estimated: piecewise linear, flat outside.
struct AccuracyTable {
  const double* spread_m; // ascending
  const double* radius_m; // above 0
  std::size_t count;
};

// When a scan is enough for a position.
struct Limits {
  std::uint32_t min_matched_aps;
  std::int64_t max_age_ms;
  double low_confidence_m;
};

// A building in which only the places of the access points are known. Everything is the caller's
// and stays in use.
struct RankSite {
  const std::uint64_t* ap_id; // ascending
  PlacedAps aps;
  const FloorCells* floors; // each of another floor
  std::size_t floor_count;
  MapRules rules;
  double offset_db;       // added to every reading: the device's offset
  const Quality* quality; // null: the spread of the map stands in
  AccuracyTable accuracy;
  Limits limits;
};

struct RankTrackRules {
  std::int64_t floor_window_ms; // at least as long as the other
  std::int64_t position_window_ms;
  std::size_t window_entries;
  MotionRules motion;
};

// The C API hands over its own struct of the same layout.
struct __attribute__((may_alias)) ApReading {
  std::uint64_t ap_id;
  float rssi_dbm;      // -150 <= rssi_dbm < 0
  std::int32_t age_ms; // 0 or more
};

enum class FixStatus : std::uint8_t {
  ok,
  low_confidence,
  too_few_aps,
  out_of_area,
  stale_scan,
};

struct RankFix {
  std::int64_t timestamp_ms;
  FixStatus status;
  bool has_position; // else the coordinates are 0 and mean nothing
  std::int32_t floor;
  double x_m;
  double y_m;
  double accuracy_m; // 68 % radius
  std::uint32_t matched_aps;
};

Status check(const RankSite& site) noexcept;

// The calibration-free localizer (Hapi, SPEC 5) for one user: windows, floor of the strongest AP,
// map by ranks or path loss, centre of mass, expected error, Kalman filter. What sdk.Localizer does
// with a bundle whose ranks have no floor network.
class RankLocator {
 public:
  // What init wants of memory, aligned to 8 bytes; `most_cells`: of the largest grid.
  static std::size_t bytes(
      std::size_t ap_count, std::size_t most_cells, const RankTrackRules& rules) noexcept;

  Status init(const RankSite& site, const RankTrackRules& rules, void* memory) noexcept;

  // The position at the scan's time, tracked from scan to scan. Of several readings of one AP the
  // strongest counts; APs of other buildings are only counted. The same scan once more changes
  // nothing. Where something is refused, the track stays as it was.
  Status update(std::int64_t timestamp_ms, const ApReading* readings, std::size_t count,
      RankFix& fix) noexcept;

  // The position of one scan alone; the track stays as it is.
  Status locate(std::int64_t timestamp_ms, const ApReading* readings, std::size_t count,
      RankFix& fix) noexcept;

  // Forgets the track, the time included.
  void reset() noexcept;

 private:
  struct Heard {
    std::uint32_t heard;
    std::uint32_t fresh;
  };

  Status take(const ApReading* readings, std::size_t count, Heard& heard) noexcept;

  RankSite site_{};
  ScanWindow floor_window_;
  ScanWindow position_window_;
  Motion motion_;
  MapScratch scratch_{};
  float* scan_dbm_ = nullptr;     // of the scan at hand
  float* last_dbm_ = nullptr;     // of the scan before
  float* position_dbm_ = nullptr; // with the device's offset
  float* floor_dbm_ = nullptr;
  float* weights_ = nullptr;
  bool any_ = false;
  RankFix last_{};
};

} // namespace rssfix
