// convex_corners, corner_visibility, dominant_path, reflections
#include <vector>

#include "arrays.hpp"
#include "errors.hpp"
#include "grids.hpp"
#include "module.hpp"
#include "rssfix/convex_corners.hpp"
#include "rssfix/corner_visibility.hpp"
#include "rssfix/dominant_path.hpp"
#include "rssfix/reflections.hpp"

namespace rssfix::python {
namespace {

template <class T> using Array = py::array_t<T, py::array::c_style>;

py::array_t<double> rows_of(const py::object& object, Argument argument, py::ssize_t columns) {
  auto array = float64_array(object, argument);
  if (array.ndim() != 2 || array.shape(1) != columns)
    refuse_shape(argument, array, "(N, " + std::to_string(columns) + ")");
  return array;
}

py::array_t<double> wedges_of(const py::object& object, py::ssize_t corners) {
  auto array = float64_array(object, Argument::wedges);
  if (array.ndim() != 3 || array.shape(0) != corners || array.shape(1) != 3 || array.shape(2) != 2)
    refuse_shape(Argument::wedges, array, "(" + std::to_string(corners) + ", 3, 2)");
  return array;
}

// Arrays that only these kernels and numpy comparisons make, so nothing is converted.
template <class T>
Array<T> exact(const py::object& object, Argument argument, const Shape& shape, const char* type) {
  if (!py::isinstance<Array<T>>(object))
    throw py::type_error(
        std::string(name(argument)) + ": expected a C-contiguous array of " + type);
  auto array = py::reinterpret_borrow<Array<T>>(object);
  bool same = size(array.ndim()) == shape.size();
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    same = same && (shape[i] < 0 || array.shape(static_cast<py::ssize_t>(i)) == shape[i]);
    text += (i == 0 ? "" : ", ") + (shape[i] < 0 ? std::string("N") : std::to_string(shape[i]));
  }
  if (!same)
    refuse_shape(argument, array, text + ")");
  return array;
}

Array<std::uint8_t> buildings_of(const py::object& buildings, Grid& grid) {
  auto array = exact<std::uint8_t>(buildings, Argument::buildings, {-1, -1}, "uint8");
  grid.height = size(array.shape(0));
  grid.width = size(array.shape(1));
  return array;
}

const double* place_of(const py::object& object, double* place) {
  if (few_numbers(object, Argument::transmitter_m, place, 2) != 2)
    refuse_shape(Argument::transmitter_m, float64_array(object, Argument::transmitter_m), "(2,)");
  return place;
}

py::tuple convex_corners(
    const py::object& vertices_m, const py::object& ring_start, const py::object& push_m) {
  const auto vertices = rows_of(vertices_m, Argument::vertices_m, 2);
  const auto starts = int32_array(ring_start, Argument::ring_start);
  const auto rings = starts.size() - 1;
  if (starts.ndim() != 1 || rings < 0 || starts.at(rings) != vertices.shape(0))
    refuse_shape(Argument::ring_start, starts, "(rings + 1,), 0 first and the vertices last");
  const double push = real_number(push_m, Argument::push_m);
  std::vector<double> places(size(vertices.size()));
  std::vector<double> wedges(3 * places.size());
  std::size_t count = 0;
  const Rings outline{vertices.data(), starts.data(), size(rings)};
  check(run(true,
            [&] {
              return rssfix::convex_corners(outline, push, places.data(), wedges.data(), count);
            }),
      {{Argument::vertices_m, vertices_m}, {Argument::ring_start, ring_start},
          {Argument::push_m, push_m}},
      "ring starts from 0 up, three vertices or more each");
  const auto corners = static_cast<py::ssize_t>(count);
  return py::make_tuple(py::array_t<double>(Shape{corners, 2}, places.data()),
      py::array_t<double>(Shape{corners, 3, 2}, wedges.data()));
}

py::tuple corner_visibility(const py::object& walls_m, const py::object& corners_m,
    const py::object& wedges, const py::object& buildings, const py::object& origin_m,
    const py::object& pitch_m) {
  const auto walls = rows_of(walls_m, Argument::walls_m, 4);
  const auto corners = rows_of(corners_m, Argument::corners_m, 2);
  const auto count = corners.shape(0);
  const auto along = wedges_of(wedges, count);
  Grid grid = grid_of(origin_m, pitch_m);
  const auto raster = buildings_of(buildings, grid);
  Array<std::uint64_t> pixels(Shape{count, 2, static_cast<py::ssize_t>(pixel_words(grid))});
  Array<std::uint8_t> links(Shape{count, count});
  const Walls all{walls.data(), size(walls.shape(0))};
  const Corners from{corners.data(), along.data(), size(count)};
  const auto* const solid = raster.data();
  auto* const to_pixels = pixels.mutable_data();
  auto* const to_links = links.mutable_data();
  check(run(true,
            [&] { return rssfix::corner_visibility(all, from, solid, grid, to_pixels, to_links); }),
      {{Argument::walls_m, walls_m}, {Argument::corners_m, corners_m}, {Argument::wedges, wedges},
          {Argument::origin_m, origin_m}, {Argument::pitch_m, pitch_m},
          {Argument::shape, buildings}});
  return py::make_tuple(std::move(pixels), std::move(links));
}

constexpr Argument model_arguments[] = {Argument::reference_db, Argument::los_exponent,
    Argument::nlos_exponent, Argument::least_bend_db, Argument::most_bend_db,
    Argument::full_bend_rad, Argument::decay, Argument::obstacle_db};

PathModel model_of(const py::tuple& values) {
  double numbers[8];
  if (values.size() != 9)
    throw py::value_error(
        "the path model has " + std::to_string(values.size()) + " values: expected 9");
  for (std::size_t i = 0; i < 8; ++i)
    numbers[i] = real_number(values[i], model_arguments[i]);
  const std::int64_t most = whole_number(values[8], Argument::most_corners);
  if (most < 0 || most > 1000)
    check({Code::out_of_range, Argument::most_corners}, {{Argument::most_corners, values[8]}},
        "0 to 1000");
  return {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6],
      numbers[7], static_cast<std::size_t>(most)};
}

