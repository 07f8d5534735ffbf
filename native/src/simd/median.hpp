// The loop of geometric_median.
#pragma once

#include "simd/kernels.hpp"
#include "simd/lanes.hpp"

namespace rssfix {
namespace {

Pull pull(const WeightedPlaces& places, Point at, double soft_m2) noexcept {
  f64 weight{};
  f64 x{};
  f64 y{};
  const auto take = [&](f64 to_x, f64 to_y, f64 heavy) noexcept {
    const f64 dx = to_x - at.x_m;
    const f64 dy = to_y - at.y_m;
    const f64 near = heavy / root(dx * dx + dy * dy + soft_m2);
    weight += near;
    x += near * dx;
    y += near * dy;
  };
  std::size_t i = 0;
  for (; i + f64_lanes <= places.count; i += f64_lanes)
    take(load(places.x_m + i), load(places.y_m + i), load(places.weight + i));
  if (const std::size_t rest = places.count - i; rest > 0)
    take(load_first(places.x_m + i, rest), load_first(places.y_m + i, rest),
        load_first(places.weight + i, rest));
  Pull sums{};
  for (std::size_t lane = 0; lane < f64_lanes; ++lane) {
    sums.weight += weight[lane];
    sums.x += x[lane];
    sums.y += y[lane];
  }
  return sums;
}

} // namespace
} // namespace rssfix
