#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

// Impact Score of eXLoc (eq. 5): scores[b][i] = mean over j of maps[b][j][(i + j) mod n].
//
// `maps` holds batch x n x n values, `scores` batch x n; both are the caller's, C order. Sums are
// kept in float64, so that diagonal_mean(cyclic_map(r)) is r to the bit. A diagonal that holds a
// NaN or an infinity is refused.
Status diagonal_mean(const float* maps, std::size_t batch, std::size_t n, float* scores) noexcept;

} // namespace rssfix
