#include "simd/table.hpp"

namespace rssfix {

extern const Kernels kernels_baseline;
const Kernels kernels_baseline = RSSFIX_KERNELS(SimdLevel::baseline);

} // namespace rssfix
