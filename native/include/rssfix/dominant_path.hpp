#pragma once

#include "rssfix/city.hpp"
#include "rssfix/grid.hpp"
#include "rssfix/status.hpp"

namespace rssfix {

// Loss of a path of l metres that bends at n corners (SPEC 3.11):
//   reference_db + 10 p log10(max(l, 1)) + sum over i of a_i f(angle_i), i = 0 .. n - 1,
// p = los_exponent where n is 0, else nlos_exponent; a_i = 1 / (1 + decay i);
// f(angle) = least_bend_db + (most_bend_db - least_bend_db) min(angle / full_bend_rad, 1).
// Angles are those at the buildings' corners themselves, 0 where a path bends at the point that
// stands a little outside and not at the corner. Every leg that an obstacle stands in the way of
// costs obstacle_db more.
struct PathModel {
  double reference_db;
  double los_exponent;
  double nlos_exponent;
  double least_bend_db;
  double most_bend_db;
  double full_bend_rad;
  double decay;
  double obstacle_db;
  std::size_t most_corners;
};

// Walls, corners and what corner_visibility said about them; `clear_*` the same with obstacles
// (cars) among the walls, null where there are none.
struct Sights {
  Walls walls;
  Corners corners;
  const std::uint64_t* pixels;
  const std::uint8_t* links;
  Walls clear_walls;
  const std::uint64_t* clear_pixels;
  const std::uint8_t* clear_links;
};

// The best path found so far that bends round a corner on one side.
struct PathLabel {
  double loss_db; // without the bend at this corner
  double bends_db;
  double length_m;
  double direction_x; // of arrival at the building's corner, a unit vector
  double direction_y;
  double from_x_m; // where the last leg starts
  double from_y_m;
  std::uint32_t bends;
  bool settled;
};

// The path of least loss from a transmitter to every cell's centre (dominant path model, SPEC
// 3.11), among the paths that wrap round their corners as a taut string does: judged, as sight is,
// at the corners' points a little outside.
//
// Dijkstra with the loss as key over (corner, side); one path is kept for each, the one of least
// loss up to there, so that a path may be missed whose bends would come out cheaper further on.
// Cells in line of sight get that path. Writes grid.height x grid.width values to `loss_db`,
// `length_m` (both +inf where no path leads: buildings, closed courtyards, more than most_corners)
// and `los` (1 in line of sight). `labels`: 2 x corners, the caller's scratch. Allocates nothing,
// needs 250 KiB of stack, never throws.
Status dominant_path(const double* transmitter_m, const Sights& sights,
    const std::uint8_t* buildings, const PathModel& model, const Grid& grid, PathLabel* labels,
    float* loss_db, float* length_m, std::uint8_t* los) noexcept;

} // namespace rssfix
