#include "inner.hpp"
#include "rssfix/cyclic_map.hpp"
#include "rssfix/diagonal_mean.hpp"
#include "rssfix/floor_features.hpp"
#include "rssfix/geometric_median.hpp"
#include "rssfix/level_likelihoods.hpp"
#include "rssfix/level_sums.hpp"
#include "rssfix/path_loss_pdf.hpp"
#include "rssfix/rank_pdf.hpp"
#include "rssfix/ratio_image.hpp"
#include "rssfix/threshold_centroid.hpp"
#include "rssfix/weighted_knn.hpp"

using namespace rssfix;
using rssfix::c::none_missing;
using rssfix::c::plain;

static_assert(RSSFIX_FLOOR_FEATURES == floor_feature_count);
static_assert(RSSFIX_TEMPERED == static_cast<int>(Combine::tempered));
static_assert(RSSFIX_SORENSEN == static_cast<int>(Metric::sorensen));

rssfix_status rssfix_cyclic_map(const float* rssi, size_t batch, size_t n, float* maps) {
  const Status given = none_missing({{rssi, Argument::rssi}, {maps, Argument::maps}});
  return plain(given.ok() ? cyclic_map(rssi, batch, n, maps) : given);
}

rssfix_status rssfix_diagonal_mean(const float* maps, size_t batch, size_t n, float* scores) {
  const Status given = none_missing({{maps, Argument::maps}, {scores, Argument::out}});
  return plain(given.ok() ? diagonal_mean(maps, batch, n, scores) : given);
}

rssfix_status rssfix_ratio_image(const float* rssi, size_t n, float* image) {
  const Status given = none_missing({{rssi, Argument::rssi}, {image, Argument::out}});
  return plain(given.ok() ? ratio_image(rssi, n, image) : given);
}

rssfix_status rssfix_floor_features(const float* rssi_dbm, size_t batch, const double* ap_xy_m,
    const int32_t* ap_floor, size_t ap_count, size_t floors, double silent_dbm, size_t span,
    int32_t* start, float* features) {
  const Status given = none_missing({{rssi_dbm, Argument::rssi_dbm}, {ap_xy_m, Argument::ap_xy_m},
      {ap_floor, Argument::ap_floor}, {start, Argument::out}, {features, Argument::out}});
  if (!given.ok())
    return plain(given);
  return plain(floor_features(
      rssi_dbm, batch, {ap_xy_m, ap_floor, ap_count, floors}, silent_dbm, span, start, features));
}

rssfix_status rssfix_rank_pdf(const double* ap_xy_m, const int32_t* ranks, size_t ap_count,
    const double* mean_m, const double* sigma_m, size_t rank_count, const rssfix_grid* grid,
    int32_t combine, float* pdf) {
  const Status given = none_missing(
      {{ap_xy_m, Argument::ap_xy_m}, {ranks, Argument::ranks}, {mean_m, Argument::mean_m},
          {sigma_m, Argument::sigma_m}, {grid, Argument::shape}, {pdf, Argument::pdf}});
  if (!given.ok())
    return plain(given);
  if (combine < RSSFIX_SUM || combine > RSSFIX_TEMPERED)
    return plain({Code::out_of_range, Argument::combine});
  return plain(rank_pdf({ap_xy_m, ranks, ap_count, mean_m, sigma_m, rank_count}, c::grid_of(*grid),
      static_cast<Combine>(combine), pdf));
}

rssfix_status rssfix_path_loss_pdf(const double* ap_xy_m, const double* rssi_dbm,
    const double* weight, const double* extra_loss_db, size_t ap_count,
    const rssfix_path_loss* loss, const rssfix_grid* grid, float* pdf) {
  const Status given = none_missing({{ap_xy_m, Argument::ap_xy_m}, {rssi_dbm, Argument::rssi_dbm},
      {weight, Argument::weight}, {extra_loss_db, Argument::extra_loss_db},
      {loss, Argument::reference_dbm}, {grid, Argument::shape}, {pdf, Argument::pdf}});
  if (!given.ok())
    return plain(given);
  return plain(path_loss_pdf({ap_xy_m, rssi_dbm, weight, extra_loss_db, ap_count},
      {loss->reference_dbm, loss->exponent, loss->sigma_db, loss->offset_sigma_db,
          loss->silence_dbm},
      c::grid_of(*grid), pdf));
}

rssfix_status rssfix_threshold_centroid(
    const float* pdf, const rssfix_grid* grid, double threshold, rssfix_centroid* centroid) {
  const Status given =
      none_missing({{pdf, Argument::pdf}, {grid, Argument::shape}, {centroid, Argument::out}});
  if (!given.ok())
    return plain(given);
  Centroid found{};
  const Status status = threshold_centroid(pdf, c::grid_of(*grid), threshold, found);
  if (status.ok())
    *centroid = {found.x_m, found.y_m, found.area_m2};
  return plain(status);
}

rssfix_status rssfix_weighted_knn(const float* database, size_t rows, size_t columns,
    const float* query, size_t queries, size_t k, int32_t metric, int64_t* indices,
    float* distances) {
  const Status given = none_missing({{database, Argument::database}, {query, Argument::query},
      {indices, Argument::out}, {distances, Argument::out}});
  if (!given.ok())
    return plain(given);
  if (metric < RSSFIX_L1 || metric > RSSFIX_SORENSEN)
    return plain({Code::out_of_range, Argument::metric});
  return plain(weighted_knn(
      database, rows, columns, query, queries, k, static_cast<Metric>(metric), indices, distances));
}

rssfix_status rssfix_level_sums(const uint16_t* maps, size_t map_count, size_t cells,
    const float* tables, size_t levels, float* sums) {
  const Status given =
      none_missing({{maps, Argument::maps}, {tables, Argument::tables}, {sums, Argument::out}});
  return plain(given.ok() ? level_sums(maps, map_count, cells, tables, levels, sums) : given);
}

rssfix_status rssfix_level_likelihoods(const float* measured_db, size_t count,
    const rssfix_scatter* scatter, double power, float* tables) {
  const Status given = none_missing({{measured_db, Argument::measured_db},
      {scatter, Argument::mean_db}, {tables, Argument::tables}});
  if (!given.ok())
    return plain(given);
  const Scatter model{scatter->mean_db, scatter->sigma_db, scatter->tail_factor, scatter->narrow,
      scatter->wide, scatter->outliers, scatter->silent, scatter->codes};
  const Status filled = none_missing({{model.mean_db, Argument::mean_db},
      {model.sigma_db, Argument::sigma_db}, {model.tail_factor, Argument::tail_factor},
      {model.narrow, Argument::narrow}, {model.wide, Argument::wide},
      {model.outliers, Argument::outliers}, {model.silent, Argument::silent}});
  return plain(filled.ok() ? level_likelihoods(measured_db, count, model, power, tables) : filled);
}

rssfix_status rssfix_geometric_median(const double* x_m, const double* y_m, const double* weight,
    size_t count, const double* start_m, double soft_m, size_t steps, double* median_m) {
  const Status given = none_missing({{x_m, Argument::x_m}, {y_m, Argument::y_m},
      {weight, Argument::weight}, {start_m, Argument::start_m}, {median_m, Argument::out}});
  if (!given.ok())
    return plain(given);
  Point median{};
  const Status status =
      geometric_median({x_m, y_m, weight, count}, {start_m[0], start_m[1]}, soft_m, steps, median);
  if (status.ok()) {
    median_m[0] = median.x_m;
    median_m[1] = median.y_m;
  }
  return plain(status);
}
