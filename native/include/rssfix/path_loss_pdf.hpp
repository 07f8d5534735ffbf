#pragma once

#include "rssfix/grid.hpp"
#include "rssfix/status.hpp"

namespace rssfix {

// Log-distance path loss (SPEC 5.11). An AP is expected at
// reference_dbm - 10 exponent log10(max(d, 1)) - its extra loss, d metres away over the floor.
// Heard levels differ from that by sigma_db and, all of a scan alike, by offset_sigma_db (0 = not
// at all); what stays below silence_dbm is not heard.
struct PathLoss {
  double reference_dbm;
  double exponent;
  double sigma_db;
  double offset_sigma_db;
  double silence_dbm;
};

// The access points of a building and what one scan heard of them. AP i stands at
// (ap_xy_m[2 i], ap_xy_m[2 i + 1]); rssi_dbm[i] is NaN where it was not heard. weight[i] is the
// power of its likelihood, 0 leaves it out. extra_loss_db[i]: floors between. All arrays are the
// caller's.
struct Levels {
  const double* ap_xy_m;
  const double* rssi_dbm;
  const double* weight;
  const double* extra_loss_db;
  std::size_t ap_count;
};

// What keeps every intermediate result finite; further out than this nothing means anything.
constexpr double most_db = 1e4;
constexpr double least_sigma_db = 1e-3;
constexpr double most_exponent = 100;
constexpr double most_weight = 1e6;

// Where a scan was taken: at every cell the log likelihoods of heard and unheard APs are added up,
// the scan's offset integrated out, and the density divided by that of the likeliest cell.
//
// With residuals r of the heard APs, W = sum w and K = (sigma_db / offset_sigma_db)^2:
//   log p = -(sum w r^2 - (sum w r)^2 / (W + K)) / (2 sigma_db^2)
//           + sum over the unheard of w log Phi((silence_dbm - expected) / sigma_db).
// Writes grid.height x grid.width values in [0, 1] with maximum 1 to `pdf` (the caller's); 1
// everywhere if no AP has a weight. Allocates nothing, never throws. No cell is further than 1e-4
// from the exact value; path_loss_pdf.cpp says how that is kept.
Status path_loss_pdf(
    const Levels& levels, const PathLoss& loss, const Grid& grid, float* pdf) noexcept;

} // namespace rssfix
