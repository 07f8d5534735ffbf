#pragma once

#include "rssfix/city.hpp"
#include "rssfix/grid.hpp"
#include "rssfix/status.hpp"

namespace rssfix {

// Power that reaches each cell's centre by one specular reflection off a wall (image method).
//
// A path over wall i of l metres has the gain 10^(-(reference_db + wall_db[i]) / 10) / max(l, 1)^2.
// Writes grid.height x grid.width sums of gains to `gain`, 0 where there is no such path and in
// buildings. Both legs must be free of walls. `scratch`: 4 values a wall, the caller's. Allocates
// nothing, needs 250 KiB of stack, never throws.
Status reflections(const double* transmitter_m, const Walls& walls, const double* wall_db,
    double reference_db, const std::uint8_t* buildings, const Grid& grid, double* scratch,
    float* gain) noexcept;

} // namespace rssfix
