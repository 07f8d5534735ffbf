#pragma once

#include "rssfix/grid.hpp"
#include "rssfix/status.hpp"

namespace rssfix {

enum class Combine : std::uint8_t {
  sum,      // mixture of the APs' densities (SPEC 5.5, the default)
  product,  // all APs at once, in the log domain
  tempered, // product to the power 1 / number of APs: wide enough for dependent APs
};

// The access points of one scan and the rank table that turns signal strength into distance.
// AP i stands at (ap_xy_m[2 i], ap_xy_m[2 i + 1]) and was heard with rank ranks[i]; an AP of
// rank r is mean_m[r] +- sigma_m[r] away. All arrays are the caller's.
struct RankedAps {
  const double* ap_xy_m;
  const std::int32_t* ranks;
  std::size_t ap_count;
  const double* mean_m;
  const double* sigma_m;
  std::size_t rank_count;
};

// Where the scan was taken (Hapi, eq. 14): at every cell the normal densities
// N(distance to AP; mean, sigma of its rank) are combined and divided by the largest cell.
//
// Writes grid.height x grid.width values in [0, 1] with maximum 1 to `pdf` (the caller's).
// Allocates nothing, never throws. No cell is further than 1e-5 from the exact value; rank_pdf.cpp
// says how that is kept.
Status rank_pdf(const RankedAps& aps, const Grid& grid, Combine combine, float* pdf) noexcept;

} // namespace rssfix
