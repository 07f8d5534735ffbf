// What a RankSite must be.
#include "finite.hpp"
#include "rssfix/rank_locator.hpp"

namespace rssfix {
namespace {

Status check(const Quality& quality) noexcept {
  bool finite = std::isfinite(quality.intercept_m) && std::isfinite(quality.least_m) &&
                std::isfinite(quality.most_m);
  for (const double coefficient : quality.coefficients)
    finite = finite && std::isfinite(coefficient);
  if (!finite)
    return {Code::not_finite, Argument::quality};
  if (!(quality.threshold > 0 && quality.threshold <= 1) || !(quality.least_m > 0) ||
      quality.most_m < quality.least_m)
    return {Code::out_of_range, Argument::quality};
  return {};
}

Status check(const AccuracyTable& table) noexcept {
  if (table.count == 0)
    return {Code::empty, Argument::spread_m};
  for (std::size_t i = 0; i < table.count; ++i) {
    if (!std::isfinite(table.spread_m[i]))
      return {Code::not_finite, Argument::spread_m, i};
    if (i > 0 && table.spread_m[i] <= table.spread_m[i - 1])
      return {Code::not_ascending, Argument::spread_m, i};
    if (!(table.radius_m[i] > 0) || !std::isfinite(table.radius_m[i]))
      return {Code::not_positive, Argument::radius_m, i};
  }
  return {};
}

Status check(const Limits& limits) noexcept {
  if (limits.min_matched_aps == 0)
    return {Code::out_of_range, Argument::min_matched_aps};
  if (!(limits.low_confidence_m > 0))
    return {Code::not_positive, Argument::low_confidence_m};
  return {};
}

Status check_floors(const RankSite& site) noexcept {
  if (site.floor_count == 0)
    return {Code::empty, Argument::floors};
  for (std::size_t f = 0; f < site.floor_count; ++f) {
    if (const Status status = check(site.floors[f]); !status.ok())
      return status;
    for (std::size_t other = 0; other < f; ++other)
      if (site.floors[other].floor == site.floors[f].floor)
        return {Code::out_of_range, Argument::floors, f};
  }
  for (std::size_t i = 0; i < site.aps.ap_count; ++i) {
    bool known = false;
    for (std::size_t f = 0; f < site.floor_count; ++f)
      known = known || site.floors[f].floor == site.aps.ap_floor[i];
    if (!known)
      return {Code::out_of_range, Argument::ap_floor, i};
  }
  return {};
}

} // namespace

Status check(const RankSite& site) noexcept {
  if (const Status status = check(site.aps); !status.ok())
    return status;
  for (std::size_t i = 1; i < site.aps.ap_count; ++i)
    if (site.ap_id[i] <= site.ap_id[i - 1])
      return {Code::not_ascending, Argument::ap_id, i};
  if (const Status status = check_floors(site); !status.ok())
    return status;
  if (const Status status = check(site.rules); !status.ok())
    return status;
  if (!std::isfinite(site.offset_db))
    return {Code::not_finite, Argument::offset_db};
  if (site.quality != nullptr)
    if (const Status status = check(*site.quality); !status.ok())
      return status;
  if (const Status status = check(site.accuracy); !status.ok())
    return status;
  return check(site.limits);
}

} // namespace rssfix
