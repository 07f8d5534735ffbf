// float32: 2^x is off by 2e-7 and log2 by 4e-7 plus rounding. A normal's exponent e is off by
// 4e-7 e; where the density is its height times 2^-e with |log2 density| small, e is at most the
// height's log2, 19 for the narrowest tail. What 2^x leaves below 2^-126 is nothing beside
// least_outliers.
#include "rssfix/level_likelihoods.hpp"

#include <cmath>

#include "finite.hpp"
#include "simd/kernels.hpp"

namespace rssfix {
namespace {

Status check(const Scatter& scatter) noexcept {
  const struct {
    const float* values;
    Argument argument;
    float least;
    float most;
  } bounds[] = {
      {scatter.mean_db, Argument::mean_db, -most_path_loss_db, most_path_loss_db},
      {scatter.sigma_db, Argument::sigma_db, least_scatter_db, most_path_loss_db},
      {scatter.tail_factor, Argument::tail_factor, least_tail_factor, most_tail_factor},
      {scatter.narrow, Argument::narrow, 0, 1},
      {scatter.wide, Argument::wide, 0, 1},
      {scatter.outliers, Argument::outliers, least_outliers, most_outliers},
      {scatter.silent, Argument::silent, -most_silent, most_silent},
  };
  const auto within = kernels().within;
  for (const auto& bound : bounds) {
    if (within(bound.values, scatter.codes, bound.least, bound.most))
      continue;
    const std::size_t bad = first_where(bound.values, scatter.codes,
        [&](float v) { return !(v >= bound.least && v <= bound.most); });
    return {Code::out_of_range, bound.argument, bad};
  }
  return {};
}

} // namespace

Status level_likelihoods(const float* measured_db, std::size_t count, const Scatter& scatter,
    double power, float* tables) noexcept {
  if (count == 0)
    return {Code::empty, Argument::measured_db};
  if (scatter.codes == 0)
    return {Code::empty, Argument::mean_db};
  if (!(power > 0 && power <= static_cast<double>(most_power)))
    return {Code::out_of_range, Argument::power};
  const std::size_t bad =
      first_where(measured_db, count, [](float v) { return std::fabs(v) > most_path_loss_db; });
  if (bad != count)
    return {Code::out_of_range, Argument::measured_db, bad};
  if (const Status status = check(scatter); !status.ok())
    return status;
  kernels().level_likelihoods(scatter, measured_db, count, static_cast<float>(power), tables);
  return {};
}

} // namespace rssfix
