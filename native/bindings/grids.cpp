#include "grids.hpp"

#include "arrays.hpp"

namespace rssfix::python {

Grid grid_of(const py::object& origin_m, const py::object& pitch_m) {
  double origin[2];
  if (few_numbers(origin_m, Argument::origin_m, origin, 2) != 2)
    refuse_shape(Argument::origin_m, float64_array(origin_m, Argument::origin_m), "(2,)");
  return {origin[0], origin[1], real_number(pitch_m, Argument::pitch_m), 0, 0};
}

void set_shape(Grid& grid, const py::object& shape) {
  if (!PySequence_Check(shape.ptr()) || py::len(shape) != 2)
    throw py::value_error(
        "shape is " + py::cast<std::string>(py::repr(shape)) + ": expected (height, width)");
  const auto sequence = py::reinterpret_borrow<py::sequence>(shape);
  const std::int64_t height = whole_number(sequence[0], Argument::shape);
  const std::int64_t width = whole_number(sequence[1], Argument::shape);
  // Up to 2^31 cells: 8 GiB of output.
  constexpr std::int64_t most = std::int64_t{1} << 31;
  if (height < 1 || width < 1 || height > most || width > most || height * width > most)
    throw py::value_error("shape is " + py::cast<std::string>(py::repr(shape)) +
                          ": expected a height and a width of 1 or more, at most 2^31 cells");
  grid.height = static_cast<std::size_t>(height);
  grid.width = static_cast<std::size_t>(width);
}

} // namespace rssfix::python
