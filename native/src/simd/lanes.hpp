// Vectors as wide as the file that includes this is compiled for.
//
// Included once per vector width, so everything is in an unnamed namespace and uses no inline
// function of the standard library: the linker would be free to keep the copy made for AVX-512 and
// call it on a processor that has none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace rssfix {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t lane_bytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t lane_bytes = 32;
#else
constexpr std::size_t lane_bytes = 16;
#endif

using f32 = float __attribute__((vector_size(lane_bytes)));
using i32 = std::int32_t __attribute__((vector_size(lane_bytes)));
using f64 = double __attribute__((vector_size(lane_bytes)));
constexpr std::size_t f32_lanes = lane_bytes / sizeof(float);
constexpr std::size_t f64_lanes = lane_bytes / sizeof(double);

template <class To, class From> inline To bits(const From& from) noexcept {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

inline f32 load(const float* from) noexcept {
  f32 v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

inline f64 load(const double* from) noexcept {
  f64 v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

inline void store(float* to, f32 v) noexcept {
  std::memcpy(to, &v, sizeof v);
}

#if defined(__AVX2__) && !defined(__AVX512F__)
inline __m256i first_lanes(std::size_t count) noexcept {
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), numbers);
}
#endif

// The first `count` lanes from memory, fewer than all; 0 in the others.
inline f32 load_first(const float* from, std::size_t count) noexcept {
#if defined(__AVX512F__)
  return f32(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1U), from));
#elif defined(__AVX2__)
  return f32(_mm256_maskload_ps(from, first_lanes(count)));
#else
  f32 v{};
  for (std::size_t i = 0; i < count; ++i)
    v[i] = from[i];
  return v;
#endif
}

inline f64 load_first(const double* from, std::size_t count) noexcept {
  f64 v{};
  for (std::size_t i = 0; i < count; ++i)
    v[i] = from[i];
  return v;
}

inline void store_first(float* to, f32 v, std::size_t count) noexcept {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1U), __m512(v));
#elif defined(__AVX2__)
  _mm256_maskstore_ps(to, first_lanes(count), __m256(v));
#else
  for (std::size_t i = 0; i < count; ++i)
    to[i] = v[i];
#endif
}

// The maskz forms with all lanes on: GCC 12 warns about its own undefined() in the plain ones.
inline f32 root(f32 v) noexcept {
#if defined(__AVX512F__)
  return f32(_mm512_maskz_sqrt_ps(0xffff, __m512(v)));
#elif defined(__AVX2__)
  return f32(_mm256_sqrt_ps(__m256(v)));
#elif defined(__SSE2__)
  return f32(_mm_sqrt_ps(__m128(v)));
#elif defined(__aarch64__)
  return f32(vsqrtq_f32(float32x4_t(v)));
#else
  for (std::size_t i = 0; i < f32_lanes; ++i)
    v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}

inline f64 root(f64 v) noexcept {
#if defined(__AVX512F__)
  return f64(_mm512_maskz_sqrt_pd(0xff, __m512d(v)));
#elif defined(__AVX2__)
  return f64(_mm256_sqrt_pd(__m256d(v)));
#elif defined(__SSE2__)
  return f64(_mm_sqrt_pd(__m128d(v)));
#elif defined(__aarch64__)
  return f64(vsqrtq_f64(float64x2_t(v)));
#else
  for (std::size_t i = 0; i < f64_lanes; ++i)
    v[i] = __builtin_sqrt(v[i]);
  return v;
#endif
}

inline f32 magnitude(f32 v) noexcept {
  return bits<f32>(bits<i32>(v) & 0x7fffffff);
}

inline float sum_of_lanes(f32 v) noexcept {
#if defined(__AVX2__)
#if defined(__AVX512F__)
  const __m256 eight = _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xff, __m512(v), 0),
      _mm512_maskz_extractf32x8_ps(0xff, __m512(v), 1));
#else
  const __m256 eight = __m256(v);
#endif
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
#else
  float sum = 0;
  for (std::size_t i = 0; i < f32_lanes; ++i)
    sum += v[i];
  return sum;
#endif
}

inline f32 lane_numbers() noexcept {
  f32 v{};
  for (std::size_t i = 0; i < f32_lanes; ++i)
    v[i] = static_cast<float>(i);
  return v;
}

inline f64 lane_numbers_f64() noexcept {
  f64 v{};
  for (std::size_t i = 0; i < f64_lanes; ++i)
    v[i] = static_cast<double>(i);
  return v;
}

// 2^v for v <= 127, within 2e-7 of the value down to 2^-126; 2^-126 or 0 below.
inline f32 exp2_lanes(f32 v) noexcept {
#if defined(__AVX512F__)
  constexpr int to_nearest = 0;
  const f32 f = f32(_mm512_maskz_reduce_ps(0xffff, __m512(v), to_nearest));
#else
  const f32 low = f32{} - 126.0f;
  v = v < low ? low : v;
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the sum.
  constexpr float magic = 12582912.0f;
  const f32 shifted = v + magic;
  const f32 f = v - (shifted - magic);
#endif
  // Minimax for the relative error on [-1/2, 1/2].
  f32 p = f * 1.33102721e-3f + 9.67237650e-3f;
  p = p * f + 5.55058357e-2f;
  p = p * f + 2.40221833e-1f;
  p = p * f + 6.93147066e-1f;
  p = p * f + 1.0f;
#if defined(__AVX512F__)
  return f32(_mm512_maskz_scalef_ps(0xffff, __m512(p), __m512(v - f)));
#else
  return bits<f32>(bits<i32>(p) + (bits<i32>(shifted) << 23));
#endif
}

} // namespace
} // namespace rssfix
