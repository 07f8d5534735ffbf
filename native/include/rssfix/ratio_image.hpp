#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

// Fingerprint image of iToLoc (SPEC 2.1): image[j][k] = (rssi[j] - rssi[k]) / rssi[k], row j,
// column k. The diagonal is exactly 0.
//
// `rssi` holds n values in dBm (never 0), `image` n x n; both are the caller's, C order, and may
// not overlap. Refused: NaN, infinities, zeros, and values whose ratio float32 cannot hold.
Status ratio_image(const float* rssi, std::size_t n, float* image) noexcept;

} // namespace rssfix
