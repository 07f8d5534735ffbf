// Where the first bad value of an array stands.
#pragma once

#include <cmath>
#include <cstddef>

namespace rssfix {

// The first index where `bad` holds, or `count`. Almost always nothing is bad, so that is found out
// first, without a way out of the loop that would keep the compiler from vectorising it.
template <class T, class Bad>
std::size_t first_where(const T* values, std::size_t count, Bad bad) noexcept {
  unsigned any = 0;
  for (std::size_t i = 0; i < count; ++i)
    any |= static_cast<unsigned>(bad(values[i]));
  if (any == 0)
    return count;
  std::size_t i = 0;
  while (!bad(values[i]))
    ++i;
  return i;
}

template <class T> std::size_t first_not_finite(const T* values, std::size_t count) noexcept {
  return first_where(values, count, [](T v) { return !std::isfinite(v); });
}

template <class T> std::size_t first_infinite(const T* values, std::size_t count) noexcept {
  return first_where(values, count, [](T v) { return std::isinf(v); });
}

} // namespace rssfix
