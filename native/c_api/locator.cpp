#include <algorithm>
#include <cstddef>
#include <new>
#include <type_traits>

#include "arena.hpp"
#include "inner.hpp"
#include "rssfix/rank_locator.hpp"

using namespace rssfix;
using rssfix::c::none_missing;
using rssfix::c::plain;

static_assert(RSSFIX_FIX_STALE_SCAN == static_cast<int>(FixStatus::stale_scan));

// With copies of all that is no array; the arrays stay the caller's.
struct rssfix_locator {
  RankMethod ranks;
  PathLossMethod path_loss;
  Quality quality;
  RankLocator locator;
};
static_assert(std::is_trivially_destructible_v<rssfix_locator>);

namespace {

RankTrackRules rules_of(const rssfix_site& site, const rssfix_track_rules& rules) noexcept {
  return {site.floor_window_ms, site.position_window_ms, rules.window_entries,
      {rules.accel_sigma, rules.gap_ms, rules.floor_votes}};
}

Status check_pointers(const rssfix_site& site) noexcept {
  if (const Status status =
          none_missing({{site.ap_id, Argument::ap_id}, {site.ap_xy_m, Argument::ap_xy_m},
              {site.ap_floor, Argument::ap_floor}, {site.floors, Argument::floors},
              {site.spread_m, Argument::spread_m}, {site.radius_m, Argument::radius_m}});
      !status.ok())
    return status;
  if ((site.ranks == nullptr) == (site.path_loss == nullptr))
    return {Code::missing, Argument::ranks};
  if (site.ranks == nullptr)
    return {};
  if (site.ranks->combine < RSSFIX_SUM || site.ranks->combine > RSSFIX_TEMPERED)
    return {Code::out_of_range, Argument::combine};
  return none_missing({{site.ranks->edges_dbm, Argument::edges_dbm},
      {site.ranks->mean_m, Argument::mean_m}, {site.ranks->sigma_m, Argument::sigma_m}});
}

// What makes sizes that no machine has.
Status most_cells(const rssfix_site& site, std::size_t& most) noexcept {
  constexpr std::size_t limit = std::size_t{1} << 28;
  most = 0;
  for (std::size_t f = 0; f < site.floor_count; ++f) {
    const rssfix_grid& grid = site.floors[f].grid;
    if (grid.height == 0 || grid.width == 0 || grid.height > limit / grid.width)
      return {Code::out_of_range, Argument::shape, f};
    most = std::max(most, grid.height * grid.width);
  }
  return {};
}

Status needed(
    const rssfix_site& site, const rssfix_track_rules& rules, std::size_t& bytes) noexcept {
  if (const Status status = check_pointers(site); !status.ok())
    return status;
  std::size_t cells = 0;
  if (const Status status = most_cells(site, cells); !status.ok())
    return status;
  constexpr std::size_t most_aps = std::size_t{1} << 20;
  constexpr std::size_t most_window_entries = 4096;
  if (site.ap_count > most_aps)
    return {Code::out_of_range, Argument::ap_id};
  if (rules.window_entries == 0 || rules.window_entries > most_window_entries)
    return {Code::out_of_range, Argument::most_entries};
  Arena arena(nullptr);
  arena.take<rssfix_locator>(1);
  arena.take<FloorCells>(site.floor_count);
  bytes = arena.used() + RankLocator::bytes(site.ap_count, cells, rules_of(site, rules));
  return {};
}

// Fills `holder` and `floors`, to which the result points.
RankSite site_of(const rssfix_site& site, rssfix_locator& holder, FloorCells* floors) noexcept {
  for (std::size_t f = 0; f < site.floor_count; ++f) {
    const rssfix_floor& from = site.floors[f];
    floors[f] = {from.floor, c::grid_of(from.grid), from.cells, from.cell_count};
  }
  if (const rssfix_rank_method* const from = site.ranks)
    holder.ranks = {from->edges_dbm, from->mean_m, from->sigma_m, from->rank_count,
        static_cast<Combine>(from->combine), from->threshold};
  if (const rssfix_path_loss_method* const from = site.path_loss)
    holder.path_loss = {{from->loss.reference_dbm, from->loss.exponent, from->loss.sigma_db,
                            from->loss.offset_sigma_db, from->loss.silence_dbm},
        from->silence_weight, from->weight_scale_db};
  if (const rssfix_quality* const from = site.quality) {
    holder.quality = {from->intercept_m, {}, from->threshold, from->least_m, from->most_m};
    std::copy_n(from->coefficients, 4, holder.quality.coefficients);
  }
  return {site.ap_id, {site.ap_xy_m, site.ap_floor, site.ap_count}, floors, site.floor_count,
      {site.floor_attenuation_db, site.cap_dbm, site.strongest,
          site.ranks == nullptr ? nullptr : &holder.ranks,
          site.path_loss == nullptr ? nullptr : &holder.path_loss},
      site.offset_db, site.quality == nullptr ? nullptr : &holder.quality,
      {site.spread_m, site.radius_m, site.accuracy_count},
      {site.min_matched_aps, site.max_age_ms, site.low_confidence_m}};
}

rssfix_fix plain_fix(const RankFix& fix) noexcept {
  return {fix.timestamp_ms, static_cast<std::int32_t>(fix.status), fix.has_position ? 1 : 0,
      fix.floor, fix.matched_aps, fix.x_m, fix.y_m, fix.accuracy_m};
}

static_assert(sizeof(rssfix_reading) == sizeof(ApReading));
static_assert(offsetof(rssfix_reading, rssi_dbm) == offsetof(ApReading, rssi_dbm));
static_assert(offsetof(rssfix_reading, age_ms) == offsetof(ApReading, age_ms));

using Call = Status (RankLocator::*)(
    std::int64_t, const ApReading*, std::size_t, RankFix&) noexcept;

rssfix_status run(Call call, rssfix_locator* locator, std::int64_t timestamp_ms,
    const rssfix_reading* readings, std::size_t count, rssfix_fix* fix) noexcept {
  // An empty scan may come without an array.
  const void* const first = count == 0 ? fix : static_cast<const void*>(readings);
  const Status given = none_missing(
      {{locator, Argument::memory}, {fix, Argument::out}, {first, Argument::readings}});
  if (!given.ok())
    return plain(given);
  RankFix found{};
  const Status status = (locator->locator.*call)(
      timestamp_ms, reinterpret_cast<const ApReading*>(readings), count, found);
  if (status.ok())
    *fix = plain_fix(found);
  return plain(status);
}

} // namespace

