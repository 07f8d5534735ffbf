// The loop of level_likelihoods.
#pragma once

#include "simd/kernels.hpp"
#include "simd/lanes.hpp"
#include "simd/path_loss.hpp"

namespace rssfix {
namespace {

// Some codes. Lanes beyond the last one repeat the first, so that every lane holds a checked model.
template <bool whole> struct Codes {
  std::size_t first;
  std::size_t count; // f32_lanes where whole

  f32 of(const float* values) const noexcept {
    if constexpr (whole)
      return load(values + first);
    const f32 some = load_first(values + first, count);
    return lane_numbers() < static_cast<float>(count) ? some : f32{} + values[first];
  }

  void write(f32 v, float* table) const noexcept {
    if constexpr (whole)
      store(table + first, v);
    else
      store_first(table + first, v, count);
  }
};

template <bool whole>
inline void some_likelihoods(const Scatter& scatter, Codes<whole> codes, const float* measured_db,
    std::size_t count, float power, float* table) noexcept {
  constexpr float ln_2 = 0.69314718f;
  constexpr float root_of_half_log2_e = 0.84932180f;
  constexpr float inverse_root_2_pi = 0.39894228f;
  // A normal part is height x 2^-(slope x (p - mean))^2.
  const f32 mean = codes.of(scatter.mean_db);
  const f32 inverse = 1.0f / codes.of(scatter.sigma_db);
  const f32 tail_inverse = inverse / codes.of(scatter.tail_factor);
  const f32 slope = inverse * root_of_half_log2_e;
  const f32 tail_slope = tail_inverse * root_of_half_log2_e;
  const f32 height = codes.of(scatter.narrow) * inverse * inverse_root_2_pi;
  const f32 tail_height = codes.of(scatter.wide) * tail_inverse * inverse_root_2_pi;
  const f32 outliers = codes.of(scatter.outliers);
  const f32 silent = codes.of(scatter.silent) * power;
  for (std::size_t k = 0; k < count; ++k, table += scatter.codes) {
    const float measured = measured_db[k];
    if (measured != measured) {
      codes.write(silent, table);
      continue;
    }
    const f32 off = measured - mean;
    const f32 z = off * slope;
    const f32 tail_z = off * tail_slope;
    const f32 density =
        outliers + height * exp2_lanes(-(z * z)) + tail_height * exp2_lanes(-(tail_z * tail_z));
    codes.write(log2_lanes(density) * (power * ln_2), table);
  }
}

void level_likelihoods(const Scatter& scatter, const float* measured_db, std::size_t count,
    float power, float* tables) noexcept {
  std::size_t i = 0;
  for (; i + f32_lanes <= scatter.codes; i += f32_lanes)
    some_likelihoods(scatter, Codes<true>{i, f32_lanes}, measured_db, count, power, tables);
  if (i < scatter.codes)
    some_likelihoods(
        scatter, Codes<false>{i, scatter.codes - i}, measured_db, count, power, tables);
}

} // namespace
} // namespace rssfix
