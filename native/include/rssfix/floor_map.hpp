#pragma once

#include "rssfix/path_loss_pdf.hpp"
#include "rssfix/rank_pdf.hpp"

namespace rssfix {

// Six ranks or so of signal strength, each a normal density of the distance (Hapi, SPEC 5.5). A
// level at or above edges_dbm[i] and below the next one has rank i + 1. Cells below `threshold`
// times the highest walkable one count nothing.
struct RankMethod {
  const double* edges_dbm; // rank_count - 1, ascending
  const double* mean_m;
  const double* sigma_m;
  std::size_t rank_count;
  Combine combine;
  double threshold;
};

// Likelihood of the levels under a log-distance path loss (SPEC 5.11). An AP heard weighs
// 10^((level - strongest) / weight_scale_db), one that is not heard silence_weight.
struct PathLossMethod {
  PathLoss loss;
  double silence_weight;
  double weight_scale_db;
};

// From levels to a place on a floor. An AP n floors away counts as heard n times
// floor_attenuation_db louder (eq. 13), at most cap_dbm. Of the APs heard then the `strongest`
// count, with all that share the last level among them; 0 takes all. One method is not null.
struct MapRules {
  double floor_attenuation_db;
  double cap_dbm;
  std::size_t strongest;
  const RankMethod* ranks;
  const PathLossMethod* path_loss;
};

// Where APs hang; floors are the venue's numbers, 0 = ground.
struct PlacedAps {
  const double* ap_xy_m;
  const std::int32_t* ap_floor;
  std::size_t ap_count;
};

// A floor's grid and its walkable cells, row * width + column, ascending; null = all of them.
struct FloorCells {
  std::int32_t floor;
  Grid grid;
  const std::uint32_t* cells;
  std::size_t cell_count;
};

inline std::size_t walkable(const FloorCells& floor) noexcept {
  return floor.cells == nullptr ? floor.grid.height * floor.grid.width : floor.cell_count;
}

// Work space of map_weights, the caller's: as many elements as APs, places twice as many.
struct MapScratch {
  double* ap_xy_m;
  double* rssi_dbm;
  double* weight;
  double* extra_loss_db;
  std::int32_t* ranks;
};

Status check(const MapRules& rules) noexcept;
Status check(const PlacedAps& aps) noexcept;
Status check(const FloorCells& floor) noexcept;

// How probable each walkable cell is, for checked arguments, which are all the caller's.
//
// `rssi_dbm`: ap_count levels, NaN = not heard. `unknown`: not 0 where an AP is masked, so that its
// silence says nothing; null where none is. `weights` has room for all cells of the grid; the first
// walkable(floor) become the weights of the walkable ones, and `reached` the number of those that
// reach `share` times the highest. Where nothing is heard, or all of it speaks for cells that
// nobody walks, every cell counts alike.
Status map_weights(const MapRules& rules, const PlacedAps& aps, const FloorCells& floor,
    const float* rssi_dbm, const std::uint8_t* unknown, double share, const MapScratch& scratch,
    float* weights, std::size_t& reached) noexcept;

} // namespace rssfix
