#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

// Cyclic map of eXLoc (eq. 2): maps[b][R][C] = rssi[b][(C - R) mod n].
//
// `rssi` holds batch x n values, `maps` batch x n x n; both are the caller's, C order, and may not
// overlap. Row 0 of a map is the fingerprint, row R the fingerprint turned right by R places.
// NaN and infinities are refused: the input recipe fills missing APs before it makes the image.
Status cyclic_map(const float* rssi, std::size_t batch, std::size_t n, float* maps) noexcept;

} // namespace rssfix
