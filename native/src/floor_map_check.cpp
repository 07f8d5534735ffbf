// What map_weights relies on; the path loss itself is checked by its kernel.
#include "finite.hpp"
#include "grid_check.hpp"
#include "rssfix/floor_map.hpp"

namespace rssfix {
namespace {

Status check(const RankMethod& method) noexcept {
  if (method.rank_count == 0)
    return {Code::empty, Argument::mean_m};
  for (std::size_t i = 0; i + 1 < method.rank_count; ++i) {
    if (!std::isfinite(method.edges_dbm[i]))
      return {Code::not_finite, Argument::edges_dbm, i};
    if (i > 0 && method.edges_dbm[i] <= method.edges_dbm[i - 1])
      return {Code::not_ascending, Argument::edges_dbm, i};
  }
  for (std::size_t i = 0; i < method.rank_count; ++i) {
    if (!(method.mean_m[i] >= 0) || !std::isfinite(method.mean_m[i]))
      return {Code::negative, Argument::mean_m, i};
    if (!(method.sigma_m[i] > 0) || !std::isfinite(method.sigma_m[i]))
      return {Code::not_positive, Argument::sigma_m, i};
  }
  if (method.combine > Combine::tempered)
    return {Code::out_of_range, Argument::combine};
  if (!(method.threshold > 0 && method.threshold <= 1))
    return {Code::out_of_range, Argument::threshold};
  return {};
}

} // namespace

Status check(const MapRules& rules) noexcept {
  if (!(rules.floor_attenuation_db >= 0) || !std::isfinite(rules.floor_attenuation_db))
    return {Code::negative, Argument::floor_attenuation_db};
  if (!std::isfinite(rules.cap_dbm))
    return {Code::not_finite, Argument::cap_dbm};
  if (rules.ranks != nullptr)
    return check(*rules.ranks);
  if (rules.path_loss == nullptr)
    return {Code::missing, Argument::ranks};
  const PathLossMethod& method = *rules.path_loss;
  if (!(method.silence_weight >= 0 && method.silence_weight <= most_weight))
    return {Code::out_of_range, Argument::silence_weight};
  if (!(method.weight_scale_db > 0) || !std::isfinite(method.weight_scale_db))
    return {Code::not_positive, Argument::weight_scale_db};
  return {};
}

Status check(const PlacedAps& aps) noexcept {
  if (aps.ap_count == 0)
    return {Code::empty, Argument::ap_xy_m};
  const std::size_t coordinates = 2 * aps.ap_count;
  if (const std::size_t bad = first_not_finite(aps.ap_xy_m, coordinates); bad != coordinates)
    return {Code::not_finite, Argument::ap_xy_m, bad};
  return {};
}

Status check(const FloorCells& floor) noexcept {
  if (const Status status = check(floor.grid); !status.ok())
    return status;
  if (floor.cells == nullptr)
    return {};
  if (floor.cell_count == 0)
    return {Code::empty, Argument::cells};
  for (std::size_t i = 0; i < floor.cell_count; ++i) {
    if (floor.cells[i] >= floor.grid.height * floor.grid.width)
      return {Code::out_of_range, Argument::cells, i};
    if (i > 0 && floor.cells[i] <= floor.cells[i - 1])
      return {Code::not_ascending, Argument::cells, i};
  }
  return {};
}

} // namespace rssfix
