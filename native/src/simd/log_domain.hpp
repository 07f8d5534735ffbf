// The loops of log_density.
#pragma once

#include "simd/kernels.hpp"
#include "simd/lanes.hpp"

namespace rssfix {
namespace {

void subtract_squares(const Ring* rings, std::size_t count, std::size_t row, std::size_t column,
    std::size_t cells, double* exponents) noexcept {
  for (std::size_t i = 0; i < cells; i += f64_lanes) {
    const f64 x = lane_numbers_f64() + static_cast<double>(column + i);
    f64 sum{};
    for (const Ring* ring = rings; ring != rings + count; ++ring) {
      const f64 dx = x - ring->x;
      const double dy = static_cast<double>(row) - ring->y;
      const f64 u = root(dx * dx + dy * dy) * ring->slope - ring->offset;
      sum += u * u;
    }
    const std::size_t lanes = cells - i < f64_lanes ? cells - i : f64_lanes;
    for (std::size_t lane = 0; lane < lanes; ++lane)
      exponents[i + lane] -= sum[lane];
  }
}

void exp2_shifted(float shift, std::size_t count, float* values) noexcept {
  std::size_t i = 0;
  for (; i + f32_lanes <= count; i += f32_lanes) {
    const f32 v = load(values + i) - shift;
    store(values + i, v < -126.0f ? f32{} : exp2_lanes(v));
  }
  if (i < count) {
    const f32 v = load_first(values + i, count - i) - shift;
    store_first(values + i, v < -126.0f ? f32{} : exp2_lanes(v), count - i);
  }
}

} // namespace
} // namespace rssfix
