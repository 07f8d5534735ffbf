#include "rssfix/rank_locator.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "arena.hpp"
#include "rank_answer.hpp"

namespace rssfix {
namespace {

constexpr float not_heard = std::numeric_limits<float>::quiet_NaN();

bool same(const float* one, const float* other, std::size_t count) noexcept {
  return std::memcmp(one, other, count * sizeof(float)) == 0;
}

struct Layout {
  float* levels[2];
  WindowEntry* entries[2];
  MapScratch scratch;
  float* vectors;
  float* weights;
};

std::size_t largest_grid(const RankSite& site) noexcept {
  std::size_t most = 0;
  for (std::size_t f = 0; f < site.floor_count; ++f)
    most = std::max(most, site.floors[f].grid.height * site.floors[f].grid.width);
  return most;
}

Layout lay_out(
    std::size_t aps, std::size_t most_cells, const RankTrackRules& rules, Arena& arena) noexcept {
  Layout layout{};
  for (std::size_t w = 0; w < 2; ++w) {
    layout.levels[w] = arena.take<float>(ScanWindow::levels_needed(aps, rules.window_entries));
    layout.entries[w] = arena.take<WindowEntry>(ScanWindow::entries_needed(rules.window_entries));
  }
  layout.scratch.ap_xy_m = arena.take<double>(2 * aps);
  layout.scratch.rssi_dbm = arena.take<double>(aps);
  layout.scratch.weight = arena.take<double>(aps);
  layout.scratch.extra_loss_db = arena.take<double>(aps);
  layout.scratch.ranks = arena.take<std::int32_t>(aps);
  layout.vectors = arena.take<float>(4 * aps);
  layout.weights = arena.take<float>(most_cells);
  return layout;
}

} // namespace

std::size_t RankLocator::bytes(
    std::size_t ap_count, std::size_t most_cells, const RankTrackRules& rules) noexcept {
  Arena arena(nullptr);
  lay_out(ap_count, most_cells, rules, arena);
  return arena.used();
}

Status RankLocator::init(const RankSite& site, const RankTrackRules& rules, void* memory) noexcept {
  if (const Status status = check(site); !status.ok())
    return status;
  if (rules.floor_window_ms < rules.position_window_ms)
    return {Code::out_of_range, Argument::window_ms};
  if (!aligned(memory))
    return {Code::misaligned, Argument::memory};
  Arena arena(memory);
  const std::size_t aps = site.aps.ap_count;
  const Layout layout = lay_out(aps, largest_grid(site), rules, arena);
  if (const Status status = floor_window_.init(
          aps, rules.floor_window_ms, rules.window_entries, layout.levels[0], layout.entries[0]);
      !status.ok())
    return status;
  if (const Status status = position_window_.init(
          aps, rules.position_window_ms, rules.window_entries, layout.levels[1], layout.entries[1]);
      !status.ok())
    return status;
  if (const Status status = motion_.init(rules.motion); !status.ok())
    return status;
  site_ = site;
  scratch_ = layout.scratch;
  scan_dbm_ = layout.vectors;
  last_dbm_ = scan_dbm_ + aps;
  position_dbm_ = last_dbm_ + aps;
  floor_dbm_ = position_dbm_ + aps;
  weights_ = layout.weights;
  reset();
  return {};
}

void RankLocator::reset() noexcept {
  floor_window_.clear();
  position_window_.clear();
  motion_.restart();
  any_ = false;
}

Status RankLocator::take(const ApReading* readings, std::size_t count, Heard& heard) noexcept {
  const std::size_t aps = site_.aps.ap_count;
  std::fill_n(scan_dbm_, aps, not_heard);
  heard = {static_cast<std::uint32_t>(count), 0};
  for (std::size_t i = 0; i < count; ++i) {
    const ApReading& one = readings[i];
    if (!(one.rssi_dbm >= -150 && one.rssi_dbm < 0) || one.age_ms < 0)
      return {Code::out_of_range, Argument::readings, i};
    if (one.age_ms > site_.limits.max_age_ms)
      continue;
    ++heard.fresh;
    const std::uint64_t* const found = std::lower_bound(site_.ap_id, site_.ap_id + aps, one.ap_id);
    if (found == site_.ap_id + aps || *found != one.ap_id)
      continue;
    float& level = scan_dbm_[found - site_.ap_id];
    level = level >= one.rssi_dbm ? level : one.rssi_dbm;
  }
  return {};
}

Status RankLocator::locate(std::int64_t timestamp_ms, const ApReading* readings, std::size_t count,
    RankFix& fix) noexcept {
  Heard heard;
  if (const Status status = take(readings, count, heard); !status.ok())
    return status;
  const std::size_t aps = site_.aps.ap_count;
  std::copy_n(scan_dbm_, aps, position_dbm_);
  std::copy_n(scan_dbm_, aps, floor_dbm_);
  RankFix found{};
  found.timestamp_ms = timestamp_ms;
  const Status status = answer(
      site_, {position_dbm_, floor_dbm_, heard.heard, heard.fresh, scratch_, weights_}, found);
  if (status.ok())
    fix = found;
  return status;
}

Status RankLocator::update(std::int64_t timestamp_ms, const ApReading* readings, std::size_t count,
    RankFix& fix) noexcept {
  if (any_ && timestamp_ms < last_.timestamp_ms)
    return {Code::goes_back, Argument::timestamp_ms};
  Heard heard;
  if (const Status status = take(readings, count, heard); !status.ok())
    return status;
  const std::size_t aps = site_.aps.ap_count;
  if (any_ && timestamp_ms == last_.timestamp_ms && same(scan_dbm_, last_dbm_, aps)) {
    fix = last_;
    return {};
  }
  for (ScanWindow* const window : {&floor_window_, &position_window_})
    if (const Status status = window->add(timestamp_ms, scan_dbm_, heard.heard, heard.fresh);
        !status.ok())
      return status;
  const WindowEntry united = position_window_.united(position_dbm_);
  floor_window_.united(floor_dbm_);
  RankFix found{};
  found.timestamp_ms = timestamp_ms;
  const RankLevels levels{
      position_dbm_, floor_dbm_, united.heard, united.fresh, scratch_, weights_};
  if (const Status status = answer(site_, levels, found); !status.ok())
    return status;
  if (const Status status = motion_.advance(timestamp_ms); !status.ok())
    return status;
  if (found.has_position)
    if (const Status status = motion_.measure(found.x_m, found.y_m, found.floor, found.accuracy_m);
        !status.ok())
      return status;
  if (motion_.running()) {
    const Tracked tracked = motion_.tracked();
    if (found.has_position)
      found.status = status_of(tracked.accuracy_m, site_.limits);
    found.has_position = true;
    found.floor = tracked.floor;
    found.x_m = tracked.x_m;
    found.y_m = tracked.y_m;
    found.accuracy_m = tracked.accuracy_m;
  }
  std::swap(scan_dbm_, last_dbm_);
  any_ = true;
  last_ = found;
  fix = found;
  return {};
}

} // namespace rssfix
