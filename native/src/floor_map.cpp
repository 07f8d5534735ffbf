#include "rssfix/floor_map.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "simd/kernels.hpp"

namespace rssfix {
namespace {

// No signal comes through this; the kernels take a few times as much.
constexpr double most_extra_db = 1000;
// Beyond so many standard deviations the silence of an AP says nothing, wherever the device is.
constexpr double silent_sigmas = 4;

class HeardAps {
 public:
  HeardAps(const MapRules& rules, const PlacedAps& aps, std::int32_t floor,
      const MapScratch& scratch) noexcept
      : rules_(rules), aps_(aps), floor_(floor), to_(scratch) {}

  std::size_t count() const noexcept { return count_; }

  // Levels as they would be on the floor.
  void take(const float* rssi_dbm) noexcept {
    for (std::size_t i = 0; i < aps_.ap_count; ++i)
      if (!std::isnan(rssi_dbm[i])) {
        const double extra_db = extra_loss_db(i);
        add(i, std::min(static_cast<double>(rssi_dbm[i]) + extra_db, rules_.cap_dbm), extra_db);
      }
  }

  void keep_strongest() noexcept {
    if (rules_.strongest == 0 || rules_.strongest >= count_)
      return;
    double* const sorted = to_.weight; // not in use yet
    std::copy_n(to_.rssi_dbm, count_, sorted);
    double* const last = sorted + (rules_.strongest - 1);
    std::nth_element(sorted, last, sorted + count_, std::greater<double>());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i)
      if (to_.rssi_dbm[i] >= *last) {
        to_.rssi_dbm[kept] = to_.rssi_dbm[i];
        to_.extra_loss_db[kept] = to_.extra_loss_db[i];
        std::copy_n(to_.ap_xy_m + 2 * i, 2, to_.ap_xy_m + 2 * kept);
        ++kept;
      }
    count_ = kept;
  }

  Status write_ranks(const RankMethod& method, const Grid& grid, float* weights) const noexcept {
    const double* const end = method.edges_dbm + (method.rank_count - 1);
    for (std::size_t i = 0; i < count_; ++i)
      to_.ranks[i] = static_cast<std::int32_t>(
          std::upper_bound(method.edges_dbm, end, to_.rssi_dbm[i]) - method.edges_dbm);
    const RankedAps heard{
        to_.ap_xy_m, to_.ranks, count_, method.mean_m, method.sigma_m, method.rank_count};
    return rank_pdf(heard, grid, method.combine, weights);
  }

  Status write_path_loss(const PathLossMethod& method, const float* rssi_dbm,
      const std::uint8_t* unknown, const Grid& grid, float* weights) noexcept {
    const double strongest = *std::max_element(to_.rssi_dbm, to_.rssi_dbm + count_);
    for (std::size_t i = 0; i < count_; ++i) {
      to_.weight[i] = std::pow(10.0, (to_.rssi_dbm[i] - strongest) / method.weight_scale_db);
      to_.rssi_dbm[i] -= to_.extra_loss_db[i];
    }
    if (method.silence_weight > 0)
      add_silent(method, rssi_dbm, unknown);
    const Levels levels{to_.ap_xy_m, to_.rssi_dbm, to_.weight, to_.extra_loss_db, count_};
    return path_loss_pdf(levels, method.loss, grid, weights);
  }

 private:
  double extra_loss_db(std::size_t ap) const noexcept {
    const double between = std::fabs(static_cast<double>(aps_.ap_floor[ap]) - floor_);
    return std::min(rules_.floor_attenuation_db * between, most_extra_db);
  }

  void add(std::size_t ap, double rssi_dbm, double extra_db) noexcept {
    std::copy_n(aps_.ap_xy_m + 2 * ap, 2, to_.ap_xy_m + 2 * count_);
    to_.rssi_dbm[count_] = rssi_dbm;
    to_.extra_loss_db[count_] = extra_db;
    ++count_;
  }

  void add_silent(
      const PathLossMethod& method, const float* rssi_dbm, const std::uint8_t* unknown) noexcept {
    const double least_dbm = method.loss.silence_dbm - silent_sigmas * method.loss.sigma_db;
    for (std::size_t i = 0; i < aps_.ap_count; ++i) {
      const double extra_db = extra_loss_db(i);
      if (!std::isnan(rssi_dbm[i]) || (unknown != nullptr && unknown[i] != 0) ||
          !(method.loss.reference_dbm - extra_db > least_dbm))
        continue;
      to_.weight[count_] = method.silence_weight;
      add(i, std::numeric_limits<double>::quiet_NaN(), extra_db);
    }
  }

  const MapRules& rules_;
  const PlacedAps& aps_;
  std::int32_t floor_;
  const MapScratch& to_;
  std::size_t count_ = 0;
};

} // namespace

Status map_weights(const MapRules& rules, const PlacedAps& aps, const FloorCells& floor,
    const float* rssi_dbm, const std::uint8_t* unknown, double share, const MapScratch& scratch,
    float* weights, std::size_t& reached) noexcept {
  HeardAps heard(rules, aps, floor.floor, scratch);
  heard.take(rssi_dbm);
  heard.keep_strongest();
  const std::size_t cells = walkable(floor);
  double highest = 0;
  if (heard.count() > 0) {
    const Status status =
        rules.ranks != nullptr
            ? heard.write_ranks(*rules.ranks, floor.grid, weights)
            : heard.write_path_loss(*rules.path_loss, rssi_dbm, unknown, floor.grid, weights);
    if (!status.ok())
      return status;
    // The cells ascend, so none is overwritten before it is read.
    if (floor.cells != nullptr)
      for (std::size_t i = 0; i < cells; ++i)
        weights[i] = weights[floor.cells[i]];
    highest = static_cast<double>(kernels().extremes(weights, cells).largest);
  }
  if (!(highest > 0)) {
    std::fill_n(weights, cells, 1.0f);
    highest = 1;
  }
  const float reach = static_cast<float>(share * highest);
  const double threshold = rules.ranks != nullptr ? rules.ranks->threshold : 0.0;
  const float least = static_cast<float>(threshold * highest);
  reached = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    reached += weights[i] >= reach ? 1U : 0U;
    weights[i] = weights[i] >= least ? weights[i] : 0.0f;
  }
  return {};
}

} // namespace rssfix
