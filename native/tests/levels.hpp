#pragma once

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "rssfix/simd_level.hpp"

namespace rssfix {

// Runs the test once with each set of kernels that the processor has.
template <class Test> void at_every_level(Test&& test) {
  const SimdLevel before = simd_level();
  for (const SimdLevel level : {SimdLevel::baseline, SimdLevel::avx2, SimdLevel::avx512})
    if (set_simd_level(level)) {
      CAPTURE(name(level));
      test();
    }
  set_simd_level(before);
}

inline std::vector<float> random_dbm(std::size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> dbm(-100, -30);
  std::vector<float> values(count);
  for (float& value : values)
    value = dbm(random);
  return values;
}

} // namespace rssfix
