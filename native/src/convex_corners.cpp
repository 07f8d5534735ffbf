#include "rssfix/convex_corners.hpp"

#include <cmath>

#include "finite.hpp"
#include "view.hpp"

namespace rssfix {
namespace {

constexpr double least_turn = 1.7e-3; // sine of a tenth of a degree
constexpr double most_push = 4;

Vec vertex(const Rings& rings, std::size_t i) noexcept {
  return {rings.xy_m[2 * i], rings.xy_m[2 * i + 1]};
}

Vec unit(Vec v) noexcept {
  const double length = std::hypot(v.x, v.y);
  return {v.x / length, v.y / length};
}

// How often the rings go round a point; 0 outdoors.
int winding(const Rings& rings, Vec at) noexcept {
  int turns = 0;
  for (std::size_t r = 0; r < rings.ring_count; ++r) {
    const auto first = static_cast<std::size_t>(rings.ring_start[r]);
    const auto end = static_cast<std::size_t>(rings.ring_start[r + 1]);
    Vec a = vertex(rings, end - 1) - at;
    for (std::size_t i = first; i < end; ++i) {
      const Vec b = vertex(rings, i) - at;
      if ((a.y > 0) != (b.y > 0)) {
        const double side = cross(a, b);
        if (b.y > 0 && side > 0)
          ++turns;
        else if (b.y <= 0 && side < 0)
          --turns;
      }
      a = b;
    }
  }
  return turns;
}

Status check(const Rings& rings, double push_m) noexcept {
  if (rings.ring_count == 0)
    return {};
  if (rings.ring_start[0] != 0)
    return {Code::out_of_range, Argument::ring_start, 0};
  for (std::size_t r = 0; r < rings.ring_count; ++r)
    if (rings.ring_start[r + 1] - rings.ring_start[r] < 3)
      return {Code::out_of_range, Argument::ring_start, r + 1};
  const auto vertices = static_cast<std::size_t>(rings.ring_start[rings.ring_count]);
  if (const std::size_t bad = first_not_finite(rings.xy_m, 2 * vertices); bad != 2 * vertices)
    return {Code::not_finite, Argument::vertices_m, bad};
  if (!(push_m >= 0) || !std::isfinite(push_m))
    return {Code::negative, Argument::push_m};
  return {};
}

} // namespace

Status convex_corners(const Rings& rings, double push_m, double* corner_xy_m, double* wedges,
    std::size_t& count) noexcept {
  count = 0;
  if (const Status status = check(rings, push_m); !status.ok())
    return status;
  for (std::size_t r = 0; r < rings.ring_count; ++r) {
    const auto first = static_cast<std::size_t>(rings.ring_start[r]);
    const auto end = static_cast<std::size_t>(rings.ring_start[r + 1]);
    for (std::size_t i = first; i < end; ++i) {
      const Vec at = vertex(rings, i);
      const Vec to_before = vertex(rings, i == first ? end - 1 : i - 1) - at;
      const Vec to_after = vertex(rings, i + 1 == end ? first : i + 1) - at;
      if (dot(to_after, to_after) == 0)
        return {Code::zero, Argument::vertices_m, 2 * i};
      const Vec before = unit(to_before);
      const Vec after = unit(to_after);
      if (!(cross(after, before) > least_turn))
        continue;
      // Outward normals of the walls before (which runs along -before) and after.
      const Vec normal_1{-before.y, before.x};
      const Vec normal_2{after.y, -after.x};
      const double scale =
          push_m / std::fmax(1 + dot(normal_1, normal_2), 2 / (most_push * most_push));
      const Vec corner{
          at.x + scale * (normal_1.x + normal_2.x), at.y + scale * (normal_1.y + normal_2.y)};
      if (winding(rings, corner) != 0)
        continue;
      corner_xy_m[2 * count] = corner.x;
      corner_xy_m[2 * count + 1] = corner.y;
      const double wedge[] = {at.x, at.y, before.x, before.y, after.x, after.y};
      std::copy(wedge, wedge + 6, wedges + 6 * count);
      ++count;
    }
  }
  return {};
}

} // namespace rssfix
