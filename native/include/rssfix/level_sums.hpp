#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

// What a map of uint16 levels can tell apart.
constexpr std::size_t most_levels = 65536;

// How probable every cell of a radio map is (LocUNet, SPEC 3.13): sums[c] = sum over m of
// tables[m][maps[m][c]], the log-likelihoods of one measurement per map.
//
// `maps` holds map_count x cells levels, all below `levels` (2 to most_levels), `tables` map_count
// x levels, `sums` gets `cells`; all are the caller's, C order. Sums are float32 and added in the
// order of the maps. Refused: a level that the tables do not have, a table that is not finite.
// Allocates nothing, never throws.
Status level_sums(const std::uint16_t* maps, std::size_t map_count, std::size_t cells,
    const float* tables, std::size_t levels, float* sums) noexcept;

} // namespace rssfix