py::tuple dominant_path(const py::object& transmitter_m, const py::object& walls_m,
    const py::object& corners_m, const py::object& wedges, const py::object& pixels,
    const py::object& links, const py::object& clear, const py::object& buildings,
    const py::tuple& model, const py::object& origin_m, const py::object& pitch_m) {
  double place[2];
  place_of(transmitter_m, place);
  const auto walls = rows_of(walls_m, Argument::walls_m, 4);
  const auto corners = rows_of(corners_m, Argument::corners_m, 2);
  const auto count = corners.shape(0);
  const auto along = wedges_of(wedges, count);
  Grid grid = grid_of(origin_m, pitch_m);
  const auto raster = buildings_of(buildings, grid);
  const Shape of_pixels{count, 2, static_cast<py::ssize_t>(pixel_words(grid))};
  const Shape of_links{count, count};
  const auto seen = exact<std::uint64_t>(pixels, Argument::pixels, of_pixels, "uint64");
  const auto linked = exact<std::uint8_t>(links, Argument::links, of_links, "uint8");
  Sights sights{{walls.data(), size(walls.shape(0))}, {corners.data(), along.data(), size(count)},
      seen.data(), linked.data(), {nullptr, 0}, nullptr, nullptr};
  py::array_t<double> clear_walls;
  Array<std::uint64_t> clear_pixels;
  Array<std::uint8_t> clear_links;
  py::object given_walls = py::none();
  if (!clear.is_none()) {
    const auto parts = py::cast<py::tuple>(clear);
    if (parts.size() != 3)
      throw py::value_error("clear: expected walls_m, pixels and links");
    given_walls = parts[0];
    clear_walls = rows_of(parts[0], Argument::clear_walls_m, 4);
    clear_pixels = exact<std::uint64_t>(parts[1], Argument::pixels, of_pixels, "uint64");
    clear_links = exact<std::uint8_t>(parts[2], Argument::links, of_links, "uint8");
    sights.clear_walls = {clear_walls.data(), size(clear_walls.shape(0))};
    sights.clear_pixels = clear_pixels.data();
    sights.clear_links = clear_links.data();
  }
  const PathModel how = model_of(model);
  const Shape shape{raster.shape(0), raster.shape(1)};
  py::array_t<float> loss(shape);
  py::array_t<float> length(shape);
  Array<bool> los(shape);
  std::vector<PathLabel> labels(2 * size(count));
  const auto* const solid = raster.data();
  float* const to_loss = loss.mutable_data();
  float* const to_length = length.mutable_data();
  static_assert(sizeof(bool) == sizeof(std::uint8_t));
  auto* const to_los = reinterpret_cast<std::uint8_t*>(los.mutable_data());
  check(run(true,
            [&] {
              return rssfix::dominant_path(
                  place, sights, solid, how, grid, labels.data(), to_loss, to_length, to_los);
            }),
      {{Argument::transmitter_m, transmitter_m}, {Argument::walls_m, walls_m},
          {Argument::clear_walls_m, given_walls}, {Argument::corners_m, corners_m},
          {Argument::wedges, wedges}, {Argument::origin_m, origin_m}, {Argument::pitch_m, pitch_m},
          {Argument::shape, buildings}, {Argument::reference_db, model[0]},
          {Argument::los_exponent, model[1]}, {Argument::nlos_exponent, model[2]},
          {Argument::least_bend_db, model[3]}, {Argument::most_bend_db, model[4]},
          {Argument::full_bend_rad, model[5]}, {Argument::decay, model[6]},
          {Argument::obstacle_db, model[7]}},
      "a finite value of 0 or more (exponents and full_bend_rad above 0, most_bend_db not below "
      "least_bend_db), at most 1000000");
  return py::make_tuple(std::move(loss), std::move(length), std::move(los));
}

