// What is seen from one point past walls: a depth buffer over directions, exact where it hesitates.
#pragma once

#include <algorithm>
#include <cmath>

#include "rssfix/city.hpp"

namespace rssfix {

struct Vec {
  double x;
  double y;
};

inline Vec operator-(Vec a, Vec b) noexcept {
  return {a.x - b.x, a.y - b.y};
}

inline double cross(Vec a, Vec b) noexcept {
  return a.x * b.y - a.y * b.x;
}

inline double dot(Vec a, Vec b) noexcept {
  return a.x * b.x + a.y * b.y;
}

// Directions are split into four quadrants round the axes; in each, with `major` along its axis and
// `minor` across, a direction is u = minor / major in [-1, 1], and along a wall 1 / major is linear
// in u. So of every wall the nearest and farthest 1 / major within a bin are at its ends.
class View {
 public:
  // Only walls that `from` stands on the right of (outside their building) hide anything.
  void look(Vec from, const Walls& walls) noexcept {
    from_ = from;
    walls_ = walls;
    std::fill(open_, open_ + bins, 0.0);
    std::fill(shut_, shut_ + bins, 0.0);
    std::fill(listed_, listed_ + bins, std::uint8_t{0});
    for (std::size_t i = 0; i < walls.count; ++i)
      each_bin(i, [&](std::size_t bin, double low, double high, bool whole) {
        open_[bin] = std::max(open_[bin], high);
        if (whole)
          shut_[bin] = std::max(shut_[bin], low);
      });
    for (std::size_t i = 0; i < walls.count; ++i)
      each_bin(i, [&](std::size_t bin, double, double high, bool) {
        if (high < shut_[bin])
          return;
        if (listed_[bin] < most_listed)
          list_[bin * most_listed + listed_[bin]] = static_cast<std::uint32_t>(i);
        if (listed_[bin] <= most_listed)
          ++listed_[bin];
      });
  }

  // Whether any of a wall that faces the point looked from may be seen; false is certain.
  bool may_see_wall(std::size_t wall) const noexcept {
    bool seen = false;
    each_bin(wall, [&](std::size_t bin, double, double high, bool) {
      seen = seen || high >= shut_[bin] * (1 - rounding);
    });
    return seen;
  }

  Vec from() const noexcept { return from_; }

  bool sees(Vec point) const noexcept {
    const Vec to = point - from_;
    const bool along_x = std::fabs(to.x) >= std::fabs(to.y);
    const double major = along_x ? to.x : to.y;
    const double minor = along_x ? to.y : to.x;
    const double depth = std::fabs(major);
    if (!(depth > 0))
      return true;
    const double inverse = 1 / depth;
    const std::size_t quadrant = (along_x ? 0U : 2U) + (major < 0 ? 1U : 0U);
    const double place = (minor * inverse + 1) * (0.5 * static_cast<double>(bins_each));
    const std::size_t bin =
        quadrant * bins_each + std::min(static_cast<std::size_t>(place), bins_each - 1);
    if (inverse > open_[bin] * (1 + rounding))
      return true;
    if (inverse < shut_[bin] * (1 - rounding))
      return false;
    return !hidden(bin, to);
  }

 private:
  static constexpr std::size_t bins_each = 512;
  static constexpr std::size_t bins = 4 * bins_each;
  static constexpr std::size_t most_listed = 8;
  static constexpr double rounding = 1e-11;

  Vec end(std::size_t wall, std::size_t which) const noexcept {
    const double* const xy = walls_.xy_m + 4 * wall + 2 * which;
    return Vec{xy[0], xy[1]} - from_;
  }

  static bool faces(Vec a, Vec b) noexcept { return cross(a, b) < 0; }

  // Half open, so that of two walls that share an end just one is crossed there.
  bool crosses(std::size_t wall, Vec to) const noexcept {
    const Vec a = end(wall, 0);
    const Vec b = end(wall, 1);
    if (!faces(a, b) || !(cross(b - a, to - a) > 0))
      return false;
    return cross(to, a) >= 0 && cross(to, b) < 0;
  }

  bool hidden(std::size_t bin, Vec to) const noexcept {
    if (listed_[bin] <= most_listed) {
      for (std::size_t k = 0; k < listed_[bin]; ++k)
        if (crosses(list_[bin * most_listed + k], to))
          return true;
      return false;
    }
    for (std::size_t wall = 0; wall < walls_.count; ++wall)
      if (crosses(wall, to))
        return true;
    return false;
  }

