#pragma once

#include "rssfix/city.hpp"
#include "rssfix/status.hpp"

namespace rssfix {

// Closed rings of vertices, what is inside on the left: outlines counterclockwise, courtyards
// clockwise. Ring i has the vertices ring_start[i] to ring_start[i + 1] - 1 of xy_m (two values
// each), three or more of them, no two neighbours alike; the last joins the first.
struct Rings {
  const double* xy_m;
  const std::int32_t* ring_start;
  std::size_t ring_count;
};

// The corners round which a path can bend (SPEC 3.11, step 1): vertices where the outline turns
// left, moved outwards until both walls are push_m away, at most 4 push_m far. Left out: what lies
// inside another ring, and turns of less than a tenth of a degree.
//
// Writes at most as many corners as there are vertices: two values each to `corner_xy_m`, six to
// `wedges` (see Corners); `count` is how many there are.
Status convex_corners(const Rings& rings, double push_m, double* corner_xy_m, double* wedges,
    std::size_t& count) noexcept;

} // namespace rssfix
