#include "simd/table.hpp"

namespace rssfix {

// Reading the rows bounds row_distances, and rows seldom begin on a cache line: 64-byte loads then
// touch two lines each, and were a third slower than 32-byte loads.
const Kernels kernels_avx512 = {
    SimdLevel::avx512,
    add_to_sums,
    ratio_row,
    add_rings,
    subtract_squares,
    exp2_shifted,
    residual_row,
    silence_row,
    extremes,
    within,
    highest,
    divide,
    threshold_row,
    row_distances_avx2,
    level_likelihoods,
    pull,
};

} // namespace rssfix
