#include "rssfix/kalman_filter.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "module.hpp"

namespace rssfix::python {
namespace {

constexpr std::size_t n = KalmanFilter::size;

KalmanFilter make(
    const py::object& state, const py::object& covariance, const py::object& accel_sigma) {
  const auto s = float64_array(state, Argument::state);
  if (s.ndim() != 1 || size(s.shape(0)) != n)
    refuse_shape(Argument::state, s, "(4,): x, y, vx, vy");
  const auto p = float64_array(covariance, Argument::covariance);
  if (p.ndim() != 2 || size(p.shape(0)) != n || size(p.shape(1)) != n)
    refuse_shape(Argument::covariance, p, "(4, 4)");
  KalmanFilter filter;
  check(filter.reset(s.data(), p.data(), real_number(accel_sigma, Argument::accel_sigma)),
      {{Argument::state, state}, {Argument::covariance, covariance},
          {Argument::accel_sigma, accel_sigma}});
  return filter;
}

void predict(KalmanFilter& filter, const py::object& dt_s) {
  const Status status = filter.predict(real_number(dt_s, Argument::dt_s));
  if (!status.ok())
    check(status, {{Argument::dt_s, dt_s}});
}

void update(KalmanFilter& filter, const py::object& z, const py::object& variance) {
  double measured[n];
  double variances[n];
  const std::size_t count = few_numbers(z, Argument::z, measured, n);
  if (count != 2 && count != n)
    refuse_shape(Argument::z, float64_array(z, Argument::z), "(2,): x, y, or (4,): x, y, vx, vy");
  if (few_numbers(variance, Argument::variance, variances, n) != count)
    refuse_shape(Argument::variance, float64_array(variance, Argument::variance),
        "(" + std::to_string(count) + ",), as z");
  const Status status = filter.update(measured, variances, count);
  if (!status.ok())
    check(status, {{Argument::z, z}, {Argument::variance, variance}});
}

py::array_t<double> state(const KalmanFilter& filter) {
  return py::array_t<double>(Shape{n}, filter.state().data());
}

py::array_t<double> covariance(const KalmanFilter& filter) {
  return py::array_t<double>(Shape{n, n}, filter.covariance().data());
}

std::string representation(const py::object& filter) {
  const py::str text =
      py::str("KalmanFilter(state={}, accel_sigma={})")
          .format(filter.attr("state").attr("tolist")(), filter.attr("accel_sigma"));
  return py::cast<std::string>(text);
}

} // namespace

void bind_kalman_filter(py::module_& m) {
  py::class_<KalmanFilter>(
      m, "KalmanFilter", R"(Constant-velocity Kalman filter in the plane (SPEC 5.7, eq. 16-24).

Args:
    state ((4,) numbers): x, y in metres, vx, vy in metres per second.
    covariance ((4, 4) numbers): symmetric and positive definite; m², m²/s, m²/s².
    accel_sigma (float): standard deviation of the acceleration in m/s², 0 or more.

Works in float64. A call that raises leaves the filter as it was. Not to be shared by threads
that run it at the same time without the GIL.

Raises:
    ValueError: a shape or a value that cannot be, with its place and what was expected.
    TypeError: something that is not real numbers.)")
      .def(py::init(&make), py::arg("state"), py::arg("covariance"), py::arg("accel_sigma") = 0.0)
      .def("predict", &predict, py::arg("dt_s"),
          R"(Moves the state `dt_s` seconds ahead (0 or more).

The covariance grows by Q = accel_sigma² [dt⁴/4, dt³/2; dt³/2, dt²] per axis.)")
      .def("update", &update, py::arg("z"), py::arg("variance"),
          R"(Takes in a measurement with independent errors.

Args:
    z ((2,) or (4,) numbers): x, y in metres, or x, y, vx, vy.
    variance (as many numbers): variances of the errors, greater than 0; m², m²/s².)")
      .def_property_readonly("state", &state, "(4,) float64: x, y, vx, vy; a copy.")
      .def_property_readonly("covariance", &covariance, "(4, 4) float64; a copy.")
      .def_property_readonly("accel_sigma", &KalmanFilter::accel_sigma, "m/s².")
      .def("__repr__", &representation);
}

} // namespace rssfix::python
