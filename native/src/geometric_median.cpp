#include "rssfix/geometric_median.hpp"

#include <cmath>

#include "finite.hpp"
#include "simd/kernels.hpp"

namespace rssfix {
namespace {

bool far(double v) noexcept {
  return !(std::fabs(v) <= farthest_m);
}

Status check(const WeightedPlaces& places, Point start, double soft_m, std::size_t steps) noexcept {
  const std::size_t n = places.count;
  if (n == 0)
    return {Code::empty, Argument::x_m};
  if (const std::size_t bad = first_where(places.x_m, n, far); bad != n)
    return {Code::out_of_range, Argument::x_m, bad};
  if (const std::size_t bad = first_where(places.y_m, n, far); bad != n)
    return {Code::out_of_range, Argument::y_m, bad};
  const auto no_weight = [](double v) { return !(v >= 0 && v <= heaviest); };
  if (const std::size_t bad = first_where(places.weight, n, no_weight); bad != n)
    return {Code::out_of_range, Argument::weight, bad};
  if (far(start.x_m) || far(start.y_m))
    return {Code::out_of_range, Argument::start_m, far(start.x_m) ? 0U : 1U};
  if (!(soft_m >= least_soft_m && soft_m <= farthest_m))
    return {Code::out_of_range, Argument::soft_m};
  if (steps == 0 || steps > most_median_steps)
    return {Code::out_of_range, Argument::steps};
  return {};
}

} // namespace

Status geometric_median(const WeightedPlaces& places, Point start, double soft_m, std::size_t steps,
    Point& median) noexcept {
  if (const Status status = check(places, start, soft_m, steps); !status.ok())
    return status;
  Point at = start;
  const auto pull = kernels().pull;
  for (std::size_t step = 0; step < steps; ++step) {
    const Pull found = pull(places, at, soft_m * soft_m);
    // Weights that only float64's last digits tell from 0 fall to 0 when divided by a distance.
    if (!(found.weight > 0))
      return {Code::out_of_range, Argument::weight};
    at.x_m += found.x / found.weight;
    at.y_m += found.y / found.weight;
  }
  median = at;
  return {};
}

} // namespace rssfix
