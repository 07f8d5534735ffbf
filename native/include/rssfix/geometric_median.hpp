#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

// Places with weights, metres; all arrays are the caller's.
struct WeightedPlaces {
  const double* x_m;
  const double* y_m;
  const double* weight;
  std::size_t count;
};

struct Point {
  double x_m;
  double y_m;
};

// What keeps every intermediate result finite; beyond farthest_m squares lose the metres as well.
constexpr double farthest_m = 1e9;
constexpr double least_soft_m = 1e-6;
constexpr double heaviest = 1e100;
constexpr std::size_t most_median_steps = 100000;

// The point of least mean distance to the places: `steps` (1 to most_median_steps) of Weiszfeld's
// steps from `start`. Each takes the mean of the places with weight / sqrt(distance^2 + soft_m^2),
// so that a place at the point itself is no division by 0.
//
// Refused: coordinates beyond farthest_m, weights outside [0, heaviest] or all 0, soft_m outside
// [least_soft_m, farthest_m]. Computed in float64. Allocates nothing, never throws.
Status geometric_median(const WeightedPlaces& places, Point start, double soft_m, std::size_t steps,
    Point& median) noexcept;

} // namespace rssfix
