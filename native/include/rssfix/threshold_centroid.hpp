#pragma once

#include "rssfix/grid.hpp"
#include "rssfix/status.hpp"

namespace rssfix {

struct Centroid {
  double x_m;
  double y_m;
  double area_m2; // cells that reach the threshold x pitch^2
};

// Centre of mass of the cells with pdf >= threshold, weighted by pdf (SPEC 5.5, step 4).
//
// `pdf` holds grid.height x grid.width values of 0 or more, its maximum being 1 as rank_pdf leaves
// it; the threshold lies in (0, 1]. NaN, infinities and negative values are refused, and so is a
// threshold that no cell reaches.
Status threshold_centroid(
    const float* pdf, const Grid& grid, double threshold, Centroid& centroid) noexcept;

} // namespace rssfix
