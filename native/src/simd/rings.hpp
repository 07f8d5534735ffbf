// The hot loop of rank_pdf: bell-shaped rings added to a grid.
#pragma once

#include "simd/kernels.hpp"
#include "simd/lanes.hpp"

namespace rssfix {
namespace {

struct Span {
  std::size_t from;
  std::size_t to;
};

// Rows that share one test of what the ring reaches: few enough that the test stays sharp, enough
// that its square roots do not count.
constexpr std::size_t rows_per_test = 8;

// Widens a span to whole vectors, which may add cells that the ring barely reaches, never cells
// outside the row.
inline Span whole_vectors(Span span, std::size_t width) noexcept {
  const std::size_t count = (span.to - span.from + f32_lanes - 1) / f32_lanes * f32_lanes;
  if (count > width)
    return {0, width};
  return span.from + count <= width ? Span{span.from, span.from + count}
                                    : Span{width - count, width};
}

// Adds the ring to `rows` rows at once, which share the squares of the column distances.
inline void add_span(const Ring& ring, Span span, std::size_t row, std::size_t rows,
    std::size_t width, float* grid) noexcept {
  span = whole_vectors(span, width);
  const std::size_t count = span.to - span.from;
  // Relative to the span's start in float64, so that float32 rounds a distance, not a coordinate.
  const f32 start = f32{} + static_cast<float>(static_cast<double>(span.from) - ring.x);
  const f32 slope = f32{} + static_cast<float>(ring.slope);
  const f32 offset = f32{} + static_cast<float>(ring.offset);
  const f32 log2_weight = f32{} + static_cast<float>(ring.log2_weight);
  f32 dy2[rows_per_test];
  for (std::size_t r = 0; r < rows; ++r) {
    const double dy = static_cast<double>(row + r) - ring.y;
    dy2[r] = f32{} + static_cast<float>(dy * dy);
  }
  f32 column = lane_numbers();
  for (std::size_t i = 0; i < count; i += f32_lanes) {
    const f32 dx = column + start;
    const f32 dx2 = dx * dx;
    float* cells = grid + row * width + span.from + i;
    for (std::size_t r = 0; r < rows; ++r, cells += width) {
      const f32 u = root(dx2 + dy2[r]) * slope - offset;
      const f32 term = exp2_lanes(log2_weight - u * u);
      if (i + f32_lanes <= count)
        store(cells, load(cells) + term);
      else
        store_first(cells, load_first(cells, count - i) + term, count - i);
    }
    column += static_cast<float>(f32_lanes);
  }
}

inline double largest_of(double a, double b) noexcept {
  return a > b ? a : b;
}

void add_rings(const Ring* rings, std::size_t count, std::size_t height, std::size_t width,
    float* grid) noexcept {
  const double last_column = static_cast<double>(width - 1);
  for (std::size_t row = 0; row < height; row += rows_per_test) {
    const std::size_t rows = height - row < rows_per_test ? height - row : rows_per_test;
    for (const Ring* ring = rings; ring != rings + count; ++ring) {
      const double above = static_cast<double>(row) - ring->y;
      const double below = ring->y - static_cast<double>(row + rows - 1);
      const double near = largest_of(largest_of(above, below), 0);
      const double far = largest_of(-above, -below);
      if (near > ring->reach)
        continue;
      const double half = __builtin_sqrt(ring->reach * ring->reach - near * near);
      const double first = ring->x - half;
      const double last = ring->x + half;
      if (first > last_column || last < 0)
        continue;
      const Span all{first > 0 ? static_cast<std::size_t>(first) : 0,
          last < last_column ? static_cast<std::size_t>(last) + 1 : width};
      Span left = all;
      Span right{all.to, all.to};
      if (ring->hole > far) {
        const double inner = __builtin_sqrt(ring->hole * ring->hole - far * far);
        const double hole_first = ring->x - inner;
        const double hole_last = ring->x + inner;
        left.to = hole_first < 0             ? all.from
                  : hole_first < last_column ? static_cast<std::size_t>(hole_first) + 1
                                             : all.to;
        right.from = hole_last < 0             ? all.from
                     : hole_last < last_column ? static_cast<std::size_t>(hole_last)
                                               : all.to;
        // Two spans widened to whole vectors must not meet: their cells would be added twice.
        if (right.from < left.to + 2 * f32_lanes) {
          left = all;
          right.from = all.to;
        }
      }
      if (left.from < left.to)
        add_span(*ring, left, row, rows, width, grid);
      if (right.from < right.to)
        add_span(*ring, right, row, rows, width, grid);
    }
  }
}

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
