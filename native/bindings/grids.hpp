// A Grid from origin_m, pitch_m and shape, and how densities on it are combined.
#pragma once

#include <pybind11/pybind11.h>

#include "rssfix/grid.hpp"
#include "rssfix/rank_pdf.hpp"

namespace rssfix::python {

namespace py = pybind11;

// Without a shape.
Grid grid_of(const py::object& origin_m, const py::object& pitch_m);

// Sets height and width; ValueError unless they are 1 or more and at most 2^31 cells together.
void set_shape(Grid& grid, const py::object& shape);

// "sum", "product" or "tempered"; else ValueError.
Combine combine_of(const py::object& combine);

} // namespace rssfix::python
