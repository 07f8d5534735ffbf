// Loops that the compiler vectorises by itself.
#pragma once

#include "simd/kernels.hpp"
#include "simd/lanes.hpp"

namespace rssfix {
namespace {

void add_to_sums(
    const float* __restrict values, std::size_t count, double* __restrict sums) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    sums[i] += static_cast<double>(values[i]);
}

void ratio_row(float value, const float* __restrict rssi, std::size_t count,
    float* __restrict image_row) noexcept {
  for (std::size_t k = 0; k < count; ++k)
    image_row[k] = (value - rssi[k]) / rssi[k];
}

// A division, not a product with the inverse: the largest value must become 1 to the bit.
void divide(float divisor, std::size_t count, float* values) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    values[i] /= divisor;
}

std::uint16_t highest(const std::uint16_t* levels, std::size_t count) noexcept {
  std::uint16_t found = 0;
  for (std::size_t i = 0; i < count; ++i)
    found = levels[i] > found ? levels[i] : found;
  return found;
}

constexpr float largest_float = 3.40282347e38f;

Extremes extremes(const float* values, std::size_t count) noexcept {
  f32 largest{};
  i32 valid = i32{} - 1;
  std::size_t i = 0;
  for (; i + f32_lanes <= count; i += f32_lanes) {
    const f32 v = load(values + i);
    largest = v > largest ? v : largest;
    valid &= (v >= 0.0f) & (v <= largest_float);
  }
  if (i < count) {
    const f32 v = load_first(values + i, count - i);
    largest = v > largest ? v : largest;
    valid &= (v >= 0.0f) & (v <= largest_float);
  }
  Extremes found{0.0f, true};
  for (std::size_t lane = 0; lane < f32_lanes; ++lane) {
    found.largest = largest[lane] > found.largest ? largest[lane] : found.largest;
    found.valid = found.valid && valid[lane] != 0;
  }
  return found;
}

bool within(const float* values, std::size_t count, float least, float most) noexcept {
  i32 outside{};
  std::size_t i = 0;
  for (; i + f32_lanes <= count; i += f32_lanes) {
    const f32 v = load(values + i);
    outside |= ~((v >= least) & (v <= most));
  }
  bool inside = true;
  for (std::size_t lane = 0; lane < f32_lanes; ++lane)
    inside = inside && outside[lane] == 0;
  for (; i < count; ++i)
    inside = inside && values[i] >= least && values[i] <= most;
  return inside;
}

void threshold_row(const float* pdf_row, std::size_t width, std::size_t row, float threshold,
    CentroidSums& sums) noexcept {
  // Lane sums of at most 64 vectors, so that float32 rounds no more than a few last digits.
  constexpr std::size_t stretch = 64 * f32_lanes;
  for (std::size_t from = 0; from < width; from += stretch) {
    const std::size_t count = width - from < stretch ? width - from : stretch;
    f32 mass{};
    f32 moment{};
    i32 reached{};
    f32 column = lane_numbers();
    const auto take = [&](f32 p) noexcept {
      const i32 inside = p >= threshold;
      p = bits<f32>(bits<i32>(p) & inside);
      mass += p;
      moment += p * column;
      reached -= inside;
      column += static_cast<float>(f32_lanes);
    };
    std::size_t i = 0;
    for (; i + f32_lanes <= count; i += f32_lanes)
      take(load(pdf_row + from + i));
    if (i < count)
      take(load_first(pdf_row + from + i, count - i));
    double row_mass = 0;
    double row_moment = 0;
    for (std::size_t lane = 0; lane < f32_lanes; ++lane) {
      row_mass += static_cast<double>(mass[lane]);
      row_moment += static_cast<double>(moment[lane]);
      sums.cells += static_cast<std::size_t>(reached[lane]);
    }
    sums.mass += row_mass;
    sums.moment_x += row_moment + row_mass * static_cast<double>(from);
    sums.moment_y += row_mass * static_cast<double>(row);
  }
}

} // namespace
} // namespace rssfix
