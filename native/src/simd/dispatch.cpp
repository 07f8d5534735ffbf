#include <atomic>
#include <cstdlib>
#include <cstring>

#include "simd/kernels.hpp"

namespace rssfix {

namespace {

constexpr SimdLevel levels[] = {SimdLevel::avx512, SimdLevel::avx2, SimdLevel::baseline};

const Kernels* table(SimdLevel level) noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (level == SimdLevel::avx2)
    return avx2 ? &kernels_avx2 : nullptr;
  if (level == SimdLevel::avx512)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
               ? &kernels_avx512
               : nullptr;
#endif
  return level == SimdLevel::baseline ? &kernels_baseline : nullptr;
}

const Kernels* choose() noexcept {
  const char* wanted = std::getenv("RSSFIX_SIMD");
  bool allowed = wanted == nullptr;
  for (const SimdLevel level : levels) {
    allowed = allowed || std::strcmp(wanted, name(level)) == 0;
    if (const Kernels* found = allowed ? table(level) : nullptr)
      return found;
  }
  return &kernels_baseline;
}

// Constant-initialised; two threads that choose at once choose the same.
std::atomic<const Kernels*> chosen{nullptr};

} // namespace

const Kernels& kernels() noexcept {
  const Kernels* found = chosen.load(std::memory_order_acquire);
  if (found == nullptr) {
    found = choose();
    chosen.store(found, std::memory_order_release);
  }
  return *found;
}

SimdLevel simd_level() noexcept {
  return kernels().level;
}

bool simd_level_supported(SimdLevel level) noexcept {
  return table(level) != nullptr;
}

bool set_simd_level(SimdLevel level) noexcept {
  const Kernels* found = table(level);
  if (found == nullptr)
    return false;
  chosen.store(found, std::memory_order_release);
  return true;
}

const char* name(SimdLevel level) noexcept {
  switch (level) {
  case SimdLevel::baseline:
    return "baseline";
  case SimdLevel::avx2:
    return "avx2";
  case SimdLevel::avx512:
    return "avx512";
  }
  return "";
}

} // namespace rssfix
