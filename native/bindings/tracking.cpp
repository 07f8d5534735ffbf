// ScanWindow, Motion
#include <memory>

#include "arrays.hpp"
#include "errors.hpp"
#include "module.hpp"
#include "rssfix/motion.hpp"
#include "rssfix/scan_window.hpp"

namespace rssfix::python {
namespace {

// The window with its memory.
class OwningWindow {
 public:
  OwningWindow(const py::object& ap_count, const py::object& window_ms) {
    const std::int64_t aps = whole_number(ap_count, Argument::rssi_dbm);
    constexpr std::int64_t most_aps = std::int64_t{1} << 24;
    if (aps < 1 || aps > most_aps)
      throw py::value_error("ap_count is " + std::to_string(aps) + ": expected 1 to 2^24");
    constexpr std::size_t most = ScanWindow::usual_entries;
    levels_.reset(new float[ScanWindow::levels_needed(static_cast<std::size_t>(aps), most)]);
    entries_.reset(new WindowEntry[ScanWindow::entries_needed(most)]);
    check(window_.init(static_cast<std::size_t>(aps), whole_number(window_ms, Argument::window_ms),
              most, levels_.get(), entries_.get()),
        {{Argument::window_ms, window_ms}});
  }

  void add(const py::object& timestamp_ms, const py::object& rssi_dbm, std::uint32_t heard,
      std::uint32_t fresh) {
    const auto levels = float32_array(rssi_dbm, Argument::rssi_dbm);
    if (levels.ndim() != 1 || size(levels.size()) != window_.ap_count())
      refuse_shape(Argument::rssi_dbm, levels, "(" + std::to_string(window_.ap_count()) + ",)");
    const std::int64_t time = whole_number(timestamp_ms, Argument::timestamp_ms);
    check(window_.add(time, levels.data(), heard, fresh),
        {{Argument::rssi_dbm, rssi_dbm}, {Argument::timestamp_ms, timestamp_ms}});
  }

  py::tuple united() const {
    py::array_t<float> levels(static_cast<py::ssize_t>(window_.ap_count()));
    const WindowEntry entry = window_.united(levels.mutable_data());
    return py::make_tuple(std::move(levels), entry.heard, entry.fresh);
  }

  void clear() { window_.clear(); }
  std::size_t size_() const { return window_.size(); }

 private:
  std::unique_ptr<float[]> levels_;
  std::unique_ptr<WindowEntry[]> entries_;
  ScanWindow window_;
};

Motion make_motion(
    const py::object& accel_sigma, const py::object& gap_ms, const py::object& floor_votes) {
  const std::int64_t votes = whole_number(floor_votes, Argument::floor_votes);
  Motion motion;
  check(motion.init({real_number(accel_sigma, Argument::accel_sigma),
            whole_number(gap_ms, Argument::gap_ms),
            votes < 0 ? std::size_t{0} : static_cast<std::size_t>(votes)}),
      {{Argument::accel_sigma, accel_sigma}, {Argument::gap_ms, gap_ms},
          {Argument::floor_votes, floor_votes}},
      "1 to " + std::to_string(Motion::most_votes));
  return motion;
}

py::object tracked(const Motion& motion) {
  if (!motion.running())
    return py::none();
  const Tracked now = motion.tracked();
  return py::make_tuple(now.x_m, now.y_m, now.floor, now.accuracy_m);
}

} // namespace

void bind_tracking(py::module_& m) {
  m.attr("R68_PER_SIGMA") = r68_per_sigma;
  m.attr("START_SPEED_M_S") = start_speed_m_s;
  m.attr("STEP_S") = step_s;
  m.attr("MAX_ENTRIES") = ScanWindow::usual_entries;
  py::class_<OwningWindow>(m, "ScanWindow")
      .def(py::init<const py::object&, const py::object&>())
      .def("add", &OwningWindow::add)
      .def("united", &OwningWindow::united)
      .def("clear", &OwningWindow::clear)
      .def("__len__", &OwningWindow::size_);
  py::class_<Motion>(m, "Motion")
      .def(py::init(&make_motion))
      .def("restart", &Motion::restart)
      .def("advance",
          [](Motion& motion, const py::object& now_ms) {
            check(motion.advance(whole_number(now_ms, Argument::timestamp_ms)),
                {{Argument::timestamp_ms, now_ms}});
          })
      .def("measure",
          [](Motion& motion, double x_m, double y_m, std::int32_t floor, double accuracy_m) {
            const py::float_ x(x_m);
            const py::float_ y(y_m);
            const py::float_ accuracy(accuracy_m);
            check(motion.measure(x_m, y_m, floor, accuracy_m),
                {{Argument::x_m, x}, {Argument::y_m, y}, {Argument::accuracy_m, accuracy}});
          })
      .def_property_readonly("tracked", &tracked)
      .def_property_readonly("covariance", [](const Motion& motion) {
        constexpr auto n = static_cast<py::ssize_t>(KalmanFilter::size);
        return py::array_t<double>(Shape{n, n}, motion.filter().covariance().data());
      });
}

} // namespace rssfix::python
