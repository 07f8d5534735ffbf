// Densities are float32 where that holds them to 1e-4 of the largest:
//  - heard APs: each residual is off by some 1e-5 dB. The sums of squares lose 2^-22 of their size,
//    which is looked at where the density is largest; residuals are taken against an offset near
//    the likely one, so that they stay small when all levels of a scan are shifted.
//  - silence: polynomials of degree 6 for every octave of the squared distance, off by a few 1e-6
//    (nats, weight 1) where an octave is at most `steepest` deviations; where it is certain it is
//    left out, 2e-5 in all.
// Where these conditions fail, path_loss_density computes in float64.
#include "rssfix/path_loss_pdf.hpp"

#include <algorithm>
#include <cmath>

#include "finite.hpp"
#include "grid_check.hpp"
#include "path_loss_density.hpp"
#include "silence.hpp"

namespace rssfix {
namespace {

constexpr std::size_t most_heard = 256;
constexpr double steepest = 1.5;
constexpr double farthest_cells = 4194304;
constexpr double finest_m = 1.0 / 64;
constexpr double coarsest_m = 4;

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

// The heard APs. With r = offset + r' the density is, up to a constant, that of r' and a linear
// term (`lean`).
class Heard {
 public:
  Heard(const Levels& levels, const PathLoss& loss, const Grid& grid) noexcept;

  // False where there are too many or one stands too far away.
  bool fit() const noexcept { return fit_; }
  void write_row(std::size_t row, Stretch at, float* log2_density) noexcept;
  bool accurate_at(std::size_t row, std::size_t column) const noexcept;

 private:
  void set_offset(const Levels& levels, const Grid& grid) noexcept;
  void add(const Levels& levels, const Grid& grid, std::size_t ap) noexcept;

  const PathLoss& loss_;
  double reference_db_; // expected at a distance of one cell, with the offset
  bool fit_ = true;
  ResidualRow row_{};
  HeardOnRow aps_[most_heard];
  double ap_row_[most_heard];
};

Heard::Heard(const Levels& levels, const PathLoss& loss, const Grid& grid) noexcept
    : loss_(loss),
      reference_db_(loss.reference_dbm - octave_loss_db(loss) * 2 * std::log2(grid.pitch_m)) {
  row_.aps = aps_;
  row_.least_d2 = static_cast<float>(1 / (grid.pitch_m * grid.pitch_m));
  row_.octave_loss_db = static_cast<float>(octave_loss_db(loss));
  row_.log2_scale = static_cast<float>(log2_e / (2 * loss.sigma_db * loss.sigma_db));
  if (loss.offset_sigma_db > 0)
    set_offset(levels, grid);
  for (std::size_t i = 0; i < levels.ap_count && fit_; ++i)
    if (levels.weight[i] > 0 && !std::isnan(levels.rssi_dbm[i]))
      add(levels, grid, i);
}

// About the likeliest one: that of a place some metres from all APs.
void Heard::set_offset(const Levels& levels, const Grid& grid) noexcept {
  constexpr double usual_octaves = 6;
  const double usual_loss_db =
      octave_loss_db(loss_) * (usual_octaves - 2 * std::log2(grid.pitch_m));
  double weights = 0;
  double sum = 0;
  for (std::size_t i = 0; i < levels.ap_count; ++i)
    if (levels.weight[i] > 0 && !std::isnan(levels.rssi_dbm[i])) {
      const double level_db = levels.rssi_dbm[i] + levels.extra_loss_db[i] - reference_db_;
      weights += levels.weight[i];
      sum += levels.weight[i] * (level_db + usual_loss_db);
    }
  const double ratio = loss_.sigma_db / loss_.offset_sigma_db;
  const double shrink = 1 / (weights + ratio * ratio);
  row_.shrink = static_cast<float>(shrink);
  row_.lean = static_cast<float>(2 * sum * shrink * ratio * ratio * shrink);
  reference_db_ += sum * shrink;
}

void Heard::add(const Levels& levels, const Grid& grid, std::size_t ap) noexcept {
  const double column = (levels.ap_xy_m[2 * ap] - grid.origin_x_m) / grid.pitch_m;
  const double row = (levels.ap_xy_m[2 * ap + 1] - grid.origin_y_m) / grid.pitch_m;
  fit_ = row_.count < most_heard && std::fabs(column) < farthest_cells &&
         std::fabs(row) < farthest_cells;
  if (!fit_)
    return;
  ap_row_[row_.count] = row;
  HeardOnRow& on_row = aps_[row_.count++];
  on_row.whole_column = static_cast<float>(std::nearbyint(column));
  on_row.rest_column = static_cast<float>(column - std::nearbyint(column));
  on_row.weight = static_cast<float>(levels.weight[ap]);
  on_row.level_db =
      static_cast<float>(levels.rssi_dbm[ap] + levels.extra_loss_db[ap] - reference_db_);
}

void Heard::write_row(std::size_t row, Stretch at, float* log2_density) noexcept {
  for (std::size_t i = 0; i < row_.count; ++i) {
    const double dy = static_cast<double>(row) - ap_row_[i];
    aps_[i].dy2 = static_cast<float>(dy * dy);
  }
  kernels().residual_row(row_, at, log2_density);
}

bool Heard::accurate_at(std::size_t row, std::size_t column) const noexcept {
  constexpr double rounding = 1.0 / 4194304;
  constexpr double spare = 3e-5;
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < row_.count; ++i) {
    const HeardOnRow& ap = aps_[i];
    const double dx = static_cast<double>(column) - static_cast<double>(ap.whole_column);
    const double dy = static_cast<double>(row) - ap_row_[i];
    const double d2 = std::max(static_cast<double>(row_.least_d2), dx * dx + dy * dy);
    const double r = static_cast<double>(ap.level_db) + octave_loss_db(loss_) * std::log2(d2);
    sum += static_cast<double>(ap.weight) * std::fabs(r);
    squares += static_cast<double>(ap.weight) * r * r;
  }
  const double size = squares + sum * (static_cast<double>(row_.shrink) * sum +
                                          std::fabs(static_cast<double>(row_.lean)));
  return size * rounding <= spare * 2 * loss_.sigma_db * loss_.sigma_db;
}

// False where float32 does not hold the density.
bool in_float32(const Levels& levels, const PathLoss& loss, const Grid& grid, float* pdf) noexcept {
  Heard heard(levels, loss, grid);
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
  if (!heard.accurate_at(largest_row, static_cast<std::size_t>(at - cells)))
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
