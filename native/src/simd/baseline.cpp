#include "simd/row_distances.hpp"
#include "simd/table.hpp"

namespace rssfix {

const Kernels kernels_baseline = {
    SimdLevel::baseline,
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
    row_distances,
    level_likelihoods,
    pull,
};

} // namespace rssfix
