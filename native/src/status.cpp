#include "rssfix/status.hpp"

namespace rssfix {

const char* name(Argument argument) noexcept {
  switch (argument) {
  case Argument::none:
    break;
  case Argument::rssi:
    return "rssi";
  case Argument::maps:
    return "maps";
  case Argument::ap_xy_m:
    return "ap_xy_m";
  case Argument::ranks:
    return "ranks";
  case Argument::mean_m:
    return "mean_m";
  case Argument::sigma_m:
    return "sigma_m";
  case Argument::origin_m:
    return "origin_m";
  case Argument::pitch_m:
    return "pitch_m";
  case Argument::shape:
    return "shape";
  case Argument::pdf:
    return "pdf";
  case Argument::threshold:
    return "threshold";
  case Argument::database:
    return "database";
  case Argument::query:
    return "query";
  case Argument::k:
    return "k";
  case Argument::state:
    return "state";
  case Argument::covariance:
    return "covariance";
  case Argument::accel_sigma:
    return "accel_sigma";
  case Argument::dt_s:
    return "dt_s";
  case Argument::z:
    return "z";
  case Argument::variance:
    return "variance";
  case Argument::rssi_dbm:
    return "rssi_dbm";
  case Argument::ap_floor:
    return "ap_floor";
  case Argument::n_floors:
    return "n_floors";
  case Argument::silent_dbm:
    return "silent_dbm";
  case Argument::span:
    return "span";
  case Argument::weight:
    return "weight";
  case Argument::extra_loss_db:
    return "extra_loss_db";
  case Argument::reference_dbm:
    return "reference_dbm";
  case Argument::exponent:
    return "exponent";
  case Argument::sigma_db:
    return "sigma_db";
  case Argument::offset_sigma_db:
    return "offset_sigma_db";
  case Argument::silence_dbm:
    return "silence_dbm";
  case Argument::walls_m:
    return "walls_m";
  case Argument::clear_walls_m:
    return "clear_walls_m";
  case Argument::corners_m:
    return "corners_m";
  case Argument::wedges:
    return "wedges";
  case Argument::transmitter_m:
    return "transmitter_m";
  case Argument::vertices_m:
    return "vertices_m";
  case Argument::ring_start:
    return "ring_start";
  case Argument::push_m:
    return "push_m";
  case Argument::buildings:
    return "buildings";
  case Argument::pixels:
    return "pixels";
  case Argument::links:
    return "links";
  case Argument::wall_db:
    return "wall_db";
  case Argument::reference_db:
    return "reference_db";
  case Argument::los_exponent:
    return "los_exponent";
  case Argument::nlos_exponent:
    return "nlos_exponent";
  case Argument::least_bend_db:
    return "least_bend_db";
  case Argument::most_bend_db:
    return "most_bend_db";
  case Argument::full_bend_rad:
    return "full_bend_rad";
  case Argument::decay:
    return "decay";
  case Argument::obstacle_db:
    return "obstacle_db";
  case Argument::most_corners:
    return "most_corners";
  case Argument::tables:
    return "tables";
  case Argument::combine:
    return "combine";
  case Argument::metric:
    return "metric";
  case Argument::out:
    return "out";
  case Argument::memory:
    return "memory";
  case Argument::edges_dbm:
    return "edges_dbm";
  case Argument::floor_attenuation_db:
    return "floor_attenuation_db";
  case Argument::cap_dbm:
    return "cap_dbm";
  case Argument::cells:
    return "cells";
  case Argument::ap_id:
    return "ap_id";
  case Argument::floors:
    return "floors";
  case Argument::offset_db:
    return "offset_db";
  case Argument::quality:
    return "quality";
  case Argument::spread_m:
    return "spread_m";
  case Argument::radius_m:
    return "radius_m";
  case Argument::min_matched_aps:
    return "min_matched_aps";
  case Argument::low_confidence_m:
    return "low_confidence_m";
  case Argument::window_ms:
    return "window_ms";
  case Argument::most_entries:
    return "most_entries";
  case Argument::gap_ms:
    return "gap_ms";
  case Argument::floor_votes:
    return "floor_votes";
  case Argument::timestamp_ms:
    return "timestamp_ms";
  case Argument::readings:
    return "readings";
  case Argument::x_m:
    return "x_m";
  case Argument::y_m:
    return "y_m";
  case Argument::accuracy_m:
    return "accuracy_m";
  case Argument::silence_weight:
    return "silence_weight";
  case Argument::weight_scale_db:
    return "weight_scale_db";
  case Argument::measured_db:
    return "measured_db";
  case Argument::mean_db:
    return "mean_db";
  case Argument::tail_factor:
    return "tail_factor";
  case Argument::narrow:
    return "narrow";
  case Argument::wide:
    return "wide";
  case Argument::outliers:
    return "outliers";
  case Argument::silent:
    return "silent";
  case Argument::power:
    return "power";
  case Argument::start_m:
    return "start_m";
  case Argument::soft_m:
    return "soft_m";
  case Argument::steps:
    return "steps";
  }
  return "";
}

const char* expected(Code code) noexcept {
  switch (code) {
  case Code::ok:
    break;
  case Code::empty:
    return "at least one element";
  case Code::not_finite:
    return "a finite number";
  case Code::infinite:
    return "a finite number, or NaN for unknown";
  case Code::negative:
    return "a finite number of 0 or more";
  case Code::not_positive:
    return "a finite number greater than 0";
  case Code::zero:
    return "a number other than 0";
  case Code::out_of_range:
    return "a value in range";
  case Code::overflow:
    return "a value with which the result stays finite";
  case Code::nothing_heard:
    return "at least one reading";
  case Code::below_threshold:
    return "a threshold that at least one cell reaches (is the maximum of pdf 1?)";
  case Code::asymmetric:
    return "a symmetric matrix";
  case Code::not_positive_definite:
    return "a positive definite matrix";
  case Code::not_ascending:
    return "more than the one before";
  case Code::goes_back:
    return "a time no earlier than the one before";
  case Code::missing:
    return "a pointer that is not null";
  case Code::misaligned:
    return "memory that begins at a multiple of 8 bytes";
  case Code::too_small:
    return "as much memory as the size function says";
  case Code::out_of_memory:
    return "a system that has memory left";
  }
  return "";
}

} // namespace rssfix
