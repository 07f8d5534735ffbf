// FloorMap
#include "rssfix/floor_map.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "grids.hpp"
#include "module.hpp"

namespace rssfix::python {
namespace {

template <class T> std::vector<T> copied(const py::array_t<T>& array) {
  return {array.data(), array.data() + array.size()};
}

double number(const py::dict& method, const char* key) {
  return py::cast<double>(method[key]);
}

// One floor's map with copies of all it goes by; immutable.
class FloorMap {
 public:
  FloorMap(const py::dict& method, double floor_attenuation_db, double cap_dbm,
      std::size_t strongest, const py::object& ap_xy_m, const py::object& ap_floor,
      std::int32_t floor, const py::object& origin_m, const py::object& pitch_m,
      const py::object& shape, const py::object& cells)
      : ap_xy_m_(copied(float64_array(ap_xy_m, Argument::ap_xy_m))),
        ap_floor_(copied(int32_array(ap_floor, Argument::ap_floor))) {
    if (ap_xy_m_.size() != 2 * ap_floor_.size())
      throw py::value_error("ap_xy_m has " + std::to_string(ap_xy_m_.size()) +
                            " elements: expected two for each of ap_floor");
    rules_ = {floor_attenuation_db, cap_dbm, strongest, nullptr, nullptr};
    if (method.contains("edges_dbm"))
      take_ranks(method);
    else
      take_path_loss(method);
    aps_ = {ap_xy_m_.data(), ap_floor_.data(), ap_floor_.size()};
    floor_ = {floor, grid_of(origin_m, pitch_m), nullptr, 0};
    set_shape(floor_.grid, shape);
    if (!cells.is_none()) {
      for (const std::int32_t cell : copied(int32_array(cells, Argument::cells)))
        cells_.push_back(static_cast<std::uint32_t>(cell));
      floor_.cells = cells_.data();
      floor_.cell_count = cells_.size();
    }
    for (const Status status : {rssfix::check(rules_), rssfix::check(aps_), rssfix::check(floor_)})
      check(status, {{Argument::ap_xy_m, ap_xy_m}, {Argument::origin_m, origin_m},
                        {Argument::pitch_m, pitch_m}, {Argument::cells, cells}});
  }
  FloorMap(const FloorMap&) = delete;
  FloorMap& operator=(const FloorMap&) = delete;

  py::tuple weights(
      const py::object& rssi_dbm, const py::array_t<bool>& unknown, double share) const {
    const auto levels = float32_array(rssi_dbm, Argument::rssi_dbm);
    const std::size_t aps = ap_floor_.size();
    if (levels.ndim() != 1 || size(levels.size()) != aps || size(unknown.size()) != aps)
      refuse_shape(Argument::rssi_dbm, levels, "(" + std::to_string(aps) + ",), as unknown");
    const auto all_cells = static_cast<py::ssize_t>(floor_.grid.height * floor_.grid.width);
    py::array_t<float> grid(all_cells);
    const float* const from = levels.data();
    const auto* const masked = reinterpret_cast<const std::uint8_t*>(unknown.data());
    float* const to = grid.mutable_data();
    std::size_t reached = 0;
    check(run(true,
              [&] {
                std::vector<double> numbers(5 * aps);
                std::vector<std::int32_t> ranks(aps);
                double* const after_places = numbers.data() + 2 * aps;
                return map_weights(rules_, aps_, floor_, from, masked, share,
                    {numbers.data(), after_places, after_places + aps, after_places + 2 * aps,
                        ranks.data()},
                    to, reached);
              }),
        {{Argument::rssi_dbm, rssi_dbm}});
    const auto places = static_cast<py::ssize_t>(walkable(floor_));
    if (places == all_cells)
      return py::make_tuple(std::move(grid), reached);
    return py::make_tuple(
        py::array_t<float>(Shape{places}, Shape{sizeof(float)}, to, grid), reached);
  }

 private:
  void take_ranks(const py::dict& method) {
    edges_dbm_ = copied(float64_array(method["edges_dbm"], Argument::edges_dbm));
    mean_m_ = copied(float64_array(method["mean_m"], Argument::mean_m));
    sigma_m_ = copied(float64_array(method["sigma_m"], Argument::sigma_m));
    if (mean_m_.size() != edges_dbm_.size() + 1 || sigma_m_.size() != mean_m_.size())
      throw py::value_error("edges_dbm has " + std::to_string(edges_dbm_.size()) + " elements, " +
                            "mean_m " + std::to_string(mean_m_.size()) + " and sigma_m " +
                            std::to_string(sigma_m_.size()) +
                            ": expected one edge less than ranks");
    ranks_ = {edges_dbm_.data(), mean_m_.data(), sigma_m_.data(), mean_m_.size(),
        combine_of(method["combine"]), number(method, "threshold")};
    rules_.ranks = &ranks_;
  }

  void take_path_loss(const py::dict& method) {
    path_loss_ = {
        {number(method, "reference_dbm"), number(method, "exponent"), number(method, "sigma_db"),
            number(method, "offset_sigma_db"), number(method, "silence_dbm")},
        number(method, "silence_weight"), number(method, "weight_scale_db")};
    rules_.path_loss = &path_loss_;
  }

  std::vector<double> edges_dbm_;
  std::vector<double> mean_m_;
  std::vector<double> sigma_m_;
  std::vector<double> ap_xy_m_;
  std::vector<std::int32_t> ap_floor_;
  std::vector<std::uint32_t> cells_;
  RankMethod ranks_{};
  PathLossMethod path_loss_{};
  MapRules rules_{};
  PlacedAps aps_{};
  FloorCells floor_{};
};

} // namespace

void bind_floor_map(py::module_& m) {
  py::class_<FloorMap>(m, "FloorMap")
      .def(py::init<const py::dict&, double, double, std::size_t, const py::object&,
          const py::object&, std::int32_t, const py::object&, const py::object&, const py::object&,
          const py::object&>())
      .def("weights", &FloorMap::weights);
}

} // namespace rssfix::python
