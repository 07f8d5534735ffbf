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
    const Vec corner{corners.xy_m[2 * c], corners.xy_m[2 * c + 1]};
    const double* const wedge = corners.wedges + 6 * c;
    view.look(corner, walls);
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
        const bool left = wraps(Side::left, corner, wedge, centre, true);
        const bool right = wraps(Side::right, corner, wedge, centre, true);
        if (!(left || right) || !view.sees(centre))
          continue;
        std::uint64_t* const word = pixels + 2 * c * words + cell / 64;
        word[0] |= std::uint64_t{left} << (cell % 64);
        word[words] |= std::uint64_t{right} << (cell % 64);
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
