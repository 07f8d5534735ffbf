#pragma once

#include "rssfix/rank_locator.hpp"

namespace rssfix {

// What was heard, NaN = not heard, as arrays over the site's APs: for the place and for the floor;
// and the readings of the richest scan. Memory to work in beside it.
struct RankLevels {
  float* position_dbm;
  float* floor_dbm;
  std::uint32_t heard;
  std::uint32_t fresh;
  const MapScratch& scratch;
  float* weights;
};

FixStatus status_of(double accuracy_m, const Limits& limits) noexcept;

// Everything in the fix but its time. Adds the device's offset to the levels.
Status answer(const RankSite& site, const RankLevels& levels, RankFix& fix) noexcept;

} // namespace rssfix
