#include "rssfix/corner_visibility.hpp"

#include "city_check.hpp"
#include "view.hpp"

namespace rssfix {

Status corner_visibility(const Walls& walls, const Corners& corners, const std::uint8_t* buildings,
    const Grid& grid, std::uint64_t* pixels, std::uint8_t* links) noexcept {
  if (const Status status = check(walls, Argument::walls_m); !status.ok())
    return status;
  if (const Status status = check(corners); !status.ok())
    return status;
  if (const Status status = check(grid); !status.ok())
    return status;
  const std::size_t words = pixel_words(grid);
  std::fill(pixels, pixels + 2 * corners.count * words, std::uint64_t{0});
  View view;
  for (std::size_t c = 0; c < corners.count; ++c) {
    view.look({corners.xy_m[2 * c], corners.xy_m[2 * c + 1]}, walls);
    for (std::size_t other = 0; other < corners.count; ++other)
      links[c * corners.count + other] =
          other == c || view.sees({corners.xy_m[2 * other], corners.xy_m[2 * other + 1]});
    for (std::size_t row = 0; row < grid.height; ++row) {
      const double y = grid.origin_y_m + grid.pitch_m * static_cast<double>(row);
      for (std::size_t column = 0; column < grid.width; ++column) {
        const std::size_t cell = row * grid.width + column;
        if (buildings[cell] != 0)
          continue;
        const Vec centre{grid.origin_x_m + grid.pitch_m * static_cast<double>(column), y};
        const Side side = side_of(corners.wedges + 6 * c, centre, true);
        if (side != Side::none && view.sees(centre))
          pixels[(2 * c + static_cast<std::size_t>(side)) * words + cell / 64] |= std::uint64_t{1}
                                                                                  << (cell % 64);
      }
    }
  }
  // Seen one way and not the other: a line that grazes a wall. Both ends have to agree.
  for (std::size_t a = 0; a < corners.count; ++a)
    for (std::size_t b = 0; b < a; ++b) {
      std::uint8_t& there = links[a * corners.count + b];
      std::uint8_t& back = links[b * corners.count + a];
      there = back = there & back;
    }
  return {};
}

} // namespace rssfix
