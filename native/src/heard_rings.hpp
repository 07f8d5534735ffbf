// From access points and ranks to rings in cells, a few at a time so that they fit on the stack.
#pragma once

#include <algorithm>
#include <cmath>

#include "rssfix/rank_pdf.hpp"
#include "simd/kernels.hpp"

namespace rssfix {

constexpr std::size_t ring_chunk = 64;
constexpr double sqrt_half_log2_e = 0.84932180028801904;

// The ring of AP i: 2^-(slope * d - offset)^2 = exp(-(d - mean)^2 / (2 sigma^2)) with d in cells.
// The density with the smallest sigma heard has the largest peak: weights are relative to it. Where
// the term stays below 2^log2_floor the ring ends.
inline Ring heard_ring(const RankedAps& aps, const Grid& grid, std::size_t i,
    double smallest_sigma_m, double log2_floor) noexcept {
  const std::size_t rank = static_cast<std::size_t>(aps.ranks[i]);
  const double mean = aps.mean_m[rank] / grid.pitch_m;
  const double sigma = aps.sigma_m[rank] / grid.pitch_m;
  Ring ring;
  ring.x = (aps.ap_xy_m[2 * i] - grid.origin_x_m) / grid.pitch_m;
  ring.y = (aps.ap_xy_m[2 * i + 1] - grid.origin_y_m) / grid.pitch_m;
  ring.slope = sqrt_half_log2_e / sigma;
  ring.offset = ring.slope * mean;
  ring.log2_weight = std::log2(smallest_sigma_m / aps.sigma_m[rank]);
  const double half_width = std::sqrt(std::max(0.0, ring.log2_weight - log2_floor)) / ring.slope;
  ring.hole = mean - half_width;
  ring.reach = half_width > 0 ? mean + half_width : -1;
  ring.smooth = false;
  return ring;
}

// What a smooth ring of weight 1 may be off: the error of 8 Chebyshev nodes over 16 rows,
// 7.5^8 / (8! 2^7) x the largest 8th derivative of the bell, 105 / sigma^8, and what the curvature
// of circles of kink_reach cells adds (measured: 2.7e-8).
inline double sigma_cells(const Ring& ring) noexcept {
  return sqrt_half_log2_e / ring.slope;
}

inline double smooth_error(double sigma_cells) noexcept {
  return 204 / std::pow(sigma_cells, 8) + 3e-8;
}

inline double smallest_sigma_m(const RankedAps& aps) noexcept {
  double smallest = aps.sigma_m[aps.ranks[0]];
  for (std::size_t i = 1; i < aps.ap_count; ++i)
    smallest = std::min(smallest, aps.sigma_m[aps.ranks[i]]);
  return smallest;
}

// Calls use(rings, count) for all APs, chunk by chunk.
template <class Use>
void for_heard_rings(
    const RankedAps& aps, const Grid& grid, double log2_floor, Use&& use) noexcept {
  const double smallest = smallest_sigma_m(aps);
  Ring rings[ring_chunk];
  for (std::size_t first = 0; first < aps.ap_count; first += ring_chunk) {
    const std::size_t count = std::min(ring_chunk, aps.ap_count - first);
    for (std::size_t i = 0; i < count; ++i)
      rings[i] = heard_ring(aps, grid, first + i, smallest, log2_floor);
    use(rings, count);
  }
}

} // namespace rssfix
