#include "rssfix/threshold_centroid.hpp"

#include <cmath>

#include "grid_check.hpp"
#include "simd/kernels.hpp"

namespace rssfix {

Status threshold_centroid(
    const float* pdf, const Grid& grid, double threshold, Centroid& centroid) noexcept {
  if (const Status status = check(grid); !status.ok())
    return {status.code, status.argument == Argument::shape ? Argument::pdf : status.argument,
        status.index};
  if (!(threshold > 0 && threshold <= 1))
    return {Code::out_of_range, Argument::threshold};
  const std::size_t cells = grid.height * grid.width;
  if (!kernels().extremes(pdf, cells).valid) {
    std::size_t bad = 0;
    while (std::isfinite(pdf[bad]) && pdf[bad] >= 0)
      ++bad;
    return {Code::negative, Argument::pdf, bad};
  }
  CentroidSums sums{};
  const auto add_row = kernels().threshold_row;
  for (std::size_t row = 0; row < grid.height; ++row)
    add_row(pdf + row * grid.width, grid.width, row, static_cast<float>(threshold), sums);
  if (sums.cells == 0)
    return {Code::below_threshold, Argument::threshold};
  centroid.x_m = grid.origin_x_m + grid.pitch_m * (sums.moment_x / sums.mass);
  centroid.y_m = grid.origin_y_m + grid.pitch_m * (sums.moment_y / sums.mass);
  centroid.area_m2 = static_cast<double>(sums.cells) * grid.pitch_m * grid.pitch_m;
  return {};
}

} // namespace rssfix
