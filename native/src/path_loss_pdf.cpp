// Densities are float32 where that holds them to 1e-4 of the largest:
//  - heard APs: each residual is off by some 1e-5 dB. The sums of squares lose 2^-22 of their size,
//    which is looked at where the density is largest; residuals are taken against an offset near
//    the likely one, so that they stay small when all levels of a scan are shifted.
//  - silence: polynomials of degree 6 for every octave of the squared distance, off by a few 1e-6
//    (nats, weight 1) where an octave is at most `steepest` deviations.
// Where these conditions fail, path_loss_density computes in float64.
#include "rssfix/path_loss_pdf.hpp"

#include <algorithm>
#include <cmath>

#include "finite.hpp"
#include "grid_check.hpp"
#include "path_loss_density.hpp"
#include "silence_tables.hpp"

namespace rssfix {
namespace {

constexpr std::size_t most_aps = 1024;
constexpr double steepest = 1.5;
constexpr double most_silence = 30; // sum of weights x deviations an octave
constexpr double farthest_cells = 4194304;
constexpr double negligible = 1e-7;

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

// The APs that count, ready for the kernels: heard ones from the front, the others from the back.
class Terms {
 public:
  Terms(const Levels& levels, const PathLoss& loss, const Grid& grid) noexcept
      : levels_(levels), loss_(loss), grid_(grid), tables_(loss, grid) {}

  // False where float32, the octaves or the room here do not suffice.
  bool prepare() noexcept;
  bool fill(float* pdf) noexcept;

 private:
  bool heard(std::size_t ap) const noexcept { return !std::isnan(levels_.rssi_dbm[ap]); }
  double level_db(std::size_t ap) const noexcept;
  void set_offset() noexcept;
  bool add(std::size_t ap) noexcept;
  bool silence_matters(std::size_t ap, double column, double row) noexcept;
  void enter_row(std::size_t row) noexcept;
  void choose_tables(std::size_t column, std::size_t cells) noexcept;
  bool accurate_at(std::size_t row, std::size_t column) const noexcept;

