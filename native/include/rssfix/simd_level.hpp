#pragma once

namespace rssfix {

// Which set of vector kernels runs. The best one that the processor knows is chosen at the first
// call; the environment variable RSSFIX_SIMD (avx2, or baseline, as which all else counts) asks for
// less.
enum class SimdLevel { baseline, avx2, avx512 };

SimdLevel simd_level() noexcept;
bool simd_level_supported(SimdLevel level) noexcept;

// False, and nothing changes, where the processor or the build lacks the level. For tests and
// measurements: results differ between levels by float32 rounding only.
bool set_simd_level(SimdLevel level) noexcept;

const char* name(SimdLevel level) noexcept;

} // namespace rssfix
