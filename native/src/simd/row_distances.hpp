// The hot loop of weighted_knn: distances of many rows to one query.
#pragma once

#include "rssfix/weighted_knn.hpp"
#include "simd/kernels.hpp"
#include "simd/lanes.hpp"

namespace rssfix {
namespace {

constexpr float infinity = __builtin_inff();

// What a metric gathers over the columns; `below` only where the metric is a ratio.
struct Sums {
  f32 above;
  f32 below;
};

template <Metric metric> inline void gather(f32 a, f32 b, Sums& sums) noexcept {
  const f32 d = a - b;
  if constexpr (metric == Metric::l2)
    sums.above += d * d;
  else
    sums.above += magnitude(d);
  if constexpr (metric == Metric::sorensen)
    sums.below += magnitude(a + b);
}

// `scale` = all columns / known columns.
template <Metric metric> inline float finish(const Sums& sums, float scale) noexcept {
  const float above = sum_of_lanes(sums.above);
  if constexpr (metric == Metric::l1)
    return above * scale;
  if constexpr (metric == Metric::l2)
    return __builtin_sqrtf(above * scale);
  const float below = sum_of_lanes(sums.below);
  return above == 0 && below == 0 ? 0.0f : above / below;
}

template <Metric metric>
float known_distance(const float* row, const float* query, std::size_t columns) noexcept {
  Sums sums{};
  i32 known{};
  const auto take = [&](f32 a, f32 b, i32 in_range) noexcept {
    const i32 both = (a == a) & (b == b) & in_range;
    gather<metric>(bits<f32>(bits<i32>(a) & both), bits<f32>(bits<i32>(b) & both), sums);
    known -= both;
  };
  std::size_t j = 0;
  for (; j + f32_lanes <= columns; j += f32_lanes)
    take(load(row + j), load(query + j), i32{} - 1);
  if (j < columns) {
    const std::size_t rest = columns - j;
    take(load_first(row + j, rest), load_first(query + j, rest),
        lane_numbers() < static_cast<float>(rest));
  }
  std::size_t count = 0;
  for (std::size_t lane = 0; lane < f32_lanes; ++lane)
    count += static_cast<std::size_t>(known[lane]);
  if (count == 0)
    return infinity;
  return finish<metric>(sums, static_cast<float>(columns) / static_cast<float>(count));
}

// Rows without NaN take this path alone; a NaN leaves a NaN in the sum, and the row is done again.
template <Metric metric, std::size_t group>
inline void group_distances(
    const float* rows, std::size_t columns, const float* query, float* distances) noexcept {
  Sums sums[group]{};
  std::size_t j = 0;
  for (; j + f32_lanes <= columns; j += f32_lanes) {
    const f32 q = load(query + j);
    for (std::size_t r = 0; r < group; ++r)
      gather<metric>(load(rows + r * columns + j), q, sums[r]);
  }
  if (j < columns) {
    const f32 q = load_first(query + j, columns - j);
    for (std::size_t r = 0; r < group; ++r)
      gather<metric>(load_first(rows + r * columns + j, columns - j), q, sums[r]);
  }
  for (std::size_t r = 0; r < group; ++r) {
    float distance = finish<metric>(sums[r], 1.0f);
    if (distance != distance)
      distance = known_distance<metric>(rows + r * columns, query, columns);
    // inf / inf of values near the end of float32's range.
    distances[r] = distance == distance ? distance : infinity;
  }
}

template <Metric metric>
void metric_distances(const float* database, std::size_t rows, std::size_t columns,
    const float* query, float* distances) noexcept {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4)
    group_distances<metric, 4>(database + r * columns, columns, query, distances + r);
  for (; r < rows; ++r)
    group_distances<metric, 1>(database + r * columns, columns, query, distances + r);
}

void row_distances(Metric metric, const float* database, std::size_t rows, std::size_t columns,
    const float* query, float* distances) noexcept {
  switch (metric) {
  case Metric::l1:
    return metric_distances<Metric::l1>(database, rows, columns, query, distances);
  case Metric::l2:
    return metric_distances<Metric::l2>(database, rows, columns, query, distances);
  case Metric::sorensen:
    return metric_distances<Metric::sorensen>(database, rows, columns, query, distances);
  }
}

} // namespace
} // namespace rssfix
