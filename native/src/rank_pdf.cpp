// The mixture (combine = sum) is computed in float32; what its error is made of, relative to the
// largest cell:
//  - skipped terms: an AP is added only where its term exceeds `floor`, so a cell lacks at most
//    AP count x floor, which is held below 1.5e-6 of the maximum;
//  - interpolated rings: as many as are off by less than 3e-6 together (heard_rings.hpp);
//  - the distance: five roundings, at most 5 x 2^-24 (mean + 6 sigma), times the steepest slope of
//    the bell, 0.61 / sigma: below 2.6e-6 where mean <= 8 sigma;
//  - spans that begin up to 16 cells outside the ring to fill whole vectors: below 2.5e-6 where
//    sigma >= 1/2 cell;
//  - 2^x: 2e-7.
// Where these conditions fail, and for products, log_density computes in float64.
#include "rssfix/rank_pdf.hpp"

#include "finite.hpp"
#include "grid_check.hpp"
#include "heard_rings.hpp"
#include "log_density.hpp"

namespace rssfix {
namespace {

Status check(const RankedAps& aps) noexcept {
  if (aps.ap_count == 0)
    return {Code::empty, Argument::ap_xy_m};
  if (aps.rank_count == 0)
    return {Code::empty, Argument::mean_m};
  const std::size_t coordinates = 2 * aps.ap_count;
  if (const std::size_t bad = first_not_finite(aps.ap_xy_m, coordinates); bad != coordinates)
    return {Code::not_finite, Argument::ap_xy_m, bad};
  for (std::size_t i = 0; i < aps.ap_count; ++i)
    if (aps.ranks[i] < 0 || static_cast<std::size_t>(aps.ranks[i]) >= aps.rank_count)
      return {Code::out_of_range, Argument::ranks, i};
  for (std::size_t i = 0; i < aps.rank_count; ++i) {
    if (!(aps.mean_m[i] >= 0) || !std::isfinite(aps.mean_m[i]))
      return {Code::negative, Argument::mean_m, i};
    if (!(aps.sigma_m[i] > 0) || !std::isfinite(aps.sigma_m[i]))
      return {Code::not_positive, Argument::sigma_m, i};
  }
  return {};
}

bool float32_suffices(const RankedAps& aps, const Grid& grid) noexcept {
  for (std::size_t i = 0; i < aps.ap_count; ++i) {
    const double sigma_m = aps.sigma_m[aps.ranks[i]];
    if (aps.mean_m[aps.ranks[i]] > 8 * sigma_m || grid.pitch_m > 2 * sigma_m)
      return false;
  }
  return true;
}

// Lets the ring be interpolated if what it may then be off can be spared.
void spend(Ring& ring, double& spare) noexcept {
  const double error = std::exp2(ring.log2_weight) * smooth_error(sigma_cells(ring));
  ring.smooth = error <= spare;
  if (ring.smooth)
    spare -= error;
}

// False where the rings are so far from the grid that float32 does not hold their sum.
bool sum_in_float32(const RankedAps& aps, const Grid& grid, float* pdf) noexcept {
  constexpr double skipped_at_most = 1.5e-6;
  constexpr double interpolated_at_most = 3e-6;
  constexpr double smallest_peak = 1e-24;
  const std::size_t cells = grid.height * grid.width;
  // As a rule some AP's ring crosses the grid and the maximum is about 1 or more. If not, once
  // again: terms are positive, so a maximum with terms missing is one to rely on.
  for (double peak = 0.5; peak > smallest_peak;) {
    const double floor = skipped_at_most * peak / static_cast<double>(aps.ap_count);
    double spare = interpolated_at_most * peak;
    std::fill_n(pdf, cells, 0.0f);
    HeardRings heard(aps, grid, std::log2(floor));
    heard.for_each_chunk([&](Ring* rings, std::size_t n) noexcept {
      std::for_each(rings, rings + n, [&](Ring& ring) { spend(ring, spare); });
      kernels().add_rings(rings, n, grid.height, grid.width, pdf);
    });
    const float found = kernels().extremes(pdf, cells).largest;
    if (static_cast<double>(found) >= peak) {
      kernels().divide(found, cells, pdf);
      return true;
    }
    peak = static_cast<double>(found);
  }
  return false;
}

} // namespace

Status rank_pdf(const RankedAps& aps, const Grid& grid, Combine combine, float* pdf) noexcept {
  if (const Status status = check(aps); !status.ok())
    return status;
  if (const Status status = check(grid); !status.ok())
    return status;
  if (combine == Combine::sum && float32_suffices(aps, grid) && sum_in_float32(aps, grid, pdf))
    return {};
  log_density(aps, grid, combine, pdf);
  return {};
}

} // namespace rssfix
