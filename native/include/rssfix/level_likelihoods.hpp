#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

// How a measured path loss p scatters where a radio map shows a code, an index of these arrays
// (LocUNet, SPEC 3.13). Its density is outliers + narrow N(p; mean_db, sigma_db)
// + wide N(p; mean_db, tail_factor sigma_db), per dB; `silent` is the log-likelihood of receiving
// nothing. All arrays are the caller's.
struct Scatter {
  const float* mean_db;
  const float* sigma_db;
  const float* tail_factor;
  const float* narrow; // shares of the two normal parts
  const float* wide;
  const float* outliers;
  const float* silent;
  std::size_t codes;
};

// What keeps every intermediate result within float32 and the tables as exact as promised.
constexpr float most_path_loss_db = 1e4f; // of means, deviations and measured values
constexpr float least_scatter_db = 1e-3f;
constexpr float least_tail_factor = 1e-3f;
constexpr float most_tail_factor = 1e3f;
constexpr float least_outliers = 1e-20f;
constexpr float most_outliers = 1e6f;
constexpr float most_silent = 1e4f;
constexpr float most_power = 1e6f;

// tables[k][code] = power x the log-likelihood of measured_db[k], NaN = not received, under each
// code: what level_sums reads. `power` (above 0) tempers transmitters that do not err
// independently.
//
// Writes count x codes values to `tables`. Within 1e-5 + 1e-5 |value| of the exact logs for
// power 1. Refused: measured values that are infinite or, like means, beyond most_path_loss_db;
// deviations, factors, densities and logs outside the bounds above, shares outside [0, 1].
// Allocates nothing, never throws.
Status level_likelihoods(const float* measured_db, std::size_t count, const Scatter& scatter,
    double power, float* tables) noexcept;

} // namespace rssfix
