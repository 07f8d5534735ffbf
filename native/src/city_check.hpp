#pragma once

#include "finite.hpp"
#include "grid_check.hpp"
#include "rssfix/city.hpp"

namespace rssfix {

inline Status check(const Walls& walls, Argument argument) noexcept {
  const std::size_t bad = first_not_finite(walls.xy_m, 4 * walls.count);
  return bad == 4 * walls.count ? Status{} : Status{Code::not_finite, argument, bad};
}

inline Status check(const Corners& corners) noexcept {
  if (const std::size_t bad = first_not_finite(corners.xy_m, 2 * corners.count);
      bad != 2 * corners.count)
    return {Code::not_finite, Argument::corners_m, bad};
  if (const std::size_t bad = first_not_finite(corners.wedges, 6 * corners.count);
      bad != 6 * corners.count)
    return {Code::not_finite, Argument::wedges, bad};
  return {};
}

inline Status check_transmitter(const double* transmitter_m) noexcept {
  const std::size_t bad = first_not_finite(transmitter_m, 2);
  return bad == 2 ? Status{} : Status{Code::not_finite, Argument::transmitter_m, bad};
}

} // namespace rssfix
