#pragma once

#include <cmath>

#include "rssfix/grid.hpp"
#include "rssfix/status.hpp"

namespace rssfix {

inline Status check(const Grid& grid) noexcept {
  if (!std::isfinite(grid.origin_x_m))
    return {Code::not_finite, Argument::origin_m, 0};
  if (!std::isfinite(grid.origin_y_m))
    return {Code::not_finite, Argument::origin_m, 1};
  if (!(grid.pitch_m > 0) || !std::isfinite(grid.pitch_m))
    return {Code::not_positive, Argument::pitch_m};
  if (grid.height == 0)
    return {Code::empty, Argument::shape, 0};
  if (grid.width == 0)
    return {Code::empty, Argument::shape, 1};
  return {};
}

} // namespace rssfix
