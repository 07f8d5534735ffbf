// The loop of path_loss_pdf: log-distance residuals and silence, row by row.
#pragma once

#include "simd/kernels.hpp"
#include "simd/lanes.hpp"

namespace rssfix {
namespace {

// log2 of normal numbers above 0, within 4e-7 plus rounding.
inline f32 log2_lanes(f32 v) noexcept {
  constexpr std::int32_t root_half_bits = 0x3f3504f3;
  const i32 exponent = (bits<i32>(v) - root_half_bits) >> 23;
  const f32 t = bits<f32>(bits<i32>(v) - (exponent << 23)) - 1.0f;
  // Minimax for the absolute error on [sqrt(1/2), sqrt(2)].
  f32 p = t * 0.170634435f - 0.27269802f;
  p = p * t + 0.297262639f;
  p = p * t - 0.358961841f;
  p = p * t + 0.480465029f;
  p = p * t - 0.721375872f;
  p = p * t + 1.44269973f;
  return p * t + __builtin_convertvector(exponent, f32);
}

// One of 16 values for each lane.
inline f32 select(const float* sixteen, i32 which) noexcept {
#if defined(__AVX512F__)
  return f32(_mm512_maskz_permutexvar_ps(0xffff, __m512i(which), _mm512_load_ps(sixteen)));
#elif defined(__AVX2__)
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_load_ps(sixteen), __m256i(which));
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_load_ps(sixteen + 8), __m256i(which));
  return f32(_mm256_blendv_ps(low, high, __m256(which << 28)));
#else
  f32 v{};
  for (std::size_t lane = 0; lane < f32_lanes; ++lane)
    v[lane] = sixteen[which[lane] & 15];
  return v;
#endif
}

inline f32 table_value(const OctaveTable& table, i32 octave, f32 t) noexcept {
  f32 p = select(table.coefficient[octave_degree], octave);
  for (std::size_t k = octave_degree; k-- > 0;)
    p = p * t + select(table.coefficient[k], octave);
  return p;
}

float path_loss_row(const PathLossRow& row, std::size_t cells, float* log2_density) noexcept {
  f32 largest = f32{} - __builtin_inff();
  for (std::size_t i = 0; i < cells; i += f32_lanes) {
    const f32 column = lane_numbers() + static_cast<float>(row.column + i);
    // Squared distance in cells, at least that of 1 m.
    const auto squared = [&](const ApOnRow& ap) noexcept {
      const f32 dx = (column - ap.whole_column) - ap.rest_column;
      const f32 d2 = dx * dx + ap.dy2;
      return d2 < row.least_d2 ? f32{} + row.least_d2 : d2;
    };
    f32 sum{};
    f32 squares{};
    for (const ApOnRow* ap = row.heard; ap != row.heard_end; ++ap) {
      const f32 residual = log2_lanes(squared(*ap)) * row.octave_loss_db + ap->level_db;
      const f32 weighted = residual * ap->weight;
      sum += weighted;
      squares += weighted * residual;
    }
    f32 total = (sum * row.shrink - row.lean) * sum - squares;
    total *= row.log2_scale;
    for (const ApOnRow* ap = row.silent; ap != row.silent_end; ++ap) {
      const i32 d2 = bits<i32>(squared(*ap));
      const f32 t = bits<f32>((d2 & 0x007fffff) | 0x3f800000) - 1.5f;
      total += table_value(*ap->table, (d2 >> 23) - ap->first_octave, t) * ap->weight;
    }
    if (i + f32_lanes <= cells) {
      store(log2_density + i, total);
    } else {
      store_first(log2_density + i, total, cells - i);
      total = lane_numbers() < static_cast<float>(cells - i) ? total : largest;
    }
    largest = total > largest ? total : largest;
  }
  float found = largest[0];
  for (std::size_t lane = 1; lane < f32_lanes; ++lane)
    found = largest[lane] > found ? largest[lane] : found;
  return found;
}

} // namespace
} // namespace rssfix
