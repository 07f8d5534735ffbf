#include "silence_tables.hpp"

#include <cmath>

#include "path_loss_density.hpp"

namespace rssfix {
namespace {

constexpr std::int32_t exponent_bias = 127;
constexpr std::size_t nodes = octave_degree + 1;

// Coefficients in t of the polynomial through `values` at Chebyshev nodes of [-1/2, 1/2]: divided
// differences, then multiplied out.
void through(const double* node, double* values, double* coefficient) noexcept {
  for (std::size_t order = 1; order < nodes; ++order)
    for (std::size_t k = nodes; k-- > order;)
      values[k] = (values[k] - values[k - 1]) / (node[k] - node[k - order]);
  for (std::size_t k = 0; k < nodes; ++k)
    coefficient[k] = 0;
  for (std::size_t k = nodes; k-- > 0;) {
    for (std::size_t power = nodes; power-- > 1;)
      coefficient[power] = coefficient[power - 1] - node[k] * coefficient[power];
    coefficient[0] = values[k] - node[k] * coefficient[0];
  }
}

} // namespace

SilenceTables::SilenceTables(const PathLoss& loss, const Grid& grid) noexcept
    : loss_(loss), pitch_m_(grid.pitch_m),
      first_octave_(std::ilogb(1 / (grid.pitch_m * grid.pitch_m)) + exponent_bias) {}

const OctaveTable* SilenceTables::near_table(double extra_loss_db) noexcept {
  for (std::size_t i = 0; i < count_; ++i)
    if (extra_loss_db_[i] == extra_loss_db)
      return &tables_[2 * i];
  if (count_ == most)
    return nullptr;
  extra_loss_db_[count_] = extra_loss_db;
  OctaveTable* const pair = &tables_[2 * count_++];
  fill(extra_loss_db, first_octave_, pair[0]);
  fill(extra_loss_db, first_octave_ + far_octaves, pair[1]);
  return pair;
}

void SilenceTables::fill(
    double extra_loss_db, std::int32_t first_octave, OctaveTable& table) const noexcept {
  constexpr double pi = 3.14159265358979324;
  const double excess_db = loss_.silence_dbm - loss_.reference_dbm + extra_loss_db;
  double node[nodes];
  for (std::size_t k = 0; k < nodes; ++k)
    node[k] = -0.5 * std::cos(pi * (static_cast<double>(k) + 0.5) / nodes);
  for (std::size_t octave = 0; octave < octaves; ++octave) {
    const double log2_d2_m =
        first_octave - exponent_bias + static_cast<double>(octave) + 2 * std::log2(pitch_m_);
    double values[nodes];
    double coefficient[nodes];
    for (std::size_t k = 0; k < nodes; ++k) {
      const double loss_db = octave_loss_db(loss_) * (log2_d2_m + std::log2(1.5 + node[k]));
      values[k] = log2_e * log_normal_cdf((excess_db + loss_db) / loss_.sigma_db);
    }
    through(node, values, coefficient);
    for (std::size_t k = 0; k < nodes; ++k)
      table.coefficient[k][octave] = static_cast<float>(coefficient[k]);
  }
}

} // namespace rssfix
