#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

// A scan, or the union of some: levels are kept beside it.
struct WindowEntry {
  std::int64_t begin_ms;
  std::uint32_t heard; // readings of the richest scan
  std::uint32_t fresh; // those of them that were not too old
};

// The strongest level of every AP over the scans of the last window_ms (Hapi eq. 1, SPEC 5.1).
//
// A queue in a ring: the first `turned_` entries hold the union of themselves and all that came
// after them before the last turn, one more vector the union of what came later. So a scan costs a
// few unions of two, however long the window is. Scans nearer to each other than window_ms /
// most_entries leave the window together, so that a source that floods fills no memory.
class ScanWindow {
 public:
  static constexpr std::size_t usual_entries = 128;

  // What init wants of memory. Two scans may stand nearer to each other than above: the last one
  // before a turn and the first one after it.
  static constexpr std::size_t entries_needed(std::size_t most_entries) noexcept {
    return most_entries + 1;
  }
  static constexpr std::size_t levels_needed(
      std::size_t ap_count, std::size_t most_entries) noexcept {
    return (entries_needed(most_entries) + 1) * ap_count;
  }

  // The arrays are the caller's and stay in use.
  Status init(std::size_t ap_count, std::int64_t window_ms, std::size_t most_entries, float* levels,
      WindowEntry* entries) noexcept;

  void clear() noexcept;
  std::size_t size() const noexcept { return count_; }
  std::size_t ap_count() const noexcept { return ap_count_; }

  // `rssi_dbm`: ap_count levels, NaN = not heard. Refused: a time before that of the last scan,
  // infinities; the window then stays as it was.
  Status add(std::int64_t timestamp_ms, const float* rssi_dbm, std::uint32_t heard,
      std::uint32_t fresh) noexcept;

  // Writes ap_count levels, NaN where no scan heard the AP; all of them NaN in an empty window.
  WindowEntry united(float* rssi_dbm) const noexcept;

 private:
  std::size_t slot(std::size_t place) const noexcept { return (head_ + place) % slots_; }
  float* levels_at(std::size_t place) const noexcept { return levels_ + slot(place) * ap_count_; }
  float* later_levels() const noexcept { return levels_ + slots_ * ap_count_; }
  void drop_before(std::int64_t timestamp_ms) noexcept;
  void turn() noexcept;

  std::size_t ap_count_ = 0;
  std::size_t slots_ = 0;
  std::uint64_t window_ms_ = 0;
  std::uint64_t grain_ms_ = 0;
  float* levels_ = nullptr;
  WindowEntry* entries_ = nullptr;
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::size_t turned_ = 0;
  WindowEntry later_{};
  std::int64_t last_ms_ = 0;
};

} // namespace rssfix
