#include "silence.hpp"

#include <algorithm>
#include <cmath>

#include "path_loss_density.hpp"

namespace rssfix {
namespace {

constexpr int exponent_bias = 127;
constexpr std::size_t nodes = octave_degree + 1;
// What all APs may lack together where their silence is taken as certain, nats.
constexpr double negligible = 2e-5;

// Coefficients in t of the polynomial through `values` at `node`: divided differences, then
// multiplied out.
void through(const double* node, double* values, double* coefficient) noexcept {
  for (std::size_t order = 1; order < nodes; ++order)
    for (std::size_t k = nodes; k-- > order;)
      values[k] = (values[k] - values[k - 1]) / (node[k] - node[k - order]);
  std::fill_n(coefficient, nodes, 0.0);
  for (std::size_t k = nodes; k-- > 0;) {
    for (std::size_t power = nodes; power-- > 1;)
      coefficient[power] = coefficient[power - 1] - node[k] * coefficient[power];
    coefficient[0] = values[k] - node[k] * coefficient[0];
  }
}

// The nearest and the farthest of `count` cells from `first` on, along one axis.
struct Apart {
  double nearest;
  double farthest;
};

Apart apart(double at, std::size_t first, std::size_t count) noexcept {
  const double before = static_cast<double>(first) - at;
  const double after = at - static_cast<double>(first + count - 1);
  return {std::max({0.0, before, after}), std::max(-before, -after)};
}

} // namespace

std::size_t tile_columns(const Grid& grid) noexcept {
  constexpr double most_m = 128;
  constexpr double least = 32;
  return static_cast<std::size_t>(std::max(least, most_m / grid.pitch_m));
}

Silence::Silence(const Levels& levels, const PathLoss& loss, const Grid& grid) noexcept
    : levels_(levels), loss_(loss), grid_(grid),
      least_d2_(static_cast<float>(1 / (grid.pitch_m * grid.pitch_m))),
      first_octave_(std::ilogb(least_d2_)), farthest_octave_(first_octave_) {
  const double steepness = octave_loss_db(loss_) / loss_.sigma_db;
  Ap ap{};
  for (std::size_t i = 0; i < levels_.ap_count; ++i)
    if (matters(i, ap)) {
      const double x = apart(ap.column, 0, grid_.width).farthest;
      const double y = apart(ap.row, 0, grid_.height).farthest;
      farthest_octave_ = std::max(farthest_octave_, std::ilogb((x * x + y * y) * 1.001));
      strain_ += levels_.weight[i] * steepness * steepness;
    }
}

bool Silence::fit() const noexcept {
  constexpr double most_strain = 15;
  return farthest_octave_ - first_octave_ < static_cast<int>(octaves) && strain_ <= most_strain;
}

bool Silence::matters(std::size_t i, Ap& ap) const noexcept {
  if (!std::isnan(levels_.rssi_dbm[i]) || levels_.weight[i] == 0)
    return false;
  ap.column = (levels_.ap_xy_m[2 * i] - grid_.origin_x_m) / grid_.pitch_m;
  ap.row = (levels_.ap_xy_m[2 * i + 1] - grid_.origin_y_m) / grid_.pitch_m;
  ap.reach_d2 = reach_d2(levels_.weight[i], levels_.extra_loss_db[i]);
  ap.weight = static_cast<float>(levels_.weight[i]);
  const double x = apart(ap.column, 0, grid_.width).nearest;
  const double y = apart(ap.row, 0, grid_.height).nearest;
  return x * x + y * y < ap.reach_d2;
}

std::size_t Silence::take(std::size_t first) noexcept {
  ap_count_ = table_count_ = 0;
  for (std::size_t i = first; i < levels_.ap_count; ++i) {
    Ap ap{};
    if (!matters(i, ap))
      continue;
    ap.table = ap_count_ < most_aps ? table(levels_.extra_loss_db[i]) : nullptr;
    if (ap.table == nullptr)
      return i;
    aps_[ap_count_++] = ap;
  }
  return levels_.ap_count;
}

// Where -weight log Phi(z) falls below its share of `negligible`: at most weight exp(-z^2 / 2) for
// z >= 0.
double Silence::reach_d2(double weight, double extra_loss_db) const noexcept {
  const double share = negligible / static_cast<double>(levels_.ap_count);
  const double z = std::sqrt(2 * std::log(std::max(1.0, weight / share)));
  const double loss_db =
      z * loss_.sigma_db - loss_.silence_dbm + loss_.reference_dbm - extra_loss_db;
  // At most 2^1000, which is everywhere; nowhere below the level at 1 m.
  const double octave = std::min(1000.0, loss_db / octave_loss_db(loss_));
  return octave < 0 ? 0 : std::exp2(octave) * static_cast<double>(least_d2_);
}

const OctaveTable* Silence::table(double extra_loss_db) noexcept {
  for (std::size_t i = 0; i < table_count_; ++i)
    if (extra_loss_db_[i] == extra_loss_db)
      return &tables_[i];
  if (table_count_ == most_tables)
    return nullptr;
  extra_loss_db_[table_count_] = extra_loss_db;
  fill(extra_loss_db, tables_[table_count_]);
  return &tables_[table_count_++];
}

void Silence::fill(double extra_loss_db, OctaveTable& table) const noexcept {
  constexpr double pi = 3.14159265358979324;
  constexpr double certain = -1e-9;
  double node[nodes];
  double node_octave[nodes];
  for (std::size_t k = 0; k < nodes; ++k) {
    node[k] = -0.5 * std::cos(pi * (static_cast<double>(k) + 0.5) / nodes);
    node_octave[k] = std::log2(1.5 + node[k]) + 2 * std::log2(grid_.pitch_m);
  }
  const double excess_db = loss_.silence_dbm - loss_.reference_dbm + extra_loss_db;
  const std::size_t used = static_cast<std::size_t>(farthest_octave_ - first_octave_ + 1);
  double values[nodes] = {-1};
  for (std::size_t octave = 0; octave < octaves; ++octave) {
    double coefficient[nodes] = {};
    if (octave < used && values[0] < certain) {
      for (std::size_t k = 0; k < nodes; ++k) {
        const double octaves_from_1_m =
            first_octave_ + static_cast<double>(octave) + node_octave[k];
        const double loss_db = octave_loss_db(loss_) * octaves_from_1_m;
        values[k] = log2_e * log_normal_cdf((excess_db + loss_db) / loss_.sigma_db);
      }
      through(node, values, coefficient);
    }
    for (std::size_t k = 0; k < nodes; ++k)
      table.coefficient[k][octave] = static_cast<float>(coefficient[k]);
  }
}

void Silence::enter(const Tile& tile) noexcept {
  // Distances in float32 may fall short of those in float64.
  constexpr double slack = 1e-5;
  columns_ = tile.columns;
  std::size_t narrow = 0;
  std::size_t wide = ap_count_;
  for (std::size_t i = 0; i < ap_count_; ++i) {
    const Ap& ap = aps_[i];
    const Apart x = apart(ap.column, tile.columns.column, tile.columns.cells);
    const Apart y = apart(ap.row, tile.first_row, tile.row_count);
    const double least = static_cast<double>(least_d2_);
    const double nearest =
        std::max(least, (x.nearest * x.nearest + y.nearest * y.nearest) * (1 - slack));
    if (nearest > ap.reach_d2)
      continue;
    const double farthest = std::max(least, x.farthest * x.farthest + y.farthest * y.farthest);
    const int span = std::ilogb(farthest * (1 + slack)) - std::ilogb(nearest);
    const bool is_narrow = span < int{narrow_octaves};
    const int room = static_cast<int>(octaves - (is_narrow ? narrow_octaves : wide_octaves));
    const int from = std::min(std::ilogb(nearest) - first_octave_, room);
    const std::size_t at = is_narrow ? narrow++ : --wide;
    SilentOnRow& on_row = on_row_[at];
    on_row.whole_column = static_cast<float>(std::nearbyint(ap.column));
    on_row.rest_column = static_cast<float>(ap.column - std::nearbyint(ap.column));
    on_row.weight = ap.weight;
    on_row.coefficient = ap.table->coefficient[0] + from;
    on_row.first_octave = first_octave_ + from + exponent_bias;
    ap_row_[at] = ap.row;
  }
  // The wide ones stand at the end; they move up to the others.
  narrow_count_ = narrow;
  tile_count_ = narrow + ap_count_ - wide;
  std::copy(on_row_ + wide, on_row_ + ap_count_, on_row_ + narrow);
  std::copy(ap_row_ + wide, ap_row_ + ap_count_, ap_row_ + narrow);
}

float Silence::add_row(std::size_t row, float* log2_density) noexcept {
  for (std::size_t i = 0; i < tile_count_; ++i) {
    const double dy = static_cast<double>(row) - ap_row_[i];
    on_row_[i].dy2 = static_cast<float>(dy * dy);
  }
  return kernels().silence_row(
      {on_row_, narrow_count_, tile_count_, least_d2_}, columns_, log2_density);
}

} // namespace rssfix
