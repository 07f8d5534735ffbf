#include "rssfix/level_likelihoods.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "module.hpp"

namespace rssfix::python {
namespace {

// About 1 ns for a value and a code.
constexpr std::size_t long_work_terms = 1024;

std::string range_of(Argument argument) {
  switch (argument) {
  case Argument::measured_db:
    return "a path loss from -10000 to 10000, or NaN for not received";
  case Argument::sigma_db:
    return "a deviation from 0.001 to 10000";
  case Argument::tail_factor:
    return "a factor from 0.001 to 1000";
  case Argument::narrow:
  case Argument::wide:
    return "a share from 0 to 1";
  case Argument::outliers:
    return "a density from 1e-20 to 1000000";
  case Argument::power:
    return "a power above 0, at most 1000000";
  default:
    return "a number from -10000 to 10000";
  }
}

py::array_t<float> level_likelihoods(const py::object& measured_db, const py::object& mean_db,
    const py::object& sigma_db, const py::object& tail_factor, const py::object& narrow,
    const py::object& wide, const py::object& outliers, const py::object& silent,
    const py::object& power, const py::object& out) {
  const auto measured = float32_array(measured_db, Argument::measured_db);
  if (measured.ndim() != 1)
    refuse_shape(Argument::measured_db, measured, "(K,)");
  const auto mean = float32_array(mean_db, Argument::mean_db);
  if (mean.ndim() != 1)
    refuse_shape(Argument::mean_db, mean, "(codes,)");
  const auto per_code = [&](const py::object& values, Argument argument) {
    auto array = float32_array(values, argument);
    if (array.ndim() != 1 || array.shape(0) != mean.shape(0))
      refuse_shape(argument, array, "(" + std::to_string(mean.shape(0)) + ",), as mean_db");
    return array;
  };
  const auto sigma = per_code(sigma_db, Argument::sigma_db);
  const auto factor = per_code(tail_factor, Argument::tail_factor);
  const auto narrows = per_code(narrow, Argument::narrow);
  const auto wides = per_code(wide, Argument::wide);
  const auto anywhere = per_code(outliers, Argument::outliers);
  const auto silence = per_code(silent, Argument::silent);
  const double tempered = real_number(power, Argument::power);
  auto result = output_array(out, {measured.shape(0), mean.shape(0)},
      {measured, mean, sigma, factor, narrows, wides, anywhere, silence});
  const Scatter scatter{mean.data(), sigma.data(), factor.data(), narrows.data(), wides.data(),
      anywhere.data(), silence.data(), size(mean.shape(0))};
  const std::size_t count = size(measured.shape(0));
  const float* const from = measured.data();
  float* const to = result.mutable_data();
  const Status status = run(count * scatter.codes > long_work_terms,
      [&] { return rssfix::level_likelihoods(from, count, scatter, tempered, to); });
  check(status,
      {{Argument::measured_db, measured_db}, {Argument::mean_db, mean_db},
          {Argument::sigma_db, sigma_db}, {Argument::tail_factor, tail_factor},
          {Argument::narrow, narrow}, {Argument::wide, wide}, {Argument::outliers, outliers},
          {Argument::silent, silent}, {Argument::power, power}},
      range_of(status.argument));
  return result;
}

} // namespace

void bind_level_likelihoods(py::module_& m) {
  m.def("level_likelihoods", &level_likelihoods);
}

} // namespace rssfix::python
