#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

// The access points of a building. AP i stands at (ap_xy_m[2 i], ap_xy_m[2 i + 1]) on floor
// ap_floor[i], an index from 0 (the lowest) to floors - 1. The arrays are the caller's.
struct InstalledAps {
  const double* ap_xy_m;
  const std::int32_t* ap_floor;
  std::size_t ap_count;
  std::size_t floors;
};

constexpr std::size_t floor_feature_count = 8;
constexpr std::size_t most_floors = 1000;
constexpr std::size_t most_span = 16;

// What a scan says about each of `span` neighbouring floors (Hapi, eq. 2-9; SPEC 5.2, 5.3).
//
// `rssi_dbm` holds batch x ap_count values, NaN = not heard; levels under `silent_dbm` count as
// silent_dbm. start[b] is the lowest floor of the range with the largest sum of level - silent_dbm;
// of several the one whose middle is nearest to the strongest AP's floor, then the lowest (and so
// of equally strong APs). APs heard outside the range are then left out.
//
// `features` gets batch x span x 8: number of APs heard, their largest level, mean and variance;
// the mean level of the installed APs within 30 m, 80 m and "far" of the scan's weighted centroid,
// unheard ones counting silent_dbm; the largest distance between two APs heard on the floor. "Far"
// is that distance over all floors of the range; weights are 10^(level / 20). A floor without
// reading has 0, silent_dbm and 0; floors above the building count as such.
//
// Allocates nothing, never throws. Refused: a scan that hears nothing.
Status floor_features(const float* rssi_dbm, std::size_t batch, const InstalledAps& aps,
    double silent_dbm, std::size_t span, std::int32_t* start, float* features) noexcept;

} // namespace rssfix
