#include "path_loss_density.hpp"

#include <algorithm>
#include <cmath>

namespace rssfix {

double octave_loss_db(const PathLoss& loss) noexcept {
  constexpr double half_of_10_log10_2 = 1.5051499783199060;
  return half_of_10_log10_2 * loss.exponent;
}

double log_normal_cdf(double z) noexcept {
  constexpr double root_half = 0.70710678118654752;
  constexpr double half_log_2_pi = 0.91893853320467274;
  if (z > 0)
    return std::log1p(-0.5 * std::erfc(z * root_half));
  if (z > -30)
    return std::log(0.5 * std::erfc(-z * root_half));
  // erfc would underflow. The next term is below 2e-10.
  const double q = 1 / (z * z);
  return -0.5 * z * z - half_log_2_pi - std::log(-z) + std::log1p(-q * (1 - q * (3 - 15 * q)));
}

double log_path_loss_density(const Levels& levels, const PathLoss& loss, const Grid& grid,
    std::size_t row, std::size_t column) noexcept {
  // Far beyond any radio; keeps the logarithm finite where the coordinates overflow.
  constexpr double farthest_m = 1e150;
  double weights = 0;
  double sum = 0;
  double squares = 0;
  double silence = 0;
  const double x = grid.pitch_m * static_cast<double>(column);
  const double y = grid.pitch_m * static_cast<double>(row);
  for (std::size_t i = 0; i < levels.ap_count; ++i) {
    const double weight = levels.weight[i];
    if (weight == 0)
      continue;
    const double dx = x - (levels.ap_xy_m[2 * i] - grid.origin_x_m);
    const double dy = y - (levels.ap_xy_m[2 * i + 1] - grid.origin_y_m);
    const double d = std::fmin(std::fmax(std::sqrt(dx * dx + dy * dy), 1.0), farthest_m);
    const double expected =
        loss.reference_dbm - octave_loss_db(loss) * 2 * std::log2(d) - levels.extra_loss_db[i];
    if (std::isnan(levels.rssi_dbm[i])) {
      silence += weight * log_normal_cdf((loss.silence_dbm - expected) / loss.sigma_db);
      continue;
    }
    const double residual = levels.rssi_dbm[i] - expected;
    weights += weight;
    sum += weight * residual;
    squares += weight * residual * residual;
  }
  const double variance = loss.sigma_db * loss.sigma_db;
  if (loss.offset_sigma_db > 0)
    squares -= sum * sum / (weights + variance / (loss.offset_sigma_db * loss.offset_sigma_db));
  return silence - squares / (2 * variance);
}

void path_loss_density(
    const Levels& levels, const PathLoss& loss, const Grid& grid, float* pdf) noexcept {
  double largest = log_path_loss_density(levels, loss, grid, 0, 0);
  for (std::size_t row = 0; row < grid.height; ++row)
    for (std::size_t column = 0; column < grid.width; ++column)
      largest = std::max(largest, log_path_loss_density(levels, loss, grid, row, column));
  for (std::size_t row = 0; row < grid.height; ++row)
    for (std::size_t column = 0; column < grid.width; ++column)
      pdf[row * grid.width + column] = static_cast<float>(
          std::exp(log_path_loss_density(levels, loss, grid, row, column) - largest));
}

} // namespace rssfix
