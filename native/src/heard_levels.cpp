#include "heard_levels.hpp"

#include <algorithm>
#include <cmath>

#include "path_loss_density.hpp"

namespace rssfix {

HeardLevels::HeardLevels(const Levels& levels, const PathLoss& loss, const Grid& grid) noexcept
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
void HeardLevels::set_offset(const Levels& levels, const Grid& grid) noexcept {
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

void HeardLevels::add(const Levels& levels, const Grid& grid, std::size_t ap) noexcept {
  const double column = (levels.ap_xy_m[2 * ap] - grid.origin_x_m) / grid.pitch_m;
  const double row = (levels.ap_xy_m[2 * ap + 1] - grid.origin_y_m) / grid.pitch_m;
  fit_ = row_.count < most_aps && std::fabs(column) < farthest_cells &&
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

void HeardLevels::write_row(std::size_t row, Stretch at, float* log2_density) noexcept {
  for (std::size_t i = 0; i < row_.count; ++i) {
    const double dy = static_cast<double>(row) - ap_row_[i];
    aps_[i].dy2 = static_cast<float>(dy * dy);
  }
  kernels().residual_row(row_, at, log2_density);
}

bool HeardLevels::accurate_at(std::size_t row, std::size_t column) const noexcept {
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

} // namespace rssfix
