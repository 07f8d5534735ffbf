// Where the first bad value of an array stands.
#pragma once

#include <cmath>
#include <cstddef>

namespace rssfix {

// `count` where every value is finite.
template <class T> std::size_t first_not_finite(const T* values, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    if (!std::isfinite(values[i]))
      return i;
  return count;
}

} // namespace rssfix
