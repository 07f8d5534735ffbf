// Defines one set of kernels; included last by baseline.cpp, avx2.cpp and avx512.cpp.
#pragma once

#include "simd/plain_loops.hpp"
#include "simd/rings.hpp"
#include "simd/row_distances.hpp"

#define RSSFIX_KERNELS(level)                                                                      \
  {level, add_to_sums, ratio_row, add_rings, subtract_squares, exp2_shifted, extremes, scale,      \
      threshold_row, row_distances}
