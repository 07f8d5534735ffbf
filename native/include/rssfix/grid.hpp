#pragma once

#include <cstddef>

namespace rssfix {

// A floor's grid of square cells in the venue's frame (x east, y north, metres), row = y and
// column = x. The centre of cell (row, column) is origin + (column, row) * pitch: the origin is
// the centre of cell (0, 0), not the corner of the grid.
struct Grid {
  double origin_x_m;
  double origin_y_m;
  double pitch_m;
  std::size_t height;
  std::size_t width;
};

} // namespace rssfix
