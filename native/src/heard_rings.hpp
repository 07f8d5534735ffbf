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

inline double sigma_cells(const Ring& ring) noexcept {
  return sqrt_half_log2_e / ring.slope;
}

// What a smooth ring of weight 1 may be off: the error of 8 Chebyshev nodes over 16 rows,
// 7.5^8 / (8! 2^7) x the largest 8th derivative of the bell, 105 / sigma^8, and what the curvature
// of circles of kink_reach cells adds (measured: 2.7e-8).
inline double smooth_error(double sigma) noexcept {
  return 204 / std::pow(sigma, 8) + 3e-8;
}

inline double smallest_sigma_m(const RankedAps& aps) noexcept {
  double smallest = aps.sigma_m[aps.ranks[0]];
  for (std::size_t i = 1; i < aps.ap_count; ++i)
    smallest = std::min(smallest, aps.sigma_m[aps.ranks[i]]);
  return smallest;
}

// The rings of all APs, of which one chunk at a time is kept.
class HeardRings {
 public:
  HeardRings(const RankedAps& aps, const Grid& grid, double log2_floor) noexcept
      : aps_(aps), grid_(grid), log2_floor_(log2_floor), smallest_sigma_m_(smallest_sigma_m(aps)) {}

  // Calls use(rings, count) for chunk after chunk. A scan of one chunk is prepared once only.
  template <class Use> void for_each_chunk(Use&& use) noexcept {
    for (std::size_t first = 0; first < aps_.ap_count; first += ring_chunk) {
      const std::size_t count = std::min(ring_chunk, aps_.ap_count - first);
      if (kept_ != first)
        for (std::size_t i = 0; i < count; ++i)
          rings_[i] = heard_ring(aps_, grid_, first + i, smallest_sigma_m_, log2_floor_);
      kept_ = first;
      use(rings_, count);
    }
  }

 private:
  const RankedAps& aps_;
  const Grid& grid_;
  double log2_floor_;
  double smallest_sigma_m_;
  std::size_t kept_ = static_cast<std::size_t>(-1);
  Ring rings_[ring_chunk];
};

} // namespace rssfix
