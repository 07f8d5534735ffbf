// Densities are float32 where that holds them to 1e-4 of the largest:
//  - heard APs: each residual is off by some 1e-5 dB. The sums of squares lose 2^-22 of their size,
//    which is looked at where the density is largest; residuals are taken against an offset near
//    the likely one, so that they stay small when all levels of a scan are shifted.
//  - silence: polynomials of degree 6 for every octave of the squared distance, off by a few 1e-6
//    (nats, weight 1) where an octave is at most `steepest` deviations; where it is certain it is
//    left out, 2e-5 in all. Its sums lose 2^-22 of their size, which is looked at as well.
// Where these conditions fail, path_loss_density computes in float64.
#include "rssfix/path_loss_pdf.hpp"

#include <algorithm>
#include <cmath>

#include "finite.hpp"
#include "grid_check.hpp"
#include "heard_levels.hpp"
#include "path_loss_density.hpp"
#include "silence.hpp"

namespace rssfix {
namespace {

constexpr double steepest = 1.5;
constexpr double finest_m = 1.0 / 64;
constexpr double coarsest_m = 4;
// A smaller log, nats, float32 may miss by more than 3e-5.
constexpr double least_log = -126;

template <class Bad>
Status check_each(const double* values, std::size_t count, Argument argument, Bad bad) noexcept {
  const std::size_t first = first_where(values, count, bad);
  return first == count ? Status{} : Status{Code::out_of_range, argument, first};
}

Status check(const Levels& levels, const PathLoss& loss) noexcept {
  const std::size_t n = levels.ap_count;
  if (n == 0)
    return {Code::empty, Argument::ap_xy_m};
  if (const std::size_t bad = first_not_finite(levels.ap_xy_m, 2 * n); bad != 2 * n)
    return {Code::not_finite, Argument::ap_xy_m, bad};
  const auto level = [](double v) { return !(std::fabs(v) <= most_db); };
  const auto beyond = [](double most) {
    return [most](double v) { return !(v >= 0 && v <= most); };
  };
  for (const Status status : {
           check_each(levels.rssi_dbm, n, Argument::rssi_dbm,
               [&](double v) { return !std::isnan(v) && level(v); }),
           check_each(levels.weight, n, Argument::weight, beyond(most_weight)),
           check_each(levels.extra_loss_db, n, Argument::extra_loss_db, beyond(most_db)),
           check_each(&loss.reference_dbm, 1, Argument::reference_dbm, level),
           check_each(&loss.exponent, 1, Argument::exponent,
               [](double v) { return !(v > 0 && v <= most_exponent); }),
           check_each(&loss.sigma_db, 1, Argument::sigma_db,
               [](double v) { return !(v >= least_sigma_db && v <= most_db); }),
           check_each(&loss.offset_sigma_db, 1, Argument::offset_sigma_db, beyond(most_db)),
           check_each(&loss.silence_dbm, 1, Argument::silence_dbm, level),
       })
    if (!status.ok())
      return status;
  return {};
}

// False where float32 does not hold the density.
bool in_float32(const Levels& levels, const PathLoss& loss, const Grid& grid, float* pdf) noexcept {
  HeardLevels heard(levels, loss, grid);
  Silence silence(levels, loss, grid);
  if (!heard.fit() || !silence.fit())
    return false;
  float largest = 0;
  std::size_t largest_row = 0;
  std::size_t next = 0;
  do {
    const bool first_pass = next == 0;
    next = silence.take(next);
    largest = -INFINITY;
    for (std::size_t row = 0; row < grid.height; row += Tile::rows)
      for (std::size_t column = 0; column < grid.width; column += tile_columns(grid)) {
        const Tile tile{row, std::min(Tile::rows, grid.height - row),
            {column, std::min(tile_columns(grid), grid.width - column)}};
        silence.enter(tile);
        for (std::size_t r = row; r < row + tile.row_count; ++r) {
          float* const cells = pdf + r * grid.width + column;
          if (first_pass)
            heard.write_row(r, tile.columns, cells);
          const float found = silence.add_row(r, cells);
          if (found > largest) {
            largest = found;
            largest_row = r;
          }
        }
      }
  } while (next < levels.ap_count);
  const float* const cells = pdf + largest_row * grid.width;
  const float* const at = std::max_element(cells, cells + grid.width);
  const std::size_t column = static_cast<std::size_t>(at - cells);
  if (!heard.accurate_at(largest_row, column) ||
      log_path_loss_density(levels, loss, grid, largest_row, column) < least_log)
    return false;
  kernels().exp2_shifted(largest, grid.height * grid.width, pdf);
  return true;
}

} // namespace

Status path_loss_pdf(
    const Levels& levels, const PathLoss& loss, const Grid& grid, float* pdf) noexcept {
  if (const Status status = check(levels, loss); !status.ok())
    return status;
  if (const Status status = check(grid); !status.ok())
    return status;
  const bool usual_grid = grid.pitch_m >= finest_m && grid.pitch_m <= coarsest_m &&
                          static_cast<double>(std::max(grid.height, grid.width)) < farthest_cells;
  if (usual_grid && octave_loss_db(loss) <= steepest * loss.sigma_db &&
      in_float32(levels, loss, grid, pdf))
    return {};
  path_loss_density(levels, loss, grid, pdf);
  return {};
}

} // namespace rssfix
