// The APs that a scan did not hear, as tables of log2 of the probability of silence over the
// squared distance for the SIMD kernels.
#pragma once

#include "rssfix/path_loss_pdf.hpp"
#include "simd/kernels.hpp"

namespace rssfix {

// Some rows and columns of a grid. Wider tiles than `columns` allows could span more octaves of
// squared distance than a vector looks up.
struct Tile {
  static constexpr std::size_t rows = 8;
  std::size_t first_row;
  std::size_t row_count;
  Stretch columns;
};

// Columns of a tile: up to 128 m, so that from 1 m on 15 octaves suffice.
std::size_t tile_columns(const Grid& grid) noexcept;

// Silent APs, as many at a time as there is room for.
class Silence {
 public:
  Silence(const Levels& levels, const PathLoss& loss, const Grid& grid) noexcept;

  // Takes silent APs from the AP `first` on and returns the AP to go on with, at most ap_count.
  std::size_t take(std::size_t first) noexcept;

  // False where a cell lies beyond the tables or so much silence that float32 does not hold it.
  bool fit() const noexcept;

  void enter(const Tile& tile) noexcept;

  // Adds one row of the tile and returns the largest sum. `log2_density`: of the tile's first cell.
  float add_row(std::size_t row, float* log2_density) noexcept;

 private:
  static constexpr std::size_t most_tables = 8;
  static constexpr std::size_t most_aps = 128;
  struct Ap {
    double column;
    double row;
    double reach_d2; // silence is certain beyond
    float weight;
    const OctaveTable* table;
  };

  bool matters(std::size_t i, Ap& ap) const noexcept;
  const OctaveTable* table(double extra_loss_db) noexcept;
  void fill(double extra_loss_db, OctaveTable& table) const noexcept;
  double reach_d2(double weight, double extra_loss_db) const noexcept;

  const Levels& levels_;
  const PathLoss& loss_;
  const Grid& grid_;
  float least_d2_;
  int first_octave_; // of the squared distance of 1 m, in cells
  int farthest_octave_;
  double strain_ = 0; // sum of weights x (deviations an octave)^2
  Stretch columns_{};
  std::size_t ap_count_ = 0;
  std::size_t table_count_ = 0;
  std::size_t narrow_count_ = 0;
  std::size_t tile_count_ = 0;
  Ap aps_[most_aps];
  SilentOnRow on_row_[most_aps];
  double ap_row_[most_aps];
  double extra_loss_db_[most_tables];
  OctaveTable tables_[most_tables];
};

} // namespace rssfix
