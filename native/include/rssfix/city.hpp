#pragma once

#include <cstddef>
#include <cstdint>

namespace rssfix {

// A city seen from above, metres, x right and y up. All arrays are the caller's.

// Wall i runs straight from (xy_m[4 i], xy_m[4 i + 1]) to (xy_m[4 i + 2], xy_m[4 i + 3]) and has
// the building that it belongs to on its left.
struct Walls {
  const double* xy_m;
  std::size_t count;
};

// Corner i of a building. Paths go through (xy_m[2 i], xy_m[2 i + 1]), a little outside; wedges[6 i
// ..] are the corner itself and the unit vectors from it along the wall before and the wall after.
struct Corners {
  const double* xy_m;
  const double* wedges;
  std::size_t count;
};

// A path bends round a corner with its building on the left or on the right.
enum class Side : std::uint8_t { left, right };

} // namespace rssfix
