// Everything in one set of kernels but row_distances.hpp; included by baseline.cpp, avx2.cpp and
// avx512.cpp.
#pragma once

#include "simd/log_domain.hpp"
#include "simd/median.hpp"
#include "simd/path_loss.hpp"
#include "simd/plain_loops.hpp"
#include "simd/rings.hpp"
#include "simd/scatter.hpp"
