#include "simd/table.hpp"

namespace rssfix {

extern const Kernels kernels_avx2;
const Kernels kernels_avx2 = RSSFIX_KERNELS(SimdLevel::avx2);

} // namespace rssfix
