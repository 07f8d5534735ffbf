#include "rssfix/diagonal_mean.hpp"

#include <algorithm>

#include "finite.hpp"
#include "simd/kernels.hpp"

namespace rssfix {
namespace {

// Sums of this many neighbouring diagonals are kept on the stack.
constexpr std::size_t block = 256;

void mean_of_block(
    const float* map, std::size_t n, std::size_t first, std::size_t count, float* scores) noexcept {
  const auto add = kernels().add_to_sums;
  double sums[block] = {};
  for (std::size_t j = 0; j < n; ++j) {
    // Diagonals first .. first + count lie side by side in row j, until the row's end wraps them.
    const std::size_t column = (first + j) % n;
    const std::size_t before_wrap = std::min(count, n - column);
    add(map + j * n + column, before_wrap, sums);
    add(map + j * n, count - before_wrap, sums + before_wrap);
  }
  for (std::size_t i = 0; i < count; ++i)
    scores[i] = static_cast<float>(sums[i] / static_cast<double>(n));
}

} // namespace

Status diagonal_mean(const float* maps, std::size_t batch, std::size_t n, float* scores) noexcept {
  if (n == 0)
    return {Code::empty, Argument::maps};
  for (std::size_t b = 0; b < batch; ++b) {
    const float* map = maps + b * n * n;
    float* means = scores + b * n;
    for (std::size_t first = 0; first < n; first += block)
      mean_of_block(map, n, first, std::min(block, n - first), means + first);
    // Means of finite float32 values are finite, so n values tell about n * n.
    if (first_not_finite(means, n) != n)
      return {Code::not_finite, Argument::maps, b * n * n + first_not_finite(map, n * n)};
  }
  return {};
}

} // namespace rssfix
