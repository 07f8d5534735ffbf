// One scan's or one window's levels to a position, without a track.
#include "rank_answer.hpp"

#include <algorithm>
#include <cmath>

namespace rssfix {
namespace {

double radius_m(const AccuracyTable& table, double spread_m) noexcept {
  const double* const end = table.spread_m + table.count;
  const std::size_t i =
      static_cast<std::size_t>(std::upper_bound(table.spread_m, end, spread_m) - table.spread_m);
  if (i == 0)
    return table.radius_m[0];
  if (i == table.count)
    return table.radius_m[i - 1];
  const double share =
      (spread_m - table.spread_m[i - 1]) / (table.spread_m[i] - table.spread_m[i - 1]);
  return table.radius_m[i - 1] + share * (table.radius_m[i] - table.radius_m[i - 1]);
}

struct Moments {
  double x_m;
  double y_m;
  double spread_m; // square root of the trace of the covariance
};

Moments moments(const FloorCells& floor, const float* weights) noexcept {
  double mass = 0;
  double columns = 0;
  double rows = 0;
  double squares = 0;
  for (std::size_t i = 0; i < walkable(floor); ++i) {
    if (weights[i] == 0)
      continue;
    const std::size_t cell = floor.cells == nullptr ? i : floor.cells[i];
    const double weight = static_cast<double>(weights[i]);
    const double column = static_cast<double>(cell % floor.grid.width);
    const double row = static_cast<double>(cell / floor.grid.width);
    mass += weight;
    columns += weight * column;
    rows += weight * row;
    squares += weight * (column * column + row * row);
  }
  const double x = columns / mass;
  const double y = rows / mass;
  const double variance = std::max(0.0, squares / mass - x * x - y * y);
  const Grid& grid = floor.grid;
  return {grid.origin_x_m + x * grid.pitch_m, grid.origin_y_m + y * grid.pitch_m,
      std::sqrt(variance) * grid.pitch_m};
}

// The first of the strongest in the floor's window, ap_count where nothing is heard.
std::size_t loudest(const RankSite& site, const RankLevels& levels) noexcept {
  std::size_t loudest = site.aps.ap_count;
  for (std::size_t i = 0; i < site.aps.ap_count; ++i)
    if (!std::isnan(levels.floor_dbm[i]) &&
        (loudest == site.aps.ap_count || levels.floor_dbm[i] > levels.floor_dbm[loudest]))
      loudest = i;
  return loudest;
}

double expected_error_m(const RankSite& site, const RankLevels& levels, double area_m2) noexcept {
  const Quality& quality = *site.quality;
  double count = 0;
  double sum = 0;
  double largest = 0;
  for (std::size_t i = 0; i < site.aps.ap_count; ++i) {
    if (std::isnan(levels.position_dbm[i]))
      continue;
    const double level = static_cast<double>(levels.position_dbm[i]);
    largest = count == 0 ? level : std::max(largest, level);
    sum += level;
    ++count;
  }
  const double features[] = {count, sum / count, largest, area_m2};
  double error_m = quality.intercept_m;
  for (std::size_t i = 0; i < 4; ++i)
    error_m += quality.coefficients[i] * features[i];
  return std::min(std::max(error_m, quality.least_m), quality.most_m);
}

Status place(const RankSite& site, const RankLevels& levels, const FloorCells& floor,
    std::uint32_t matched, RankFix& fix) noexcept {
  const double share = site.quality == nullptr ? 1.0 : site.quality->threshold;
  std::size_t reached = 0;
  if (const Status status = map_weights(site.rules, site.aps, floor, levels.position_dbm, nullptr,
          share, levels.scratch, levels.weights, reached);
      !status.ok())
    return status;
  const Moments found = moments(floor, levels.weights);
  const double area_m2 = static_cast<double>(reached) * floor.grid.pitch_m * floor.grid.pitch_m;
  const double spread_m =
      site.quality == nullptr ? found.spread_m : expected_error_m(site, levels, area_m2);
  const double accuracy_m = radius_m(site.accuracy, spread_m);
  fix = {fix.timestamp_ms, status_of(accuracy_m, site.limits), true, floor.floor, found.x_m,
      found.y_m, accuracy_m, matched};
  return {};
}

} // namespace

FixStatus status_of(double accuracy_m, const Limits& limits) noexcept {
  return accuracy_m <= limits.low_confidence_m ? FixStatus::ok : FixStatus::low_confidence;
}

Status answer(const RankSite& site, const RankLevels& levels, RankFix& fix) noexcept {
  const Limits& limits = site.limits;
  std::uint32_t matched = 0;
  for (std::size_t i = 0; i < site.aps.ap_count; ++i) {
    matched += std::isnan(levels.position_dbm[i]) ? 0U : 1U;
    levels.position_dbm[i] += static_cast<float>(site.offset_db);
    levels.floor_dbm[i] += static_cast<float>(site.offset_db);
  }
  fix = {fix.timestamp_ms, FixStatus::too_few_aps, false, 0, 0, 0, 0, matched};
  if (levels.heard > 0 && levels.fresh == 0) {
    fix.status = FixStatus::stale_scan;
    return {};
  }
  if (matched < limits.min_matched_aps) {
    // Many strangers and hardly an acquaintance: the device is somewhere else.
    if (levels.fresh / 2 >= limits.min_matched_aps)
      fix.status = FixStatus::out_of_area;
    return {};
  }
  const std::int32_t number = site.aps.ap_floor[loudest(site, levels)];
  const FloorCells* floor = site.floors;
  while (floor->floor != number)
    ++floor;
  return place(site, levels, *floor, matched, fix);
}

} // namespace rssfix
