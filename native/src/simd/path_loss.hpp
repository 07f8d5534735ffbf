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

// For each lane one of `count` values.
template <std::size_t count> inline f32 select(const float* values, i32 which) noexcept {
#if defined(__AVX512F__)
  return f32(_mm512_maskz_permutexvar_ps(0xffff, __m512i(which), _mm512_loadu_ps(values)));
#elif defined(__AVX2__)
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(values), __m256i(which));
  if constexpr (count == narrow_octaves)
    return f32(low);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(values + 8), __m256i(which));
  return f32(_mm256_blendv_ps(low, high, __m256(which << 28)));
#else
  f32 v{};
  for (std::size_t lane = 0; lane < f32_lanes; ++lane)
    v[lane] = values[static_cast<std::size_t>(which[lane]) % count];
  return v;
#endif
}

// Squared distance in cells, at least that of 1 m.
template <class Ap> inline f32 squared_distance(const Ap& ap, f32 column, float least) noexcept {
  const f32 dx = (column - ap.whole_column) - ap.rest_column;
  const f32 d2 = dx * dx + ap.dy2;
  return d2 < least ? f32{} + least : d2;
}

template <std::size_t count>
inline f32 silence(
    const SilentOnRow* first, const SilentOnRow* last, f32 column, float least_d2) noexcept {
  f32 total{};
  for (const SilentOnRow* ap = first; ap != last; ++ap) {
    const i32 d2 = bits<i32>(squared_distance(*ap, column, least_d2));
    const i32 octave = (d2 >> 23) - ap->first_octave;
    const f32 t = bits<f32>((d2 & 0x007fffff) | 0x3f800000) - 1.5f;
    f32 p = select<count>(ap->coefficient + octave_degree * octaves, octave);
    for (std::size_t k = octave_degree; k-- > 0;)
      p = p * t + select<count>(ap->coefficient + k * octaves, octave);
    total += p * ap->weight;
  }
  return total;
}

void residual_row(const ResidualRow& row, Stretch at, float* log2_density) noexcept {
  for (std::size_t i = 0; i < at.cells; i += f32_lanes) {
    const f32 column = lane_numbers() + static_cast<float>(at.column + i);
    f32 sum{};
    f32 squares{};
    for (const HeardOnRow* ap = row.aps; ap != row.aps + row.count; ++ap) {
      const f32 d2 = squared_distance(*ap, column, row.least_d2);
      const f32 residual = log2_lanes(d2) * row.octave_loss_db + ap->level_db;
      const f32 weighted = residual * ap->weight;
      sum += weighted;
      squares += weighted * residual;
    }
    const f32 total = ((sum * row.shrink - row.lean) * sum - squares) * row.log2_scale;
    if (i + f32_lanes <= at.cells)
      store(log2_density + i, total);
    else
      store_first(log2_density + i, total, at.cells - i);
  }
}

float silence_row(const SilenceRow& row, Stretch at, float* log2_density) noexcept {
  const SilentOnRow* const middle = row.aps + row.narrow_count;
  f32 largest = f32{} - __builtin_inff();
  for (std::size_t i = 0; i < at.cells; i += f32_lanes) {
    const f32 column = lane_numbers() + static_cast<float>(at.column + i);
    f32 total = silence<narrow_octaves>(row.aps, middle, column, row.least_d2) +
                silence<wide_octaves>(middle, row.aps + row.count, column, row.least_d2);
    if (i + f32_lanes <= at.cells) {
      total += load(log2_density + i);
      store(log2_density + i, total);
    } else {
      total += load_first(log2_density + i, at.cells - i);
      store_first(log2_density + i, total, at.cells - i);
      total = lane_numbers() < static_cast<float>(at.cells - i) ? total : largest;
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