  const Levels& levels_;
  const PathLoss& loss_;
  const Grid& grid_;
  SilenceTables tables_;
  PathLossRow row_{};
  double offset_db_ = 0;
  double silence_slope_ = 0;
  double farthest_d2_ = 0;
  std::size_t heard_ = 0;
  std::size_t silent_ = most_aps; // index of the first
  ApOnRow aps_[most_aps];
  double ap_row_[most_aps];
  const OctaveTable* near_[most_aps];
};

// Over what is expected at a distance of one cell.
double Terms::level_db(std::size_t ap) const noexcept {
  return levels_.rssi_dbm[ap] - loss_.reference_dbm + levels_.extra_loss_db[ap] +
         octave_loss_db(loss_) * 2 * std::log2(grid_.pitch_m) - offset_db_;
}

// With r = offset + r' the density is, up to a constant, that of r' and a linear term (`lean`).
void Terms::set_offset() noexcept {
  if (loss_.offset_sigma_db == 0)
    return;
  double weights = 0;
  double sum = 0;
  for (std::size_t i = 0; i < levels_.ap_count; ++i)
    if (levels_.weight[i] > 0 && heard(i)) {
      weights += levels_.weight[i];
      sum += levels_.weight[i] * level_db(i);
    }
  const double ratio = loss_.sigma_db / loss_.offset_sigma_db;
  const double shrink = 1 / (weights + ratio * ratio);
  // At a distance of some metres, and as far as the prior lets the offset go.
  constexpr double usual_octaves = 6;
  const double usual_db = octave_loss_db(loss_) * (usual_octaves - 2 * std::log2(grid_.pitch_m));
  offset_db_ = shrink * (sum + weights * usual_db);
  row_.shrink = static_cast<float>(shrink);
  row_.lean = static_cast<float>(2 * offset_db_ * ratio * ratio * shrink);
}

bool Terms::prepare() noexcept {
  row_.least_d2 = static_cast<float>(1 / (grid_.pitch_m * grid_.pitch_m));
  row_.octave_loss_db = static_cast<float>(octave_loss_db(loss_));
  row_.log2_scale = static_cast<float>(log2_e / (2 * loss_.sigma_db * loss_.sigma_db));
  set_offset();
  for (std::size_t i = 0; i < levels_.ap_count; ++i)
    if (levels_.weight[i] > 0 && !add(i))
      return false;
  row_.heard = aps_;
  row_.heard_end = aps_ + heard_;
  row_.silent = aps_ + silent_;
  row_.silent_end = aps_ + most_aps;
  return silence_slope_ <= most_silence;
}

bool Terms::add(std::size_t ap) noexcept {
  const double column = (levels_.ap_xy_m[2 * ap] - grid_.origin_x_m) / grid_.pitch_m;
  const double row = (levels_.ap_xy_m[2 * ap + 1] - grid_.origin_y_m) / grid_.pitch_m;
  if (!(std::fabs(column) < farthest_cells && std::fabs(row) < farthest_cells))
    return false;
  if (!heard(ap) && !silence_matters(ap, column, row))
    return true;
  if (heard_ == silent_)
    return false;
  const std::size_t at = heard(ap) ? heard_++ : --silent_;
  ApOnRow& term = aps_[at];
  term.whole_column = static_cast<float>(std::nearbyint(column));
  term.rest_column = static_cast<float>(column - std::nearbyint(column));
  term.weight = static_cast<float>(levels_.weight[ap]);
  term.level_db = heard(ap) ? static_cast<float>(level_db(ap)) : 0;
  ap_row_[at] = row;
  near_[at] = heard(ap) ? nullptr : tables_.near_table(levels_.extra_loss_db[ap]);
  return heard(ap) || near_[at] != nullptr;
}

// Not where it is certain all over the grid. Also adds up what the tables have to stand.
bool Terms::silence_matters(std::size_t ap, double column, double row) noexcept {
  const double columns = static_cast<double>(grid_.width - 1);
  const double rows = static_cast<double>(grid_.height - 1);
  const double dx = std::max({0.0, -column, column - columns});
  const double dy = std::max({0.0, -row, row - rows});
  const double d_m = std::max(1.0, grid_.pitch_m * std::sqrt(dx * dx + dy * dy));
  const double expected =
      loss_.reference_dbm - levels_.extra_loss_db[ap] - octave_loss_db(loss_) * 2 * std::log2(d_m);
  const double z = (loss_.silence_dbm - expected) / loss_.sigma_db;
  if (-levels_.weight[ap] * log_normal_cdf(z) < negligible)
    return false;
  const double far_x = std::max(column, columns - column);
  const double far_y = std::max(row, rows - row);
  farthest_d2_ = std::max(farthest_d2_, far_x * far_x + far_y * far_y);
  silence_slope_ += levels_.weight[ap] * octave_loss_db(loss_) / loss_.sigma_db;
  return true;
}

void Terms::enter_row(std::size_t row) noexcept {
  const auto enter = [&](std::size_t i) noexcept {
    const double dy = static_cast<double>(row) - ap_row_[i];
    aps_[i].dy2 = static_cast<float>(dy * dy);
  };
  for (std::size_t i = 0; i < heard_; ++i)
    enter(i);
  for (std::size_t i = silent_; i < most_aps; ++i)
    enter(i);
}

// The far table where all cells are far enough.
void Terms::choose_tables(std::size_t column, std::size_t cells) noexcept {
  const float last = static_cast<float>(column + cells - 1);
  const float far_d2 = std::ldexp(row_.least_d2, SilenceTables::far_octaves);
  for (std::size_t i = silent_; i < most_aps; ++i) {
    const float dx = std::max({0.0f, static_cast<float>(column) - aps_[i].whole_column - 1,
        aps_[i].whole_column - last - 1});
    const bool far = dx * dx + aps_[i].dy2 > far_d2;
    aps_[i].table = far ? SilenceTables::far_table(near_[i]) : near_[i];
    aps_[i].first_octave = tables_.first_octave() + (far ? SilenceTables::far_octaves : 0);
  }
}

bool Terms::fill(float* pdf) noexcept {
  // Cells of a row together; from cells that need the near table up to 2^7 m away all are in it.
  const double least_d2 = static_cast<double>(row_.least_d2);
  const bool one_table = farthest_d2_ < std::ldexp(least_d2, octaves - 1);
  if (!one_table &&
      !(farthest_d2_ < std::ldexp(least_d2, octaves - 1 + SilenceTables::far_octaves)))
    return false;
  const double far_stretch = std::max(1.0, std::ldexp(std::sqrt(least_d2), 7));
  const std::size_t stretch = one_table ? grid_.width : static_cast<std::size_t>(far_stretch);
  float largest = -INFINITY;
  std::size_t largest_row = 0;
  for (std::size_t row = 0; row < grid_.height; ++row) {
    enter_row(row);
    for (std::size_t column = 0; column < grid_.width; column += stretch) {
      const std::size_t cells = std::min(stretch, grid_.width - column);
      if (column == 0 || !one_table)
        choose_tables(column, cells);
      row_.column = column;
      const float found = kernels().path_loss_row(row_, cells, pdf + row * grid_.width + column);
      if (found > largest) {
        largest = found;
        largest_row = row;
      }
    }
  }
  const float* const cells = pdf + largest_row * grid_.width;
  const float* const at = std::max_element(cells, cells + grid_.width);
  if (!accurate_at(largest_row, static_cast<std::size_t>(at - cells)))
    return false;
  kernels().exp2_shifted(largest, grid_.height * grid_.width, pdf);
  return true;
}

bool Terms::accurate_at(std::size_t row, std::size_t column) const noexcept {
  constexpr double rounding = 1.0 / 4194304;
  constexpr double spare = 3e-5;
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < heard_; ++i) {
    const double dx = static_cast<double>(column) - static_cast<double>(aps_[i].whole_column);
    const double dy = static_cast<double>(row) - ap_row_[i];
    const double d2 = std::max(static_cast<double>(row_.least_d2), dx * dx + dy * dy);
    const double r = static_cast<double>(aps_[i].level_db) + octave_loss_db(loss_) * std::log2(d2);
    sum += static_cast<double>(aps_[i].weight) * std::fabs(r);
    squares += static_cast<double>(aps_[i].weight) * r * r;
  }
  const double size = squares + sum * (static_cast<double>(row_.shrink) * sum +
                                          std::fabs(static_cast<double>(row_.lean)));
  return size * rounding <= spare * 2 * loss_.sigma_db * loss_.sigma_db;
}

} // namespace

Status path_loss_pdf(
    const Levels& levels, const PathLoss& loss, const Grid& grid, float* pdf) noexcept {
  if (const Status status = check(levels, loss); !status.ok())
    return status;
  if (const Status status = check(grid); !status.ok())
    return status;
  const bool usual_pitch = grid.pitch_m >= 1.0 / 64 && grid.pitch_m <= 64;
  const bool usual_size = static_cast<double>(std::max(grid.height, grid.width)) < farthest_cells;
  if (usual_pitch && usual_size && octave_loss_db(loss) <= steepest * loss.sigma_db) {
    Terms terms(levels, loss, grid);
    if (terms.prepare() && terms.fill(pdf))
      return {};
  }
  path_loss_density(levels, loss, grid, pdf);
  return {};
}

} // namespace rssfix