py::array_t<float> reflections(const py::object& transmitter_m, const py::object& walls_m,
    const py::object& wall_db, const py::object& reference_db, const py::object& buildings,
    const py::object& origin_m, const py::object& pitch_m) {
  double place[2];
  place_of(transmitter_m, place);
  const auto walls = rows_of(walls_m, Argument::walls_m, 4);
  const auto losses = float64_array(wall_db, Argument::wall_db);
  if (losses.ndim() != 1 || losses.shape(0) != walls.shape(0))
    refuse_shape(Argument::wall_db, losses,
        "(" + std::to_string(walls.shape(0)) + ",), one loss per row of walls_m");
  const double reference = real_number(reference_db, Argument::reference_db);
  Grid grid = grid_of(origin_m, pitch_m);
  const auto raster = buildings_of(buildings, grid);
  py::array_t<float> gain(Shape{raster.shape(0), raster.shape(1)});
  const Walls all{walls.data(), size(walls.shape(0))};
  const double* const off = losses.data();
  const auto* const solid = raster.data();
  float* const to = gain.mutable_data();
  std::vector<double> scratch(size(walls.size()));
  check(run(true,
            [&] {
              return rssfix::reflections(
                  place, all, off, reference, solid, grid, scratch.data(), to);
            }),
      {{Argument::transmitter_m, transmitter_m}, {Argument::walls_m, walls_m},
          {Argument::wall_db, wall_db}, {Argument::reference_db, reference_db},
          {Argument::origin_m, origin_m}, {Argument::pitch_m, pitch_m},
          {Argument::shape, buildings}});
  return gain;
}

} // namespace

void bind_city(py::module_& m) {
  m.def("convex_corners", &convex_corners);
  m.def("corner_visibility", &corner_visibility);
  m.def("dominant_path", &dominant_path);
  m.def("reflections", &reflections);
}

} // namespace rssfix::python