  // Calls take(bin, least 1 / depth, largest 1 / depth, whether the wall spans the whole bin).
  template <class Take> void each_bin(std::size_t wall, Take&& take) const noexcept {
    const Vec a = end(wall, 0);
    const Vec b = end(wall, 1);
    if (!faces(a, b))
      return;
    for (std::size_t quadrant = 0; quadrant < 4; ++quadrant) {
      const bool along_x = quadrant < 2;
      const double sign = quadrant % 2 == 0 ? 1 : -1;
      const double major_a = sign * (along_x ? a.x : a.y);
      const double major_b = sign * (along_x ? b.x : b.y);
      const double minor_a = along_x ? a.y : a.x;
      const double minor_b = along_x ? b.y : b.x;
      // A little wider than the quadrant, so that its outermost bins are spanned too.
      constexpr double wide = 1 + 1e-6;
      double first = 0;
      double last = 1;
      clip(wide * major_a - minor_a, wide * major_b - minor_b, first, last);
      clip(wide * major_a + minor_a, wide * major_b + minor_b, first, last);
      if (!(first < last))
        continue;
      const auto inverse = [&](double t) {
        return 1 / std::max(major_a + t * (major_b - major_a), 1e-12);
      };
      double w0 = inverse(first);
      double w1 = inverse(last);
      double u0 = (minor_a + first * (minor_b - minor_a)) * w0;
      double u1 = (minor_a + last * (minor_b - minor_a)) * w1;
      if (u0 > u1) {
        std::swap(u0, u1);
        std::swap(w0, w1);
      }
      const double slope = u1 - u0 > 1e-14 ? (w1 - w0) / (u1 - u0) : 0;
      const auto bin_of = [](double u) {
        const double place = (u + 1) * (0.5 * static_cast<double>(bins_each));
        return static_cast<std::size_t>(
            std::clamp(place, 0.0, static_cast<double>(bins_each) - 0.5));
      };
      constexpr double step = 2 / static_cast<double>(bins_each);
      const std::size_t stop = bin_of(u1 + rounding);
      for (std::size_t bin = bin_of(u0 - rounding); bin <= stop; ++bin) {
        const double low_u = -1 + step * static_cast<double>(bin);
        const double high_u = low_u + step;
        const double from_w = u0 >= low_u ? w0 : w0 + slope * (low_u - u0);
        const double to_w = u1 <= high_u ? w1 : w0 + slope * (high_u - u0);
        const bool whole = u0 <= low_u - rounding && u1 >= high_u + rounding;
        take(quadrant * bins_each + bin, std::min(from_w, to_w), std::max(from_w, to_w), whole);
      }
    }
  }

  // Keeps the part of [first, last] where a line from `at_0` to `at_1` is not negative.
  static void clip(double at_0, double at_1, double& first, double& last) noexcept {
    if (at_0 < 0 && at_1 < 0)
      last = -1;
    else if (at_0 < 0)
      first = std::max(first, at_0 / (at_0 - at_1));
    else if (at_1 < 0)
      last = std::min(last, at_0 / (at_0 - at_1));
  }

  Vec from_{};
  Walls walls_{};
  double open_[bins]; // beyond no wall where 1 / depth is larger
  double shut_[bins]; // beyond a wall where 1 / depth is smaller
  std::uint32_t list_[bins * most_listed];
  std::uint8_t listed_[bins]; // most_listed + 1: too many to list
};

// Whether a path that bends at a corner with its building on this side can come from a point, or go
// on to one, that the corner sees. Only the wall on the inner side of the bend is asked: what lies
// behind the other one is hidden, but for what is seen over its far end.
inline bool wraps(Side side, Vec corner, const double* wedge, Vec point, bool leaving) noexcept {
  const Vec along = leaving ? point - corner : corner - point;
  const Vec before{wedge[2], wedge[3]};
  const Vec after{wedge[4], wedge[5]};
  // No path bends away from a wall that it walks along, nor turns back to it, up to rounding.
  const double slack = 1e-9 * (std::fabs(along.x) + std::fabs(along.y));
  if (side == Side::left)
    return cross(along, leaving ? before : after) > slack;
  return cross(along, leaving ? after : before) < -slack;
}

} // namespace rssfix
