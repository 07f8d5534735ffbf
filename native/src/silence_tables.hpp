// log2 of the probability of silence as polynomials in the squared distance, for the SIMD kernels.
#pragma once

#include "rssfix/path_loss_pdf.hpp"
#include "simd/kernels.hpp"

namespace rssfix {

// The tables of one scan, one pair for each extra loss that occurs. The far table of a pair begins
// `far_octaves` after the near one, where the squared distance of 1 m lies.
class SilenceTables {
 public:
  static constexpr std::size_t most = 16;
  static constexpr std::int32_t far_octaves = 8;

  SilenceTables(const PathLoss& loss, const Grid& grid) noexcept;

  // Null where more kinds occur than there is room for.
  const OctaveTable* near_table(double extra_loss_db) noexcept;
  static const OctaveTable* far_table(const OctaveTable* near) noexcept { return near + 1; }

  // Biased exponent of the squared distance of 1 m, in cells.
  std::int32_t first_octave() const noexcept { return first_octave_; }

 private:
  void fill(double extra_loss_db, std::int32_t first_octave, OctaveTable& table) const noexcept;

  const PathLoss& loss_;
  double pitch_m_;
  std::int32_t first_octave_;
  std::size_t count_ = 0;
  double extra_loss_db_[most];
  OctaveTable tables_[2 * most];
};

} // namespace rssfix
