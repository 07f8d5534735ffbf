// Arrays one after the other in the caller's memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rssfix {

// What memory must be aligned to, and what every array begins at: malloc does so everywhere.
constexpr std::size_t memory_alignment = 8;

// Without memory it only counts, so that sizes are written down once.
class Arena {
 public:
  explicit Arena(void* memory) noexcept : memory_(static_cast<std::byte*>(memory)) {}

  template <class T> T* take(std::size_t count) noexcept {
    static_assert(alignof(T) <= memory_alignment);
    std::byte* const at = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += (count * sizeof(T) + memory_alignment - 1) / memory_alignment * memory_alignment;
    return reinterpret_cast<T*>(at);
  }

  std::size_t used() const noexcept { return used_; }

 private:
  std::byte* memory_;
  std::size_t used_ = 0;
};

inline bool aligned(const void* memory) noexcept {
  return reinterpret_cast<std::uintptr_t>(memory) % memory_alignment == 0;
}

} // namespace rssfix
