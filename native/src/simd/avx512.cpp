#include "simd/table.hpp"

namespace rssfix {

extern const Kernels kernels_avx512;
const Kernels kernels_avx512 = RSSFIX_KERNELS(SimdLevel::avx512);

} // namespace rssfix
