#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

// Values that a radio map of whole levels can have.
constexpr std::size_t level_count = 256;

// How probable every cell of a radio map is (LocUNet, SPEC 3.13): sums[c] = sum over m of
// tables[m][levels[m][c]], the log likelihoods of one measurement per map.
//
// `levels` holds maps x cells values, `tables` maps x 256, `sums` gets `cells`; all are the
// caller's, C order. Sums are float32 and added in the order of the maps. Refused: a table that is
// not finite. Allocates nothing, never throws.
Status level_sums(const std::uint8_t* levels, std::size_t maps, std::size_t cells,
    const float* tables, float* sums) noexcept;

} // namespace rssfix
