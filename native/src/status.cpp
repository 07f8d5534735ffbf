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
  }
  return "";
}

} // namespace rssfix
