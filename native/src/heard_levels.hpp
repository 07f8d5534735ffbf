// The APs that a scan heard, for the SIMD kernels of path_loss_pdf.
#pragma once

#include "rssfix/path_loss_pdf.hpp"
#include "simd/kernels.hpp"

namespace rssfix {

// Farther from the grid, float32 does not tell cells apart.
constexpr double farthest_cells = 4194304;

// The heard APs. With r = offset + r' the density is, up to a constant, that of r' and a linear
// term (`lean`).
class HeardLevels {
 public:
  HeardLevels(const Levels& levels, const PathLoss& loss, const Grid& grid) noexcept;

  // False where there are too many or one stands too far away.
  bool fit() const noexcept { return fit_; }
  void write_row(std::size_t row, Stretch at, float* log2_density) noexcept;
  bool accurate_at(std::size_t row, std::size_t column) const noexcept;

 private:
  static constexpr std::size_t most_aps = 256;

  void set_offset(const Levels& levels, const Grid& grid) noexcept;
  void add(const Levels& levels, const Grid& grid, std::size_t ap) noexcept;

  const PathLoss& loss_;
  double reference_db_; // expected at a distance of one cell, with the offset
  bool fit_ = true;
  ResidualRow row_{};
  HeardOnRow aps_[most_aps];
  double ap_row_[most_aps];
};

} // namespace rssfix