uint64_t rssfix_ap_id(const uint8_t mac[6]) {
  uint64_t id = 0;
  for (int i = 0; i < 6; ++i)
    id = id << 8 | mac[i];
  return id;
}

rssfix_track_rules rssfix_default_track_rules(void) {
  return {ScanWindow::usual_entries, 0.3, 60000, 5};
}

rssfix_status rssfix_locator_size(
    const rssfix_site* site, const rssfix_track_rules* rules, size_t* size) {
  const Status given = none_missing(
      {{site, Argument::floors}, {rules, Argument::most_entries}, {size, Argument::out}});
  return plain(given.ok() ? needed(*site, *rules, *size) : given);
}

rssfix_status rssfix_locator_init(void* memory, size_t size, const rssfix_site* site,
    const rssfix_track_rules* rules, rssfix_locator** out) {
  size_t bytes = 0;
  const rssfix_status sized = rssfix_locator_size(site, rules, &bytes);
  if (sized.code != RSSFIX_OK)
    return sized;
  Status status =
      out == nullptr ? Status{Code::missing, Argument::out} : c::check_memory(memory, size, bytes);
  if (!status.ok())
    return plain(status);
  Arena arena(memory);
  auto* const holder = new (arena.take<rssfix_locator>(1)) rssfix_locator{};
  auto* const floors = arena.take<FloorCells>(site->floor_count);
  status = holder->locator.init(
      site_of(*site, *holder, floors), rules_of(*site, *rules), arena.take<float>(0));
  if (status.ok())
    *out = holder;
  return plain(status);
}

rssfix_status rssfix_locator_update(rssfix_locator* locator, int64_t timestamp_ms,
    const rssfix_reading* readings, size_t count, rssfix_fix* fix) {
  return run(&RankLocator::update, locator, timestamp_ms, readings, count, fix);
}

rssfix_status rssfix_locator_locate(rssfix_locator* locator, int64_t timestamp_ms,
    const rssfix_reading* readings, size_t count, rssfix_fix* fix) {
  return run(&RankLocator::locate, locator, timestamp_ms, readings, count, fix);
}

void rssfix_locator_reset(rssfix_locator* locator) {
  if (locator != nullptr)
    locator->locator.reset();
}
