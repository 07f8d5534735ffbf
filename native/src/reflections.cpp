#include "rssfix/reflections.hpp"

#include "city_check.hpp"
#include "view.hpp"

namespace rssfix {
namespace {

// Where a reflection point is asked for from the transmitter: this far in front of its wall.
constexpr double nudge_m = 1e-6;

struct Mirror {
  Vec a;
  Vec b;
  Vec normal; // a unit vector, out of the building
  double height(Vec p) const noexcept { return dot(p - a, normal); }
};

// The parts of all walls in front of a mirror, which alone can hide what it shows.
std::size_t in_front(const Mirror& mirror, const Walls& walls, double* kept) noexcept {
  std::size_t count = 0;
  for (std::size_t i = 0; i < walls.count; ++i) {
    Vec a{walls.xy_m[4 * i], walls.xy_m[4 * i + 1]};
    Vec b{walls.xy_m[4 * i + 2], walls.xy_m[4 * i + 3]};
    const double at_a = mirror.height(a) - nudge_m;
    const double at_b = mirror.height(b) - nudge_m;
    if (at_a <= 0 && at_b <= 0)
      continue;
    const double t = at_a / (at_a - at_b);
    const Vec cut{a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)};
    if (at_a < 0)
      a = cut;
    else if (at_b < 0)
      b = cut;
    double* const to = kept + 4 * count++;
    to[0] = a.x, to[1] = a.y, to[2] = b.x, to[3] = b.y;
  }
  return count;
}

// Narrows [low, high] to where at + slope x > 0.
void narrow(double at, double slope, double& low, double& high) noexcept {
  if (slope > 0)
    low = std::max(low, -at / slope);
  else if (slope < 0)
    high = std::min(high, -at / slope);
  else if (!(at > 0))
    high = -1;
}

} // namespace

Status reflections(const double* transmitter_m, const Walls& walls, const double* wall_db,
    double reference_db, const std::uint8_t* buildings, const Grid& grid, double* scratch,
    float* gain) noexcept {
  if (const Status status = check_transmitter(transmitter_m); !status.ok())
    return status;
  if (const Status status = check(walls, Argument::walls_m); !status.ok())
    return status;
  if (const std::size_t bad = first_not_finite(wall_db, walls.count); bad != walls.count)
    return {Code::not_finite, Argument::wall_db, bad};
  if (!std::isfinite(reference_db))
    return {Code::not_finite, Argument::reference_db};
  if (const Status status = check(grid); !status.ok())
    return status;
  std::fill(gain, gain + grid.height * grid.width, 0.0f);
  const Vec from{transmitter_m[0], transmitter_m[1]};
  View view;
  View image_view;
  view.look(from, walls);
  for (std::size_t i = 0; i < walls.count; ++i) {
    const Vec a{walls.xy_m[4 * i], walls.xy_m[4 * i + 1]};
    const Vec b{walls.xy_m[4 * i + 2], walls.xy_m[4 * i + 3]};
    const Vec along = b - a;
    const double length = std::sqrt(dot(along, along));
    if (!(length > 0) || !view.may_see_wall(i))
      continue;
    const Mirror mirror{a, b, {along.y / length, -along.x / length}};
    const double height = mirror.height(from);
    if (!(height > nudge_m))
      continue;
    const Vec image{from.x - 2 * height * mirror.normal.x, from.y - 2 * height * mirror.normal.y};
    image_view.look(image, {scratch, in_front(mirror, walls, scratch)});
    const double wall_gain = std::pow(10, -(reference_db + wall_db[i]) / 10);
    const Vec to_a = a - image;
    const Vec to_b = b - image;
    for (std::size_t row = 0; row < grid.height; ++row) {
      // In front of the mirror and between the lines from the image through its ends.
      const double y = grid.origin_y_m + grid.pitch_m * static_cast<double>(row);
      const Vec start = Vec{grid.origin_x_m, y} - image;
      double low = 0;
      double high = static_cast<double>(grid.width) - 1;
      narrow(dot(start - to_a, mirror.normal), grid.pitch_m * mirror.normal.x, low, high);
      narrow(cross(to_a, start), -grid.pitch_m * to_a.y, low, high);
      narrow(cross(start, to_b), grid.pitch_m * to_b.y, low, high);
      if (!(low <= high))
        continue;
      const auto last = static_cast<std::size_t>(high);
      for (auto column = static_cast<std::size_t>(std::ceil(low)); column <= last; ++column) {
        const std::size_t cell = row * grid.width + column;
        if (buildings[cell] != 0)
          continue;
        const Vec at{grid.origin_x_m + grid.pitch_m * static_cast<double>(column), y};
        const Vec whole = at - image;
        // The point of the mirror, a touch in front of it.
        const double share = (height + nudge_m) / dot(whole, mirror.normal);
        if (!(share < 1) || !image_view.sees(at) ||
            !view.sees({image.x + share * whole.x, image.y + share * whole.y}))
          continue;
        gain[cell] += static_cast<float>(wall_gain / std::fmax(dot(whole, whole), 1));
      }
    }
  }
  return {};
}

} // namespace rssfix
