#include "rssfix/scan_window.hpp"

#include <algorithm>
#include <limits>

#include "finite.hpp"

namespace rssfix {
namespace {

// NaN gives way to anything.
void unite(float* levels, const float* with, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    levels[i] = levels[i] >= with[i] || std::isnan(with[i]) ? levels[i] : with[i];
}

void unite(WindowEntry& entry, const WindowEntry& with) noexcept {
  entry.heard = std::max(entry.heard, with.heard);
  entry.fresh = std::max(entry.fresh, with.fresh);
}

// Exact for all times, where a signed difference could overflow.
std::uint64_t passed_ms(std::int64_t from, std::int64_t to) noexcept {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

} // namespace

Status ScanWindow::init(std::size_t ap_count, std::int64_t window_ms, std::size_t most_entries,
    float* levels, WindowEntry* entries) noexcept {
  if (ap_count == 0)
    return {Code::empty, Argument::rssi_dbm};
  if (window_ms < 0)
    return {Code::negative, Argument::window_ms};
  if (most_entries == 0)
    return {Code::out_of_range, Argument::most_entries};
  ap_count_ = ap_count;
  slots_ = entries_needed(most_entries);
  window_ms_ = static_cast<std::uint64_t>(window_ms);
  grain_ms_ = window_ms_ / most_entries;
  levels_ = levels;
  entries_ = entries;
  clear();
  return {};
}

void ScanWindow::clear() noexcept {
  head_ = count_ = turned_ = 0;
}

Status ScanWindow::add(std::int64_t timestamp_ms, const float* rssi_dbm, std::uint32_t heard,
    std::uint32_t fresh) noexcept {
  if (count_ > 0 && timestamp_ms < last_ms_)
    return {Code::goes_back, Argument::timestamp_ms};
  if (const std::size_t bad = first_infinite(rssi_dbm, ap_count_); bad != ap_count_)
    return {Code::infinite, Argument::rssi_dbm, bad};
  last_ms_ = timestamp_ms;
  drop_before(timestamp_ms);
  const WindowEntry entry{timestamp_ms, heard, fresh};
  if (count_ > turned_) {
    unite(later_levels(), rssi_dbm, ap_count_);
    unite(later_, entry);
    WindowEntry& last = entries_[slot(count_ - 1)];
    if (passed_ms(last.begin_ms, timestamp_ms) <= grain_ms_) {
      unite(levels_at(count_ - 1), rssi_dbm, ap_count_);
      unite(last, entry);
      return {};
    }
  } else {
    std::copy_n(rssi_dbm, ap_count_, later_levels());
    later_ = entry;
  }
  entries_[slot(count_)] = entry;
  std::copy_n(rssi_dbm, ap_count_, levels_at(count_));
  ++count_;
  return {};
}

void ScanWindow::drop_before(std::int64_t timestamp_ms) noexcept {
  while (count_ > 0 && passed_ms(entries_[head_].begin_ms, timestamp_ms) > window_ms_) {
    if (turned_ == 0)
      turn();
    head_ = slot(1);
    --count_;
    --turned_;
  }
}

void ScanWindow::turn() noexcept {
  for (std::size_t place = count_ - 1; place > 0; --place) {
    unite(levels_at(place - 1), levels_at(place), ap_count_);
    unite(entries_[slot(place - 1)], entries_[slot(place)]);
  }
  turned_ = count_;
}

WindowEntry ScanWindow::united(float* rssi_dbm) const noexcept {
  if (count_ == 0) {
    std::fill_n(rssi_dbm, ap_count_, std::numeric_limits<float>::quiet_NaN());
    return {};
  }
  if (turned_ == 0) {
    std::copy_n(later_levels(), ap_count_, rssi_dbm);
    return {entries_[head_].begin_ms, later_.heard, later_.fresh};
  }
  WindowEntry whole = entries_[head_];
  std::copy_n(levels_at(0), ap_count_, rssi_dbm);
  if (count_ > turned_) {
    unite(rssi_dbm, later_levels(), ap_count_);
    unite(whole, later_);
  }
  return whole;
}

} // namespace rssfix
