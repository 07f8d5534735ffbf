#pragma once

#include "rssfix/rank_pdf.hpp"

namespace rssfix {

// The combined density in float64 and in the log domain, divided by its maximum. It underflows
// nowhere, however little the rings agree and however far from the grid they are.
void log_density(const RankedAps& aps, const Grid& grid, Combine combine, float* pdf) noexcept;

} // namespace rssfix
