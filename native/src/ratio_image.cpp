#include "rssfix/ratio_image.hpp"

#include <cfloat>
#include <cmath>

#include "simd/kernels.hpp"

namespace rssfix {

Status ratio_image(const float* rssi, std::size_t n, float* image) noexcept {
  if (n == 0)
    return {Code::empty, Argument::rssi};
  std::size_t smallest = 0;
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(rssi[i]))
      return {Code::not_finite, Argument::rssi, i};
    if (rssi[i] == 0)
      return {Code::zero, Argument::rssi, i};
    if (std::fabs(rssi[i]) < std::fabs(rssi[smallest]))
      smallest = i;
    largest = std::fmax(largest, std::fabs(static_cast<double>(rssi[i])));
  }
  // |f_j - f_k| is at most twice the largest value, before and after the division.
  const double least = std::fmin(1.0, std::fabs(static_cast<double>(rssi[smallest])));
  if (2 * largest > static_cast<double>(FLT_MAX) * least)
    return {Code::overflow, Argument::rssi, smallest};
  const auto ratio_row = kernels().ratio_row;
  for (std::size_t j = 0; j < n; ++j)
    ratio_row(rssi[j], rssi, n, image + j * n);
  return {};
}

} // namespace rssfix
