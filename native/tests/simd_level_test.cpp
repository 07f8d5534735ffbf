#include "levels.hpp"

using namespace rssfix;

TEST_CASE("simd_level.the_baseline_is_always_there") {
  const SimdLevel before = simd_level();
  CHECK(simd_level_supported(SimdLevel::baseline));
  CHECK(set_simd_level(SimdLevel::baseline));
  CHECK(simd_level() == SimdLevel::baseline);
  CHECK(set_simd_level(before));
}

TEST_CASE("simd_level.what_is_not_supported_is_not_set") {
  const SimdLevel before = simd_level();
  for (const SimdLevel level : {SimdLevel::avx2, SimdLevel::avx512}) {
    CHECK(set_simd_level(level) == simd_level_supported(level));
    if (!simd_level_supported(level))
      CHECK(simd_level() != level);
  }
  set_simd_level(before);
}
