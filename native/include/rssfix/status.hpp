// What a kernel says about its arguments: which one is wrong, where, and what was expected.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rssfix {

enum class Code : std::uint8_t {
  ok,
  empty,                 // a size is 0
  not_finite,            // NaN or infinite
  infinite,              // infinite, where NaN would be allowed
  negative,              // < 0 or not finite
  not_positive,          // <= 0 or not finite
  zero,                  // 0, where it would be divided by
  out_of_range,          // not among the values that the header names
  overflow,              // finite, but the result would not be
  nothing_heard,         // a scan of which every element is NaN; index of its first
  below_threshold,       // no cell reaches the threshold
  asymmetric,            // a covariance that differs from its transpose
  not_positive_definite, // a covariance with a variance of 0 or less in some direction
  not_ascending,         // not above the one before
  goes_back,             // a time before the one before
  missing,               // a null pointer
  misaligned,            // memory that does not begin at a multiple of 8 bytes
  too_small,             // less memory than was asked for
  out_of_memory,         // the system has no more
};

enum class Argument : std::uint8_t {
  none,
  rssi,
  maps,
  ap_xy_m,
  ranks,
  mean_m,
  sigma_m,
  origin_m,
  pitch_m,
  shape,
  pdf,
  threshold,
  database,
  query,
  k,
  state,
  covariance,
  accel_sigma,
  dt_s,
  z,
  variance,
  rssi_dbm,
  ap_floor,
  n_floors,
  silent_dbm,
  span,
  weight,
  extra_loss_db,
  reference_dbm,
  exponent,
  sigma_db,
  offset_sigma_db,
  silence_dbm,
  walls_m,
  clear_walls_m,
  corners_m,
  wedges,
  transmitter_m,
  vertices_m,
  ring_start,
  push_m,
  buildings,
  pixels,
  links,
  wall_db,
  reference_db,
  los_exponent,
  nlos_exponent,
  least_bend_db,
  most_bend_db,
  full_bend_rad,
  decay,
  obstacle_db,
  most_corners,
  combine,
  metric,
  out,
  memory,
  edges_dbm,
  floor_attenuation_db,
  cap_dbm,
  cells,
  ap_id,
  floors,
  offset_db,
  quality,
  spread_m,
  radius_m,
  min_matched_aps,
  low_confidence_m,
  window_ms,
  most_entries,
  gap_ms,
  floor_votes,
  timestamp_ms,
  readings,
  x_m,
  y_m,
  accuracy_m,
  tables,
  silence_weight,
  weight_scale_db,
  measured_db,
  mean_db,
  tail_factor,
  narrow,
  wide,
  outliers,
  silent,
  power,
  start_m,
  soft_m,
  steps,
};

// `index` counts elements of the argument in C order; it is 0 for scalars.
struct [[nodiscard]] Status {
  Code code = Code::ok;
  Argument argument = Argument::none;
  std::size_t index = 0;

  constexpr bool ok() const noexcept { return code == Code::ok; }
};

// Static strings: the parameter's name in every face of the library, and what it must be.
const char* name(Argument argument) noexcept;
const char* expected(Code code) noexcept;

} // namespace rssfix
